"""Secrets and personal data of valid form, planted in texts as programmers write them, and lookalikes.

Everything is random but depends only on the seed. No value was ever valid anywhere.
"""

# ruff: noqa: E501 - one row of a table a line

import base64
import re
import string
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from tests.kit.lookalikes import lookalikes
from tests.kit.planted_values import FORMS, NAMED, PERSONAL, Maker
from twin.private.placeholders import PLACEHOLDER

Range = tuple[int, int]
Finder = Callable[["Sample"], list[Range]]


@dataclass(frozen=True)
class Sample:
    """A text, and the places where something was planted; a hard negative has none."""

    text: str
    code: bool
    path: str | None
    kind: str
    planted: tuple[Range, ...]


class Score(NamedTuple):
    """The results of a finder on samples."""

    planted: int
    found: int
    alarms: int
    right: int
    missed: tuple[str, ...]
    wrong: tuple[str, ...]

    @property
    def recall(self) -> float:
        return self.found / max(1, self.planted)

    @property
    def precision(self) -> float:
        return self.right / max(1, self.alarms)


SPACE = 2
"""An alarm is still right if it is this many characters longer than the planted value, for example by its quotes."""


def score(samples: list[Sample], find: Finder, *, lenient: bool = False) -> Score:
    """Recall of planted values and precision of alarms, by range of characters.

    A planted value is found if one alarm covers all of it. An alarm is right if it covers a planted value and hardly
    more. `lenient` is for finders that only say where to look: any overlap counts.
    """
    planted = found = alarms = right = 0
    missed, wrong = [], []
    for sample in samples:
        ranges = find(sample)
        for start, end in sample.planted:
            planted += 1
            if any((a < end and start < b) if lenient else (a <= start and end <= b) for a, b in ranges):
                found += 1
            else:
                missed.append(f"{sample.kind}: {sample.text[max(0, start - 40) : end + 10]!r} in {sample.path}")
        for a, b in ranges:
            alarms += 1
            if any(
                (a < end and start < b) if lenient else (a <= start and end <= b and (start - a) + (b - end) <= SPACE)
                for start, end in sample.planted
            ):
                right += 1
            else:
                wrong.append(f"{sample.kind}: {sample.text[max(0, a - 40) : b + 10]!r} in {sample.path}")
    return Score(planted, found, alarms, right, tuple(missed), tuple(wrong))


def replaced(original: str, redacted: str) -> list[Range]:
    """Where `original` was replaced by placeholders; fails if anything else differs."""
    kept = PLACEHOLDER.split(redacted)
    same = re.fullmatch("([\\s\\S]+?)".join(map(re.escape, kept)), original)
    if not same:
        raise AssertionError("text outside the placeholders changed")
    return [same.span(group) for group in range(1, len(kept))]


PROSE = {
    "en": ["The deployment broke on Friday, and this is what I learned.", "Retries hide real problems until they don't.", "We moved 40 GB in 3 hours with version 2.14.1.", "Read the docs first; then measure."],
    "de": ["Die Umstellung dauerte länger als geplant, am Ende 3 Wochen.", "Größere Änderungen gehören in kleine Schritte.", "Wir messen zuerst und optimieren danach."],
    "ar": ["كان الانتقال إلى النظام الجديد أطول مما توقعنا.", "نقيس أولا ثم نحسن الأداء.", "هذه ملاحظات من مشروع استمر 3 أشهر."],
    "zh": ["上周五的部署失败了，这里是我的总结。", "先测量，再优化，这是最重要的经验。", "我们用了三个小时迁移数据。"],
}  # fmt: skip

SAID = {
    "en": ["I once pushed {} to a public repository.", "Use `{}` for the demo.", "the value is {}, keep it safe.", "Here it is: {}"],
    "de": ["Ich habe einmal {} veröffentlicht.", "Der Wert lautet „{}“.", "Hier steht es (siehe {})."],
    "ar": ["استخدم {} في المثال.", "نشرت {} بالخطأ.", "القيمة هي: {}"],
    "zh": ["我不小心提交了{}到仓库。", "示例中使用 `{}`。", "值是：{}。"],
}  # fmt: skip

SAID_OF_PASSWORDS = {
    "en": ["password: {}", "The password is {}", "Log in with user bob and password `{}`."],
    "de": ["Passwort: {}", "Das Passwort lautet {}"],
    "ar": ["كلمة المرور: {}", "كلمة السر هي: {}"],
    "zh": ["密码：{}", "密码是 {}"],
    "ru": ["Пароль: {}"],
    "es": ["La contraseña es {}"],
    "fr": ["Mot de passe : {}"],
    "ja": ["パスワード：{}"],
    "ko": ["비밀번호: {}"],
    "he": ["סיסמה: {}"],
}

SAID_OF_PEOPLE = {
    "email": {"en": ["Write to {} for a copy.", "Contact: <mailto:{}>", "{} told me so."], "de": ["Schreiben Sie an {}."], "ar": ["راسلني على {} للمزيد."], "zh": ["请发邮件至{}获取代码。"]},
    "phone": {"en": ["Call me at {}.", "Phone: {}", "reach us on {} any time"], "de": ["Tel.: {}", "Rufen Sie an: {}"], "ar": ["هاتف: {}", "اتصل على {}"], "zh": ["电话：{}", "手机 {}"]},
    "iban": {"en": ["Please transfer to {}.", "IBAN: {}"], "de": ["Bitte auf {} überweisen.", "IBAN {}"], "ar": ["رقم الحساب: {}"], "zh": ["账号：{}。"]},
    "card": {"en": ["My card {} was charged twice.", "card number: {}"], "de": ["Kreditkarte {}"], "ar": ["رقم البطاقة: {}"], "zh": ["卡号：{}。"]},
    "ipv4": {"en": ["The request came from {}.", "ssh root@{}", "server at {}, port 22"], "de": ["Der Server {} antwortet nicht."], "ar": ["عنوان الخادم: {}"], "zh": ["服务器地址：{}。"]},
    "ipv6": {"en": ["listen on {}", "It resolved to {}."], "de": ["Der Rechner {} antwortet."], "ar": ["العنوان: {}"], "zh": ["服务器地址：{}。"]},
}  # fmt: skip

FILES: dict[str, tuple[str, list[str], list[str]]] = {
    "app/client.py": ("import os\n\nclass Client:\n    timeout: float = 30.0\n", ['{name} = "{value}"', "client = Client({name}='{value}')", '    "{name}": "{value}",', '{name}: str = "{value}"', 'os.environ["{name}"] = "{value}"'], ["def fetch(url: str, token: str) -> bytes:", "    return self.session.get(url, timeout=self.timeout).content"]),
    "src/api.js": ("const http = require('http');\n", ["const {name} = '{value}';", "  {name}: '{value}',", 'let {name} = "{value}";', "process.env.{name} = '{value}'"], ["module.exports = { fetch };", "app.listen(3000);"]),
    "deploy/values.yaml": ("version: 2\nservices:\n", ["  {name}: {value}", '  {name}: "{value}"', "  - {name}={value}"], ["  image: nginx:1.25.3", "  replicas: 3"]),
    "setup.ini": ("[server]\nport = 8080\n", ["{name} = {value}", "{name}={value}"], ["timeout = 30", "debug = false"]),
    "config.json": ('{{\n  "version": "1.2.3",\n'.replace("{{", "{"), ['  "{name}": "{value}",'], ['  "retries": 3', "}"]),
    ".env.sample": ("PORT=8000\n", ["{name}={value}", 'export {name}="{value}"', "{name}='{value}'"], ["DEBUG=1", "LOG_LEVEL=info"]),
    "run.sh": ("#!/bin/sh\nset -eu\n", ['export {name}="{value}"', "{name}={value} ./start", "tool --{flag} {value} --verbose"], ["exec python -m app", "echo done"]),
}  # fmt: skip


def plant(seed: int, count: int) -> list[Sample]:
    """`count` samples with planted values, of every kind in turn."""
    maker = Maker(seed)
    makers: list[Callable[[Maker], Sample]] = [
        *(lambda m, kind=kind: _formed(m, kind) for kind in FORMS),
        *(lambda m, kind=kind: _named(m, kind) for kind in NAMED),
        *(lambda m, kind=kind: _personal(m, kind) for kind in PERSONAL),
        *(lambda m, kind=kind: _structured(m, kind) for kind in STRUCTURED),
    ]
    return [makers[index % len(makers)](maker) for index in range(count)]


def _sample(maker: Maker, kind: str, template: str, values: list[str], path: str | None, **names: str) -> Sample:
    """A text from a template, with the values in place of its `{}` and `{value}`."""
    language = maker.pick(*PROSE) if path is None else "en"
    line = template.format(*values, value=values[0], **names)
    if path is None:
        before, after = maker.pick(*PROSE[language]), maker.pick(*PROSE[language])
        text = f"{before}\n\n{line}\n\n{after}\n"
        at = len(before) + 2
    else:
        head, _, rest = FILES.get(path, ("", [], []))
        text = f"{head}{line}\n" + "\n".join(rest) + "\n"
        at = len(head)
    ranges = []
    for value in values:
        start = text.index(value, at)
        ranges.append((start, start + len(value)))
    return Sample(text, path is not None, path, kind, tuple(ranges))


def _formed(maker: Maker, kind: str) -> Sample:
    value = FORMS[kind](maker)
    value, _, tail = value.rpartition("=") if kind == "new-relic" else ("", "", value)
    choice = maker.random.random()
    name = "NEW_RELIC_KEY" if value else maker.pick("x", "value", "K", "data", "setting", "header", "conf")
    if choice < 0.35 and not value:
        return _sample(maker, kind, maker.pick(*SAID[maker.pick(*SAID)]), [tail], None)
    path = maker.pick(*FILES)
    template = maker.pick(*FILES[path][1])
    if choice < 0.55:
        fence = path.rsplit(".", 1)[-1]
        return _sample(maker, kind, f"```{fence}\n{template}\n```", [tail], None, name=name, flag="value")
    return _sample(maker, kind, template, [tail], path, name=name, flag="value")


def _named(maker: Maker, kind: str) -> Sample:
    name, value = NAMED[kind](maker)
    choice = maker.random.random()
    if kind == "password" and choice < 0.3:
        return _sample(maker, kind, maker.pick(*SAID_OF_PASSWORDS[maker.pick(*SAID_OF_PASSWORDS)]), [value], None)
    path = maker.pick(*FILES)
    template = maker.pick(*FILES[path][1])
    flag = name.lower().replace("_", "-")
    if choice < 0.5:
        fence = path.rsplit(".", 1)[-1]
        return _sample(maker, kind, f"```{fence}\n{template}\n```", [value], None, name=name, flag=flag)
    return _sample(maker, kind, template, [value], path, name=name, flag=flag)


def _personal(maker: Maker, kind: str) -> Sample:
    value = PERSONAL[kind](maker)
    if maker.random.random() < 0.7:
        said = SAID_OF_PEOPLE[kind]
        return _sample(maker, kind, maker.pick(*said[maker.pick(*said)]), [value], None)
    path = maker.pick("app/client.py", "src/api.js", "deploy/values.yaml", "config.json")
    names = {
        "email": "owner",
        "phone": "phone",
        "iban": "account",
        "card": "card_number",
        "ipv4": "host",
        "ipv6": "bind_address",
    }
    return _sample(maker, kind, maker.pick(*FILES[path][1][:2]), [value], path, name=names[kind])


STRUCTURED: dict[str, Callable[[Maker], tuple[str, list[str], str | None]]] = {
    "private-key": lambda m: ("{}", [m.pem(m.pick("", "RSA ", "EC ", "OPENSSH ", "ENCRYPTED "))], m.pick("a.pem.txt", "") or None),
    "private-key-escaped": lambda m: ('  "private_key": "{}\\n",', [m.pem().replace("\n", "\\n")], "config.json"),
    "connection-string": lambda m: (m.pick("postgres", "mysql", "mongodb+srv", "redis", "amqp") + "://" + m.pick("bob", "svc_app", "reader") + ":{}@db." + m.pick("internal:5432/app", "acme-prod.net/x"), [m.alnum(12)], m.pick("run.sh", "deploy/values.yaml", "") or None),
    "basic-auth-url": lambda m: ("git clone https://ci:{}@git.acme-prod.net/team/app.git", [m.alnum(20)], m.pick("run.sh", "") or None),
    "bearer-header": lambda m: (m.pick('curl -H "Authorization: Bearer {}" https://api.acme-prod.net/v1', "Authorization: Bearer {}", "    'Authorization': 'Bearer {}',").replace("'", "'"), [m.url64(40)], m.pick("run.sh", "src/api.js", "") or None),
    "basic-header": lambda m: ("Authorization: Basic {}", [base64.b64encode(f"bob:{m.alnum(13)}".encode()).decode()], None),
    "curl-user": lambda m: ("curl -u bob:{} https://api.acme-prod.net/v1", [m.alnum(14)], m.pick("run.sh", "") or None),
    "slack-webhook": lambda m: ("https://hooks.slack.com/services/{}", [f"T{m.of(string.ascii_uppercase + string.digits, 9)}/B{m.of(string.ascii_uppercase + string.digits, 10)}/{m.alnum(24)}"], m.pick("app/client.py", "") or None),
    "discord-webhook": lambda m: ("https://discord.com/api/webhooks/{}", [f"{m.digits(18)}/{m.url64(68)}"], m.pick("app/client.py", "") or None),
    "azure-storage": lambda m: ("DefaultEndpointsProtocol=https;AccountName=acme;AccountKey={};EndpointSuffix=core.windows.net", [m.b64(64)], m.pick("setup.ini", "") or None),
    "aws-pair": lambda m: ("{}\n{}", [FORMS["aws-id"](m), m.alnum(40)], None),
    "npmrc": lambda m: ("//registry.npmjs.org/:_authToken={}", [m.uuid()], ".npmrc"),
    "docker-config": lambda m: ('  "https://index.docker.io/v1/": {{ "auth": "{}" }},', [base64.b64encode(f"bob:{m.alnum(14)}".encode()).decode()], "config.json"),
    "kubernetes": lambda m: ("apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\ntype: Opaque\ndata:\n  username: {}\n  pass: {}", [base64.b64encode(b"app-user" + m.hex(2).encode()).decode(), base64.b64encode(m.alnum(16).encode()).decode()], "k8s/secret.yaml"),
    "netrc": lambda m: ("machine git.acme-prod.net login bob password {}", [m.alnum(14)], None),
    "sql": lambda m: ("CREATE USER app IDENTIFIED BY '{}';", [m.alnum(14)], "schema.sql"),
}  # fmt: skip
"""Secrets that the notation around them reveals: a template, its values, a path."""


def _structured(maker: Maker, kind: str) -> Sample:
    template, values, path = STRUCTURED[kind](maker)
    return _sample(maker, kind, template, values, path)


def negatives(seed: int, count: int) -> list[Sample]:
    """`count` samples without planted values, each with something that looks like a secret or personal data."""
    maker = Maker(seed)
    lines = [*lookalikes(maker)]
    while len(lines) < count:
        lines += lookalikes(maker)
    samples = []
    for kind, line, path in lines[:count]:
        escaped = line.replace("{", "{{").replace("}", "}}")
        sample = _sample(maker, kind, escaped, [""], path)
        samples.append(Sample(sample.text, sample.code, path, kind, ()))
    return samples
