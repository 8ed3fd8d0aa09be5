"""Captures: what was fetched, stored unchanged, so that a better extractor can read it again without any request.

The artifact store holds the bytes, compressed and named by their sha256: `captures/<author>/<sha256>.gz`. The warehouse
holds the record of each (address, time, relevant headers), and a raw document holds the sha256 of its source.
The bytes are written before their record, and removed after it: a record always has its bytes.
"""

import gzip
import zlib
from collections import Counter
from collections.abc import Collection, Mapping
from datetime import UTC, datetime

from twin import layout
from twin.artifacts import ArtifactStore
from twin.errors import ConsistencyError
from twin.identity import sha256
from twin.models import Capture
from twin.warehouse.base import Warehouse

MAX_SIZE = 256 * 2**20
"""Bytes of the largest capture that is read. Nothing larger is written here, but an import may bring one."""


class Captures:
    """The captures of one author.

    Args:
        artifacts: holds the bytes.
        warehouse: holds the records.
        author: slug of the author.
        keep: how many versions of one address are kept, newest first.
        link: url of the link that is being read; `of` sets it.
    """

    def __init__(
        self, artifacts: ArtifactStore, warehouse: Warehouse, author: str, *, keep: int = 2, link: str = ""
    ) -> None:
        if keep < 1:
            raise ValueError("keep at least one version of an address, or use no captures at all")
        self._artifacts, self._warehouse = artifacts, warehouse
        self._author, self._link, self._keep = author, link, keep

    def of(self, link: str) -> "Captures":
        """The same captures, for reading one link."""
        return Captures(self._artifacts, self._warehouse, self._author, keep=self._keep, link=link)

    def keep(
        self,
        url: str,
        final_url: str,
        content: bytes,
        *,
        content_type: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> str:
        """Keep what came from `url` and return its sha256; the same bytes are stored once, with their newest time.

        Raises:
            StoreError: it cannot be written.
        """
        digest = sha256(content)
        capture = Capture(
            author=self._author,
            link=self._link,
            url=url,
            final_url=final_url,
            sha256=digest,
            size=len(content),
            content_type=content_type,
            headers=dict(headers or {}),
            fetched_at=datetime.now(UTC),
        )
        if not self._artifacts.exists(*self._name(digest)):
            self._artifacts.write_bytes(*self._name(digest), content=gzip.compress(content, 6, mtime=0))
        self._warehouse.upsert_captures([capture])
        return digest

    def newest(self, url: str) -> Capture | None:
        """The newest capture of an address, for the link that is being read."""
        return next(iter(self._warehouse.captures(self._author, self._link, url)), None)

    def read(self, digest: str) -> bytes:
        """The bytes of a capture.

        Raises:
            ConsistencyError: they are missing or damaged.
            StoreError: they cannot be read.
        """
        packed = self._artifacts.read_bytes(*self._name(digest))
        decoder = zlib.decompressobj(wbits=31)
        try:
            content = decoder.decompress(packed or b"", MAX_SIZE)
        except zlib.error:
            content = b""
        if not decoder.eof or sha256(content) != digest:
            path = self._artifacts.path(*self._name(digest))
            raise ConsistencyError(f"{path} is missing or damaged: remove it and crawl its link again.")
        return content

    def prune(self, links: Collection[str]) -> int:
        """Remove captures of other links, and all but the newest versions of each address; return how many.

        Raises:
            StoreError: a store cannot be used.
        """
        seen: Counter[tuple[str, str]] = Counter()
        kept: set[str] = set()
        gone = []
        for capture in self._warehouse.captures(self._author):  # newest first
            address = (capture.link, capture.url)
            seen[address] += 1
            if capture.link in links and seen[address] <= self._keep:
                kept.add(capture.sha256)
            else:
                gone.append(capture)
        self._warehouse.remove_captures(self._author, [capture.id for capture in gone])
        for digest in {capture.sha256 for capture in gone} - kept:
            self._artifacts.remove(*self._name(digest))
        return len(gone)

    def _name(self, digest: str) -> layout.Name:
        return layout.capture(self._author, digest)
