"""The tables of LinkedIn's member export: its columns under all their names, its rows in both dialects of quoting."""

import csv
import io
import logging
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice, pairwise

from twin.crawling.decoding import decoded
from twin.errors import CrawlError

logger = logging.getLogger("twin")

SHARES = ("date", "sharelink", "sharecommentary", "sharedurl", "mediaurl", "visibility")
COMMENTS = ("date", "link", "message")

_SPACE = re.compile(r"[\s_\ufeff]+")
_DELIMITERS = (",", ";", "\t")  # the others are what a spreadsheet program makes of it
_PREAMBLE = 10
"""Lines of notes that may stand above the header."""

_ADDRESS = re.compile(r"https?://(www\.)?linkedin\.com/", re.I)
_START = re.compile(
    r'^"?(?:\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?: UTC)?)?"?[,;\t]"?https://(?:www\.)?linkedin\.com/(?:feed/update|posts)/',
    re.M,
)
"""How a row begins; within a field it means that a quote which nobody closed swallowed the rows after it."""

_QUOTES = re.compile('"+')
_CERTAIN = 3
"""Lines of a commentary from which its wrapping quotes cannot be the author's own."""


def shares(content: bytes, label: str, skipped: Counter[str]) -> Iterator[dict[str, str]]:
    """The rows of `Shares.csv` by lower-case column, with the words as they were written.

    Raises:
        CrawlError: it is no such table.
    """
    rows = list(_rows(content, label, SHARES, "sharecommentary", skipped))
    for row, text in zip(rows, commentaries([row.get("sharecommentary", "") for row in rows]), strict=True):
        yield row | {"sharecommentary": text}


def comments(content: bytes, label: str, skipped: Counter[str]) -> Iterator[dict[str, str]]:
    """The rows of `Comments.csv` by lower-case column, with the words as they were written.

    Raises:
        CrawlError: it is no such table.
    """
    yield from _rows(content, label, COMMENTS, "message", skipped, backslashes=True)


def commentaries(fields: list[str]) -> list[str]:
    """Undo the quoting of the commentaries of one file.

    In one dialect every line was quoted once more and, in some exports, the quotes within it doubled. A field of two
    lines or of one cannot always tell; then the file's other fields do.
    """
    fields = [field.replace("\r\n", "\n") for field in fields]
    certain = [field for field in fields if _is_wrapped(field) and field.count("\n") + 1 >= _CERTAIN]
    plain = any("\n" in field and not _is_wrapped(field) for field in fields)
    doubled = any('"' in text and _is_doubled(text) for text in (_unwrapped(field) for field in certain))
    restored = []
    for field in fields:
        if _is_wrapped(field) and (certain or not plain):
            restored.append(unquote_lines(field))
        else:
            restored.append(field.replace('""', '"') if doubled and not plain and _is_doubled(field) else field)
    return restored


def unquote_lines(field: str) -> str:
    """Undo the export's own quoting of a commentary, which wraps every line once more in quotes.

    A field in that dialect has every line but the last end with a quote and every line but the first begin with one;
    a field that has not is returned as it is.
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
    """Whether the run of quotes at the beginning is odd: those of the text are doubled, a wrapping one is not."""
    return (len(field) - len(field.lstrip('"'))) % 2 == 1


def _is_doubled(text: str) -> bool:
    return all(len(run) % 2 == 0 for run in _QUOTES.findall(text))


def _rows(
    content: bytes,
    label: str,
    columns: tuple[str, ...],
    words: str,
    skipped: Counter[str],
    *,
    backslashes: bool = False,
) -> Iterator[dict[str, str]]:
    text, note = decoded(content, label)
    if note:
        logger.warning(
            "%s is not plain UTF-8 and was read as %s: download it again if its letters are wrong.", label, note
        )
    text = text.replace("\r\n", "\n")
    if backslashes:
        # Here quotes within a field are escaped by a backslash, which CSV knows nothing of; text holds no NUL.
        text = re.sub(r'\\(["\\])', lambda match: "\0" if match[1] == '"' else "\\", text)
    delimiter, header, names = _header(text, columns, words, label)
    broken = False
    for row in _parsed(text, delimiter)[header:]:
        if row is None:
            skipped["malformed_row"] += 1
            broken = True
        elif any(row):
            values = dict(zip(names, row, strict=False))
            if backslashes:
                values[words] = values.get(words, "").replace('""', '"').replace("\0", '"')
            yield values
    if broken:
        logger.warning("%s has rows that cannot be told apart and were left out: download the archive again.", label)


def _header(text: str, columns: tuple[str, ...], words: str, label: str) -> tuple[str, int, list[str]]:
    """Delimiter, number of rows down to the header, and the names of the columns."""
    for delimiter in _DELIMITERS:
        top = _top(text, delimiter)
        for index, row in enumerate(top):
            names = [_SPACE.sub("", name.lower()) for name in row]
            if words in names:
                return delimiter, index + 1, names
        # In a language whose headers we do not know, the order of the columns says what they are.
        if top and len(top[0]) >= len(COMMENTS) and any(len(row) > 1 and _ADDRESS.match(row[1]) for row in top[1:]):
            return delimiter, 1, list(columns[: len(top[0])])
    shown = {"sharecommentary": "ShareCommentary", "message": "Message"}[words]
    raise CrawlError(f"{label} has no column {shown}: download the archive again.")


def _top(text: str, delimiter: str) -> list[list[str]]:
    rows: list[list[str]] = []
    with suppress(csv.Error):
        rows.extend(islice(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), _PREAMBLE))
    return rows


def _parsed(text: str, delimiter: str) -> list[list[str] | None]:
    """The rows of a table; None for what is none. A row with a stray quote is kept from swallowing those after it."""
    rows: list[list[str] | None] = []
    try:
        rows.extend(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
        swallowed = any(_START.search(cell) for row in rows if row for cell in row)
    except csv.Error:  # a field beyond any limit
        swallowed = True
    if not swallowed:
        return rows
    starts = [match.start() for match in _START.finditer(text)]
    head: list[list[str] | None] = [*_top(text[: starts[0]] if starts else text, delimiter)]
    return head + [_one(text[start:end], delimiter) for start, end in pairwise([*starts, len(text)])]


def _one(record: str, delimiter: str) -> list[str] | None:
    try:
        rows = list(csv.reader(io.StringIO(record, newline=""), delimiter=delimiter, strict=True))
    except csv.Error:
        return None
    return rows[0] if len(rows) == 1 else None
