"""Links: their canonical form, what each one is, and how an author declares one.

Two links are the same when their canonical forms are equal. What a link *is* is decided by its parsed host and path
against tables, never by a pattern over the whole URL: `github.com.evil.example` and `github.com@evil.example` contain
a known host and are none.
"""

import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any, Literal
from urllib.parse import SplitResult, quote, unquote, urlsplit

from twin.errors import InputError
from twin.models import Category, Link, LinkKind

Origin = Literal["file", "added", "import"]

_PORTS = {"http": 80, "https": 443}

_SAME_HOST = {
    "www.github.com": "github.com",
    "m.github.com": "github.com",
    "www.medium.com": "medium.com",
    "m.medium.com": "medium.com",
    "www.substack.com": "substack.com",
    "www.dev.to": "dev.to",
}
"""Forms of a host that show the same pages."""

_LINKEDIN = "www.linkedin.com"
_HTTPS_ONLY = frozenset({"github.com", "medium.com", "substack.com", "dev.to", _LINKEDIN})
"""Hosts that send every http request to https."""

_TRACKING = frozenset([
    "fbclid", "gclid", "gbraid", "wbraid", "dclid", "msclkid", "yclid", "twclid", "ttclid", "igshid", "igsh",
    "mc_cid", "mc_eid", "mkt_tok", "li_fat_id", "vero_id", "ref_src", "ref_url", "_hsenc", "_hsmi", "__hstc",
    "__hssc", "hsctatracking", "oly_anon_id", "oly_enc_id", "s_cid", "wickedid", "_ga", "_gl",
])  # fmt: skip
_TRACKING_OF_HOST = {
    "substack.com": frozenset({"r", "s", "showwelcome", "showwelcomeonshare", "triedredirect", "isfreemail"}),
    "medium.com": frozenset({"source"}),
    "linkedin.com": frozenset({"trk", "trackingid", "lipi", "rcm", "originalsubdomain", "refid"}),
}
"""Parameters that say who passed a link on; those below hold for a host and its subdomains."""

_FEED_NAMES = frozenset({"feed", "rss", "atom"})
_FEED_SUFFIXES = frozenset({".rss", ".xml", ".atom"})

_OWNER = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38})")
_REPOSITORY = re.compile(r"[a-z0-9._-]{1,100}")
_NOT_OWNERS = frozenset([
    "about", "apps", "collections", "contact", "customer-stories", "enterprise", "events", "explore",
    "features", "issues", "login", "marketplace", "new", "notifications", "orgs", "organizations", "pricing",
    "pulls", "readme", "search", "security", "settings", "site", "sponsors", "stars", "team", "topics",
    "trending", "users",
])  # fmt: skip
"""First parts of GitHub paths that are pages of GitHub's own."""

_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_IPV6 = re.compile(r"[0-9a-f:.]+")


def canonical_url(url: str) -> str:
    """Return the one form of an http(s) URL that all its spellings share.

    Lower-case scheme and host (IDNA), no credentials, default port, fragment or tracking parameter, no trailing slash
    but the root's, dot segments resolved, one form of a known host, percent-encoding as RFC 3986 section 6.2.2 has it.
    Applying it twice changes nothing.

    Raises:
        InputError: it is no http(s) URL.
    """
    text = url.strip()
    if any(ord(character) < 0x20 or ord(character) == 0x7F for character in text):
        raise _no_url(url, "it contains a control character")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise _no_url(url, str(error)) from None
    scheme = parts.scheme.lower()
    if scheme not in _PORTS:
        raise _no_url(url, "only http and https addresses can be read")
    host = _host(parts, url)
    if host in _HTTPS_ONLY and port in (None, 80, 443):
        scheme, port = "https", None
    authority = f"[{host}]" if ":" in host else host
    if port is not None and port != _PORTS[scheme]:
        authority += f":{port}"
    query = _query(parts.query, host)
    return f"{scheme}://{authority}{_path(parts.path)}" + (f"?{query}" if query else "")


def classify(url: str) -> tuple[LinkKind, tuple[Category, ...]]:
    """Say which crawler reads an http(s) URL and which categories its documents belong to.

    Raises:
        InputError: it is no http(s) URL.
    """
    parts = urlsplit(canonical_url(url))
    host, path = parts.hostname or "", PurePosixPath(unquote(parts.path).lower())
    if host == "github.com" and parts.port is None:
        return LinkKind.GITHUB, (Category.REPOSITORIES,)
    if host == _LINKEDIN:
        return LinkKind.LINKEDIN, (Category.POSTS, Category.ARTICLES)
    names = path.parts[1:]
    if names and (names[-1] in _FEED_NAMES or path.suffix in _FEED_SUFFIXES or names[0] == "feed"):
        return LinkKind.FEED, (Category.ARTICLES,)
    return LinkKind.ARTICLE, (Category.ARTICLES,)


def repository_url(url: str) -> str:
    """Return `https://github.com/owner/name` for any address inside a GitHub repository, built from checked parts.

    Owner and name are lower-case: GitHub does not tell their cases apart, and two ids would be two repositories.

    Raises:
        InputError: it is not inside a repository.
    """
    parts = urlsplit(canonical_url(url))
    names = parts.path.lower().split("/")[1:]
    if parts.hostname == "github.com" and len(names) >= 2 and names[0] not in _NOT_OWNERS:
        owner, name = names[0], names[1].removesuffix(".git")
        if _OWNER.fullmatch(owner) and _REPOSITORY.fullmatch(name) and name not in (".", ".."):
            return f"https://github.com/{owner}/{name}"
    raise InputError(f"{url} is not the address of one repository: give https://github.com/OWNER/NAME.")


def declare_link(author: str, declaration: str | Mapping[str, Any], *, base: Path, origin: Origin = "file") -> Link:
    """Make a link from what a person wrote.

    Args:
        author: slug of the author.
        declaration: an http(s) URL or a path; or a mapping with exactly one of `url`, `feed`, `repository`,
            `linkedin_export` and `files`, and options: `include` and `exclude` (gitignore-style patterns; GitHub,
            `repository` and `files`) and `category` (`posts` or `articles`; `files`).
        base: the folder that relative paths start from.
        origin: where the declaration stands.

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
    if source in ("url", "feed"):
        kind, categories = classify(value)
        if source == "feed":
            kind, categories = LinkKind.FEED, (Category.ARTICLES,)
        url = repository_url(value) if kind is LinkKind.GITHUB else canonical_url(value)
    else:
        if "://" in value or "\x00" in value:
            raise InputError(f"'{source}' is a path on this machine, not {value!r}: write an address as 'url'.")
        kind, categories = LinkKind(source), _LOCAL_CATEGORIES[source]
        # The declared form is the identity, so that another checkout of the same author file is the same author.
        url, location = f"local:{Path(value).as_posix()}", str((base / Path(value).expanduser()).resolve())
    return Link(
        author=author,
        url=url,
        kind=kind,
        categories=(_category(options["category"], kind),) if "category" in options else categories,
        origin=origin,
        include=_patterns(options, "include", kind),
        exclude=_patterns(options, "exclude", kind),
        location=location,
    )


_LOCAL_CATEGORIES = {
    "repository": (Category.REPOSITORIES,),
    "linkedin_export": (Category.POSTS, Category.ARTICLES),
    "files": (Category.ARTICLES,),
}
SOURCES = ("url", "feed", *_LOCAL_CATEGORIES)
"""The fields of which a declaration has exactly one."""
OPTIONS = ("include", "exclude", "category")


def _source(declaration: Mapping[str, Any]) -> tuple[str, Any, dict[str, Any]]:
    named = [name for name in declaration if name in SOURCES]
    unknown = [name for name in declaration if name not in SOURCES + OPTIONS]
    if unknown:
        raise InputError(f"A link has no field '{unknown[0]}'{nearest(str(unknown[0]), SOURCES + OPTIONS)}.")
    if len(named) != 1:
        said = f"both {' and '.join(repr(name) for name in named)}" if named else "none of them"
        raise InputError(f"A link has exactly one of {', '.join(SOURCES)}, and this one has {said}: keep one.")
    return named[0], declaration[named[0]], {name: declaration[name] for name in OPTIONS if name in declaration}


def _guess(text: str, base: Path) -> str:
    """The field that a plain string stands for."""
    value = text.strip()
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", value) or value.startswith(("mailto:", "git@")):
        canonical_url(value)  # names what is wrong with it, such as the scheme
        return "url"
    path = base / Path(value).expanduser() if value and "\x00" not in value else None
    if path is not None and any(character in value for character in "*?["):
        return "files"
    if path is None or not path.exists():
        raise InputError(f"{value!r} is no http(s) address and no file or folder in {base}: correct it.")
    if (path / ".git").exists() or ((path / "HEAD").is_file() and (path / "objects").is_dir()):
        return "repository"
    if path.suffix.lower() == ".zip" or (path.is_dir() and any(path.glob("*.csv"))):
        return "linkedin_export"
    return "files"


def _category(value: Any, kind: LinkKind) -> Category:
    if kind is not LinkKind.FILES:
        raise InputError(f"'category' goes with 'files' only, and this is a link of kind {kind}: remove it.")
    if value not in (Category.POSTS, Category.ARTICLES):
        raise InputError(f"'category' is posts or articles, not {shown(value)}.")
    return Category(value)


def _patterns(options: Mapping[str, Any], name: str, kind: LinkKind) -> tuple[str, ...]:
    value = options.get(name, [])
    if name in options and kind not in (LinkKind.GITHUB, LinkKind.REPOSITORY, LinkKind.FILES):
        raise InputError(f"'{name}' goes with a repository or 'files' only, and this is a link of kind {kind}.")
    patterns = [value] if isinstance(value, str) else value
    if not isinstance(patterns, list | tuple) or not all(isinstance(each, str) and each for each in patterns):
        raise InputError(f"'{name}' is a list of patterns (text) such as ['*.md', 'docs/'].")
    return tuple(patterns)


def nearest(name: str, known: tuple[str, ...]) -> str:
    """The end of a sentence about an unknown name: the nearest known one, or all of them."""
    from difflib import get_close_matches

    near = get_close_matches(name.lower(), known, n=1)
    return f": write '{near[0]}'" if near else f": it has {', '.join(known)}"


def _host(parts: SplitResult, url: str) -> str:
    host = (parts.hostname or "").rstrip(".")
    if ":" in host:
        if _IPV6.fullmatch(host):
            return host
        raise _no_url(url, "its host is no IPv6 address")
    try:
        host = host.encode("idna").decode("ascii").lower()
    except UnicodeError:
        raise _no_url(url, "its host is no host name") from None
    if not host or not all(_LABEL.fullmatch(label) for label in host.split(".")):
        raise _no_url(url, "its host is no host name")
    if host == "linkedin.com" or host.endswith(".linkedin.com"):
        return _LINKEDIN
    return _SAME_HOST.get(host, host)


def _path(path: str) -> str:
    kept: list[str] = []
    for segment in _encoded(path, "/:@!$&'()*+,;=~").split("/"):
        if segment == "..":
            kept = kept[:-1]
        elif segment not in ("", "."):
            kept.append(segment)
    return "/" + "/".join(kept)


def _query(query: str, host: str) -> str:
    dropped = _TRACKING.union(
        *(names for name, names in _TRACKING_OF_HOST.items() if host == name or host.endswith(f".{name}"))
    )
    kept = []
    for pair in query.split("&"):
        name = unquote(pair.partition("=")[0]).lower()
        if pair and name not in dropped and not name.startswith("utm_"):
            kept.append(_encoded(pair, "/:@!$'()*+,;=~?"))
    return "&".join(kept)


def _encoded(text: str, safe: str) -> str:
    """Percent-encode what needs it, decode what does not, and keep every other escape, in capitals."""

    def unreserved(match: re.Match[str]) -> str:
        character = chr(int(match[1], 16))
        return character if re.fullmatch(r"[A-Za-z0-9._~-]", character) else match[0].upper()

    escaped = re.sub(r"%(?![0-9A-Fa-f]{2})", "%25", text)
    try:
        return quote(re.sub(r"%([0-9A-Fa-f]{2})", unreserved, escaped), safe=safe + "%")
    except UnicodeEncodeError:
        raise _no_url(text, "it holds half a character") from None


def _no_url(url: str, why: str) -> InputError:
    """The refusal of an address, without the credentials that may stand in it."""
    shown = re.sub(r"//[^/@]*@", "//", url.strip())[:200]
    return InputError(f"{shown!r} is no address that can be read ({why}): write it as https://HOST/PATH.")


def shown(value: Any) -> str:
    """A value as a message shows it: short, whatever YAML aliases can make of a list."""
    if value is None:
        return "empty"
    if isinstance(value, str):
        return repr(value[:60])
    if isinstance(value, list | tuple | dict | set):
        return "a mapping" if isinstance(value, dict) else "a list"
    return f"a {type(value).__name__} ({str(value)[:60]})"
