"""What may be the HTTP address of a server, and what may be its key."""

from urllib.parse import urlsplit


def usable_address(url: str, *, login: bool = False) -> bool:
    """Whether this is an http(s) address with a host and a possible port, and without query or fragment.

    Args:
        login: whether user and password may be part of it.
    """
    if set(url) & set("?#\\ " if login else "?#@\\ ") or not url.isprintable():
        return False
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").encode("idna")  # fails if a label is empty or longer than 63 bytes
        return parts.scheme in ("http", "https") and bool(host) and parts.port != 0
    except ValueError:  # the port is not a number, or the host cannot be one
        return False


def usable_key(key: str) -> bool:
    """Whether a header can hold this key."""
    return key.isascii() and key.isprintable()
