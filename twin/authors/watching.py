"""Finds out whose links changed, in the author files or in the warehouse, without reading again what did not change.

What was seen is remembered between two looks as JSON: for each author the version of their links by category, a mark of
their file and a mark of their rows. Marks are made of contents and compared for equality; no clock takes part.

A mark cannot tell of everything: a declared path may have become another kind of source. So every look also reads
a few authors whose marks are the same, in turns, and the files with mistakes, which may depend on other files.
"""

import errno
import hashlib
import os
import stat
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from twin.authors.files import AuthorFile, file_names, load_authors
from twin.authors.missing import missing_files
from twin.authors.registration import LinksReport, category_versions, sync_author
from twin.batching import batches
from twin.errors import InputError
from twin.identity import data_version
from twin.warehouse.base import Warehouse

Memory = dict[str, Any]
"""What is remembered. Keys that cannot be the name of a file are ours: `_NEXT`, and the marks of an author."""

_FILE, _LINKS, _SAID = ":file", ":links", ":said"
_NEXT = "/next"  # the author that was looked at last
_FOLDER = "/folder"  # what is wrong with the whole folder

_AGAIN = 3
"""How many authors, and how many files with mistakes, are read again in each look although nothing seems changed."""

_BATCH = 20
"""Authors between two looks at the time."""

_LONGEST = 500
"""Characters of a problem that is remembered."""

_HASHED = 2**20
"""Bytes of the largest file whose contents are its mark; of a larger one, size, inode and times are."""


class Changed(NamedTuple):
    """An author whose links changed since the last look, and the categories of these links."""

    slug: str
    categories: list[str]
    report: LinksReport


class Look(NamedTuple):
    """The result of one look."""

    changed: list[Changed]
    problems: list[str]  # one sentence each: mistakes in files, files that are gone
    new_problems: list[str]  # those that the last look did not find
    left: int  # changed authors for which there was no time; the next look goes on with them
    memory: Memory


def look(
    warehouse: Warehouse,
    folder: Path,
    memory: Mapping[str, Any],
    *,
    most_s: float = 20.0,
    clock: Callable[[], float] = time.monotonic,
) -> Look:
    """Find authors whose links changed, and bring the warehouse up to date with their files.

    Args:
        folder: the author files.
        memory: of the last look; of an older installation, or empty, it makes every author one to look at.
        most_s: no more authors are looked at after so many seconds.

    Raises:
        StoreError: the warehouse cannot be used.
    """
    until, watch = clock() + most_s, _Watch(warehouse, folder, memory)
    todo = watch.todo()
    done = 0
    for batch in batches(todo, _BATCH):
        if done and clock() >= until:
            break
        watch.read(batch)
        done += len(batch)
    return watch.result(todo[:done], left=len(todo) - done)


class _Watch:
    """One look: the marks at its beginning, and what it has found so far."""

    def __init__(self, warehouse: Warehouse, folder: Path, memory: Mapping[str, Any]) -> None:
        self.warehouse, self.folder = warehouse, folder
        # The marks first: what changes while the rest is read differs from them next time.
        self.rows = warehouse.link_marks()
        self.before = {slug: entry for slug, entry in memory.items() if isinstance(entry, dict)}
        self.errors: list[str] = []
        self.files = self._file_marks()
        self.slugs = sorted({*self.files, *self.rows})
        self.memory = {slug: dict(self.before[slug]) for slug in self.slugs if slug in self.before}
        self.last = str(memory.get(_NEXT, ""))
        self.changed: list[Changed] = []
        self.synced: dict[str, AuthorFile | None] = {}
        self.whole: dict[str, str] = {}  # what is remembered about a file -> all its mistakes

    def todo(self) -> list[str]:
        """The authors to look at: those with another mark first, in turns after the last one."""
        turns = [slug for slug in self.slugs if slug > self.last] + [slug for slug in self.slugs if slug <= self.last]
        other = [slug for slug in turns if self._marks_of(slug) != self._marks_before(slug)]
        wrong = [slug for slug in turns if slug in self.files and self.before.get(slug, {}).get(_SAID)]
        self.last = "".join(turns[:_AGAIN][-1:])
        return list(dict.fromkeys([*other, *wrong[:_AGAIN], *turns[:_AGAIN]]))

    def read(self, slugs: list[str]) -> None:
        """Read the files and links of some authors, and write to the warehouse what the files changed."""
        files = load_authors(self.folder, only=slugs)
        for slug in slugs:
            author_file, known = files.get(slug), self.before.get(slug, {})
            if slug in files.broken:
                mistakes = load_authors(self.folder, only=[slug]).errors if len(files.errors) > 1 else files.errors
                said, versions = _short(mistakes), known
                self.whole[said] = _text("\n".join(map(str, mistakes)))
            elif author_file is None and self.warehouse.author(slug) is None:
                said, versions = "", {}
            else:
                said, versions = "", dict(category_versions(self.warehouse, slug, author_file))
                # An author without links of a category that an update of LLM Twin added has not changed.
                before = (
                    {**dict.fromkeys(versions, data_version([])), **known} if versions.keys() & known.keys() else {}
                )
                categories = [name for name, version in versions.items() if before.get(name) != version]
                if categories:
                    try:
                        self.changed.append(Changed(slug, categories, sync_author(self.warehouse, slug, files)))
                        self.synced[slug] = author_file
                    except InputError as error:  # removed in the meantime
                        said, versions = str(error), known
            self._remember(slug, versions, said)

    def result(self, looked_at: list[str], *, left: int) -> Look:
        """What was found, and what to remember."""
        for slug, sentence in missing_files(self.warehouse, self.folder, self._without_file(looked_at)).items():
            self.memory[slug][_SAID] = sentence
        if self.synced:
            # Our own writes changed the marks. The new ones are remembered where the links read after them are ours.
            rows = self.warehouse.link_marks()
            for slug, author_file in self.synced.items():
                entry = self.memory[slug]
                again = category_versions(self.warehouse, slug, author_file)
                if slug in rows and all(entry.get(name) == version for name, version in again.items()):
                    entry[_LINKS] = rows[slug]
        problems = {slug: str(entry[_SAID]) for slug, entry in self.memory.items() if entry.get(_SAID)}
        problems |= {_FOLDER: "\n".join(self.errors)} if self.errors else {}
        new = [
            self.whole.get(said, said)
            for slug, said in problems.items()
            if self.before.get(slug, {}).get(_SAID) != said
        ]
        memory: Memory = {**self.memory, _NEXT: looked_at[-1] if left else self.last}
        if self.errors:
            memory[_FOLDER] = {_SAID: problems[_FOLDER]}
        return Look(self.changed, list(problems.values()), new, left, memory)

    def _without_file(self, looked_at: list[str]) -> list[str]:
        """Authors without a file for whom it is not known yet whether it is missing.

        To compare links with those of all others takes long, so it is done again only if there is a new author.
        """
        unknown = [slug for slug in looked_at if slug not in self.files]
        if self.synced.keys() <= self.before.keys():
            for slug in unknown:
                if self._marks_of(slug) == self._marks_before(slug) and self.before.get(slug, {}).get(_SAID):
                    self.memory[slug][_SAID] = self.before[slug][_SAID]
            return [slug for slug in unknown if _SAID not in self.memory[slug]]
        return list({*unknown, *(slug for slug, entry in self.memory.items() if entry.get(_SAID))} - self.files.keys())

    def _remember(self, slug: str, versions: Mapping[str, Any], said: str) -> None:
        marks = dict(zip((_FILE, _LINKS), self._marks_of(slug), strict=True)) | {_SAID: said}
        kept = {name: version for name, version in versions.items() if name not in marks}
        self.memory[slug] = kept | {name: mark for name, mark in marks.items() if mark}

    def _marks_of(self, slug: str) -> tuple[str | None, str | None]:
        return self.files.get(slug), self.rows.get(slug)

    def _marks_before(self, slug: str) -> tuple[str | None, str | None]:
        entry = self.before.get(slug, {})
        return entry.get(_FILE), entry.get(_LINKS)

    def _file_marks(self) -> dict[str, str]:
        """A mark of each file, by its name without the ending."""
        try:
            return file_marks(self.folder, file_names(self.folder))
        except FileNotFoundError:
            return {}
        except OSError:  # then nothing is known about the files, and the authors stay as they are
            self.errors += map(str, load_authors(self.folder).errors)
            return {slug: entry[_FILE] for slug, entry in self.before.items() if entry.get(_FILE)}


def _short(mistakes: list[InputError]) -> str:
    """The first mistake in a file and the number of the others; what is remembered must not grow with them."""
    first = _text(str(mistakes[0]))[:_LONGEST]
    return f"{first} ({len(mistakes) - 1} more in this file.)" if len(mistakes) > 1 else first


def _text(said: str) -> str:
    """A sentence that any log can store, also if it names a file whose name is not Unicode."""
    return said.encode("utf-8", "backslashreplace").decode()


def file_marks(folder: Path, names: Iterable[str]) -> dict[str, str]:
    """Name without its ending -> a mark that is different if anything in the file is different."""
    digests: dict[str, Any] = {}
    for name in names:
        digest = digests.setdefault(name.rpartition(".")[0], hashlib.sha256())
        digest.update(os.fsencode(name) + b"\0")
        digest.update(_mark(os.path.join(folder, name)))  # noqa: PTH118 - a Path for each of a thousand files costs more
    return {stem: digest.hexdigest()[:20] for stem, digest in digests.items()}


def _mark(path: str) -> bytes:
    try:
        found = os.stat(path)  # noqa: PTH116
        if not stat.S_ISREG(found.st_mode) or found.st_size > _HASHED:
            times = (found.st_mode, found.st_size, found.st_ino, found.st_mtime_ns, found.st_ctime_ns)
            return repr(times).encode()
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # a pipe that took its place does not block
        try:
            return hashlib.sha256(os.read(descriptor, _HASHED + 1)).digest()
        finally:
            os.close(descriptor)
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, "?").encode()
