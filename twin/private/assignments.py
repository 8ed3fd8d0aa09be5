"""Secrets that are recognised by their names: `password = "…"`, `API_KEY: …`, `--token …`, in many notations.

Only the name says that such a value is a secret. So most of the work is to tell it from a lookup, a call, a
placeholder, a word or a hash under a similar name.
"""

import re
from collections.abc import Iterator

from twin.private.placeholders import Span
from twin.private.secretrules import entropy

PASSWORDS = (
    "password", "passwd", "passphrase", "passcode", "pwd", "_pass", "db_pass", "dbpass", "requirepass",
    "passwort", "kennwort", "mot de passe", "contraseña", "senha", "wachtwoord", "hasło", "şifre", "parola",
    "пароль", "密码", "密碼", "口令", "パスワード", "비밀번호", "كلمة المرور", "كلمة السر", "رمز عبور", "סיסמה",
)  # fmt: skip
"""Names of secrets that a person chooses: short, often a word with a digit or a sign."""

TOKENS = (
    "secret", "token", "credential", "api_key", "apikey", "api-key", "api key", "access_key", "accesskey", "access-key",
    "auth_key", "authkey", "auth-key", "private_key", "privatekey", "private-key", "encryption_key", "encryption-key",
    "encryptionkey", "signing_key", "signing-key", "signingkey", "master_key", "masterkey", "master-key", "account_key",
    "accountkey", "client_key", "service_key", "licence_key", "license_key", "app-key", "_key",
    "密钥", "密鑰", "金鑰", "令牌", "schlüssel", "ключ", "токен", "مفتاح", "jeton", "clé", "clave", "トークン",
)  # fmt: skip
"""Names of secrets that a machine makes: long and random."""

_KINDS = dict.fromkeys(TOKENS, "generic-api-key") | dict.fromkeys(PASSWORDS, "password")
KEYWORDS = tuple(_KINDS)

_VALUE = (
    r"""(?:[a-zA-Z]{0,2}(?P<quote>["'`])(?P<quoted>[^"'`\n]{4,300})(?P=quote)"""
    r"""|(?P<bare>[^\s"'`<>“”„«»，。；、]{6,300}))"""
)
_ASSIGNMENT = re.compile(
    r"""[\w-]{0,30}["'`]?\]?\)?(?:\[\d{0,4}\])?"""
    r"""(?::[ ]?(?:&?(?:'static[ ])?[Ss]tr(?:ing)?|SecretStr|Final|bytes|const[ ]char[ ]?\*)"""
    r"""(?:\[str\])?(?:[ ]?\|[ ]?None|\?)?"""
    r"""(?=[ ]?=))?"""
    r"""(?P<operator>,?\s{1,40}["']?[Vv]alue["']?[ \t]{0,3}[:=][ \t]{0,3}"""
    r"""|[ \t]{0,20}(?::=|=>|->|\?=|[=!]?={1,2}|:{1,2}|：|＝)[ \t]{0,20}(?:\\?\n[ \t]{0,40}(?=["'`]))?"""
    r"""|[ \t]{0,2},[ \t]{0,3}(?=[bfru]?["'`])"""
    r"""|[ ]?\((?=[bfru]?["'`])"""
    r"""|[ ](?:is|was|ist|lautet|war|est|es|era|é|è)[ :]{1,2}"""
    r"""|[是为為は][ ]?[:：]?[ ]?|[ ](?:هي|هو)[ :]{1,2}"""
    r"""|>(?=[^<\s]{4,200}</)"""
    r"""|[ ]\{[^{}]{0,200}?\bdefault[ \t]{0,20}=[ \t]{0,3}"""
    r"""|[ \t]{0,3}\|[ \t]{0,3}"""
    r"""|[ \t]{1,4}(?=["'`]))(?:new[ ]\w{1,20}\(|\[\]byte\(|(?:Secret(?:Str)?|[Ss]tring|str)\()?"""
    + _VALUE
)  # fmt: skip
"""From the end of the keyword to the end of the value. Every part is limited in length, so a try has constant cost."""

_SIGNS = frozenset({"", "=", ":=", "=>", "＝", "==", "?=", "->"})
"""Signs of assignment. Without one of them it is a sentence, where the next word need not be a value."""

_FLAG = re.compile(r"[ \t]{1,4}(?P<bare>[^\s\"'`<>-][^\s\"'`<>]{5,300})")
"""The value of `--token …`, where a space assigns."""

_DOCKERFILE = re.compile(r"^[ \t]{0,20}ENV[ \t]{1,4}[\w.-]{0,40}\Z", re.M)
"""The beginning of `ENV NAME value`, where a space assigns too."""

_NAME_BEFORE = re.compile(r"[\w.-]{0,40}\Z")
_NAME_AFTER = re.compile(r"[\w-]{0,30}")
_OTHER_NAMES = re.compile(
    r"public|pub_?key|hash|digest|checksum|sha\d|md5|csrf|xsrf|cache|primary|foreign|sort_?key|partition|idempoten"
    r"|(?:next|page|prev|previous|continuation|sync|delta|pagination)[_-]?token|key_?id|keyid|fingerprint|thumbprint"
    r"|(?:pad|eos|bos|unk|mask|sep|cls|special|image|chat|stop|start|end)_?token|tokens\b|tokeni[sz]"
    r"|token_?(?:type|ur[il]|ids?|count|limit|len|name|class|index|kind)"
    r"|secret_?(?:name|id|ref|arn|path|version)|[_-](?:id|name|ur[il]|path|file|filename|dir|len|length|size|field|type|label"
    r"|prompt|hint|placeholder|sentinel|regex|pattern|error|message|title|header|env|var|endpoint|class|policy|reset|algorithm|prefix|suffix)\b"
    r"|monkey|keyboard|keyword|hotkey|turkey|keyframe|i18n|translation|placeholder|author"
    r"|dict_key|sort|route_key|group_key|index_key|model_key|state_key|config_key|param_key"
)  # fmt: skip
"""Names that contain one of the words but do not name a secret."""

_PLACEHOLDER_WORDS = re.compile(
    r"example|change_?-?(?:me|it|this)|placeholder|your|redacted|dummy|sample|fake|mock|x{4,}|\*{4,}|\.{3}|…|•{3,}"
    r"|12345|abcdef|abc123"
    r"|qwerty|deadbeef|pass[-_]?word|passwd|passwort|my[-_]|todo|insert|replace"
    r"|(?<![a-z])(?:foo|bar|baz|test|demo|secret|token|none|null|true|false"
    r"|undefined|default|optional|required|string|admin|user)(?![a-z])|testing|lorem|here\b|placeholder|deinpass|geheim\b",
    re.I,
)
_TEMPLATE = re.compile(r"\$\{|\$\(|\{\{|\}\}|^\$\w|%\(|%s|\{\w*\}|^%\w+%|^<|>$|#\{|@\{")
_EXPRESSION = re.compile(
    r"^(?:os|process|env|self|this|args|config|cfg|settings|request|req|ctx"
    r"|secrets|vault|data|var|local|module|params|options|opts|props|state|user|st|app)\b[.\[(]"
    r"|\w\(|\)\.|\w\[|=>|^[A-Za-z_][\w-]*(?:\.[A-Za-z_][\w-]*)+[,;]?$|^&\w|^\*\w|^!\w+$|^@\w+\b"
)
_PATH = re.compile(
    r"^(?:[.~]{0,2}/|[A-Za-z]:\\|\w+://)|^[\w.-]+(?:/[\w.-]+)+\.\w{1,5}$|^[\w-]+"
    r"\.(?:com|org|net|io|dev|py|js|ts|json|ya?ml|txt|md|pem|crt|key)\b"
)
_ALGORITHM = re.compile(
    r"^(?:sha|md|aes|rsa|ed|utf|base|oauth|hs|rs|es|ps|bcrypt|argon|scrypt|pbkdf"
    r"|x|p|sha3|blake|chacha|gpt|llama|claude|iso|rfc|v|latin|ascii)[-_]?\d+[\w-]{0,12}$",
    re.I,
)
_UUID = re.compile(r"^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$", re.I)
_NEXT = re.compile(r"\\n|[;&](?=\w{1,40}=)")
"""What ends a value inside a string: an escaped line break, or the next setting of a connection or field of a URL."""

_PART = re.compile(r"[A-Za-z]+|\d+")
_VOWEL = re.compile(r"[aeiouy]", re.I)
_LANGUAGES = re.compile(
    r"\.(?:py|pyi|js|jsx|ts|tsx|mjs|cjs|java|kt|scala|go|rs|c|h|cc|cpp|hpp|cs|swift|rb|php|lua|dart|r|jl|ex|exs|hs|vue|svelte)$",
    re.I,
)
"""Files in which a value without quotes is an expression."""


def find_assignment(text: str, offset: int, keyword: str, *, expressions: bool) -> Iterator[Span]:
    """The secret assigned to the name that contains the keyword, if there is one.

    Args:
        text: the text.
        offset: where the keyword begins.
        keyword: one of `KEYWORDS`.
        expressions: a value without quotes is an expression of a programming language.
    """
    end = offset + len(keyword)
    before = _NAME_BEFORE.search(text, max(0, offset - 40), offset)
    prefix = before[0] if before else ""
    found = _ASSIGNMENT.match(text, end)
    if not found and (prefix.startswith("-") or _DOCKERFILE.search(text, max(0, offset - 80), offset)):
        after = _NAME_AFTER.match(text, end)
        found = _FLAG.match(text, after.end() if after else end)
        expressions = False
    if not found:
        return
    values = found.groupdict()
    if quoted := values.get("quoted"):
        start, value = found.start("quoted"), quoted
    else:
        start, value = found.start("bare"), _trimmed(values["bare"])
    after = _NAME_AFTER.match(text, end)
    name = (prefix + keyword + (after[0] if after else "")).lower()
    kind = _KINDS[keyword]
    written = (values.get("operator") or "").strip(" :：") in _SIGNS
    strict = not quoted and (expressions or not written)
    if not _OTHER_NAMES.search(name) and _is_secret(value, kind, strict=strict, name=name):
        yield Span(start, start + len(value), f"SECRET:{kind}")


def is_expression_file(path: str | None) -> bool:
    """True for a file of a programming language, in which names are not quoted."""
    return bool(path and _LANGUAGES.search(path))


def is_placeholder(value: str) -> bool:
    """True for text in place of a secret: `changeme`, `${TOKEN}`, `<password>`, `xxxx`."""
    return bool(_TEMPLATE.search(value) or _PLACEHOLDER_WORDS.search(value)) or len(set(value)) < 4


def _trimmed(value: str) -> str:
    """A value without its quotes and without the end of the sentence or statement around it."""
    value = _NEXT.split(value, maxsplit=1)[0]
    while value and value[-1] in ",;)]}.:!?*_|،؛" and not (value[-1] in "!?*_" and value[:-1].isalnum()):
        value = value[:-1]
    return value


def _is_secret(value: str, kind: str, *, strict: bool, name: str) -> bool:
    if any(map(str.isspace, value)) or not value.isascii():
        return False
    digits = sum(map(str.isdigit, value))
    letters = sum(map(str.isalpha, value))
    if not letters or not (digits or kind == "password"):
        return False
    if is_placeholder(value) or _EXPRESSION.search(value) or _PATH.search(value) or _ALGORITHM.search(value):
        return False
    if kind == "password" and not strict:
        return _is_password(value, digits, letters)
    if not digits or not letters or len(value) < 16:
        return (
            kind == "password" and len(value) >= 8 and bool(digits and letters) and _is_password(value, digits, letters)
        )
    if _UUID.match(value):
        return not name.endswith("_key") or "api" in name or "access" in name or "secret" in name
    if _is_wordy(value):
        return False
    if name.endswith("_key") and not re.search(
        r"api|access|auth|secret|private|encrypt|sign|master|account|client|service", name
    ):
        return len(value) >= 20 and entropy(value) >= 3.5
    return entropy(value) >= (2.8 if re.fullmatch(r"[0-9a-fA-F-]+", value) else 3.2)


def _is_password(value: str, digits: int, letters: int) -> bool:
    """True for a word with digits or signs; a name made of words is a form field or the key of a translation."""
    signs = len(value) - digits - letters - sum(map(value.count, "_-. "))
    if not letters or len(value) < 6:
        return False
    if signs and len(value) >= 7:
        return bool(digits or signs >= 2 or (value.lower() != value != value.upper())) and not re.fullmatch(
            r"\w+[:/]\w+", value
        )
    return bool(digits) and not _is_wordy(value)


def _is_wordy(value: str) -> bool:
    """True for words with separators, such as `reset-password-2` or `user_pwd_v1`, and for numbers with a unit."""
    if not re.search(r"[-_.:/]", value):
        return bool(re.fullmatch(r"\d+[a-z]{1,3}|0x\w+", value))
    parts = _PART.findall(value)
    words = [part for part in parts if part.isalpha()]
    return (
        all(
            len(part) <= 2 or (_VOWEL.search(part) and (part.islower() or part.istitle() or part.isupper()))
            for part in words
        )
        and all(len(part) <= 4 for part in parts if part.isdigit())
        and max(map(len, words), default=0) >= 3
        and len(parts) <= 2 * len(re.split(r"[-_.:/]", value))
    )
