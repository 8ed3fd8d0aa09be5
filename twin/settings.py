"""Settings from the environment. No other module of the domain reads it.

A setting is one field of `Settings`: its variable, type, default and description. `make settings` writes these fields
into .env.example, docs/configuration.md and docker-compose.yml, and a test compares them.

Secrets stay in `SecretStr`: they are never printed, logged or stored. Whoever makes `Settings` also makes
`twin.masking` hide them, and every password in an address, in whatever this process says from then on.

pydantic's own aliases are enough. pydantic-settings 2.16 gives the same settings from the same fields, but importing it
takes every `twin` command 0.1 s longer (0.13 s instead of 0.03 s on top of pydantic, median of 5), and its constructor
reads the environment, which ours must not.
"""

import os
import re
import textwrap
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from fsspec.registry import get_filesystem_class, known_implementations
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError, model_validator
from upath import UPath

from twin import masking
from twin.cutting import PROFILES, Profile
from twin.errors import InputError
from twin.nearest import misspelled
from twin.servers import usable_key

TABLE = "docs/configuration.md"
"""The document with the table of all settings."""


def _setting(
    variable: str, default: Any, does: str, *, unset: str, example: str = "", compose: bool = True, **limits: Any
) -> Any:
    """One setting.

    Args:
        variable: its name in the environment.
        default: the value if it is unset, empty or blank.
        does: what it is for, in Markdown without a full stop.
        unset: what the default means to a reader, in Markdown.
        example: a value for `.env.example`.
        compose: whether Docker Compose passes it on from `.env`; if not, docker-compose.yml sets its own value.
        limits: such as `gt=0`, see `pydantic.Field`.
    """
    more: dict[str, Any] = {"unset": unset, "example": example, "compose": compose}
    return Field(default, validation_alias=variable, description=does, json_schema_extra=more, **limits)


def _parts(value: Any) -> Any:
    return [part.strip() for part in value.split(",")] if isinstance(value, str) else value


def _profile(value: Any) -> Any:
    return Profile.parse(value) if isinstance(value, str) else value


class Settings(BaseModel):
    """Where data is stored and which models are used. Unset means the laptop default: no server, no account."""

    model_config = ConfigDict(frozen=True, populate_by_name=True)

    store: str = _setting(
        "TWIN_STORE", "./data",
        "a folder, or any fsspec URL such as `s3://bucket/twin` (then set `MONGO_URI` and `QDRANT_URL` as well)",
        unset="`./data`", example="./data", compose=False,
    )  # fmt: skip
    mongo_uri: SecretStr | None = _setting(
        "MONGO_URI", None, "the address of a MongoDB server",
        unset="SQLite in `TWIN_STORE`", example="mongodb://user:password@127.0.0.1:27017/?authSource=admin",
        compose=False,
    )  # fmt: skip
    qdrant_url: str | None = _setting(
        "QDRANT_URL", None, "the address of a Qdrant server",
        unset="Qdrant Edge in `TWIN_STORE`, in process", example="http://127.0.0.1:6333", compose=False,
    )  # fmt: skip
    qdrant_api_key: SecretStr | None = _setting(
        "QDRANT_API_KEY", None, "the key of the Qdrant server, letters and digits only",
        unset="no key", example="change-me", compose=False,
    )  # fmt: skip
    base_model: str = _setting(
        "TWIN_BASE_MODEL", "nano",
        "any Hugging Face causal language model that the adapter is trained on, by id or folder",
        unset="`nano`, which is made on the spot and cannot talk", example="nano",
    )  # fmt: skip
    embedding_model: str = _setting(
        "TWIN_EMBEDDING_MODEL", "all-MiniLM-L6-v2", "any sentence-transformers model, by id or folder",
        unset="all-MiniLM-L6-v2, from PyPI, no download at run time", example="all-MiniLM-L6-v2",
    )  # fmt: skip
    embedding_backend: Literal["auto", "openvino-int8", "openvino-bf16", "openvino-f32", "torch"] = _setting(
        "TWIN_EMBEDDING_BACKEND", "auto", "`openvino-int8`, `openvino-bf16`, `openvino-f32` or `torch`",
        unset="`auto`: the fastest that agrees with the original model", example="auto",
    )  # fmt: skip
    embedding_url: str | None = _setting(
        "TWIN_EMBEDDING_URL", None,
        "an OpenAI-compatible endpoint that embeds, up to `/v1`; `TWIN_EMBEDDING_MODEL` is then its name for the model",
        unset="the model runs here", example="https://api.openai.com/v1",
    )  # fmt: skip
    embedding_api_key: SecretStr | None = _setting(
        "TWIN_EMBEDDING_API_KEY", None, "the key of that endpoint, which is sent to it alone", unset="no key"
    )
    embedding_tokenizer: str | None = _setting(
        "TWIN_EMBEDDING_TOKENIZER", None,
        "the tokenizer of that endpoint's model, which measures its chunks: a folder or a `tokenizer.json`",
        unset="chunks that are short enough for any model",
    )  # fmt: skip
    chunking: Annotated[Profile, BeforeValidator(_profile)] = _setting(
        "TWIN_CHUNKING", PROFILES["default"],
        "`classic` (500/50, as far as the model reads), or target/overlap in its tokens for a category or more",
        unset="`default`", example="articles=170/0,posts=170/0,repositories=200/0",
    )  # fmt: skip
    quantization: Literal["int8"] | None = _setting(
        "TWIN_QUANTIZATION", None,
        "`int8`: vectors as 8-bit integers, rescored with the whole ones; a search goes over a quarter of the memory",
        unset="whole vectors",
    )  # fmt: skip
    reranker: str | None = _setting(
        "TWIN_RERANKER", None, "a cross-encoder that reads the best results of a search again, by id or folder",
        unset="no reranker", example="cross-encoder/ms-marco-MiniLM-L6-v2",
    )  # fmt: skip
    language_model_url: str | None = _setting(
        "TWIN_LANGUAGE_MODEL_URL", None,
        "an OpenAI-compatible endpoint, up to `/v1`, whose model reads a question before a search",
        unset="rules read a question",
    )  # fmt: skip
    language_model: str | None = _setting(
        "TWIN_LANGUAGE_MODEL", None, "the model of that endpoint", unset="required with `TWIN_LANGUAGE_MODEL_URL`"
    )
    language_model_api_key: SecretStr | None = _setting(
        "TWIN_LANGUAGE_MODEL_API_KEY", None, "the key of that endpoint, which is sent to it alone", unset="no key"
    )
    authors: str = _setting(
        "TWIN_AUTHORS", "./authors", "the folder of author files, one `<slug>.yaml` each",
        unset="`./authors`", example="./authors", compose=False,
    )  # fmt: skip
    contact: str | None = _setting(
        "TWIN_CONTACT", None, "an address or URL that the User-Agent names, for the sites you crawl",
        unset="nothing", example="you@example.org",
    )  # fmt: skip
    requests_per_second: float = _setting(
        "TWIN_REQUESTS_PER_SECOND", 1.0, "requests to one host", unset="1", example="1", gt=0, le=1000,
        allow_inf_nan=False,
    )  # fmt: skip
    ports: Annotated[tuple[Annotated[int, Field(ge=1, le=65535)], ...], BeforeValidator(_parts)] = _setting(
        "TWIN_PORTS", (80, 443), "ports that may be fetched from, comma-separated", unset="80,443", example="80,443"
    )
    keep_captures: int = _setting(
        "TWIN_KEEP_CAPTURES", 2, "versions of each address that are kept as fetched, for `twin replay`; 0 keeps none",
        unset="2", example="2", ge=0, le=1_000_000,
    )  # fmt: skip
    github_token: SecretStr | None = _setting(
        "GITHUB_TOKEN", None, "GitHub's limit for that account, such as 5,000; it goes to api.github.com alone",
        unset="60 API requests an hour",
    )  # fmt: skip

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> "Settings":
        """Read the settings from `env` (default: the process environment).

        White space around a value is dropped, and an empty value counts as unset.

        Raises:
            InputError: a value cannot be used, or a variable is almost that of a setting; the sentence names the
                variable and never shows the value.
        """
        env = os.environ if env is None else env
        hide_secrets(env)
        known = tuple(cls.variables())
        for name in env:
            # A mistyped setting would silently keep its default.
            if name.startswith("TWIN_") and (near := misspelled(name, known)):
                raise InputError(f"{name} is not a setting: did you mean {near}? Rename or remove it.")
        try:
            return cls.model_validate({name: env[name] for name in cls.variables() if name in env})
        except ValidationError as error:
            # The value itself is not shown: it may be a secret in the wrong variable.
            first = error.errors(include_url=False, include_input=False)[0]
        # Outside of `except`, so that not even the context of this error shows the value.
        raise InputError(f"{first['loc'][0]} is not valid ({first['msg']}): correct it.")

    @model_validator(mode="before")
    @classmethod
    def _clean(cls, given: Any) -> Any:
        """The values without white space around them, known to `twin.masking` before anything can fail.

        Raises:
            InputError: a value contains a character that no setting may have.
        """
        if not isinstance(given, dict):
            return given
        variables: dict[str, str] = {name: str(field.validation_alias) for name, field in cls.model_fields.items()}
        secret, paths = {variables[name] for name in SECRETS}, {variables[name] for name in _PATHS}
        clean = {}
        for name, value in given.items():
            plain = value.get_secret_value() if isinstance(value, SecretStr) else value
            if not isinstance(plain, str):
                clean[name] = value
            elif text := _stripped(plain):  # an empty value counts as unset
                variable = variables[name] if name in variables else str(name)
                masking.remember_address(text)
                if variable in secret and "://" not in text:  # of an address, only a part is secret
                    masking.remember(text)
                _check_characters(variable, text, key=variable in secret and variable != "MONGO_URI")
                if variable in paths:
                    _check_path(variable, text)
                clean[name] = text
        return clean

    @classmethod
    def variables(cls) -> dict[str, dict[str, Any]]:
        """The texts of each setting, by its variable: `does`, `unset`, `example` and `compose`, see `_setting`."""
        found = {}
        for field in cls.model_fields.values():
            assert isinstance(field.json_schema_extra, dict)  # noqa: S101 - `_setting` made it
            found[str(field.validation_alias)] = {"does": field.description, **field.json_schema_extra}
        return found

    @property
    def store_path(self) -> UPath:
        """Root of the artifact store.

        Raises:
            InputError: no file system reads such an address, or its package is missing.
        """
        problem = _store_problem(self.store)
        if problem:  # outside of `except`: an error of fsspec may quote the address
            raise InputError(f"TWIN_STORE {problem}.")
        return UPath(self.store)

    @property
    def authors_path(self) -> Path:
        """Folder of the author files."""
        return Path(self.authors).expanduser()

    def local_store(self, purpose: str, instead: str) -> Path:
        """Return the store as a local folder, for the embedded engines that need one.

        Raises:
            InputError: `store` is a remote URL, where an embedded engine cannot run, or cannot be used at all.
        """
        if problem := _store_problem(self.store, opened=False):
            raise InputError(f"TWIN_STORE {problem}.")
        path = UPath(self.store)
        if path.protocol not in ("", "file", "local"):
            raise InputError(f"TWIN_STORE is {self.store}, but {purpose} needs a local folder: set {instead} as well.")
        return Path(path.path).expanduser().resolve()


def hide_secrets(env: Mapping[str, str] | None = None) -> None:
    """Make `twin.masking` hide the secrets of the environment, for a process that needs no other setting of it."""
    env = os.environ if env is None else env
    masking.remember_environment(env)
    for field in Settings.model_fields.values():
        value = _stripped(env.get(str(field.validation_alias), ""))
        masking.remember_address(value)
        if field.annotation == SecretStr | None and "://" not in value:
            masking.remember(value)


SECRETS = tuple(name for name, field in Settings.model_fields.items() if field.annotation == SecretStr | None)
"""The fields that are secrets as a whole."""


_PATHS = ("store", "authors", "base_model", "embedding_model", "embedding_tokenizer", "reranker")
"""The fields that may be paths."""

_READ_ONLY = frozenset({"http", "https", "data", "github", "zip", "tar"})


def _stripped(value: str) -> str:
    """The value without white space, line ends and a byte order mark around it, as editors and mounted files add."""
    return value.strip().strip("\ufeff\u200b").strip()


def _check_characters(variable: str, value: str, *, key: bool) -> None:
    kinds = {unicodedata.category(char) for char in value}
    if "Cc" in kinds and variable != "TWIN_CONTACT":  # which is quoted before it is sent
        raise InputError(f"{variable} contains a control character, such as a line end: write it in one line.")
    if "Cs" in kinds:
        raise InputError(f"{variable} contains bytes that are not UTF-8: write it in UTF-8.")
    if key and not usable_key(value):
        raise InputError(f"{variable} contains a character that is not allowed in a key: copy the key again.")


def _check_path(variable: str, value: str) -> None:
    try:
        Path(value).expanduser().is_dir()
        return
    except OSError as error:
        problem = error.strerror or type(error).__name__
    except (RuntimeError, ValueError):
        problem = "there is no such user"
    raise InputError(f"{variable} is not valid ({problem}): correct it.")


def _store_problem(store: str, *, opened: bool = True) -> str | None:
    """What is wrong with the address of a store, and how to fix it; None if it can be used.

    Args:
        opened: whether the package that reads it has to be there.
    """
    try:
        path = UPath(store)
        protocol = path.protocol
    except (ValueError, TypeError, KeyError, ImportError):
        return "is neither a folder nor an address that fsspec knows: write it like ./data or s3://bucket/twin"
    if protocol in ("", "file", "local"):
        return None
    if protocol in _READ_ONLY:
        return "is an address that can only be read: set it to a folder, or to one like s3://bucket/twin"
    if ":" in path.path.partition("@")[0] and "@" in path.path:
        return (
            "contains a user and a password, which are not read there: remove them and set the variables of the "
            "service (for s3 AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY)"
        )
    try:
        if opened:
            get_filesystem_class(protocol)
    except (ImportError, ValueError):
        known = known_implementations.get(protocol, {})
        return f"needs a package that is missing: {known.get('err', 'install the one that reads such addresses')}"
    return None


def documented(name: str, text: str) -> str:
    """The text of `.env.example`, `docs/configuration.md` or `docker-compose.yml` with the current settings.

    The settings are between two comments, `settings: written by make settings` and `end of settings`.
    """
    lines: list[str] = []
    for variable, said in Settings.variables().items():
        does, unset, example = said["does"], said["unset"], said["example"]
        if name == TABLE:
            lines.append(f"| `{variable}` | {unset} | {does} |")
        elif name == ".env.example":
            own = "" if said["compose"] or example == "change-me" else " Docker Compose sets its own."
            sentence = f"{does[0].upper()}{does[1:]}. Unset: {unset}.{own}".replace("`", "")
            lines += textwrap.wrap(sentence, 118, initial_indent="# ", subsequent_indent="# ")
            # What `make env` replaces by a password is set from the start.
            lines += ["# " * (example != "change-me") + f"{variable}={example}", ""]
        elif said["compose"]:
            lines.append(f"      {variable}: ${{{variable}:-}}")
    head = "\n| variable | unset | set |\n|---|---|---|\n" if name == TABLE else ""
    tail = "\n" if name == TABLE else ""
    block = head + "".join(f"{line}\n" for line in lines) + tail
    between = re.compile(
        r"(settings: written by `?make settings[^\n]*\n).*?(^[^\n]*end of settings)", re.DOTALL | re.MULTILINE
    )
    return between.sub(lambda found: found[1] + block + found[2], text, count=1)


def _write_documents() -> None:
    for name in (".env.example", TABLE, "docker-compose.yml"):
        path = Path(name)
        path.write_text(documented(name, path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    _write_documents()
