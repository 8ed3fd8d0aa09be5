"""Secrets in output: every secret setting with every failure, `python -m benchmarks.secrets`.

A case plants a secret in one setting and makes something fail: the address is wrong, nobody answers, a server sends
back what it received, a file is missing, a character is not allowed. Everything that is printed, logged, warned of,
raised (with causes) and stored by Dagster or in the store is collected. The secret must be in none of it, in no form.
"""

import base64
import contextlib
import html
import io
import json
import logging
import os
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, unquote

from benchmarks.echo import ENCODINGS, Echo, gossiping_mongo
from twin import layout, masking

os.environ.setdefault("HF_HUB_OFFLINE", "1")

SECRETS = ("S3cretMongo9", "ghp_0aZ9kQ4rT7yLmN2vXcB8s6", "c0rrect.horse-battery_staple~1", "p+w/d=9&x?Q!7")
"""Of the kinds that people have. A header can hold each of them, and some must be encoded in an address."""

Use = Callable[[Any], object]
"""What is done with the opened `Stores`."""


class Case(NamedTuple):
    """One failure.

    Args:
        name: what happens.
        env: the settings, with the secret in one of them.
        use: what is done then.
    """

    name: str
    env: Mapping[str, str]
    use: Use


class Said(NamedTuple):
    """What a case has said: the text of everything, and the error, if there was one."""

    text: str
    error: BaseException | None


def cases(secret: str, folder: Path, echo: Echo, mongo_port: int) -> Iterator[Case]:
    """Every case for one secret. The echo is set when a case is taken, so each must be run before the next is taken.

    Args:
        secret: printable ASCII.
        folder: an empty folder.
        mongo_port: of a `gossiping_mongo`.
    """
    yield from _mongo(secret, mongo_port)
    yield from _qdrant(secret, echo)
    yield from _endpoints(secret, echo)
    yield from _github(secret, echo)
    yield from _stores(secret, folder)
    yield from _elsewhere(secret)


def run(case: Case, folder: Path) -> Said:
    """Run a case and collect what it says, including what Dagster would store of it."""
    masking.forget()
    out, log = io.StringIO(), io.StringIO()
    handler = logging.StreamHandler(log)
    handler.setFormatter(logging.Formatter("%(name)s %(message)s"))
    root, level = logging.getLogger(), logging.getLogger().level
    raised: list[BaseException] = []
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out), warnings.catch_warnings():
            warnings.simplefilter("always")
            stored = _in_dagster(lambda: _used(case, folder, raised))
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
    error = raised[0] if raised else None
    files = b"\n".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())
    told = "".join(_told(error)) if error else ""
    return Said("\n".join([out.getvalue(), log.getvalue(), told, stored, files.decode("latin-1")]), error)


def leaks(text: str, secret: str) -> bool:
    """Whether a text contains a secret in any form. This is written without `twin.masking`, which it judges."""
    raw = secret.encode()
    plain = [
        secret,
        quote(secret, safe=""),
        json.dumps(secret)[1:-1],
        repr(secret)[1:-1],
        html.escape(secret),
        raw.hex(),
    ]
    for before in range(3):
        code = base64.b64encode(b"\0" * before + raw + b"\0" * (-(before + len(raw)) % 3)).decode()
        whole = code[(0, 2, 3)[before] : (before + len(raw)) // 3 * 4]
        plain += [whole, whole.replace("+", "-").replace("/", "_")]
    views = [text, unquote(text), unquote(unquote(text)), html.unescape(text)]
    with contextlib.suppress(UnicodeError), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        views.append(text.encode("latin-1", "replace").decode("unicode_escape", "replace"))
    return any(form.casefold() in view.casefold() for form in plain for view in views)


def _used(case: Case, folder: Path, raised: list[BaseException]) -> None:
    from twin.opening import Stores
    from twin.settings import Settings

    try:
        with Stores(Settings.from_env({"TWIN_STORE": str(folder / "store"), **case.env})) as stores:
            print(case.use(stores))
    except BaseException as error:
        raised.append(error)
        raise


def _in_dagster(action: Callable[[], None]) -> str:
    """What Dagster stores of an asset in which this happens: the error with its stack and its causes."""
    from dagster._utils.error import serializable_error_info_from_exc_info

    from twin_assets.framing import sentences

    try:
        with sentences():
            action()
    except Exception:
        stored = serializable_error_info_from_exc_info(sys.exc_info())
        return f"{stored.to_string()} {stored!r}"
    return ""


def _told(error: BaseException) -> Iterator[str]:
    """Every text of an error and of what led to it, whether a traceback would show it or not."""
    yield from traceback.format_exception(error)
    seen: set[int] = set()
    left: list[BaseException | None] = [error]
    while left:
        each = left.pop()
        if each is None or id(each) in seen or len(seen) > 50:
            continue
        seen.add(id(each))
        yield f"\n{each} {each!r} {each.args!r} {getattr(each, '__notes__', '')}"
        left += [each.__cause__, each.__context__]


def _mongo(secret: str, port: int) -> Iterator[Case]:
    quoted = quote(secret, safe="")
    whole = [
        f"mongodb://user:{quoted}@127.0.0.1:9/?serverSelectionTimeoutMS=50",
        f"mongodb://user:{quoted}@127.0.0.1:{port}/?authMechanism=PLAIN",
        f"mongodb+srv://user:{quoted}@nobody.invalid",
        f"mongodb+srv://user:{quoted}@nobody.invalid:27017",
        *(f"{scheme}://user:{quoted}@127.0.0.1:9" for scheme in ("https", "mongo", "")),
        *(f"mongodb://user:{quoted}@127.0.0.1:{wrong}" for wrong in ("99999", "port", "-1", "27017:27017")),
        f"mongodb://user:{quoted}@",
        f"mongodb://user:{quoted}@[::1",
        f"mongodb://user:{quoted}@127.0.0.1:9/a b",
        *(
            f"mongodb://user:{quoted}@127.0.0.1:9/?{options}"
            for options in (
                "tls=true&tlsCAFile=/nonexistent", "tls=true&tlsCertificateKeyFile=/etc/hostname", "tls=perhaps",
                f"tls=true&tlsCertificateKeyFile=/nonexistent&tlsCertificateKeyFilePassword={quoted}",
                f"authMechanism={quoted}", f"{quoted}={quoted}", f"compressors={quoted}", "authSource=",
                f"authMechanismProperties=AWS_SESSION_TOKEN:{quoted}",
            )
        ),
    ]  # fmt: skip
    for password in {secret, quoted}:
        whole += [
            f"mongodb://user:{password}",
            f"mongodb://user:{password};host:1",
            f"mongodb://user:{password}%zz@127.0.0.1:9",
            f"mongodb://user:{password}\u00e9@@127.0.0.1:9",
            f"mongodb:/user:{password}@127.0.0.1",
            f"user:{password}@127.0.0.1:27017",
            password,
        ]
    for uri in whole:
        yield Case(f"MONGO_URI={uri}", {"MONGO_URI": uri}, lambda stores: _impatient(stores).authors())
    # The server names a secret that it cannot have from this address.
    env = {"MONGO_URI": f"mongodb://127.0.0.1:{port}", "QDRANT_API_KEY": secret}
    yield Case("MongoDB refuses every command", env, lambda stores: _impatient(stores).authors())
    ended = {"MONGO_URI": f"{whole[0]}\r\n"}
    yield Case("MONGO_URI with a line end", ended, lambda stores: _impatient(stores).authors())


def _impatient(stores: Any) -> Any:
    """The warehouse of the settings, which waits 0.2 s for a server instead of five."""
    warehouse = stores.warehouse
    if hasattr(warehouse, "_server"):
        warehouse._server._timeout_s = 0.2
    return warehouse


def _qdrant(secret: str, echo: Echo) -> Iterator[Case]:
    quoted = quote(secret, safe="")
    login = f"user:{quoted}@"

    def count(stores: Any) -> object:
        from twin.models import Category

        return stores.vectors.count(Category.ARTICLES, "ada")

    for url in (
        f"http://{login}127.0.0.1:9", f"http://{login}h:99999", f"http://{login}h:port", f"ftp://{login}h",
        f"{login}h:6333", f"http://{login}", f"http://{login}[::1", f"http://user:{secret}@h h:1", f"http://{login}a..b",
        f"http://127.0.0.1:9?api_key={quoted}", f"http://{login}{echo.url.removeprefix('http://')}", secret,
    ):  # fmt: skip
        yield Case(f"QDRANT_URL={url}", {"QDRANT_URL": url}, count)
    for end in ("", "\r", "\n", "\u00e9", "\x00", "\nX: y"):
        env = {"QDRANT_URL": "http://127.0.0.1:9", "QDRANT_API_KEY": secret + end}
        yield Case(f"QDRANT_API_KEY with {end!r}, refused", env, count)
    for status in (200, 400, 401, 404, 500):
        for encoding in ENCODINGS:
            echo.status, echo.encoding = status, encoding
            env = {"QDRANT_URL": echo.url, "QDRANT_API_KEY": secret}
            yield Case(f"Qdrant answers {status} and echoes ({encoding})", env, count)


def _endpoints(secret: str, echo: Echo) -> Iterator[Case]:
    def embed(stores: Any) -> object:
        return stores.embedder.embed(["a text"])

    def ask(stores: Any) -> object:
        from twin.retrieval.opening import _language_model

        model = _language_model(stores.settings)
        return model and model.understand("Where?", [], date(2026, 1, 1))

    quoted = quote(secret, safe="")
    for name, more, use in (
        ("TWIN_EMBEDDING", {"TWIN_EMBEDDING_MODEL": "m"}, embed),
        ("TWIN_LANGUAGE_MODEL", {"TWIN_LANGUAGE_MODEL": "m"}, ask),
    ):
        for url in (
            f"http://user:{quoted}@127.0.0.1:9/v1", f"http://127.0.0.1:9/v1?key={quoted}", f"http://h:99999/{quoted}",
            f"ftp://user:{quoted}@h", f"user:{secret}@h/v1", secret,
        ):  # fmt: skip
            yield Case(f"{name}_URL={url}", {**more, f"{name}_URL": url}, use)
        for end in ("\u00e9", "\x00", "\nX: y"):
            env = {**more, f"{name}_URL": echo.url, f"{name}_API_KEY": secret + end}
            yield Case(f"{name}_API_KEY with {end!r}", env, use)
        for status in (200, 307, 400, 401, *([500] if use is ask else [])):
            for encoding in ENCODINGS:
                for end in ("", "\r"):
                    echo.status, echo.encoding = status, encoding
                    env = {**more, f"{name}_URL": echo.url, f"{name}_API_KEY": secret + end}
                    yield Case(f"{name}_URL answers {status} and echoes ({encoding}), key with {end!r}", env, use)


def _github(secret: str, echo: Echo) -> Iterator[Case]:
    def fetch(stores: Any) -> object:
        from pydantic import SecretStr

        from twin.crawling.web.fetcher import Fetcher, Limits

        token: SecretStr = stores.settings.github_token
        fetcher = Fetcher(allow_loopback=True, limits=Limits(attempts=1), tokens={echo.url: token})
        response = fetcher.get(f"{echo.url}/users/ada/repos", api=True)
        stores.artifacts.write_bytes(layout.CAPTURES, "answer", content=response.content)
        return response

    for end in ("\u00e9", "\x00", "\nX: y"):
        yield Case(f"GITHUB_TOKEN with {end!r}", {"GITHUB_TOKEN": secret + end}, fetch)
    for status in (200, 401, 403, 404, 500):
        for encoding in ENCODINGS:
            echo.status, echo.encoding = status, encoding
            yield Case(f"GitHub answers {status} and echoes ({encoding})", {"GITHUB_TOKEN": f"{secret}\n"}, fetch)


def _stores(secret: str, folder: Path) -> Iterator[Case]:
    def write(stores: Any) -> object:
        return stores.artifacts.write_bytes(layout.CHUNKS, "x", content=b"x"), stores.warehouse.authors()

    quoted = quote(secret, safe="")
    (folder / "file").write_bytes(b"")
    login = f"KEY:{quoted}@"
    for store in (
        f"s3://{login}bucket/x", f"foo://{login}h/x", f"sftp://{login}h/x", f"ftp://{login}h/x", f"http://{login}h/x",
        f"simplecache::s3://{login}bucket/x", f"s3://KEY:{secret}@bucket/x", f"memory\x00://{login}x",
    ):  # fmt: skip
        yield Case(f"TWIN_STORE={store}", {"TWIN_STORE": store}, write)
    planted = {"GITHUB_TOKEN": secret, "QDRANT_API_KEY": secret, "HTTPS_PROXY": f"http://user:{quoted}@127.0.0.1:9"}
    yield Case("a store that cannot be written", {"TWIN_STORE": str(folder / "file" / "x"), **planted}, write)


def _elsewhere(secret: str) -> Iterator[Case]:
    """The secret in a variable where it does not belong, and in an error of a library that nobody expects."""

    def open_all(stores: Any) -> object:
        from twin.retrieval import open_retriever

        stores.embedder.dimension  # noqa: B018 - reads the files of the model
        return open_retriever(stores.settings, stores.vectors, stores.embedder).search("x")

    for variable in (
        "TWIN_CHUNKING", "TWIN_EMBEDDING_MODEL", "TWIN_EMBEDDING_BACKEND", "TWIN_QUANTIZATION", "TWIN_PORTS",
        "TWIN_REQUESTS_PER_SECOND", "TWIN_KEEP_CAPTURES",
    ):  # fmt: skip
        yield Case(f"{variable} is the secret", {variable: secret}, open_all)
    yield Case("TWIN_BASE_MODEL is the secret", {"TWIN_BASE_MODEL": secret.replace("/", "_")}, _find_base)

    def unexpected(kind: Callable[[str], BaseException]) -> Use:
        def fail(stores: Any) -> None:  # noqa: ARG001
            logging.getLogger("a library").warning("sending %s", secret)
            warnings.warn(f"the key is {secret}", stacklevel=1)
            with masking.no_secrets():  # as around the body of every asset, sensor and resource
                try:
                    raise kind(f"failed with {secret}")
                except BaseException as error:
                    error.add_note(f"the header was {secret}")
                    raise RuntimeError(f"cannot connect with {secret}") from error

        return fail

    for kind in (ValueError, OSError, KeyError, lambda said: ExceptionGroup(said, [TypeError(said)])):
        env = {"QDRANT_API_KEY": secret}
        yield Case(f"a {getattr(kind, '__name__', kind)} of a library", env, unexpected(kind))


def _find_base(stores: Any) -> object:
    from twin.training.plan import find_base

    return find_base(stores.settings.base_model, Path("nowhere"), "", {})


def main() -> None:
    """Print one line: how many of the cases showed the secret."""
    from twin import __version__

    leaked, total = [], 0
    echo = Echo()
    for secret in SECRETS:
        with tempfile.TemporaryDirectory() as made, gossiping_mongo(f"the password {secret} is wrong") as port:
            folder = Path(made)
            for number, case in enumerate(cases(secret, folder, echo, port)):
                place = folder / str(number)
                place.mkdir()
                total += 1
                if leaks(run(case, place).text, secret):
                    leaked.append(case.name)
    echo.close()
    for name in leaked:
        sys.stderr.write(f"leaked: {name}\n")
    print(json.dumps({"secrets_leaked": len(leaked), "cases": total, "version": __version__}))
    sys.exit(bool(leaked))


if __name__ == "__main__":
    main()
