"""The canonical form of a link: two links are the same when their canonical forms are equal.

`twin.crawling.base` decides what a link *is*, and `twin.authors.declarations` what an author may write.
"""

import re
from contextlib import suppress
from pathlib import Path
from urllib.parse import SplitResult, quote, unquote, urlsplit

from twin.errors import InputError

_PORTS = {"http": 80, "https": 443}

_SAME_HOST = {
    "www.github.com": "github.com",
    "m.github.com": "github.com",
    "www.medium.com": "medium.com",
    "m.medium.com": "medium.com",
    "www.substack.com": "substack.com",
    "www.dev.to": "dev.to",
}
"""Host names that show the same pages."""

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
"""Tracking parameters; those below apply to a host and its subdomains."""

_OWNER = re.compile(r"[a-z0-9][a-z0-9_-]{0,38}")
_REPOSITORY = re.compile(r"[a-z0-9._-]{1,100}")
_NOT_OWNERS = frozenset([
    "about", "account", "apps", "blog", "codespaces", "collections", "contact", "copilot", "customer-stories",
    "dashboard", "discussions", "enterprise", "events", "explore", "features", "home", "issues", "join", "login",
    "logout", "marketplace", "mobile", "new", "notifications", "orgs", "organizations", "pricing", "pulls", "readme",
    "resources", "search", "security", "sessions", "settings", "signup", "site", "solutions", "sponsors", "stars",
    "team", "topics", "trending", "users", "watching",
])  # fmt: skip
"""First parts of GitHub paths that are GitHub's own pages."""

_CREDENTIALS = re.compile(r"//(?:[^/?#]*|[^/?#@:\[]*:(?!\d*(?:[/?#]|$)).*)@", re.S)
"""Up to the last @ of the authority; beyond it, if a colon begins not a port but a password that contains a slash."""

_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_IPV6 = re.compile(r"[0-9a-f:.]+")


def canonical_url(url: str) -> str:
    """Return the one form of an http(s) URL that all its spellings share.

    Lower-case scheme and host (IDNA); no credentials, default port, fragment or tracking parameters; no trailing slash
    except the root's; dot segments resolved; one form of a known host; percent-encoding by RFC 3986, section 6.2.2.
    Applying it twice changes nothing.

    Raises:
        InputError: it is not an http(s) URL.
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


def spellings(typed: str) -> list[str]:
    """The stored forms that a typed link may have: an id as it was declared, an address in any spelling, or a path."""
    path = Path(typed).as_posix() if typed and "\x00" not in typed else typed
    found = [typed, f"local:{path}"]
    home = Path.home().as_posix()  # the shell has replaced the ~ that was declared
    if path == home or path.startswith(f"{home}/"):
        found.append(f"local:~{path.removeprefix(home)}")
    for canonical in (canonical_url, repository_url):
        with suppress(InputError):
            found.append(canonical(typed))
    return found


def ends_with(known: str, typed: str) -> bool:
    """Whether `typed` is the whole or the end of a link or path, from a slash on; case matters."""
    end = typed.strip().removeprefix("./").strip("/")
    return bool(end) and f"/{known.removeprefix('local:').rstrip('/')}".endswith(f"/{end}")


def canonical_or_none(address: str | None) -> str | None:
    """The canonical form of an address from an untrusted source; None if it is not a readable address."""
    try:
        return canonical_url(address) if address else None
    except InputError:
        return None


def shown(url: str) -> str:
    """An address without credentials, even if the credentials make it invalid."""
    return _CREDENTIALS.sub("//", url, count=1)


def repository_url(url: str) -> str:
    """Return `https://github.com/owner/name` for any address inside a GitHub repository, built from checked parts.

    Owner and name are lower-case: GitHub ignores their case, and two ids would be two repositories.

    Raises:
        InputError: it is not inside a repository.
    """
    owner, name, *_ = (*_names(url), "", "")
    if owner and _REPOSITORY.fullmatch(name) and name not in (".", ".."):
        return f"https://github.com/{owner}/{name}"
    raise InputError(f"{url} is not the address of one repository: give https://github.com/OWNER/NAME.")


def profile_url(url: str) -> str:
    """Return `https://github.com/name` for the address of a person's or an organisation's page on GitHub.

    Raises:
        InputError: it is not such a page.
    """
    names = _names(url)
    if len(names) == 1:
        return f"https://github.com/{names[0]}"
    raise InputError(f"{url} is not the page of a person or organisation: give https://github.com/NAME.")


def _names(url: str) -> tuple[str, ...]:
    """Owner, and repository if there is one, in an address on GitHub; empty if it names neither."""
    parts = urlsplit(canonical_url(url))
    names = parts.path.lower().split("/")[1:]
    if parts.netloc != "github.com":
        return ()
    if names[0] == "orgs" and len(names) in (2, 3) and names[2:] in ([], ["repositories"]):
        names = names[1:2]
    if names[0] in _NOT_OWNERS or not _OWNER.fullmatch(names[0]):
        return ()
    return (names[0], names[1].removesuffix(".git")) if len(names) > 1 else (names[0],)


def _host(parts: SplitResult, url: str) -> str:
    host = (parts.hostname or "").rstrip(".")
    if ":" in host:
        if is_host(host):
            return host
        raise _no_url(url, "its host is not an IPv6 address")
    try:
        host = host.encode("idna").decode("ascii").lower()
    except UnicodeError:
        raise _no_url(url, "its host is not a host name") from None
    if not is_host(host):
        raise _no_url(url, "its host is not a host name")
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
        raise _no_url(text, "it contains an invalid character") from None


def _no_url(url: str, why: str) -> InputError:
    """The error for an invalid address, without credentials in the message."""
    return InputError(f"{shown(url.strip())[:200]!r} is not a readable address ({why}): write it as https://HOST/PATH.")


def is_host(host: str) -> bool:
    """Whether an ASCII text in lower case has the form of a host: a name, or an IPv6 address without brackets."""
    if ":" in host:
        return _IPV6.fullmatch(host) is not None
    return all(_LABEL.fullmatch(label) for label in host.split("."))


def within(host: str, domain: str) -> bool:
    """Whether a host is a registrable domain or one of its subdomains, label by label."""
    return host == domain or host.endswith(f".{domain}")
