"""What a repository says about its own files: .gitignore (not part of it) and .gitattributes (generated, vendored).

pathspec reads the patterns. gitignore(5) and gitattributes(5) define which pattern decides: the last match in the file
nearest to the path wins, and nothing below an ignored folder comes back. Both files come from strangers, so their
number, size and patterns are limited.

`export-ignore` is not used: it lists what a release archive lacks, which is tests and documentation, and these are the
author's own writing. If an attribute says that a file is not generated, or not vendored, it is believed.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from twin.crawling.git.reader import Entry, GitReader

IGNORE, ATTRIBUTES = b".gitignore", b".gitattributes"
_MAX_FILES = 1000
_MAX_SIZE = 128 * 1024
_MAX_PATTERNS = 2000
_MAX_STARS = 3
_MAX_DEEP = 2
"""Limit of wildcards in one part of a pattern, and of `**` around parts: all their combinations are tried."""

_MAX_PATH = 1000
_ATTRIBUTES = {"linguist-generated": "generated", "linguist-vendored": "vendored"}
_STAR = "[^/]*"
_LITERAL = re.compile(r"(?:\\.|\[[^\]]+\]|[^()\[\]\\/])*")
"""Regular expressions as pathspec writes them: for `*`, and for parts that can match in only one way."""

Matches = Callable[[str], bool]


@dataclass(frozen=True)
class _Pattern:
    """What pathspec makes of a line: whether it ignores or re-includes, and its regular expression."""

    ignores: bool
    regex: re.Pattern[str]


@dataclass(frozen=True)
class _Line:
    """One pattern of a .gitignore: whether it ignores or re-includes, and what it matches."""

    ignores: bool
    matches: Matches
    regex: str


class _IgnoreFile:
    """The patterns of one .gitignore. Most paths match none; one combined expression tests that first."""

    def __init__(self, lines: list[_Line]) -> None:
        self._lines = lines[::-1]
        anchored = all(line.regex.startswith("^") for line in lines)
        self._any = re.compile("|".join(line.regex.replace("(?P<ps_d>", "(") for line in lines) if anchored else "")

    def decision(self, path: str) -> bool | None:
        """Whether the last matching pattern ignores `path`; None if no pattern matches."""
        if not self._any.match(path):
            return None
        return next((line.ignores for line in self._lines if line.matches(path)), None)


@dataclass
class TreeRules:
    """The .gitignore and .gitattributes files of one commit, by their folder ("" or "a/b/")."""

    ignore: Mapping[str, _IgnoreFile] = field(default_factory=dict)
    attributes: Mapping[str, list[tuple[Matches, dict[str, bool]]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._folder_is_ignored = lru_cache(maxsize=None)(self._ignored_folder)

    @classmethod
    def of(cls, reader: GitReader, entries: list[Entry]) -> "TreeRules":
        """Read them from a repository."""
        found: dict[str, Entry] = {}
        for entry in entries:
            if entry.is_file and entry.path.rpartition(b"/")[2] in (IGNORE, ATTRIBUTES):
                path = _text(entry.path)
                if path is not None and len(found) < _MAX_FILES:
                    found[path] = entry
        sizes = reader.sizes(list(dict.fromkeys(entry.oid for entry in found.values())))
        texts = dict(reader.blobs({oid: size for oid, size in sizes.items() if size and size <= _MAX_SIZE}))
        ignore: dict[str, list[_Line]] = {}
        attributes: dict[str, list[tuple[Matches, dict[str, bool]]]] = {}
        left = _MAX_PATTERNS
        for path, entry in found.items():
            text = texts.get(entry.oid, b"").decode("utf-8-sig", "replace")
            folder, name = path[: path.rfind("/") + 1], entry.path.rpartition(b"/")[2]
            if name == IGNORE:
                lines = list(_ignore_lines(text))[:left]
                ignore[folder], left = lines, left - len(lines)
            else:
                marks = list(_attribute_lines(text))[:left]
                attributes[folder], left = marks, left - len(marks)
        return cls({k: _IgnoreFile(v) for k, v in ignore.items() if v}, {k: v for k, v in attributes.items() if v})

    def ignored(self, path: str) -> bool:
        """Whether git would have skipped `path` when adding files."""
        if not self.ignore or len(path) > _MAX_PATH:
            return False
        folder = path[: path.rfind("/") + 1]
        return self._folder_is_ignored(folder) or self._decided(path, folder)

    def said(self, path: str) -> dict[str, bool]:
        """What the attributes of `path` say: "generated" or "vendored" -> True or False."""
        said: dict[str, bool] = {}
        if not self.attributes or len(path) > _MAX_PATH:
            return said
        for folder in _above(path[: path.rfind("/") + 1]):
            for matches, attributes in self.attributes.get(folder, ()):
                if matches(path[len(folder) :]):
                    said |= attributes
        return said

    def _ignored_folder(self, folder: str) -> bool:
        """Whether a folder ("a/b/", or "" for the root) or one above it is ignored."""
        if not folder:
            return False
        above = folder[: folder[:-1].rfind("/") + 1]
        return self._folder_is_ignored(above) or self._decided(folder, above)

    def _decided(self, path: str, above: str) -> bool:
        for folder in reversed(list(_above(above))):
            file = self.ignore.get(folder)
            if file is not None and (decision := file.decision(path[len(folder) :])) is not None:
                return decision
        return False


def _text(path: bytes) -> str | None:
    try:
        return path.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _above(folder: str) -> Iterator[str]:
    """ "", "a/", "a/b/" for "a/b/"."""
    yield ""
    for slash in re.finditer("/", folder):
        yield folder[: slash.end()]


def _ignore_lines(text: str) -> Iterator[_Line]:
    for line in text.splitlines():
        pattern = _pattern(line)
        if pattern is not None:
            yield _Line(pattern.ignores, _exactly(pattern.regex), pattern.regex.pattern)


def _attribute_lines(text: str) -> Iterator[tuple[Matches, dict[str, bool]]]:
    for line in text.splitlines():
        name, *words = line.split()[:20] or [""]
        attributes = dict(said for word in words if (said := _attribute(word)))
        # Macros, names in quotes and negative patterns do not count as patterns here, see gitattributes(5).
        if attributes and not name.startswith(("[", '"', "!", "#")) and not name.endswith("/"):
            pattern = _pattern(name)
            if pattern is not None:
                yield _exactly(pattern.regex), attributes


def _attribute(word: str) -> tuple[str, bool] | None:
    name, _, value = word.lstrip("-!").partition("=")
    if name not in _ATTRIBUTES or word.startswith("!"):
        return None
    return _ATTRIBUTES[name], not word.startswith("-") and value.lower() not in ("false", "0", "no")


def _pattern(line: str) -> "_Pattern | None":
    """The pattern of one line; None if the line has none, or one that could take forever."""
    from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

    if not line.strip() or line.startswith("#") or len(line) > 500:
        return None
    parts = line.rstrip().removesuffix("/**").split("/")
    if parts.count("**") > _MAX_DEEP or any(part != "**" and part.count("*") > _MAX_STARS for part in parts):
        return None
    if line.rstrip().endswith("/**/"):  # the folders below a folder: pathspec would take the folder itself too
        line = line.rstrip() + "*/"
    try:
        pattern = GitIgnoreSpecPattern(line)
    except (ValueError, re.error):
        return None
    if pattern.regex is None or pattern.include is None:
        return None
    return _Pattern(pattern.include, re.compile(_without_ways_back(pattern.regex.pattern)))


def _without_ways_back(regex: str) -> str:
    """The same regular expression, but each `*` is tried only once, as in `fnmatch.translate`.

    Once the text after a star is found, a later match of the star cannot help. Otherwise a stranger's `*a*a*a` would
    take cubic time in the length of a name.
    """
    first, *rest = regex.split(_STAR)
    if not rest:
        return regex
    tried = (f"(?>{_STAR}?{after})" if _LITERAL.fullmatch(after) else _STAR + after for after in rest[:-1])
    return "".join([first, *tried, _STAR, rest[-1]])


def _exactly(regex: re.Pattern[str]) -> Matches:
    """Whether a pattern matches a path itself. pathspec also matches everything below a folder; whether that is ignored
    was already decided for the folder."""
    if "ps_d" not in regex.groupindex:  # "a/**" names the contents of a, not a itself; "**" names everything
        return lambda path: regex.search(path.removesuffix("/")) is not None
    if not regex.pattern.startswith("^"):  # "*/" and "**/", which pathspec searches for anywhere
        return lambda path: path.endswith("/")
    match = regex.match

    def matches(path: str) -> bool:
        found = match(path)
        return found is not None and found.end("ps_d") in (-1, len(path))

    return matches
