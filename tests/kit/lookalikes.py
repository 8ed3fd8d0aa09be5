"""Hard negatives: lines that only look like secrets or personal data."""
# ruff: noqa: E501 - one line a lookalike

import string
from collections.abc import Iterator

from tests.kit.planted_values import Maker


def lookalikes(maker: Maker) -> Iterator[tuple[str, str, str | None]]:
    """Kind, line and path (None: prose) of each."""
    return ((kind, line.replace("·", ""), path) for kind, line, path in _lines(maker))


def _lines(m: Maker) -> Iterator[tuple[str, str, str | None]]:
    """The lines, with a dot in those that would alarm a scanner of this repository."""
    py, js, yaml, env, sh = "app/client.py", "src/api.js", "deploy/values.yaml", ".env.sample", "run.sh"
    yield "git-sha", f"Fixed in commit {m.hex(40)}.", None
    yield "git-sha", f'REVISION = "{m.hex(40)}"', py
    yield "sha256", f"    sha256:{m.hex(64)}", yaml
    yield "sha256", f'checksum = "{m.hex(64)}"', "setup.ini"
    yield "sha256", f'TOKEN_HASH = "{m.hex(64)}"', py
    yield "integrity", f'      "integrity": "sha512-{m.b64(64)}",', "config.json"
    yield "go-sum", f"golang.org/x/text v0.3.{m.digits(1)} h1:{m.b64(32)}", "notes.txt"
    yield "uuid", f'  "id": "{m.uuid()}",', "config.json"
    yield "uuid", f"Request {m.uuid()} failed.", None
    yield "docker-digest", f"FROM python:3.11@sha256:{m.hex(64)}", "Dockerfile"
    yield "md5", f"ETag: {m.hex(32)}", None
    yield "aws-example", 'aws_access_key_id = "AKIA·IOSFODNN7EXAMPLE"', py
    yield "aws-example", "aws_secret_access_key = wJalrXUtnFEMI/·K7MDENG/bPxRfiCYEXAMPLEKEY", "setup.ini"
    yield (
        "placeholder",
        f"{m.pick('OPENAI_API_KEY', 'API_TOKEN', 'SECRET_KEY')}={m.pick('YOUR_API_KEY_HERE', 'xxxxxxxxxxxxxxxxxxxxxxxx', '<your-token>', 'changeme', 'replace-me-please-1234', 'sk-...')}",
        env,
    )
    yield "placeholder", "export GITHUB_TOKEN=ghp·_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", sh
    yield "placeholder", 'pass·word = "your_password_123"', py
    yield "placeholder", "postgres:·//user:password@localhost:5432/db", yaml
    yield "placeholder", "DATABASE_URL=postgres://app:${DB_PASSWORD}@db:5432/app", env
    yield "placeholder", "curl -H 'Authorization: Bearer $TOKEN' https://api.acme-prod.net", sh
    yield "placeholder", 'headers = {"Authorization": f"Bearer {token}"}', py
    yield "placeholder", "-----BEGIN RSA PRIVATE· KEY-----\n...\n-----END RSA PRIVATE KEY-----", None
    yield "lookup", 'api_key = os.environ["OPENAI_API_KEY_2"]', py
    yield "lookup", 'SECRET_KEY = config("DJANGO_SECRET_KEY_V2")', py
    yield "lookup", 'token = os.getenv("SLACK_BOT_TOKEN_2024")', py
    yield "lookup", "const apiKey = process.env.STRIPE_KEY_V2;", js
    yield "lookup", "password: ${{ secrets.DOCKERHUB_TOKEN_2 }}", yaml
    yield "lookup", "password: {{ .Values.database.password1 }}", yaml
    yield "lookup", "tool --token $GITHUB_TOKEN2 --verbose", sh
    yield "lookup", "password = self.settings.database.password2", py
    yield "lookup", 'secret·_name = "prod/db/credentials-v2"', py
    yield "type-hint", "def login(user: str, password: str, token: Optional[str] = None) -> Session:", py
    yield "type-hint", "  password: string; apiKey?: string; token: Promise<string>;", js
    yield "call", "token = get_token(client_id, scope='read:v2')", py
    yield "call", 'password = getpass.getpass("Password for user1: ")', py
    yield "call", "secret_key = secrets.token_urlsafe(32)", py
    yield "call", "access_token = response.json()['access_token']", py
    yield "form", '<input type="password" name="password2" id="user_password_1">', "index.html"
    yield "i18n", '  "pass·word": "Passwort",\n  "token": "Zugangstoken"', "config.json"
    yield "i18n", '  "pass·word_hint": "Mindestens 8 Zeichen",', "config.json"
    yield "i18n", '  "password": "كلمة المرور",', "config.json"
    yield "i18n", "密码必须至少包含8个字符。", None
    yield "i18n", "Das Passwort muss mindestens 12 Zeichen lang sein.", None
    yield "i18n", "Your password must have 8-20 characters, 1 digit and 1 sign.", None
    yield "base64-image", f"![x](data:image/png;base64,{m.b64(900)})", None
    yield "base64-image", f'icon = "data:image/png;base64,{m.b64(600)}"', py
    yield "minified", "!function(e,t){var n=e.key1,r=t.token2;return n&&r?n(r):void 0}(a1,b2);", js
    yield "url", f"https://medium.com/@jane/how-we-scaled-{m.hex(12)}?source=rss-{m.hex(12)}", None
    yield "url", f"https://www.youtube.com/watch?v={m.url64(11)}&utm_source=newsletter&utm_id={m.digits(12)}", None
    yield "url", f"https://docs.google.com/document/d/{m.url64(44)}/edit", None
    yield "url", f"https://acme-prod.net/assets/main.{m.hex(20)}.js", None
    yield "url", f"https://gist.github.com/jane/{m.hex(32)}", None
    yield "names", "sort_key = 'created_at_v2'\ncache_key = f'user:{user_id}:profile2'", py
    yield "names", f'primary_key = "usr_{m.digits(10)}"', py
    yield "names", 'tokenizer.pad_token = "<|endoftext|>"\nmax_tokens = 4096', py
    yield "names", 'token_type = "Bearer"\ntoken_url = "https://auth.acme-prod.net/oauth2/token"', py
    yield "names", f'public_key = "{m.b64(32)}"', py
    yield "names", "valueFrom:\n  secretKeyRef:\n    name: db-credentials-2\n    key: password", yaml
    yield "names", "key: ctrl+shift+p2", yaml
    yield "names", 'encryption_algorithm = "AES-256-GCM"\npass·word_hasher = "argon2id"', py
    yield "regex", 'PATTERN = r"ghp_[A-Za-z0-9]{36}|sk-[a-zA-Z0-9]{48}|AKIA[0-9A-Z]{16}"', py
    yield "certificate", f"-----BEGIN CERTIFICATE-----\n{m.b64(300)}\n-----END CERTIFICATE-----", "ca.crt.txt"
    yield "public-key", f"ssh-rsa AAAAB3NzaC1yc2E{m.b64(200)} jane@laptop", None
    yield "public-key", f"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{m.alnum(43)}", sh
    yield "email-like", "git clone git@github.com:acme/app.git", sh
    yield "email-like", "@app.route('/users')\n@pytest.fixture(scope='module')", py
    yield "email-like", "Ask jane@example.com, bob@mail.example.org or noreply@github.com.", None
    yield "email-like", "npm install @types/node@20.11.5 lodash@4.17.21 logo@2x.png", sh
    yield "email-like", "y = w@x.T + b@c.data", py
    yield "email-like", "Follow @jane on @jane@mastodon.social", None
    yield "number", f"Order {m.digits(9)} of 2024-03-17 10:20:30 cost 1.299,00 € (ISBN 978-3-16-148410-0).", None
    yield "number", f"created_at = 17{m.digits(8)}\nids = [{m.digits(10)}, {m.digits(12)}, {m.digits(18)}]", py
    yield "number", f"position: +48.{m.digits(6)}, -2.{m.digits(6)}", None
    yield "number", f"+{m.digits(5)} lines, -{m.digits(4)} lines, 3.14159265358979", None
    yield "number", "From 1990-2000 to 2010-2020, pages 1234-5678 and 10.1145/3292500.3330701", None
    yield "number", f"https://twitter.com/jane/status/1{m.of('0123456789', 18)}", None
    yield "card-like", f"tracking number {_unlucky(m)}", None
    yield "iban-like", "Account DE00 1234 5678 9012 3456 78 is invalid; see AB12 3456.", None
    yield "ip-like", "Listening on 127.0.0.1:8000, 0.0.0.0, 10.0.3.7, 192.168.178.20, 172.16.4.2 and 192.0.2.7", None
    yield "ip-like", f"package==1.{m.digits(1)}.3.4 and Chrome/120.0.6099.129, version 4.8.15.16", None
    yield "ip-like", "std::vector<int>::iterator a::b::c, 12:30:45, 2001:db8::1, fe80::1, ::1", None
    yield "ip-like", f"aa:bb:{m.hex(2)}:11:22:33 is a MAC address, section 3.{m.digits(1)}.1.2 of the RFC", None


def _unlucky(maker: Maker) -> str:
    """Sixteen digits that are not a card number: the check digit of a card, plus one."""
    number = "".join(char for char in "4" + maker.of(string.digits, 14))
    total = sum(
        doubled - 9 if doubled > 9 else doubled
        for doubled in (int(char) * (2 - index % 2) for index, char in enumerate(reversed(number)))
    )
    return number + str((1 - total) % 10)
