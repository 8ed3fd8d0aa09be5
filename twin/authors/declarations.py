"""What an author may write as a link: an address, a path, or a mapping with one kind and its options.

The crawlers define which kinds there are and what options each has (`twin.crawling.base`).
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from twin.crawling.base import Crawler, classify, crawlers
from twin.errors import InputError
from twin.links import canonical_url
from twin.links import shown as shown_address
from twin.models import Category, Link
from twin.nearest import did_you_mean, listed
from twin.regular import special_kind

Origin = Literal["file", "added", "import"]

OPTIONS = ("include", "exclude", "category", "also")

_MOST_BITS = 1024


def sources() -> tuple[str, ...]:
    """The fields of which a declaration has exactly one: `url`, or the name of a kind."""
    return ("url", *crawlers())


def declare_link(author: str, declaration: str | Mapping[str, Any], *, base: Path, origin: Origin = "file") -> Link:
    """Make a link from what a person wrote.

    Args:
        author: slug of the author.
        declaration: an http(s) URL or a path; or a mapping with exactly one of `sources()`, and options: `include`
            and `exclude` (gitignore-style patterns), `category` (such as `posts`) and `also` (what the kind
            leaves out by default), each only if the kind supports it.
        base: the folder that relative paths start from.
        origin: where the declaration comes from.

    Raises:
        InputError: it is none of these; the message names the field.
    """
    options: Mapping[str, Any] = {}
    if isinstance(declaration, str):
        source, value = _guess(declaration, base), declaration
    elif isinstance(declaration, Mapping):
        source, value, options = _source(declaration)
    else:
        raise InputError(f"A link is an address, a path or a mapping, not {shown(declaration)}: write it as text.")
    if not isinstance(value, str) or not value.strip():
        raise InputError(f"'{source}' must be text, not {shown(value)}: put it in quotes.")
    value = value.strip()
    location = None
    if source == "url":
        crawler, url = classify(value)
    elif crawlers()[source].place == "url":
        crawler = crawlers()[source]
        url = crawler.declared(canonical_url(value))
    else:
        if "://" in value or "\x00" in value:
            raise InputError(f"'{source}' is a path on this machine, not {shown(value)}: write an address as 'url'.")
        crawler = crawlers()[source]
        # The declared form is the identity, so that another checkout of the same author file is the same author.
        url, location = f"local:{Path(value).as_posix()}", str(_located(value, base).resolve())
    also = _also(options, crawler)
    extra = [category for name in also for category in crawler.optional[name]]
    chosen = (_category(options["category"], crawler),) if "category" in options else crawler.categories
    return Link(
        author=author,
        url=url,
        kind=crawler.kind,
        categories=tuple(dict.fromkeys([*chosen, *extra])),
        origin=origin,
        include=_patterns(options, "include", crawler),
        exclude=_patterns(options, "exclude", crawler),
        also=also,
        location=location,
    )


def _source(declaration: Mapping[str, Any]) -> tuple[str, Any, dict[str, Any]]:
    known = sources()
    named = [name for name in declaration if name in known]
    unknown = [name for name in declaration if name not in known + OPTIONS]
    if unknown:
        fields = known + OPTIONS
        raise InputError(
            f"A link has no field '{unknown[0]}'{did_you_mean(str(unknown[0]), fields, f'it has {listed(fields, 99)}')}"
        )
    if len(named) != 1:
        said = f"both {' and '.join(repr(name) for name in named)}" if named else "none"
        raise InputError(f"A link must have exactly one of {', '.join(known)}, but this one has {said}: give one.")
    return named[0], declaration[named[0]], {name: declaration[name] for name in OPTIONS if name in declaration}


def _guess(text: str, base: Path) -> str:
    """The field that a plain string stands for."""
    value = text.strip()
    if (field := re.match(r"(\w+):\s", value)) and field[1] in sources():
        raise InputError(
            f"{shown(value)} is the form of an author file: give the address or path alone, and its kind, {field[1]}, "
            "with --kind."
        )
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", value) or value.startswith(("mailto:", "git@")):
        canonical_url(value)  # names what is wrong with it, such as the scheme
        return "url"
    path = _located(value, base) if value and "\x00" not in value else None
    if path is not None and any(character in value for character in "*?["):
        return "files"
    if path is not None and (kind := special_kind(path)):
        raise InputError(f"{value!r} is {kind}, not a file or folder: give the path of a file or folder.")
    if path is None or not _exists(path):
        raise InputError(f"{shown(value)} is neither an http(s) address nor a file or folder in {base}: correct it.")
    local = sorted((each for each in crawlers().values() if each.place == "path"), key=lambda each: each.rank)
    recognised = next((each.kind for each in local if each.recognises(path)), None)
    if recognised is None and path.suffix.lower() == ".zip":
        exports = " or ".join(f"'{each.kind}'" for each in local if each.kind.endswith("_export"))
        raise InputError(f"{value!r} is not recognised as an export: declare it with {exports}.")
    return recognised or "files"


def _located(value: str, base: Path) -> Path:
    """Where a declared path is; a relative one starts from `base`."""
    try:
        return base / Path(value).expanduser()
    except RuntimeError:
        user = shown(value.partition("/")[0])
        raise InputError(f"{user} names a user that this machine does not have: write the whole path.") from None


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a name that is too long, or a folder that may not be looked into
        return False


def _category(value: Any, crawler: type[Crawler]) -> Category:
    if not crawler.chooses_category:
        kinds = ", ".join(kind for kind, each in crawlers().items() if each.chooses_category)
        raise InputError(f"'category' is only for {kinds}, and this is a link of kind {crawler.kind}: remove it.")
    known = [category for category in Category if category.traits.declarable]
    if value not in known:
        names = " or ".join(filter(None, (", ".join(known[:-1]), known[-1])))
        end = did_you_mean(value, known, "correct it") if isinstance(value, str) else "."
        raise InputError(f"'category' must be {names}, not {shown(value)}{end}")
    return Category(value)


def _patterns(options: Mapping[str, Any], name: str, crawler: type[Crawler]) -> tuple[str, ...]:
    if name in options and not crawler.patterns:
        kinds = ", ".join(kind for kind, each in crawlers().items() if each.patterns)
        raise InputError(f"'{name}' is only for {kinds}, and this is a link of kind {crawler.kind}: remove it.")
    return _texts(options, name, "a list of patterns (text) such as ['*.md', 'docs/']")


def _also(options: Mapping[str, Any], crawler: type[Crawler]) -> tuple[str, ...]:
    wanted = _texts(options, "also", "a list of what else to read, such as [comments]")
    for name in wanted:
        if name not in crawler.optional:
            known = tuple(crawler.optional)
            otherwise = f"it has {listed(known)}" if known else "it already reads everything, so remove 'also'"
            hint = did_you_mean(name, known, otherwise)
            raise InputError(f"`also` cannot be '{name}' for a link of kind {crawler.kind}{hint}")
    return tuple(sorted(set(wanted)))


def _texts(options: Mapping[str, Any], name: str, expected: str) -> tuple[str, ...]:
    value = options.get(name, [])
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list | tuple) or not all(isinstance(each, str) and each for each in texts):
        raise InputError(f"'{name}' must be {expected}.")
    return tuple(texts)


def shown(value: Any) -> str:
    """A value as a message shows it: short, even if YAML aliases make a huge list of it."""
    if value is None:
        return "empty"
    if isinstance(value, str):
        return repr(shown_address(value)[:60])
    if isinstance(value, list | tuple | dict | set):
        return "a mapping" if isinstance(value, dict) else "a list"
    kind = "number" if type(value) in (int, float) else type(value).__name__
    if isinstance(value, int) and value.bit_length() > _MOST_BITS:
        return "a number of thousands of digits"  # Python refuses to write it
    return f"a {kind} ({str(value)[:60]})"
