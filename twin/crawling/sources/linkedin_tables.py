"""The tables of LinkedIn's member export: columns under all their names, rows in both styles of quoting."""

import csv
import logging
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain, islice, pairwise
from typing import Self

from twin.crawling.pages.decoding import decoded
from twin.errors import CrawlError

logger = logging.getLogger("twin")

SHARES = ("date", "sharelink", "sharecommentary", "sharedurl", "mediaurl", "visibility")
COMMENTS = ("date", "link", "message")

_SPACE = re.compile(r"[\s_\ufeff]+")
_DELIMITERS = (",", ";", "\t")  # spreadsheet programs write the second and third
_PREAMBLE = 10
"""Up to this many lines of notes may stand above the header."""

_LONGEST = 2**20
"""Limit of characters in a line. An empty cell takes eight times its own size as an element of a row."""

_ADDRESS = re.compile(r"https?://(www\.)?linkedin\.com/", re.I)
_START = re.compile(
    r'^"?(?:\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?: UTC)?)?"?[,;\t]"?https://(?:www\.)?linkedin\.com/(?:feed/update|posts)/',
    re.M,
)
"""How a row begins. Inside a field it means that a quote was never closed and swallowed the following rows."""

_QUOTES = re.compile('"+')
_CERTAIN = 3
"""From this number of lines in a commentary, the quotes around lines cannot be the author's own."""


def shares(content: bytes, label: str, skipped: Counter[str]) -> Iterator[dict[str, str]]:
    """The rows of `Shares.csv` by lower-case column, with the words as they were written.

    Raises:
        CrawlError: it is not such a table.
    """
    table = _Table(content, label, SHARES, "sharecommentary")
    quoting = _Quoting.of(row.get("sharecommentary", "") for row in table.values() if row)
    for row in table.rows(skipped):
        yield row | {"sharecommentary": quoting.undone(row.get("sharecommentary", ""))}


def comments(content: bytes, label: str, skipped: Counter[str]) -> Iterator[dict[str, str]]:
    """The rows of `Comments.csv` by lower-case column, with the words as they were written.

    Raises:
        CrawlError: it is not such a table.
    """
    yield from _Table(content, label, COMMENTS, "message", backslashes=True).rows(skipped)


@dataclass(frozen=True)
class _Quoting:
    """How a file quotes its commentaries: whether all lines are quoted, whether some are not, whether quotes double.

    In one style every line was quoted once more and, in some exports, the quotes within it doubled. A field of one or
    two lines cannot always tell; then the file's other fields do.
    """

    certain: bool
    plain: bool
    doubled: bool

    @classmethod
    def of(cls, fields: Iterable[str]) -> Self:
        certain = plain = doubled = False
        for field in (each.replace("\r\n", "\n") for each in fields):
            if not _is_wrapped(field):
                plain |= "\n" in field
            elif field.count("\n") + 1 >= _CERTAIN:
                certain, text = True, _unwrapped(field)
                doubled |= '"' in text and _is_doubled(text)
        return cls(certain, plain, doubled)

    def undone(self, field: str) -> str:
        field = field.replace("\r\n", "\n")
        if _is_wrapped(field) and (self.certain or not self.plain):
            return unquote_lines(field)
        return field.replace('""', '"') if self.doubled and not self.plain and _is_doubled(field) else field


def unquote_lines(field: str) -> str:
    """Undo the export's own quoting of a commentary, which puts every line in quotes once more.

    In such a field every line except the last ends with a quote, and every line except the first begins with one. Other
    fields are returned unchanged.
    """
    field = field.replace("\r\n", "\n")
    if not _is_wrapped(field):
        return field
    text = _unwrapped(field)
    return text.replace('""', '"') if _is_doubled(text) else text


def _is_wrapped(field: str) -> bool:
    lines = field.split("\n")
    return (
        len(lines) > 1
        and all(line.endswith('"') for line in lines[:-1])
        and all(line.startswith('"') for line in lines[1:])
    )


def _unwrapped(field: str) -> str:
    if _odd_quotes(field) and _odd_quotes(field[::-1]):
        field = field[1:-1]
    return field.replace('"\n"', "\n")


def _odd_quotes(field: str) -> bool:
    """Whether the run of quotes at the beginning is odd: quotes of the text are doubled, a wrapping one is not."""
    return (len(field) - len(field.lstrip('"'))) % 2 == 1


def _is_doubled(text: str) -> bool:
    return all(len(run) % 2 == 0 for run in _QUOTES.findall(text))


class _Table:
    """A table that is read row by row, any number of times; no row is kept, so a hostile table cannot fill the memory.

    Args:
        columns: the columns of the table, in order.
        words: the column that holds the text.
        backslashes: whether quotes within a field are escaped by a backslash, which is not standard CSV.
    """

    def __init__(
        self, content: bytes, label: str, columns: tuple[str, ...], words: str, *, backslashes: bool = False
    ) -> None:
        text, note = decoded(content, label)
        if note:
            logger.warning(
                "%s is not plain UTF-8 and was read as %s: download it again if its letters are wrong.", label, note
            )
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        if backslashes:
            # Text never contains NUL.
            text = re.sub(r'\\(["\\])', lambda match: "\0" if match[1] == '"' else "\\", text)
        self.label, self.words, self.backslashes, self._text = label, words, backslashes, text
        self._delimiter, self._header, self._names = _header(text, columns, words, label)
        self._swallowed = self._is_swallowed()

    def rows(self, skipped: Counter[str]) -> Iterator[dict[str, str]]:
        """Each row by column; malformed rows are counted as "malformed_row"."""
        broken = False
        for row in self.values():
            if row is None:
                skipped["malformed_row"] += 1
                broken = True
            else:
                yield row
        if broken:
            logger.warning(
                "%s has rows that cannot be told apart; they were left out: download the archive again.", self.label
            )

    def values(self) -> Iterator[dict[str, str] | None]:
        """Each row by column; None for a malformed one."""
        for row in islice(self._parsed(), self._header, None):
            if row is None:
                yield None
            elif any(row):
                values = dict(zip(self._names, row, strict=False))
                if self.backslashes:
                    values[self.words] = values.get(self.words, "").replace('""', '"').replace("\0", '"')
                yield values

    def _is_swallowed(self) -> bool:
        """Whether a stray quote merged several rows into one field."""
        try:
            return any(_START.search(cell) for row in self._reader() for cell in row)
        except csv.Error:  # a field beyond any limit
            return True

    def _parsed(self) -> Iterator[list[str] | None]:
        """The rows; None for a malformed one. A row with a stray quote does not swallow the rows after it."""
        if not self._swallowed:
            yield from self._reader()
            return
        first = _START.search(self._text)
        yield from _top(self._text[: first.start()] if first else self._text, self._delimiter)
        starts = (match.start() for match in _START.finditer(self._text))
        for start, end in pairwise(chain(starts, [len(self._text)])):
            yield from _one(self._text[start:end], self._delimiter, len(self._names))

    def _reader(self) -> Iterator[list[str]]:
        return csv.reader(_lines(self._text), delimiter=self._delimiter)


def _header(text: str, columns: tuple[str, ...], words: str, label: str) -> tuple[str, int, list[str]]:
    """Delimiter, number of rows up to and including the header, and the names of the columns."""
    for delimiter in _DELIMITERS:
        top = _top(text, delimiter)
        for index, row in enumerate(top):
            names = [_SPACE.sub("", name.lower()) for name in row]
            if words in names:
                return delimiter, index + 1, names
        # In a language with unknown headers, the order of the columns says what they are.
        if top and len(top[0]) >= len(COMMENTS) and any(len(row) > 1 and _ADDRESS.match(row[1]) for row in top[1:]):
            return delimiter, 1, list(columns[: len(top[0])])
    shown = {"sharecommentary": "ShareCommentary", "message": "Message"}[words]
    raise CrawlError(f"{label} has no column {shown}: download the archive again.")


def _top(text: str, delimiter: str) -> list[list[str]]:
    rows: list[list[str]] = []
    with suppress(csv.Error):
        rows.extend(islice(csv.reader(_lines(text), delimiter=delimiter), _PREAMBLE))
    return rows


def _lines(text: str) -> Iterator[str]:
    """The lines of a text with their ends; each is copied only when it is needed.

    Raises:
        csv.Error: a line is longer than any row.
    """
    start = 0
    while start < len(text):
        end = text.find("\n", start) + 1 or len(text)
        if end - start > _LONGEST:
            raise csv.Error
        yield text[start:end]
        start = end


def _one(record: str, delimiter: str, columns: int) -> Iterator[list[str] | None]:
    """The row at the beginning of a record, if it is certainly complete; None for each malformed part."""
    rows = csv.reader(_lines(record), delimiter=delimiter, strict=True)
    try:
        first = next(rows)
    except csv.Error:
        yield None
        return
    try:
        more = any(map(any, rows))
    except csv.Error:
        more = True
    if not more or len(first) >= columns:
        yield first
    if more:
        yield None
