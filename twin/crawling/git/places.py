"""Where git looks on this machine, checked first: git opens whatever is there, and waits for a pipe's writer."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

from twin.errors import CrawlError
from twin.regular import read_regular, special_kind

_MOST = 1_000_000
"""Limit of the number of files: a link may lead to the whole disk."""

_MOST_NOTE = 2**20
_CONFIGURED = re.compile(
    rb"^[ \t]*(?:\[[^\]\n]*\][ \t]*)?(?:path|attributesfile|excludesfile)[ \t]*=[ \t]*\"?([^\"\n#;]+)", re.I | re.M
)
"""Settings that name a further file which git reads."""


def checked_folder(folder: Path, label: str) -> Path:
    """The folder of a repository, in which git finds nothing that it would wait for.

    Raises:
        CrawlError: there is a pipe, a socket or a device in it or in a place to which it leads, or far too much.
    """
    todo, seen, count = [folder], set[str](), 0
    while todo:
        place = todo.pop()
        if kind := special_kind(place):
            raise CrawlError(f"{label} has {kind} at {place}, where git looks for the repository: remove it.")
        real = os.path.realpath(place)
        if real in seen:
            continue
        seen.add(real)
        try:
            if place.is_dir():
                for found in _to_check(place):
                    count += 1
                    if found is not None:
                        todo.append(found)
                    if count > _MOST:
                        raise CrawlError(f"{label} has more than {_MOST:,} files in its git folder: run `git gc`.")
            elif place.is_file():
                todo += _named(place, place.parent) if place.name == ".git" else _configured(place)
        except (OSError, ValueError):
            continue  # git says what it is that cannot be read
    return folder


def _to_check(folder: Path) -> Iterator[Path | None]:
    """What is in a folder; None for an ordinary file: there may be very many, and telling them apart costs nothing."""
    with os.scandir(folder) as entries:
        for entry in entries:
            path = folder / entry.name
            yield None if entry.is_file(follow_symlinks=False) else path
            if entry.name in ("config", "config.worktree"):
                yield path
            elif entry.name == "commondir":
                yield from _named(path, folder)
            elif entry.name == "alternates":  # its paths start from the folder `objects`
                yield from _named(path, folder.parent)


def _named(note: Path, base: Path) -> list[Path]:
    """The folders that a file of a repository names, one on each line."""
    lines = read_regular(note, _MOST_NOTE).splitlines()
    paths = (line.removeprefix(b"gitdir:").strip() for line in lines)
    return [base / os.fsdecode(path) for path in paths if path]


def _configured(config: Path) -> list[Path]:
    """The files that a configuration names, without those of the home folder, which git does not have here."""
    found = _CONFIGURED.findall(read_regular(config, _MOST_NOTE))
    return [config.parent / os.fsdecode(each.strip()) for each in found]
