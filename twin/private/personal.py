"""Personal data of third parties in a text: e-mail addresses, telephone numbers, bank accounts, payment cards, IP
addresses. A number counts only if its check digits, its form or the words around it say what it is.

The expressions below find candidates; `phonenumbers` and `python-stdnum` decide. PhoneNumberMatcher, the search of
phonenumbers, is not used: without a country it misses numbers that lack their country code. Of 151 numbers written as
people in about a hundred countries do, it finds 127 (this module: 144); of 3,000 lookalikes it takes 37 for telephone
numbers (this module: 0); a megabyte of prose takes it 160 ms (this module: 8). With the strict `is_valid_number` this
module would miss 7 more of the 151.
"""

import ipaddress
import re
from collections.abc import Collection, Iterator
from functools import cache

from twin.private.placeholders import Span

_LATIN_LOCAL = re.compile(r"[A-Za-z0-9À-ɏ._%+-]{1,64}\Z")
_OTHER_LOCAL = re.compile(r"[^\W_][\w.+-]{0,63}\Z")
_LATIN_DOMAIN = re.compile(
    r"(?:[A-Za-z0-9À-ɏ](?:[A-Za-z0-9À-ɏ-]{0,61}[A-Za-z0-9À-ɏ])?\.){1,8}"
    r"(?:xn--[a-z0-9-]{2,40}|[A-Za-zÀ-ɏ]{2,24})(?![A-Za-z0-9À-ɏ_-])"
)
_OTHER_DOMAIN = re.compile(r"(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.){1,8}[^\W\d_]{2,24}")
_RESERVED = re.compile(
    r"(?:^|\.)(?:example(?:\.(?:com|org|net|edu))?|test|invalid|localhost|local|internal|lan|localdomain)$"
)
"""Domains that RFC 2606 and RFC 6761 reserve for examples, and names of local networks."""

_MACHINES = re.compile(
    r"^(?:git|no-?reply|do-?not-?reply|donotreply|mailer-daemon|postmaster|hg|svn|root)$|\+noreply$|^noreply"
)
_MACHINE_DOMAINS = re.compile(r"(?:^|\.)(?:noreply\.github\.com|gserviceaccount\.com|noreply\.gitlab\.com)$")
_FILES = frozenset(
    (  # noqa: SIM905 - a table
        "png jpg jpeg gif svg webp ico bmp pdf js mjs ts tsx jsx css scss html htm json yaml yml toml xml csv txt "
        "lock map whl zip gz tar exe dll jar java cpp hpp ipynb service"
    ).split()
)
"""Endings of `icon@2x.png` and `name@1.x.js`; none of them is a top-level domain that is used for mail."""

_TLDS = frozenset(
    (  # noqa: SIM905 - a table
        "com org net edu gov mil int info biz name pro mobi aero coop museum jobs travel tel asia cat post xxx "
        "arpa app dev page blog cloud online site store tech shop xyz club top work works world life live news "
        "media group agency studio design email company solutions services systems software digital network "
        "academy institute university school science health care clinic legal law consulting capital finance bank "
        "fund ventures global international foundation ngo ong berlin hamburg koeln bayern wien paris london nyc "
        "tokyo amsterdam istanbul africa ink art wiki space website today social chat team tools zone one plus "
        "best expert guru run build codes engineering energy eco bio gmbh ltd llc inc"
    ).split()
)
_DIGIT = r"[0-9٠-٩۰-۹０-９]"
_NUMBER_START = re.compile(
    rf"[+(0-9٠-٩۰-۹０-９](?<![A-Za-z0-9_.,/+&=#%@-][+(0-9٠-٩۰-۹０-９])"
    rf"(?=(?:[ ./()\u00a0\u202f\u2010\u2011–－-]{{0,3}}{_DIGIT}){{5}})"
)
"""Regular expressions search much faster for a set of characters at the start than for a look-behind."""

_NUMBER = re.compile(
    rf"(?:\+[ ]?|00)?(?:{_DIGIT}{{1,4}}[ .－-]?)?(?:\({_DIGIT}{{1,5}}\)[ .-]?)?"
    rf"{_DIGIT}(?:(?:[ ./\u00a0\u202f\u2010\u2011–－-]|[ ][/–-][ ])?{_DIGIT}){{5,18}}"
    rf"(?![A-Za-z0-9_]|[.,:]{_DIGIT}|-{_DIGIT})"
)
_FEWEST_INTERNATIONAL = 8
"""Digits of a number with its country code; some islands have seven, but prices in millions do too."""

_PHONE_WORDS = re.compile(
    r"(?:\b(?:tel|phone|telephone|fon|mobile|mobil|mob|cell|cellphone|fax|whats\s?app|call|calling|ring|dial|hotline|sms"
    r"|handy|telefon|telefono|teléfono|telefone|téléphone|tél|rufnummer|durchwahl|móvil|portable|gsm|celular"
    r"|text\s(?:me|us)|reach\s(?:me|us|him|her|them)|anruf(?:en)?|ruf(?:en)?|erreichbar|viber|telegram|signal|contact)"
    r"|телефон|тел\.|моб|звоните|电话|電話|手机|手機|联系|致电|拨打|热线|传真|微信|携帯|전화|휴대폰"
    r"|هاتف|الهاتف|جوال|موبايل|اتصل|واتساب|واتس|للتواصل|فاكس|טלפון|נייד|फ़ोन|फोन|मोबाइल|โทร|điện thoại)"
    r"[^\d\n٠-٩۰-۹]{0,24}\Z",
    re.I,
)  # fmt: skip
"""Words which say that the number after them is a telephone number."""

_NOT_PHONE = re.compile(
    r"(?:isbn|issn|doi|order|invoice|ticket|issue|id|no|nr|version|port|pid|seed|timestamp|api calls?|function calls?"
    r"|rfc|uid|sku|serial|build|rev|commit|epoch)\b[^\d\n]{0,4}\Z",
    re.I,
)
_DATE = re.compile(r"^\(?(?:\d{4}[-./ ]\d{1,2}[-./ ]\d{1,2}|\d{1,2}[-./ ]\d{1,2}[-./ ]\d{4})(?!\d{4,})")
_NANP = re.compile(
    r"^(?:\(\d{3}\)[ ]?\d{3}[ .-]\d{4}|[2-9]\d{2}([-.])[2-9]\d{2}\1\d{4}|1[-.][2-9]\d{2}[-.]\d{3}[-.]\d{4})$"
)
_FRENCH = re.compile(r"^0[1-9](?:[ .]\d{2}){4}$")

_IBAN = re.compile(r"[A-Z](?<![A-Za-z0-9][A-Z])[A-Z]\d{2}(?:[ \u00a0-]?[A-Z0-9]){11,30}(?![A-Za-z0-9])", re.ASCII)
_CARD = re.compile(r"\d(?<![\w.,/+=#%@-]\d)(?:[ \u00a0-]?\d){12,18}(?![\w]|[.,:-]\d)", re.ASCII)
_CARD_WORDS = re.compile(
    r"card|visa|master|amex|american express|diners|discover|jcb|maestro|unionpay|\bpan\b|\bcc\b|credit|debit"
    r"|karte|carte|tarjeta|cartão|карт|卡|カード|بطاقة|כרטיס|payment|cvv|cvc|expir",
    re.I,
)
_GROUPS = (r"\d{4}([ \u00a0-])\d{4}\1\d{4}\1\d{4}(?:\1\d{1,3})?", r"\d{4}([ \u00a0-])\d{6}\1\d{4,5}")
_CARD_GROUPED = re.compile(rf"(?:{_GROUPS[0]})\Z"), re.compile(rf"(?:{_GROUPS[1]})\Z")
_CARD_KINDS = (
    (re.compile(r"4"), (13, 16, 19)),
    (re.compile(r"5[1-5]|2(?:22[1-9]|2[3-9]|[3-6]|7[01]|720)"), (16,)),
    (re.compile(r"3[47]"), (15,)),
    (re.compile(r"6(?:011|4[4-9]|5)"), (16, 19)),
    (re.compile(r"35(?:2[89]|[3-8])"), (16, 19)),
    (re.compile(r"3(?:0[0-5]|095|6|[89])"), (14, 16)),
    (re.compile(r"62"), (16, 17, 18, 19)),
    (re.compile(r"(?:5018|5020|5038|6304|6759|6761|6763)"), (13, 16, 18, 19)),
)
"""First digits and lengths of Visa, Mastercard, American Express, Discover, JCB, Diners Club, UnionPay, Maestro;
python-stdnum knows check digits and no kinds."""

_IPV4 = re.compile(r"\d(?:(?<=//\d)|(?<![\w.\-/+]\d))\d{0,2}\.(?:\d{1,3}\.){2}\d{1,3}(?![\w+]|\.\w|-\w)", re.ASCII)
_IPV6 = re.compile(r"[23](?<![\w:.][23])[0-9A-Fa-f]{3}:(?:[0-9A-Fa-f]{0,4}:){1,6}[0-9A-Fa-f]{0,4}(?![\w:])", re.ASCII)
_NOBODYS = frozenset({"8.8.4.4", "1.0.0.1", "2001:4860:4860::8888", "2001:4860:4860::8844", "2606:4700:4700::1111"})
"""Public resolvers, which are in every example; 8.8.8.8, 1.1.1.1 and 1.2.3.4 are recognised by their form."""

_NOT_OF_DRAWINGS = re.compile(r"[^-\d.,\sachlmqstvz]", re.I)
_IP_WORDS = re.compile(
    r"\bip(?:v4)?s?\b|_ip\b|ip_|address|addr|host|server|dns|resolver|nameserver|ping|ssh|curl|subnet|cidr|gateway|proxy|client|remote"
    r"|from|listen|bind|route|traceroute|whois|connect|forwarded|firewall|allow|deny|block|bann|visitor"
    r"|服务器|地址|عنوان|خادم|adresse|rechner|сервер|адрес",
    re.I,
)
_VERSION_WORDS = re.compile(
    r"(?:\b(?:version|release|ver|v|tag|build|assembly|runtime|driver|firmware|chrome|safari|edge|firefox|nuget|package"
    r"|section|chapter|figure|fig\.)|==|>=|<=|~=|!=|\^|~>|~|@|§)[\s\"':=(\[]{0,4}[v]?\Z",
    re.I,
)


def find_personal(text: str, *, code: bool, keep: Collection[str] = ()) -> list[Span]:
    """The spans of `text` that contain personal data; they may overlap.

    Args:
        text: the text.
        code: the text is a source file, in which a number needs more than its form.
        keep: e-mail addresses, domains, numbers and addresses to keep; case and separators are ignored.
    """
    kept = {_folded(value) for value in keep}
    found = [*_ibans(text), *_cards(text, code), *_ips(text), *_phones(text, code), *_emails(text, code, kept)]
    return [span for span in found if _folded(text[span.start : span.end]) not in kept]


def _folded(value: str) -> str:
    return re.sub(r"[\s()/-]", "", value).casefold().removeprefix("@").removeprefix("www.")


def _emails(text: str, code: bool, kept: Collection[str]) -> Iterator[Span]:
    at = text.find("@")
    while at >= 0:
        span = _email(text, at, code)
        if span:
            domain = text[at + 1 : span.end].casefold()
            labels = domain.split(".")
            if not any(".".join(labels[index:]) in kept for index in range(len(labels) - 1)):
                yield span
        at = text.find("@", at + 1)


def _email(text: str, at: int, code: bool) -> Span | None:
    """The address around an "@". In scripts without spaces, other letters do not become part of a Latin address."""
    before = text[max(0, at - 64) : at]
    local = _LATIN_LOCAL.search(before) or _OTHER_LOCAL.search(before)
    domain = _LATIN_DOMAIN.match(text, at + 1) or _OTHER_DOMAIN.match(text, at + 1)
    if not local or not domain:
        return None
    name = local[0].lstrip(".-%+_")
    start, end = at - len(name), domain.end()
    host = domain[0].casefold()
    top = host.rpartition(".")[2]
    previous = text[start - 1] if start else ""
    if not name or name.endswith(".") or _RESERVED.search(host) or _MACHINE_DOMAINS.search(host):
        return None
    if _MACHINES.search(name.casefold()) or top in _FILES:
        return None
    # "@name@host" is a Fediverse handle, "//name@host" a user on a server, "name@host:path" a git remote.
    if (
        previous == "@"
        or text[max(0, start - 2) : start] == "//"
        or re.match(r":[\w~./-]+\.git\b", text[end : end + 200])
    ):
        return None
    known = top in _TLDS or len(top) == 2 or top.startswith("xn--") or not top.isascii()
    if code and (not known or (len(name) == 1 and len(host) <= 5) or text[end : end + 1] == "("):
        return None
    return Span(start, end, "EMAIL")


def _phones(text: str, code: bool) -> Iterator[Span]:
    end = 0
    while begin := _NUMBER_START.search(text, end):
        end = begin.end()
        found = _NUMBER.match(text, begin.start())
        if not found:
            continue
        end = found.end()
        number = found[0].strip()
        start = end - len(found[0].lstrip())
        if number.startswith("(") and ")" not in number:
            number, start = number[1:], start + 1
        if _is_phone(text, start, number, code):
            yield Span(start, end, "PHONE")


def _is_phone(text: str, start: int, number: str, code: bool) -> bool:
    digits = "".join(str(int(char)) for char in number if char.isdigit())
    plain = "".join(str(int(char)) if char.isdigit() else char for char in number)
    before = text[max(0, start - 40) : start]
    if len(set(digits)) <= 2 or digits in "01234567890123456789" or digits in "98765432109876543210":
        return False
    named = bool(_PHONE_WORDS.search(before)) and not _NOT_PHONE.search(before)
    if plain.startswith(("+", "00")) and _is_international(plain, digits):
        bare = plain[1:].isdigit()
        # A line of a patch begins with "+", and so does a term of a sum.
        lonely = not before or before[-1] == "\n"
        return named or not (bare and (lonely or plain.startswith("00") or (code and before[-1] not in "\"'`:")))
    if _DATE.match(plain) or not 7 <= len(digits) <= 15:
        return False
    if _NANP.match(plain):
        return named or not code or "(" in plain
    if _FRENCH.match(plain):
        return named or not code
    return named and not _looks_like_other(plain)


def _is_international(plain: str, digits: str) -> bool:
    """True where a country's numbering plan has numbers of this length. Which numbers are in use is not asked: plans
    change, and an old number is still a person's. Of random digits behind a plus, half as many pass as by E.164 alone.
    """
    import phonenumbers

    digits = digits if plain.startswith("+") else digits.removeprefix("00")
    if len(digits) < _FEWEST_INTERNATIONAL or re.match(r"^\+\d{1,3}\.\d+$", plain):
        return False
    try:
        number = phonenumbers.parse(f"+{digits}")
    except phonenumbers.NumberParseException:
        return False
    return phonenumbers.is_possible_number_with_reason(number) == phonenumbers.ValidationResult.IS_POSSIBLE


def _looks_like_other(plain: str) -> bool:
    """True for ranges, decimals and thousands, whatever word is before them."""
    return bool(re.fullmatch(r"\d+\.\d+|\d{1,3}(?:[. ]\d{3})+|\d{4}[-–]\d{4}", plain))


def _ibans(text: str) -> Iterator[Span]:
    for found in _IBAN.finditer(text):
        length = _iban_length(found[0][:2])
        if not length:
            continue
        # The words after an account number may look like more of it, so the country's length says where it ends.
        characters = [index for index, char in enumerate(found[0]) if char.isalnum()]
        if len(characters) < length:
            continue
        end = found.start() + characters[length - 1] + 1
        if not text[end : end + 1].isalnum() and _is_iban(text[found.start() : end]):
            yield Span(found.start(), end, "IBAN")


@cache
def _iban_length(country: str) -> int | None:
    """Characters of an account number of this country (SWIFT IBAN registry); None where it has none."""
    from stdnum import numdb

    parts = numdb.get("iban").info(country)[0][1].get("bban", "")
    return 4 + sum(int(count) for count in re.findall(r"(\d+)!", parts)) if parts else None


def _is_iban(account: str) -> bool:
    """Whether the check digits and the country's form are right. The check digits that some countries have within are
    not looked at: a mistyped account is still somebody's."""
    from stdnum import iban

    return iban.is_valid(account.replace("\u00a0", " "), check_country=False)


def _cards(text: str, code: bool) -> Iterator[Span]:
    for found in _CARD.finditer(text):
        digits = re.sub(r"\D", "", found[0])
        if not any(kind.match(digits) and len(digits) in lengths for kind, lengths in _CARD_KINDS) or not _luhn(digits):
            continue
        grouped = any(pattern.match(found[0]) for pattern in _CARD_GROUPED)
        if not grouped and not found[0].isdigit():
            continue
        around = text[max(0, found.start() - 60) : found.end() + 30]
        # One in thirty numbers of sixteen digits looks like a card, so in source code a number needs a word for it.
        if grouped or _CARD_WORDS.search(around) or (not code and len(digits) in (15, 16)):
            yield Span(*found.span(), "CARD")


def _luhn(digits: str) -> bool:
    """Whether the check digit of ISO/IEC 7812-1, annex B, is right."""
    from stdnum import luhn

    return len(set(digits)) > 1 and luhn.is_valid(digits)


def _ips(text: str) -> Iterator[Span]:
    for found in _IPV4.finditer(text):
        if _is_public(found[0]) and _is_address(text, found):
            yield Span(*found.span(), "IP")
    for found in _IPV6.finditer(text):
        value = found[0].removesuffix(":") if found[0].endswith(":") and not found[0].endswith("::") else found[0]
        if _is_public(value):
            yield Span(found.start(), found.start() + len(value), "IP")


def _is_public(value: str) -> bool:
    try:
        address = ipaddress.ip_address(value)
    except ValueError:
        return False
    return address.is_global and not address.is_multicast and value not in _NOBODYS


def _is_address(text: str, found: re.Match[str]) -> bool:
    """True if four numbers are an address and not a version: by the words before them, otherwise by their size."""
    start, end = found.span()
    octets = [int(octet) for octet in found[0].split(".")]
    before = text[max(0, start - 48) : start].rpartition("\n")[2]
    if before.endswith(("//", "@")):
        return True
    if octets == [octets[0]] * 4 or octets == [*range(octets[0], octets[0] + 4)]:
        return False
    if _is_drawing(before[-20:], text[end : end + 12]):
        return False
    if _VERSION_WORDS.search(before):
        return False
    if re.match(r"[:/]\d", text[end : end + 2]) or _IP_WORDS.search(before):
        return True
    return sum(octet > 31 for octet in octets) >= 2


def _is_drawing(before: str, after: str) -> bool:
    """True for numbers in an SVG path, which are packed as in `,1.81.88.88,0,0,1-.36`."""
    close = _NOT_OF_DRAWINGS.split(before)[-1]
    if len(close) < 8 or close[-1] != "," or re.search(r"(?:\d+\.){3}\d+,\Z", close):
        return False
    return "." in close or "." in _NOT_OF_DRAWINGS.split(after, maxsplit=1)[0]
