"""Slugs, ids and content hashes. Every id and every hash of the project is made in this module.

An id says *which* thing this is and never changes while the thing exists; a hash says *what it contains*. Both are pure
functions of their arguments, so the same input gives the same id on every machine and in every run.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from typing import Annotated, Any
from uuid import UUID, uuid5

from pydantic import StringConstraints

from twin.errors import InputError

SLUG_PATTERN = r"^[a-z0-9][a-z0-9-]{0,62}$"

AuthorSlug = Annotated[str, StringConstraints(pattern=SLUG_PATTERN)]
"""The partition key of an author. Narrow on purpose: it names folders, collections and Dagster partitions."""

_NAMESPACE = UUID("6f1c7f0e-6f0f-5d53-9f0a-6c6c6d2d7477")
_BEGUN = hashlib.sha1(_NAMESPACE.bytes, usedforsecurity=False)
_SEPARATOR = "\x1f"
"""ASCII unit separator: it does not occur in any link, path or slug, so joined parts cannot collide."""

_VARIANT = {digit: "89ab"[int(digit, 16) % 4] for digit in "0123456789abcdef"}


def check_slug(slug: str) -> str:
    """Return `slug` unchanged, or raise `InputError` if it cannot be an author's slug."""
    if not re.fullmatch(SLUG_PATTERN, slug):
        raise InputError(
            f"'{slug}' is not an author slug: use 1 to 63 lower-case letters, digits and hyphens, "
            "beginning with a letter or digit."
        )
    return slug


def document_id(author: str, link: str, path: str | None = None) -> str:
    """Id of a document: uuid5 of author, canonical link and, for a repository's file, its path."""
    parts = [author, link] if path is None else [author, link, path]
    return _named(_BEGUN, _SEPARATOR.join(parts))


def chunk_id(document: str, chunker_version: str, ordinal: int, text: str) -> str:
    """Id of a chunk: uuid5 of document id, chunker version, ordinal (from 0) and sha256 of its text."""
    return str(uuid5(UUID(document), _SEPARATOR.join([chunker_version, str(ordinal), sha256(text)])))


def chunk_ids(document: str, chunker_version: str, texts: Sequence[str]) -> list[str]:
    """`chunk_id` of each text of a document, the first with ordinal 0."""
    begun = hashlib.sha1(UUID(document).bytes + f"{chunker_version}{_SEPARATOR}".encode(), usedforsecurity=False)
    return [_named(begun, f"{ordinal}{_SEPARATOR}{sha256(text)}") for ordinal, text in enumerate(texts)]


def _named(begun: "hashlib._Hash", name: str) -> str:
    """uuid5 of a name (RFC 9562, section 5.5) whose namespace is hashed already; faster than `uuid.uuid5`."""
    named = begun.copy()
    named.update(name.encode())
    digest = named.hexdigest()
    return f"{digest[:8]}-{digest[8:12]}-5{digest[13:16]}-{_VARIANT[digest[16]]}{digest[17:20]}-{digest[20:32]}"


def sample_id(document: str, task: str, instruction: str, output: str) -> str:
    """Id of an instruction sample: uuid5 of its document, task, instruction and output."""
    return str(uuid5(UUID(document), _SEPARATOR.join([task, sha256(instruction), sha256(output)])))


def sha256(content: str | bytes) -> str:
    """Hex sha256 of bytes, or of a text's UTF-8 bytes."""
    encoded = content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
    return hashlib.sha256(encoded, usedforsecurity=False).hexdigest()  # with security it takes twice as long to set up


def content_hash(fields: dict[str, Any]) -> str:
    """Hex sha256 of JSON-serialisable fields; their order does not matter."""
    return sha256(json.dumps(fields, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=str))


def data_version(parts: Iterable[tuple[str, str]], *context: str) -> str:
    """Version of a set of things: hex sha256 over its sorted (id, content hash) pairs and any context strings.

    Args:
        parts: (id, content hash) pairs, in any order.
        context: what else the contents depend on, such as a model revision or a code version, in a fixed order.
    """
    digest = hashlib.sha256()
    for text in context:
        digest.update(f"{text}{_SEPARATOR}".encode())
    # Sorted as bytes, which is the order of the pairs: one object each instead of three, as there may be a million.
    for line in sorted(f"{identifier}{_SEPARATOR}{content}\n".encode() for identifier, content in parts):
        digest.update(line)
    return digest.hexdigest()
