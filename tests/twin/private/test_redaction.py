"""Redaction: what is planted is found, what only looks like it is not, and nothing else of a text changes."""

import json
import re
import tomllib
from importlib.resources import files
from itertools import permutations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.kit import planted as kit_module
from tests.kit.planted import Range, Sample, negatives, plant, replaced, score
from tests.kit.planted_values import FORMS, Maker
from twin.private.keywords import Keywords
from twin.private.placeholders import PLACEHOLDER, Span, disjoint
from twin.private.redaction import redact
from twin.private.secretrules import entropy, gitleaks_rules, rules, translate

KIT = Path(kit_module.__file__).parent
PERSONAL_KINDS = {"email", "phone", "iban", "card", "ipv4", "ipv6"}


def found_in(sample: Sample) -> list[Range]:
    """Where redaction put placeholders; it fails where it changed anything else."""
    return replaced(sample.text, redact(sample.text, code=sample.code, path=sample.path).text)


@pytest.mark.parametrize("seed", [11, 12, 13])
def test_what_is_planted_is_found_and_little_else(seed: int) -> None:
    planted = plant(seed, 660)
    for samples in (
        [sample for sample in planted if sample.kind not in PERSONAL_KINDS],
        [sample for sample in planted if sample.kind in PERSONAL_KINDS],
        planted,
    ):
        result = score([*samples, *negatives(seed + 1, len(samples) // 2)], found_in)
        assert result.recall >= 0.98, result.missed
        assert result.precision >= 0.95, result.wrong
    assert sum(len(sample.planted) for sample in planted) >= 300
    assert len({sample.kind for sample in planted}) >= 15


def test_what_only_looks_like_it_stays() -> None:
    wrong = score(negatives(21, 500), found_in).wrong
    assert len(wrong) <= 2, wrong


def test_redacting_twice_changes_nothing() -> None:
    for sample in [*plant(31, 330), *negatives(32, 200)]:
        once = redact(sample.text, code=sample.code, path=sample.path)
        twice = redact(once.text, code=sample.code, path=sample.path)
        assert (twice.text, twice.found) == (once.text, {})
        assert once.found.total() == len(PLACEHOLDER.findall(once.text))


def test_each_value_has_its_placeholder_and_is_counted() -> None:
    maker = Maker(41)
    text = (
        f"Ask {maker.email()} or {maker.email()}, call {maker.phone()}.\n"
        f"IBAN: {maker.iban()}\nCard {maker.card()}\nssh root@{maker.ipv4()}\n{FORMS['github'](maker)}\n"
    )
    redacted = redact(text, code=False)
    assert redacted.text == (
        "Ask <EMAIL> or <EMAIL>, call <PHONE>.\nIBAN: <IBAN>\nCard <CARD>\nssh root@<IP>\n"
        f"{next(name for name in redacted.text.split() if 'SECRET' in name)}\n"
    )
    assert re.search(r"<SECRET:github-[a-z-]+>\n\Z", redacted.text)
    personal = {name: count for name, count in redacted.found.items() if not name.startswith("SECRET:")}
    assert personal == {"EMAIL": 2, "PHONE": 1, "IBAN": 1, "CARD": 1, "IP": 1}
    assert redacted.found.total() == 7


def test_the_authors_own_addresses_stay() -> None:
    text = "Mail Ada@Lovelace.org, ada@work.lovelace.org, bob@acme42.de or call +49 (0)30 / 7654321."
    kept = redact(text, code=False, keep=["ada@lovelace.org", "lovelace.org", "+49 0 30 7654321"])
    assert kept.text == text.replace("bob@acme42.de", "<EMAIL>")
    assert redact(text, code=False, keep=["acme42.de"]).found == {"EMAIL": 2, "PHONE": 1}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("راسلني على omar@acme42.ae غدا.", "راسلني على <EMAIL> غدا."),
        ("请发邮件至li@acme42.cn获取代码。", "请发邮件至<EMAIL>获取代码。"),
        ("Почта: иван@пример42.рф.", "Почта: <EMAIL>."),
        ("هاتف: ٠٥٠١٢٣٤٥٦٧", "هاتف: <PHONE>"),
        ("電話：０３－１２３４－５６７８", "電話：<PHONE>"),
        ("パスワード：kaihatsu2024x!", "パスワード：<SECRET:password>"),
        ("كلمة المرور: Falcon4711!", "كلمة المرور: <SECRET:password>"),
        ("İşte şifre: Falcon4711!", "İşte şifre: <SECRET:password>"),
        ("Das Passwort lautet „Falcon4711!“.", "Das Passwort lautet „Falcon4711!“."),
    ],
)
def test_every_script_and_no_letter_around(text: str, expected: str) -> None:
    assert redact(text, code=False).text == expected


@pytest.mark.parametrize("ending", ["", "\n", "\r\n", "\0", "\ud800", " ", ".", ")", "'", "<"])
def test_the_ends_of_a_text(ending: str) -> None:
    token = FORMS["github"](Maker(51))
    redacted = redact(token + ending, code=False)
    assert re.fullmatch(r"<SECRET:[a-z-]+>" + re.escape(ending), redacted.text)


def test_an_empty_text() -> None:
    assert redact("", code=True) == redact("", code=False)
    assert redact("", code=True).found == {}


def test_a_key_goes_whole_and_a_certificate_stays() -> None:
    maker = Maker(61)
    key, certificate = maker.pem("RSA "), maker.pem().replace("PRIVATE KEY", "CERTIFICATE")
    text = f"before\n{certificate}\n{key}\nafter\n"
    assert redact(text, code=False).text == f"before\n{certificate}\n<SECRET:private-key>\nafter\n"
    cut_off = key[: len(key) - 60].rpartition("\n")[0]
    assert redact(f"{cut_off}\n\nProse goes on.\n", code=False).text == "<SECRET:private-key>\n\nProse goes on.\n"
    body = "\n".join(key.split("\n")[1:5])
    putty = f"PuTTY-User-Key-File-2: ssh-rsa\nPrivate-Lines: 4\n{body}\nPrivate-MAC: {maker.hex(40)}\n"
    assert redact(putty, code=False).text == putty.replace(body + "\n", "<SECRET:private-key>")


def test_only_the_value_goes_out_of_its_notation() -> None:
    maker = Maker(71)
    token, storage = maker.alnum(40), maker.b64(64)
    for line in (
        'f.write("machine git.acme.org login bob password {}\\n")',
        "AccountName=acme;AccountKey={};EndpointSuffix=core.windows.net",
        "GET /v1/items?access_token={}&page=2",
        'client = Client(api_token="{}", timeout=3)',
        "  api_token: {} # from the console",
    ):
        value = storage if "AccountKey" in line else token
        redacted = redact(line.format(value), code=True)
        assert replaced(line.format(value), redacted.text) == [(line.index("{"), line.index("{") + len(value))]


@pytest.mark.parametrize(
    ("notation", "path"),
    [
        ('<add key="ApiKey" value="{}" />', "web.config"),
        ("<password>{}</password>", "settings.xml"),
        ("ENV API_TOKEN {}", "Dockerfile"),
        ('variable "db_password" {{ default = "{}" }}', "main.tf"),
        ("- name: API_TOKEN\n  value: {}", "deploy.yaml"),
        ('{{"name": "API_TOKEN", "value": "{}"}}', "task.json"),
        ('var token = []byte("{}")', "main.go"),
        ('let api_key: &str = "{}";', "main.rs"),
        ('  :api_key => "{}",', "config.rb"),
        ("| token | {} |", None),
        ("mysql -u root -p{} app", None),
        ("redis-cli -a {} ping", None),
        ("https://api.acme.org/v1?api_key={}&limit=3", None),
        ("le mot de passe est {}", None),
        ("密码是{}，请勿外传", None),
    ],
)
def test_notations_of_other_tools(notation: str, path: str | None) -> None:
    value = Maker(75).alnum(32)
    text = notation.format(value)
    redacted = redact(text, code=path is not None, path=path)
    assert PLACEHOLDER.sub(value, redacted.text) == text
    assert redacted.found.total() == 1


def test_no_rule_takes_a_piece_of_an_image() -> None:
    image = "data:image/png;base64," + Maker(81).b64(60_000)
    for text in (f"![]({image})", f'icon = "{image}"', image):
        assert redact(text, code=True).text == text


def test_drawings_and_demonstrations_hold_no_address() -> None:
    path = '<path d="M175.47,144c.7.32,3.14.47.41,1.36-1.74.92ZM8.53,3.25.74.74,2.14,1.13"/>'
    demo = "resolvers 8.8.8.8, 1.1.1.1 and 8.8.4.4; clients 1.2.3.4 and 40.40.40.40"
    for text in (path, demo):
        assert redact(text, code=True).text == text
    assert redact("2024-01-01,12,81.2.69.142,GET", code=True).text == "2024-01-01,12,<IP>,GET"
    assert redact("81.2.69.142,81.2.69.143,212.101.169.144", code=True).text == "<IP>,<IP>,<IP>"


HOSTILE = [
    "a", " ", "-", "=", "1 ", "1.", "1.1.1.1", "://", "a@", "a@a.", "@a.b", "(1) ", "2001:", "eyJa.e", "<EMAIL>", "\\n",
    "password", "password: ", 'password="', "key = '", "AKIA2222222222222222 ", "curl -u a", "Authorization: Bearer ",
    "login a password ", "-----BEGIN PRIVATE KEY-----", "Private-Lines: 1\nAAAA ", "kind: Secret\n---\n",
    "kind: Secret\ndata:\n  a: b\n", "data:\n   \n", "accountkey=a", "İpassword=", "softlayer ", "xox", "bearer a.",
]  # fmt: skip


@pytest.mark.parametrize("unit", HOSTILE)
def test_a_hostile_line_ends_and_hides_nothing(unit: str) -> None:
    """Exponential or cubic searches would not come back from these; a secret after them is found all the same."""
    token = FORMS["gitlab"](Maker(91))
    for code in (False, True):
        text = unit * (30_000 // len(unit)) + f"\n{token}\n"
        assert token not in redact(text, code=code).text


FRAGMENTS = [
    "password", "=", ": ", '"', "'", "\n", " ", "@", ".", "-", "+49 ", "30 1234567", "acme.de", "bob", "<", ">",
    "<EMAIL>", "<SECRET:jwt>", "4111 1111 1111 1111", "81.2.69.142", "Falcon4711!", "eyJ", "密码：", "هاتف: ",
    "DE89 3704 0044 0532 0130 00", "-----BEGIN PRIVATE KEY-----", "https://", "token", "a1b2c3d4e5f6a7b8c9d0", "İ",
]  # fmt: skip


@given(st.lists(st.sampled_from(FRAGMENTS), max_size=14).map("".join), st.booleans())
def test_any_text_is_redacted_once(text: str, code: bool) -> None:
    once = redact(text, code=code)
    assert redact(once.text, code=code).text == once.text
    pieces = iter(text)
    kept = PLACEHOLDER.sub("", once.text)
    assert all(char in pieces for char in kept)  # what is left is a subsequence of what was there


def test_the_real_articles_raise_no_alarm(shared_data: Path) -> None:
    articles = json.loads((shared_data / "handbook" / "ArticleDocument.json").read_text(encoding="utf-8"))
    alarms = [
        redacted.found
        for article in articles
        for text in article["content"].values()
        if isinstance(text, str) and (redacted := redact(text, code=False)).found
    ]
    assert len(articles) == 76
    assert sum(found.total() for found in alarms) <= 2, alarms


def test_every_rule_of_gitleaks_is_there_or_named_as_replaced() -> None:
    package = files("twin.private")
    theirs, ours = (
        tomllib.loads(package.joinpath(name).read_text("utf-8")) for name in ("gitleaks.toml", "secrets.toml")
    )
    names = {rule["id"] for rule in theirs["rules"]}
    assert set(ours["replaces"]) <= names, "a name that gitleaks does not have"
    loaded = {rule.name for rule in rules().rules}
    assert names - set(ours["replaces"]) <= loaded
    assert {rule["id"] for rule in ours["rules"]} <= loaded
    assert len(gitleaks_rules().rules) == sum("regex" in rule for rule in theirs["rules"])
    assert "MIT License" in package.joinpath("gitleaks.toml").read_text("utf-8")


@pytest.mark.parametrize(
    ("go", "matches", "not_matches"),
    [
        (r"(?i)abc", ["ABC"], ["abd"]),
        (r"a(?i)bc", ["aBC"], ["Abc"]),
        (r"(a(?i)b|c)d", ["aBd", "Cd"], ["Abd", "cD"]),
        (r"[(?i)]x", ["ix", "(x"], ["Ix"]),
        (r"[[:alnum:]]{2}\z", ["a1"], ["a_"]),
        (r"[]x]y", ["]y", "xy"], ["y"]),
    ],
)
def test_expressions_of_go_mean_the_same_here(go: str, matches: list[str], not_matches: list[str]) -> None:
    pattern = re.compile(translate(go))
    assert all(pattern.fullmatch(text) for text in matches)
    assert not any(pattern.fullmatch(text) for text in not_matches)


def test_entropy() -> None:
    assert entropy("") == 0
    assert entropy("aaaa") == 0
    assert entropy("abab") == 1
    assert entropy("abcd") == 2


@given(
    st.lists(st.sampled_from(["ab", "abc", "b", "bca", "密码", "é"]), min_size=1, unique=True), st.text("abcABC密码Éİ")
)
def test_keywords_are_where_a_plain_search_finds_them(words: list[str], text: str) -> None:
    lowered = text.replace("İ", "I").lower()
    expected = {(at, word) for word in words for at in range(len(text)) if lowered.startswith(word, at)}
    assert set(Keywords([(word, word) for word in words]).hits(text)) == expected


def test_overlapping_spans_become_one_whatever_their_order() -> None:
    spans = [Span(0, 4, "a"), Span(2, 9, "b"), Span(9, 11, "c"), Span(10, 11, "d"), Span(20, 21, "e")]
    expected = [Span(0, 9, "b"), Span(9, 11, "c"), Span(20, 21, "e")]
    for order in permutations(spans):
        assert disjoint(order) == expected


def test_no_scanner_of_this_repository_trips_over_these_tests() -> None:
    from detect_secrets.core.secrets_collection import SecretsCollection
    from detect_secrets.settings import default_settings

    names = ("planted.py", "planted_values.py", "lookalikes.py")
    for name in names:
        text = (KIT / name).read_text(encoding="utf-8")
        found = redact(text, code=True, path=name).found
        assert not [kind for kind in found if kind.startswith("SECRET")], name
    with default_settings():
        secrets = SecretsCollection()
        for name in names:
            secrets.scan_file(str(KIT / name))
    assert not [(name, secret.line_number) for name, secret in secrets]
