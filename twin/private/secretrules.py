"""Rules that recognise a secret by its form: gitleaks' and our own, as data, and some of detect-secrets' plugins."""

import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.resources import files
from math import log2
from typing import Any

from twin.private.placeholders import Span

_ANY_NAME = r"[\w.-]{0,50}?"
"""What gitleaks puts before the name of a service; only the name matters here, and this costs 50 tries a character."""

_DELIMITER = r"""(?:[\x60'"\s;]|\\[nr]|$)"""
_BOUNDARY = r"(?![\w+/=-]|\.\w)"
"""What ends a secret: in prose a full stop, a comma or a bracket, not only the quote that gitleaks asks for."""

_CASELESS = "(?i)"
_BEFORE, _AFTER = 160, 2_400
"""Characters around a keyword, in its line, that a rule looks at; with more, long lines would take quadratic time."""

_BLOB = re.compile(r"[A-Za-z0-9+/]*")
_MOST_RUN = 300

_PLUGINS = {  # module, class -> keywords without which none of its expressions can match, and the name of what it finds
    ("cloudant", "CloudantDetector"): (("cloudant",), "cloudant-credentials"),
    ("ibm_cos_hmac", "IbmCosHmacDetector"): (("cos_", "cos-"), "ibm-cos-hmac"),
    ("mailchimp", "MailchimpDetector"): (("-us",), "mailchimp-api-key"),
    ("pypi_token", "PypiTokenDetector"): (("pypi-age",), "pypi-upload-token"),
    ("sendgrid", "SendGridDetector"): (("sg.",), "sendgrid-api-token"),
    ("softlayer", "SoftlayerDetector"): (("softlayer",), "softlayer-credentials"),
    ("square_oauth", "SquareOAuthDetector"): (("sq0csp-",), "square-oauth-secret"),
}
"""The plugins of detect-secrets that find what no other rule here does; the others only cost time and false alarms."""


@dataclass(frozen=True)
class Rule:
    """One form of a secret."""

    name: str
    pattern: re.Pattern[str]
    keywords: tuple[str, ...]  # lower case; one of them is near every match; none: the whole text is searched
    anchored: bool  # every match begins at a keyword
    assigned: bool  # recognised by the name before it, so the value itself must look random
    group: int
    entropy: float  # minimum, in bits per character
    allowed: tuple[tuple[str, re.Pattern[str]], ...]  # where to look ("secret", "match", "line"), and for what
    stopwords: tuple[str, ...]
    path: re.Pattern[str] | None


@dataclass(frozen=True)
class Rules:
    """All rules, and what none of them may report."""

    rules: tuple[Rule, ...]
    allowed: tuple[re.Pattern[str], ...]  # values that look like secrets but are not
    allowed_paths: tuple[re.Pattern[str], ...]
    stopwords: tuple[str, ...]

    def keywords(self) -> Iterator[tuple[str, Rule]]:
        """Each keyword with its rule, for all rules that have keywords."""
        return ((word, rule) for rule in self.rules for word in rule.keywords)

    def everywhere(self, text: str, path: str | None) -> Iterator[Span]:
        """What the rules without keywords find in `text`."""
        for rule in self.rules:
            if not rule.keywords:
                yield from self.found(rule, rule.pattern.finditer(text), path)

    def near(self, text: str, hits: Iterable[tuple[int, Rule]], path: str | None) -> Iterator[Span]:
        """What the rules find in `text` near their keywords.

        Args:
            text: the text.
            hits: offset of a keyword, and a rule it belongs to, in the order of the text.
            path: path of a source file.
        """
        searched: dict[int, int] = {}  # rule -> end of its last window, so that no line is searched twice
        for offset, rule in hits:
            if rule.anchored:
                found = rule.pattern.match(text, offset)
                if found:
                    yield from self.found(rule, (found,), path)
                continue
            start, end = _window(text, offset)
            if searched.get(id(rule), -1) < end:
                # Farther than this keyword needs: on a long line, the next keywords then need no search of their own.
                end = min(end + _AFTER, _line_end(text, end))
                searched[id(rule)] = end
                yield from self.found(rule, rule.pattern.finditer(text, start, end), path)

    def found(self, rule: Rule, matches: Iterable[re.Match[str]], path: str | None) -> Iterator[Span]:
        """Those matches of a rule that are secrets, judged by entropy and by what is allowed."""
        return (span for found in matches if (span := self._checked(rule, found, path)))

    def _checked(self, rule: Rule, found: re.Match[str], path: str | None) -> Span | None:
        group = rule.group or next((index for index, value in enumerate(found.groups(), 1) if value), 0)
        start, end = found.span(group)
        text = found.string
        # A rule without a boundary stops in the middle of a longer token.
        while rule.anchored and end < len(text) and end - start < _MOST_RUN and _is_word(text[end]):
            end += 1
        secret = text[start:end].strip("\"'")
        if rule.path and not (path and rule.path.search(path)):
            return None
        if entropy(secret) < rule.entropy or not secret:
            return None
        if rule.assigned and not (any(map(str.isdigit, secret)) and any(map(str.isalpha, secret))):
            return None
        if not rule.keywords and start and _is_word(text[start - 1]):
            return None
        if self._is_allowed(rule, found, secret) or _in_blob(text, start, end):
            return None
        return Span(start, end, f"SECRET:{rule.name}")

    def _is_allowed(self, rule: Rule, found: re.Match[str], secret: str) -> bool:
        if any(pattern.search(secret) for pattern in self.allowed):
            return True
        lowered = secret.lower()
        if any(word in lowered for word in (*self.stopwords, *rule.stopwords)):
            return True
        for target, pattern in rule.allowed:
            searched = {"secret": secret, "match": found[0]}.get(target) or _line(found)
            if pattern.search(searched):
                return True
        return False


@cache
def rules() -> Rules:
    """Every rule, compiled once."""
    theirs, ours = _toml("gitleaks.toml"), _toml("secrets.toml")
    replaced = {*ours["replaces"], *(rule["id"] for rule in ours["rules"])}
    loaded = [_rule(entry, translate(entry["regex"])) for entry in theirs["rules"] if entry["id"] not in replaced]
    loaded += [_rule(entry, entry["regex"]) for entry in ours["rules"]]
    return _rules([*loaded, *_plugin_rules()], theirs["allowlist"])


def gitleaks_rules() -> Rules:
    """Only the rules of gitleaks, for comparison; what they need beyond a line is not found."""
    theirs = _toml("gitleaks.toml")
    return _rules(
        [_rule(entry, translate(entry["regex"])) for entry in theirs["rules"] if "regex" in entry],
        theirs["allowlist"],
    )


def entropy(text: str) -> float:
    """Shannon entropy in bits per character (Shannon 1948), as gitleaks measures it; 0 for an empty text."""
    return -sum(count / len(text) * log2(count / len(text)) for count in Counter(text).values())


def translate(pattern: str) -> str:
    """Translate a regular expression of gitleaks (Go, RE2) to Python.

    Flags in the middle are moved around the part they apply to, `\\z` becomes `\\Z`, `[:alnum:]` its characters. The
    pattern before a service's name is removed, and the end of a secret becomes a look-ahead.
    """
    pattern = pattern.replace(_DELIMITER, _BOUNDARY).replace("[:alnum:]", "A-Za-z0-9").replace(r"\z", r"\Z")
    while _ANY_NAME in pattern:
        pattern = pattern.replace(_ANY_NAME, "")
    out: list[str] = []
    open_flags = [0]  # by depth of groups: how many "(?i:" were opened by a flag
    index, in_class = 0, False
    while index < len(pattern):
        char = pattern[index]
        step = 2 if char == "\\" else 1
        if in_class or char == "\\":
            in_class = in_class and (char != "]")
        elif char == "[":
            in_class = True
            step = 2 if pattern.startswith("[]", index) else 3 if pattern.startswith("[^]", index) else 1
        elif pattern.startswith(_CASELESS, index):
            open_flags[-1] += 1
            out.append("(?i:")
            index += len(_CASELESS)
            continue
        elif char == "(":
            open_flags.append(0)
        elif char == ")":
            out.append(")" * open_flags.pop())
        elif char == "|" and open_flags[-1]:
            out.append(")" * open_flags[-1] + "|" + "(?i:" * open_flags[-1])
            index += 1
            continue
        out.append(pattern[index : index + step])
        index += step
    return "".join(out) + ")" * open_flags[0]


def _toml(name: str) -> dict[str, Any]:
    return tomllib.loads(files(__package__).joinpath(name).read_text(encoding="utf-8"))


def _rules(loaded: Iterable[Rule], allowlist: Mapping[str, Any]) -> Rules:
    return Rules(
        rules=tuple(loaded),
        allowed=tuple(_compile(translate(pattern)) for pattern in allowlist["regexes"]),
        allowed_paths=tuple(_compile(translate(pattern)) for pattern in allowlist["paths"]),
        stopwords=tuple(allowlist["stopwords"]),
    )


def _rule(entry: Mapping[str, Any], pattern: str) -> Rule:
    allowlists = [allowed for allowed in entry.get("allowlists", ()) if allowed.get("condition") != "AND"]
    keywords = tuple(word.lower() for word in entry.get("keywords", ()))
    return Rule(
        name=entry["id"],
        pattern=_compile(pattern),
        keywords=keywords,
        anchored=bool(keywords) and all(_begins_with(pattern, word) for word in keywords),
        assigned=_ANY_NAME in entry["regex"],
        group=entry.get("secretGroup", 0),
        entropy=entry.get("entropy", 0),
        allowed=tuple(
            (allowed.get("regexTarget", "secret"), _compile(translate(regex)))
            for allowed in allowlists
            for regex in allowed.get("regexes", ())
        ),
        stopwords=tuple(word for allowed in allowlists for word in allowed.get("stopwords", ())),
        path=_compile(translate(entry["path"])) if "path" in entry else None,
    )


def _plugin_rules() -> Iterator[Rule]:
    for (module, plugin), (keywords, name) in _PLUGINS.items():
        detector = getattr(import_module(f"detect_secrets.plugins.{module}"), plugin)
        for pattern in detector.denylist:
            yield Rule(name, pattern, keywords, False, False, 0, 3.0, (), (), None)


def _compile(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.ASCII)


def _begins_with(pattern: str, word: str) -> bool:
    """True if the expression begins with the word itself, so it needs to be tried only there."""
    bare = re.sub(r"^(?:\\b|\((?:\?:|\?-?i:)?)+", "", pattern).replace("\\.", ".").lower()
    return bare.startswith(word)


def _window(text: str, offset: int) -> tuple[int, int]:
    start = text.rfind("\n", max(0, offset - _BEFORE), offset) + 1 or max(0, offset - _BEFORE)
    return start, _line_end(text, offset)


def _line_end(text: str, offset: int) -> int:
    end = text.find("\n", offset, offset + _AFTER)
    return end if end >= 0 else min(len(text), offset + _AFTER)


def _line(found: re.Match[str]) -> str:
    start, end = _window(found.string, found.start())
    return found.string[start:end]


def _in_blob(text: str, start: int, end: int) -> bool:
    """True if the match is part of a long run of base64, such as an image."""
    after = _BLOB.match(text, end, end + _MOST_RUN)
    before = _BLOB.match(text[max(0, start - _MOST_RUN) : start][::-1])
    return bool(after and before) and len(after[0]) + len(before[0]) >= _MOST_RUN  # type: ignore[index]


def _is_word(char: str) -> bool:
    return char.isascii() and (char.isalnum() or char == "_")
