"""Secrets in a text: keys, tokens, passwords. This combines the finders by form and by name."""

import base64
import binascii
import re
from collections.abc import Iterator
from functools import cache

from twin.models import Document
from twin.private import assignments
from twin.private.keywords import Keywords
from twin.private.placeholders import Span
from twin.private.secretrules import Rule, entropy, rules

_PEM = re.compile(r"-----(BEGIN|END)[ A-Z0-9_-]{0,100}?(PRIVATE KEY(?: BLOCK)?|CERTIFICATE|PUBLIC KEY(?: BLOCK)?)-----")
_PUTTY = re.compile(r"Private-Lines: \d{1,3}\s{1,4}((?:[A-Za-z0-9+/=]{4,80}(?:\s{1,4}|$)){1,100})")
_KEY_LINES = re.compile(r"(?:(?:\\n|[\s\"'+,>\\])+[A-Za-z0-9+/=]{16,200}){2,}")
_BASE64 = re.compile(r"[A-Za-z0-9+/]{20,}")

_AWS_ID = re.compile(r"\b(?:AKIA|ASIA)[A-Z2-7]{16}\b")
_AWS_SECRET = re.compile(r"(?<![A-Za-z0-9+/=._-])(?=[^\n]{0,40}?\d)([A-Za-z0-9+/]{40})(?![A-Za-z0-9+/=._-])")
_AWS_REACH = 240

_DOCKER_AUTH = re.compile(r'"auth"[ \t]{0,4}:[ \t]{0,4}"([A-Za-z0-9+/]{12,400}={0,2})"')
_SECRET_KIND = re.compile(r"^kind:[ \t]*[\"']?Secret\b", re.M)
_SECRET_DATA = re.compile(r"^(?:data|stringData):[ \t]*\n((?:[ \t][^\n]*(?:\n|\Z)|\n)+)", re.M)
_SECRET_ENTRY = re.compile(
    r"^[ \t]+[\w.-]+:[ \t]+(?:!!binary[ \t]+)?[\"']?([^\s\"'{$<#|>][^\s\"']{3,})[\"']?[ \t]*$", re.M
)

_PLAIN_PASSWORDS = frozenset(
    {
        "pass",
        "pwd",
        "pw",
        "secret",
        "password",
        "passwd",
        "pass123",
        "root",
        "guest",
        "admin",
        "user",
        "test",
        "token",
        "key",
    }
)


def find_secrets(text: str, *, code: bool, path: str | None = None) -> list[Span]:
    """The spans of `text` that contain a secret; they may overlap."""
    every = rules()
    if path and any(pattern.search(path) for pattern in every.allowed_paths):
        return list(_private_keys(text))
    expressions = code and (path is None or assignments.is_expression_file(path))
    spans = [*_private_keys(text), *_aws_secrets(text), *_docker_auth(text), *_kubernetes_secrets(text)]
    by_form: list[tuple[int, Rule]] = []
    for offset, wanted in _keywords().hits(text):
        if isinstance(wanted, Rule):
            by_form.append((offset, wanted))
        else:
            spans += assignments.find_assignment(text, offset, wanted, expressions=expressions)
    spans += every.everywhere(text, path)
    spans += every.near(text, by_form, path)
    return [span for span in spans if not _is_plain(text, span)]


@cache
def _keywords() -> Keywords[Rule | str]:
    names = ((word, word) for word in assignments.KEYWORDS)
    return Keywords([*rules().keywords(), *names])


def _private_keys(text: str) -> Iterator[Span]:
    """Blocks of private keys (RFC 7468, OpenSSH, OpenPGP, PuTTY), as a whole; also a block that is cut off."""
    if "PRIVATE KEY" in text:
        begun: re.Match[str] | None = None
        for mark in [*_PEM.finditer(text), None]:
            if begun and "PRIVATE" in begun[2]:
                closed = mark is not None and mark[1] == "END" and mark[2] == begun[2]
                end = mark.end() if mark and closed else _cut_off(text, begun.end())
                if sum(len(run[0]) for run in _BASE64.finditer(text, begun.end(), end)) >= 64:
                    yield Span(begun.start(), end, "SECRET:private-key")
            begun = mark if mark and mark[1] == "BEGIN" else None
    if "PuTTY-User-Key-File" in text:
        yield from (Span(*found.span(1), "SECRET:private-key") for found in _PUTTY.finditer(text))


def _cut_off(text: str, start: int) -> int:
    lines = _KEY_LINES.match(text, start)
    return lines.end() if lines else start


def _aws_secrets(text: str) -> Iterator[Span]:
    """An AWS secret key has no form of its own: it is forty random characters near a key id."""
    if "AKIA" not in text and "ASIA" not in text:
        return
    for found in _AWS_ID.finditer(text):
        area = max(0, found.start() - _AWS_REACH), found.end() + _AWS_REACH
        for secret in _AWS_SECRET.finditer(text, *area):
            if entropy(secret[1]) >= 4.2 and not assignments.is_placeholder(secret[1]):
                yield Span(*secret.span(1), "SECRET:aws-secret-access-key")


def _docker_auth(text: str) -> Iterator[Span]:
    """`"auth": "…"` of a Docker configuration, which is user and password in base64."""
    for found in _DOCKER_AUTH.finditer(text) if '"auth"' in text else ():
        try:
            user, _, password = base64.b64decode(found[1], validate=True).partition(b":")
        except binascii.Error:
            continue
        if user and password and (user + password).isascii():
            yield Span(*found.span(1), "SECRET:docker-auth")


def _kubernetes_secrets(text: str) -> Iterator[Span]:
    """The values under `data` and `stringData` of manifests whose kind is Secret."""
    if "Secret" not in text or not _SECRET_KIND.search(text):
        return
    start = 0
    for manifest in re.split(r"(?m)(?<=\n)(?=---)", text):
        if _SECRET_KIND.search(manifest):
            for data in _SECRET_DATA.finditer(manifest):
                for entry in _SECRET_ENTRY.finditer(data[1]):
                    if not assignments.is_placeholder(entry[1]):
                        at = start + data.start(1)
                        yield Span(at + entry.start(1), at + entry.end(1), "SECRET:kubernetes-secret")
        start += len(manifest)


def _is_plain(text: str, span: Span) -> bool:
    """True if the rule found a place for a secret, but the value is a placeholder or a word."""
    if not span.name.endswith(("-password", "-user", "-header", "bearer-token")):
        return False
    value = text[span.start : span.end]
    if value.lower() in _PLAIN_PASSWORDS or assignments.is_placeholder(value):
        return True
    if span.name == "SECRET:url-password":
        user = text[text.rfind("//", 0, span.start) + 2 : span.start - 1]
        return value == user or value.startswith(("$", "%", "{"))
    return value.startswith(("$", "%(", "{"))


def secrets_in_address(document: Document) -> int:
    """How many secrets the link and the path contain. Both identify a document, so they cannot be redacted."""
    return len(find_secrets(document.link, code=False)) + len(find_secrets(document.path or "", code=False))
