"""Which addresses may be fetched at all, decided before any name is resolved."""

from urllib.parse import urljoin, urlsplit, urlunsplit

from twin.crawling.web.transport import Failure
from twin.links import is_host, shown, within

_PORTS = {"http": 80, "https": 443}

SAVE_THE_PAGE = "save the page from your browser and declare the file with `files:` instead"
LINKEDIN_STEPS = (
    "LinkedIn's terms forbid fetching it, so use an export: (1) on linkedin.com open Me > "
    "Settings & Privacy > Data privacy > Get a copy of your data; (2) choose the larger data archive, or only Posts "
    '("Shares") and Articles, and request it; (3) the link to it comes by e-mail within about 24 hours and is valid '
    "for 72 hours; (4) download the zip and declare it with `linkedin_export:`; a single page can be saved from a "
    "browser that is signed out, and declared with `files:`"
)


def allowed(target: str, ports: tuple[int, ...] | None, *, base: str | None = None) -> str:
    """Return `target` without credentials and fragment, with its host in ASCII and lower case, if it may be fetched.

    Args:
        ports: allowed ports; None: any.
        base: the address that redirects to `target`, if one does.

    Raises:
        Failure: it may not be fetched.
    """
    led = f"leads to an address that is not allowed: {shown(target)[:200]} " if base else ""
    try:
        parts = urlsplit(urljoin(base, target) if base else target)
        host, given = (parts.hostname or "").rstrip("."), parts.port
        # As a resolver would read it: full-width and circled letters count as letters.
        host = host if ":" in host else host.encode("idna").decode("ascii").lower().rstrip(".")
    except ValueError as error:
        raise Failure(f"{led}is not a valid address: correct the link") from error
    if parts.scheme not in _PORTS or not host:
        raise Failure(f"{led}is not an http or https address: correct the link")
    if not is_host(host):
        raise Failure(f"{led}is not a valid address: correct the link")
    port = given or _PORTS[parts.scheme]
    if ports is not None and port not in ports:
        raise Failure(f"{led}uses port {port}: only {' and '.join(map(str, ports))} are allowed, see TWIN_PORTS")
    if within(host, "linkedin.com") or within(host, "lnkd.in"):
        raise Failure(f"is not fetched: {LINKEDIN_STEPS}")
    netloc = f"[{host}]" if ":" in host else host
    if port != _PORTS[parts.scheme]:
        netloc += f":{port}"
    return urlunsplit((parts.scheme, netloc, parts.path or "/", parts.query, ""))


def host_of(address: str) -> str:
    """The host of an allowed address."""
    return urlsplit(address).hostname or ""


def origin_of(address: str) -> str:
    """Scheme, host and port of an allowed address."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"
