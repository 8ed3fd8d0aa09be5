"""The front matter of a text file: the YAML or TOML above the text becomes fields and not text.

The package `python-frontmatter` is not used: it fails on a colon in a title, it loses text between two rules of three
dashes, and it does not limit the size of a block.
"""

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from twin.text.moments import iso_moment

_BLOCK = re.compile(r"\A(---|\+\+\+)[ \t]*\r?\n(.*?)^(?:\1|\.\.\.)[ \t]*(?:\r?\n|\Z)", re.S | re.M)
_FIRST = re.compile(r"\s*(?:#[^\n]*\n\s*)*[\"']?[A-Za-z_][\w .-]*[\"']?\s*[:=]")
_LINE = re.compile(r"^([A-Za-z_][\w-]*)\s*[:=][ \t]*(.*?)[ \t\r]*$", re.M)
_MOST = 64 * 1024
_DATES = ("date", "publishdate", "published", "publishedat", "datepublished")
_FORMS = ("%d %B %Y", "%d %b %Y", "%B %d, %Y", "%b %d, %Y", "%B %d %Y", "%Y/%m/%d", "%d.%m.%Y")
"""Forms of a date besides ISO 8601 that have one meaning only. 03/04/2024 has two and is not read."""
_ZONE = re.compile(r"\s+([+-]\d\d):?(\d\d)$")


@dataclass(frozen=True)
class FrontMatter:
    """What a text says about itself; `rest` is the text."""

    rest: str
    title: str | None = None
    subtitle: str | None = None
    author: str | None = None
    language: str | None = None
    canonical: str | None = None
    published_at: datetime | None = None
    tags: tuple[str, ...] = ()
    draft: bool = False
    unread_date: str | None = None  # what it gives as its date, if that is in no form that is read


def split_front_matter(text: str) -> FrontMatter:
    """Split `text` into front matter (as in Jekyll, Hugo, Pandoc and Obsidian) and `rest`; without any, all is `rest`.

    A block that is not quite YAML, such as one with a colon in its title, is read line by line.
    """
    block = _BLOCK.match(text)
    # A line of three dashes may also open a text; front matter continues with a field.
    if block is None or len(block[2]) > _MOST or not (block[2].strip() == "" or _FIRST.match(block[2])):
        return FrontMatter(rest=text)
    fields = {re.sub(r"[-_ ]", "", str(name).lower()): value for name, value in _fields(block[1], block[2]).items()}

    def first(*names: str) -> str | None:
        return next((found for name in names if (found := _text(fields.get(name)))), None)

    language = (first("lang", "language", "locale") or "").replace("_", "-").split("-")[0].lower()
    published = first(*_DATES)
    dates = [_moment(fields.get(name)) for name in _DATES]
    date = next((date for date in dates if date), None)
    return FrontMatter(
        rest=text[block.end() :].lstrip("\r\n"),
        title=first("title"),
        subtitle=first("subtitle", "description"),
        author=first("author", "authors", "byline"),
        language=language if re.fullmatch(r"[a-z]{2,3}", language) else None,
        canonical=first("canonical", "canonicalurl", "canonicallink"),
        published_at=date,
        tags=tuple(_texts(fields.get("tags", fields.get("keywords")))),
        draft=_is(fields.get("draft"), "true") or _is(fields.get("published"), "false"),
        unread_date=published if date is None and not _is(published, "true") and not _is(published, "false") else None,
    )


def _fields(mark: str, block: str) -> Mapping[str, Any]:
    """The fields of a block; values are texts, lists and mappings."""
    import tomllib

    import yaml

    try:
        if mark == "+++":
            return tomllib.loads(block.replace("\r\n", "\n"))
        # Every scalar stays text: `no` does not become False, and tags and merge keys have no effect.
        value = yaml.load(block, Loader=yaml.BaseLoader)  # noqa: S506
        if isinstance(value, dict):
            return value
    except (yaml.YAMLError, ValueError, RecursionError):
        pass
    return {name: value.strip("\"'") for name, value in _LINE.findall(block)}


def _text(value: Any) -> str | None:
    """One line of text: a list becomes names with commas between them, a person given as a mapping becomes a name."""
    if isinstance(value, Mapping):
        return _text(value.get("name"))
    if isinstance(value, list | tuple):
        return ", ".join(name for each in value[:20] if not isinstance(each, list) and (name := _text(each))) or None
    return " ".join(str(value).split()) or None if value is not None else None


def _texts(value: Any) -> list[str]:
    parts = value if isinstance(value, list) else str(value or "").strip("[]").split(",")
    return [text for each in parts if isinstance(each, str) and (text := each.strip())]


def _moment(value: Any) -> datetime | None:
    """A time in UTC; Jekyll and similar tools put a space before the time zone."""
    text = _ZONE.sub(r"\1:\2", str(value or "").strip())
    if (moment := iso_moment(text)) is not None:
        return moment
    for form in _FORMS:
        with suppress(ValueError):
            return datetime.strptime(" ".join(text.split()), form).replace(tzinfo=UTC)
    return None


def _is(value: Any, wanted: str) -> bool:
    return str(value).strip().lower() == wanted
