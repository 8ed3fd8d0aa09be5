"""The one place that keeps secrets out of what people read: messages, logs, tracebacks, metadata.

`remember` is told every secret as soon as it is known. `masked` replaces it in a text by `***`, in whatever form it is
written there: as it is, percent-encoded, escaped as in JSON, Python or HTML, in base64 (also inside of a longer text)
or hexadecimal, and mixtures of these. It also removes user and password from any address.

Every message goes through it: `TwinError` masks its own text and the errors that caused it, and from the first secret
on, so do log records of every logger, warnings, and the traceback of an exception that nobody caught.
"""

import base64
import html
import logging
import re
import sys
import threading
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache, cached_property
from typing import Any
from urllib.parse import unquote

MASK = "***"
PLACEHOLDER = "USER:PASSWORD"
"""What a message may show before an @, to say where user and password go."""

_SHORTEST = 4
"""Characters of the shortest secret that is looked for outside of addresses: a shorter one is part of many words."""

_WORD = 5
"""Characters up to which a secret is hidden only where it stands alone."""

_FOLDED = 8
"""Characters from which capital and small letters are the same: some servers change them."""

_ADDRESS = re.compile(
    r"(?P<colon>(?::|%3a)(?:\\?/|%2f){1,3})"
    # user and password end at the last @ before the path; a password that contains a / needs a : which begins no port
    r"(?P<user>[^\s/?#'\"<>]{0,4096}|[^\s/@:\[\]'\"<>]{1,999}:(?!\d{1,5}(?:[/?#,\s]|$))[^\s@'\"<>]{0,4096})@",
    re.IGNORECASE,
)
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*$", re.IGNORECASE)
_TOKEN_SCHEMES = frozenset({"http", "https", "ftp", "ftps"})
"""In their addresses a name without a password is often a token. Elsewhere it may be a container, such as abfs://c@a."""

_SECRET_NAME = re.compile(
    r"(?:pass(?:word|wd|phrase)?|secret|token|credentials?|pat|signature|(?:api|access|private|secret|auth)_?key(?:_?id)?)$",
    re.IGNORECASE,
)
_ESCAPE = re.compile(
    r"%(?:25)*([0-9a-f]{2})"
    r"|\\+(?:u\{0*([0-9a-f]{1,6})\}|u([0-9a-f]{4})|U([0-9a-f]{8})|x([0-9a-f]{2})|([0-7]{3}))"
    r"|&(?:amp;)*(#x?[0-9a-f]{1,7};|[a-z]{2,6};)"
    r"|\\+([^a-z0-9\s])",
    re.IGNORECASE,
)


class _Form:
    """One text to hide.

    Args:
        text: what is hidden.
        folded: whether capital and small letters are the same.
        alone: whether it is hidden only where no letter or digit touches it.
    """

    def __init__(self, text: str, *, folded: bool = False, alone: bool = False) -> None:
        self._text, self._folded, self._alone = text, folded, alone
        self._needle = text.casefold() if folded else text
        self._simple = text.isascii() and " " not in text and _decoded(text) == text

    def sought_in(self, decoded: str, folded: str) -> bool:
        """Whether `pattern` may match a text, given its `_decoded` form: a quick look before a slow one."""
        return not self._simple or self._needle in (folded if self._folded else decoded)

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        written = "".join(f"(?:{'|'.join(_written(char))})" for char in self._text)
        if self._alone:
            written = rf"(?<![^\W_]){written}(?![^\W_])"
        return re.compile(written, re.IGNORECASE if self._folded else 0)


_known: dict[str, list[_Form]] = {}
"""Each secret that is known, with the forms in which it is looked for."""


def remember(*secrets: str | None) -> None:
    """Hide these texts from now on, in every message of this process."""
    for secret in filter(None, map(_bare, secrets)):
        if secret not in _known:
            _known[secret] = _forms_of(secret)
    watch()


def remember_address(address: str) -> None:
    """Hide whatever may be a password in an address, however it is written: `user:password` with or without a host."""
    scheme, found, rest = address.strip().partition("://")
    if not found:
        scheme, rest = "", address.strip()
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    passwords: list[str] = []
    for part in (authority, rest):
        user, at, _ = part.rpartition("@")
        name, colon, password = user.partition(":")
        if at and colon and not password.startswith("//"):
            passwords.append(password)
        elif at and (scheme.lower() in _TOKEN_SCHEMES or not found) and "/" not in name:
            passwords.append(name)
    if found and "@" not in rest and not authority.startswith("["):  # the host was forgotten
        for part in (authority, rest):
            tail = part.partition(":")[2]
            pieces = re.split(r"[;,:/?]", tail)
            if tail and not (pieces[0].isdigit() and int(pieces[0][:6]) < 2**16):
                passwords += [tail, re.split(r"[;,:](?=[^;,:]*$)", tail)[0], pieces[0]]
    for name, _, value in (part.partition("=") for part in re.split("[?&;]", rest)[1:]):
        inner = [part.partition(":") for part in value.split(",")]  # authMechanismProperties=AWS_SESSION_TOKEN:...
        passwords += [value] if _SECRET_NAME.search(name) else [last for first, _, last in inner if _secret_of(first)]
    remember(*passwords, *map(unquote, passwords))


def remember_environment(env: Mapping[str, str]) -> None:
    """Hide the secrets of an environment: of every variable that is called so, and of addresses with a password."""
    for name, value in env.items():
        if _secret_of(name) and len(value.strip()) >= _FOLDED and not value.startswith(("/", ".", "~")):
            remember(value)
        if "://" in value and "@" in value:
            remember_address(value)
    watch()


def forget() -> None:
    """Hide nothing any more; for tests, which make secrets of ordinary words."""
    _known.clear()


def masked(text: str) -> str:
    """The text without any secret that is known, and without user and password of any address."""
    if "@" in text:
        text = _ADDRESS.sub(_without_user, text)
    for forms in list(_known.values()):  # another thread may learn a secret meanwhile
        text = _hidden(text, forms)
    return text


def masked_values(value: Any) -> Any:
    """`masked` for every text in lists, tuples and dictionaries; other values stay as they are."""
    match value:
        case str():
            return masked(value)
        case list() | tuple():
            return [masked_values(each) for each in value]
        case dict():
            return {masked_values(name): masked_values(each) for name, each in value.items()}
    return value


def without(text: str, secret: str) -> str:
    """The text without one secret, in any form, and without the beginning of it that a cut at the end has left."""
    secret = _bare(secret)
    if not secret:
        return text
    text = _hidden(text, _forms_of(secret))
    left = next((size for size in range(len(secret) - 1, 0, -1) if text.endswith(secret[:size])), 0)
    return f"{text[:-left]}{MASK}" if left else text


def without_bytes(content: bytes, secret: str) -> bytes:
    """The content without one secret, in any form; every other byte stays."""
    return _hidden(content.decode("latin-1"), _forms_of(secret)).encode("latin-1")


def cleaned(error: BaseException) -> BaseException:
    """The error without secrets, in its text and in the errors that led to it.

    It is the same error if its own text is clean; otherwise another one with the same class name, traceback and notes.
    """
    return _cleaned(error, {})


@contextmanager
def no_secrets() -> Iterator[None]:
    """Clean whatever exception leaves the block, for a caller that stores or prints it."""
    try:
        yield
    except Exception as error:
        if (clean := cleaned(error)) is error:
            raise
        raise clean from clean.__cause__


@cache
def watch() -> None:
    """Mask log records, warnings and the tracebacks of exceptions that nobody catches, from the first call on."""
    _watch_logs()
    written = warnings.formatwarning

    def formatwarning(*args: Any, **options: Any) -> str:
        return masked(written(*args, **options))

    warnings.formatwarning = formatwarning
    uncaught, uncaught_in_thread = sys.excepthook, threading.excepthook

    def excepthook(kind: type[BaseException], error: BaseException, trace: Any) -> None:
        clean = cleaned(error)
        uncaught(kind if clean is error else type(clean), clean, trace)

    def thread_excepthook(args: Any) -> None:
        error = args.exc_value
        clean = cleaned(error) if error is not None else None
        if clean is not error and clean is not None:
            args = threading.ExceptHookArgs((type(clean), clean, args.exc_traceback, args.thread))
        uncaught_in_thread(args)

    sys.excepthook, threading.excepthook = excepthook, thread_excepthook


def _watch_logs() -> None:
    made = logging.getLogRecordFactory()

    def make(*args: Any, **options: Any) -> logging.LogRecord:
        record = made(*args, **options)
        try:
            said = record.getMessage()
        except (TypeError, ValueError, KeyError):  # a wrong number of arguments: logging itself reports that
            return record
        if (clean := masked(said)) != said:
            record.msg, record.args = clean, ()
        if record.exc_info and record.exc_info[1] is not None:
            error = cleaned(record.exc_info[1])
            record.exc_info = (type(error), error, record.exc_info[2])
        return record

    logging.setLogRecordFactory(make)


def _bare(secret: str | None) -> str:
    return (secret or "").strip().strip("\ufeff\u200b").strip()


def _secret_of(variable: str) -> bool:
    return _SECRET_NAME.search(variable) is not None


def _without_user(found: re.Match[str]) -> str:
    user = found["user"].lower()
    if found["user"] == PLACEHOLDER:
        return found[0]
    scheme = _SCHEME.search(found.string[max(0, found.start() - 20) : found.start()])
    token = scheme is not None and scheme[0].lower() in _TOKEN_SCHEMES and "%2f" not in user
    return f"{found['colon']}{MASK}@" if ":" in user or "%3a" in user or token else found[0]


def _hidden(text: str, forms: list[_Form]) -> str:
    decoded = _decoded(text)
    folded = decoded.casefold()
    hit = [form for form in forms if form.sought_in(decoded, folded)]
    for form in hit:
        text = form.pattern.sub(MASK, text)
    return text


def _decoded(text: str) -> str:
    """The text with its escapes resolved."""
    for _ in range(3):
        if (after := _ESCAPE.sub(_resolved, text)) == text:
            break
        text = after
    return text


def _resolved(found: re.Match[str]) -> str:
    percent, braces, short, long, byte, octal, entity, plain = found.groups()
    if entity:
        return html.unescape(f"&{entity}")
    if plain:
        return plain
    number = int(octal, 8) if octal else int(percent or braces or short or long or byte, 16)
    return chr(number) if number < 0x110000 else found[0]


def _forms_of(secret: str) -> list[_Form]:
    """Every text to look for to hide this secret."""
    if len(secret) < _SHORTEST:
        return []
    raw = secret.encode("utf-8", "surrogatepass")
    forms = [_Form(secret, folded=len(secret) >= _FOLDED, alone=len(secret) <= _WORD)]
    for before in range(3):  # base64 of a longer text depends on where the secret begins in it
        whole = base64.b64encode(b"\0" * before + raw)
        known = whole[(0, 2, 3)[before] : (before + len(raw)) * 8 // 6].decode()
        forms += [_Form(each) for each in {known, known.replace("+", "-").replace("/", "_")} if len(each) >= _WORD]
    return [*forms, _Form(raw.hex(), folded=True)]


def _written(char: str) -> list[str]:
    """Patterns for the ways in which a character can be written."""
    code = ord(char)
    ways = [rf"\\*{re.escape(char)}" if not char.isalnum() else re.escape(char)]
    percent = [char.encode("utf-8", "surrogatepass"), *([char.encode("latin-1")] if code < 256 else [])]
    ways += ["".join(rf"%(?:25)*{_hexadecimal(f'{byte:02x}')}" for byte in form) for form in percent]
    units = char.encode("utf-16-be", "surrogatepass")
    ways.append("".join(rf"\\+u{_hexadecimal(units[at : at + 2].hex())}" for at in range(0, len(units), 2)))
    ways += [rf"\\+u\{{0*{_hexadecimal(f'{code:x}')}\}}", rf"\\+U{_hexadecimal(f'{code:08x}')}"]
    ways += [rf"&(?:amp;)*#0*{code};", rf"&(?:amp;)*#[xX]0*{_hexadecimal(f'{code:x}')};"]
    ways += ["".join(rf"\\+(?:x{_hexadecimal(f'{byte:02x}')}|{byte:03o})" for byte in form) for form in percent]
    if (named := html.escape(char)) != char:
        ways.append(f"&(?:amp;)*{named[1:]}")
    if char == " ":
        ways.append(r"\+")
    if code > 127:  # UTF-8 that was read as Latin-1, and what is written for a letter that cannot be
        ways += [re.escape(percent[0].decode("latin-1")), "\ufffd{1,4}", r"\?{1,4}"]
    return ways


def _hexadecimal(digits: str) -> str:
    return "".join(f"[{digit}{digit.upper()}]" if digit.isalpha() else digit for digit in digits)


_CAUSE: Any = BaseException.__dict__["__cause__"]
_CONTEXT: Any = BaseException.__dict__["__context__"]


class Masked(Exception):
    """An exception without secrets: in its text, and in the errors that led to it, for whoever reads them here."""

    def __init__(self, *said: object) -> None:
        super().__init__(*(masked(each) if isinstance(each, str) else each for each in said))

    @property
    def __cause__(self) -> BaseException | None:
        return _clean_link(self, _CAUSE)

    @__cause__.setter
    def __cause__(self, cause: BaseException | None) -> None:
        _CAUSE.__set__(self, cause)

    @property
    def __context__(self) -> BaseException | None:
        return _clean_link(self, _CONTEXT)

    @__context__.setter
    def __context__(self, context: BaseException | None) -> None:
        _CONTEXT.__set__(self, context)


def _clean_link(error: BaseException, member: Any) -> BaseException | None:
    found: BaseException | None = member.__get__(error)
    return None if found is None else cleaned(found)


def _cleaned(error: BaseException, seen: dict[int, BaseException]) -> BaseException:
    if id(error) in seen:
        return seen[id(error)]
    clean = _stand_in(error) if _shows(error) else error
    seen[id(error)] = clean
    if isinstance(error, BaseExceptionGroup):
        inner = [_cleaned(each, seen) for each in error.exceptions]
        if clean is not error or any(one is not other for one, other in zip(inner, error.exceptions, strict=True)):
            clean = seen[id(error)] = BaseExceptionGroup(masked(error.message), inner).with_traceback(
                error.__traceback__
            )
    suppressed = error.__suppress_context__
    for member in (_CAUSE, _CONTEXT):
        before = member.__get__(error)
        after = None if before is None else _cleaned(before, seen)
        if after is not member.__get__(clean):
            member.__set__(clean, after)
    clean.__suppress_context__ = suppressed
    return clean


def _shows(error: BaseException) -> bool:
    try:
        shown = [str(error), repr(error), *map(str, getattr(error, "__notes__", ()))]
    except Exception:  # an error whose text cannot be made may show anything
        return True
    return any(masked(text) != text for text in shown)


def _stand_in(error: BaseException) -> BaseException:
    kind = type(error)
    try:
        said = masked(str(error))
    except Exception:
        said = MASK
    base = Masked if isinstance(error, Exception) else BaseException
    made: BaseException = type(kind.__name__, (base,), {"__module__": kind.__module__})(said)
    for note in getattr(error, "__notes__", ()):
        made.add_note(masked(str(note)))
    return made.with_traceback(error.__traceback__)
