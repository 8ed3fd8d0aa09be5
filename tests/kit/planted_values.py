"""Values of valid form from one seed: secrets of every kind, and personal data with correct check digits.

Nothing here was ever valid anywhere, and no value is written in this file: each is made on demand.
"""
# ruff: noqa: E501, S311 - one row of a table a line; a seeded generator is the point

import base64
import json
import random
import string
from collections.abc import Callable


class Maker:
    """Values, names and texts from one seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def of(self, alphabet: str, length: int) -> str:
        return "".join(self.random.choice(alphabet) for _ in range(length))

    def alnum(self, length: int) -> str:
        """Letters of both cases and digits, each at least twice."""
        while True:
            value = self.of(string.ascii_letters + string.digits, length)
            if sum(map(str.isdigit, value)) >= 2 and not value.islower() and not value.isupper():
                return value

    def hex(self, length: int) -> str:
        return self.of("0123456789abcdef", length)

    def url64(self, length: int) -> str:
        """Base64 for URLs: the alphabet of `alnum`, with "-" and "_" inside."""
        return self.alnum(4) + self.of(string.ascii_letters + string.digits + "-_", length - 8) + self.alnum(4)

    def b64(self, octets: int) -> str:
        return base64.b64encode(self.random.randbytes(octets)).decode()

    def digits(self, length: int) -> str:
        return self.of("123456789", 1) + self.of(string.digits, length - 1)

    def uuid(self) -> str:
        raw = self.hex(32)
        return f"{raw[:8]}-{raw[8:12]}-4{raw[13:16]}-a{raw[17:20]}-{raw[20:]}"

    def pick(self, *items: str) -> str:
        return self.random.choice(items)

    def password(self) -> str:
        """Passwords as people choose them (a word, a number, a sign) or as a password manager makes them."""
        word = self.pick("Sommer", "tiger", "Falcon", "monsoon", "Kaffee", "orchid", "Borussia", "granite", "Velvet")
        forms: list[Callable[[], str]] = [
            lambda: f"{word}{self.digits(3)}{self.of('!$%&*+?', 1)}k",
            lambda: f"{word[:3]}{self.of('@#$%', 1)}{self.digits(2)}{word[3:]}9",
            lambda: f"{word}{self.digits(4)}",
            lambda: self.alnum(self.random.randint(10, 20)),
            lambda: self.of("ABCDEFGHJKLMNP", 2) + self.of("!@#%^&*", 1) + self.alnum(11),
        ]
        return self.random.choice(forms)()

    def jwt(self) -> str:
        def part(value: object) -> str:
            return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

        return f"{part({'alg': 'HS256', 'typ': 'JWT'})}.{part({'sub': self.digits(8), 'iat': 17e8})}.{self.url64(43)}"

    def pem(self, kind: str = "") -> str:
        body = self.b64(self.random.randint(200, 600))
        lines = "\n".join(body[index : index + 64] for index in range(0, len(body), 64))
        return f"-----BEGIN {kind}PRIVATE KEY-----\n{lines}\n-----END {kind}PRIVATE KEY-----"

    # Personal data

    def email(self) -> str:
        first = self.pick(
            "anna", "li.wei", "j.keller", "omar", "maria-jose", "søren", "t.nakamura", "bob+lists", "ivan_p"
        )
        host = self.pick("acme", "posteo", "mueller-bau", "uni-koeln", "firma", "northwind", "bücher", "kaihatsu")
        return f"{first}{self.pick('', '7', '.k', '88')}@{host}{self.digits(2)}.{self.pick('com', 'de', 'org', 'io', 'co.uk', 'cn', 'ae')}"

    def phone(self) -> str:
        d = self.of
        n = "23456789"
        forms: list[Callable[[], str]] = [
            lambda: f"+49 {self.pick('151', '171', '30', '89')} {self.digits(4)}{d('0123456789', 4)}",
            lambda: f"+1 {d(n, 1)}{self.digits(2)}-{d(n, 1)}{self.digits(2)}-{self.digits(4)}",
            lambda: f"+1 ({d(n, 1)}{self.digits(2)}) {d(n, 1)}{self.digits(2)}-{self.digits(4)}",
            lambda: f"+44 20 {self.digits(4)} {self.digits(4)}",
            lambda: f"+33 6 {self.digits(2)} {self.digits(2)} {self.digits(2)} {self.digits(2)}",
            lambda: f"+86 13{self.digits(1)} {self.digits(4)} {self.digits(4)}",
            lambda: f"+971 50 {self.digits(3)} {self.digits(4)}",
            lambda: f"+4917{self.digits(9)}",
            lambda: f"+49 (0)30 / {self.digits(7)}",
        ]
        return self.random.choice(forms)()

    def iban(self) -> str:
        country, body = self.random.choice(
            [
                ("DE", self.digits(18)),
                ("GB", self.of(string.ascii_uppercase, 4) + self.digits(14)),
                ("FR", self.digits(10) + self.of(string.digits + string.ascii_uppercase, 11) + self.digits(2)),
                ("NL", self.of(string.ascii_uppercase, 4) + self.digits(10)),
                ("SA", self.digits(2) + self.of(string.digits, 18)),
            ]
        )
        number = int("".join(str(int(char, 36)) for char in f"{body}{country}00"))
        account = f"{country}{98 - number % 97:02}{body}"
        return (
            account if self.random.random() < 0.4 else " ".join(account[i : i + 4] for i in range(0, len(account), 4))
        )

    def card(self) -> str:
        prefix, length = self.random.choice([("4", 16), ("51", 16), ("54", 16), ("37", 15), ("2720", 16), ("6011", 16)])
        body = prefix + self.of(string.digits, length - 1 - len(prefix))
        total = sum(
            doubled - 9 if doubled > 9 else doubled
            for doubled in (int(char) * (2 - index % 2) for index, char in enumerate(reversed(body)))
        )
        number = body + str(-total % 10)
        if length == 15:
            return f"{number[:4]} {number[4:10]} {number[10:]}"
        separator = self.pick(" ", "-", " ")
        return separator.join(number[index : index + 4] for index in range(0, 16, 4))

    def ipv4(self) -> str:
        return f"{self.random.choice([45, 52, 62, 81, 88, 93, 141, 151, 185, 212])}.{self.random.randint(32, 250)}.{self.random.randint(1, 250)}.{self.random.randint(40, 254)}"

    def ipv6(self) -> str:
        return f"2a0{self.of('0123456789', 1)}:{self.hex(4)}:{self.hex(4)}::{self.pick('1', 'a1f', 'beef:2')}"


FORMS: dict[str, Callable[[Maker], str]] = {
    "aws-id": lambda m: m.pick("AKIA", "ASIA") + m.of("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16),
    "github": lambda m: m.pick("ghp_", "gho_", "ghs_", "ghu_", "ghr_") + m.alnum(36),
    "github-fine-grained": lambda m: f"github_pat_{m.alnum(22)}_{m.alnum(59)}",
    "gitlab": lambda m: f"glpat-{m.url64(20)}",
    "slack": lambda m: f"xoxb-{m.digits(12)}-{m.digits(13)}-{m.alnum(24)}",
    "slack-user": lambda m: f"xoxp-{m.digits(12)}-{m.digits(12)}-{m.digits(13)}-{m.hex(32)}",
    "stripe": lambda m: m.pick("sk_live_", "rk_live_", "sk_test_") + m.alnum(m.random.choice([24, 99])),
    "sendgrid": lambda m: f"SG.{m.url64(22)}.{m.url64(43)}",
    "mailgun": lambda m: f"key-{m.hex(32)}",
    "mailchimp": lambda m: f"{m.hex(32)}-us{m.digits(1)}{m.digits(1)}",
    "twilio": lambda m: m.pick("SK", "AC") + m.hex(32),
    "telegram": lambda m: f"{m.digits(10)}:AA{m.url64(33)}",
    "discord-bot": lambda m: f"{m.pick('M', 'N', 'O')}{m.alnum(25)}.{m.alnum(6)}.{m.url64(38)}",
    "npm": lambda m: f"npm_{m.alnum(36)}",
    "pypi": lambda m: f"pypi-AgEIcHlwaS5vcmc{m.url64(150)}",
    "hugging-face": lambda m: f"hf_{m.alnum(34)}",
    "openai": lambda m: f"sk-proj-{m.alnum(74)}T3BlbkFJ{m.alnum(74)}",
    "openai-legacy": lambda m: f"sk-{m.alnum(20)}T3BlbkFJ{m.alnum(20)}",
    "anthropic": lambda m: f"sk-ant-api03-{m.url64(93)}AA",
    "google-api": lambda m: f"AIza{m.url64(35)}",
    "google-oauth": lambda m: m.random.choice([f"GOCSPX-{m.url64(28)}", f"ya29.{m.url64(120)}"]),
    "digitalocean": lambda m: f"dop_v1_{m.hex(64)}",
    "docker": lambda m: f"dckr_pat_{m.url64(27)}",
    "databricks": lambda m: f"dapi{m.hex(32)}",
    "vault": lambda m: f"hvs.{m.url64(95)}",
    "age": lambda m: f"AGE-SECRET-KEY-1{m.of('QPZRY9X8GF2TVDW0' + 'S3JN54KHCE6MUA7L', 58)}",
    "heroku": lambda m: f"HRKU-AA{m.url64(58)}",
    "shopify": lambda m: f"shpat_{m.hex(32)}",
    "new-relic": lambda m: f"NEW_RELIC_KEY=NRAK-{m.of(string.ascii_uppercase + string.digits, 27)}",
    "jwt": lambda m: m.jwt(),
    "square": lambda m: f"sq0csp-{m.url64(43)}",
    "linear": lambda m: f"lin_api_{m.alnum(40)}",
    "grafana": lambda m: f"glsa_{m.alnum(32)}_{m.hex(8)}",
}
"""Secrets that are recognised by their form, wherever they occur."""

NAMED: dict[str, Callable[[Maker], tuple[str, str]]] = {
    "password": lambda m: (m.pick("password", "DB_PASSWORD", "smtp_password", "dbPassword", "PGPASSWORD", "redis_pwd", "admin_passwd"), m.password()),
    "generic-token": lambda m: (m.pick("auth_token", "ACCESS_TOKEN", "refreshToken", "session_secret", "api_token", "TOKEN"), m.alnum(m.random.choice([24, 32, 40, 48]))),
    "generic-key": lambda m: (m.pick("api_key", "API_KEY", "apiKey", "WEATHER_API_KEY", "x_api_key", "secret_key"), m.random.choice([m.hex(32), m.alnum(32), m.url64(43)])),
    "client-secret": lambda m: (m.pick("client_secret", "CLIENT_SECRET", "oauthClientSecret"), m.random.choice([m.url64(40), m.uuid()])),
    "aws-secret": lambda m: (m.pick("aws_secret_access_key", "AWS_SECRET_ACCESS_KEY", "secretAccessKey"), m.b64(30)),
    "azure-ad": lambda m: (m.pick("AZURE_CLIENT_SECRET", "clientSecret"), f"{m.alnum(3)}{m.digits(1)}Q~{m.alnum(34)}"),
    "cloudflare": lambda m: (m.pick("CLOUDFLARE_API_TOKEN", "cloudflare_api_key"), m.url64(40)),
    "heroku-key": lambda m: (m.pick("HEROKU_API_KEY", "heroku_api_key"), m.uuid()),
    "twilio-token": lambda m: (m.pick("TWILIO_AUTH_TOKEN", "twilio_auth_token"), m.hex(32)),
    "datadog": lambda m: (m.pick("DATADOG_API_KEY", "datadog_app_key"), m.hex(40)),
    "django": lambda m: ("SECRET_KEY", f"{m.alnum(8)}{m.of('!@#%^&*(-_=+', 4)}{m.alnum(36)}8k"),
}  # fmt: skip
"""Secrets that only their name reveals."""

PERSONAL: dict[str, Callable[[Maker], str]] = {
    "email": Maker.email,
    "phone": Maker.phone,
    "iban": Maker.iban,
    "card": Maker.card,
    "ipv4": Maker.ipv4,
    "ipv6": Maker.ipv6,
}
