"""Settings: read once, checked with the name of the variable, and documented from one place."""

import re
from pathlib import Path

import pytest

from twin.errors import InputError
from twin.settings import Settings, documented

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", [".env.example", "docs/configuration.md", "docker-compose.yml"])
def test_every_document_has_the_settings_of_the_fields(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    assert documented(name, text) == text, f"{name} is not what twin/settings.py says: run `make settings`"
    stale = text.replace("TWIN_CONTACT", "TWIN_CONTACTS")
    assert documented(name, stale) != stale, "the comparison sees a variable that has another name"


def test_what_is_passed_on_or_empty_is_the_default() -> None:
    assert Settings.from_env(dict.fromkeys(Settings.variables(), " \n")) == Settings.from_env({}) == Settings()


def test_examples_can_be_used() -> None:
    examples = {name: said["example"] for name, said in Settings.variables().items()}
    read = Settings.from_env(examples)
    defaults = {"TWIN_STORE", "TWIN_AUTHORS", "TWIN_BASE_MODEL", "TWIN_EMBEDDING_MODEL", "TWIN_PORTS", "TWIN_CHUNKING"}
    assert Settings.from_env({name: examples[name] for name in defaults}) == Settings()
    assert read.qdrant_api_key is not None


def test_a_value_is_read_without_the_white_space_around_it() -> None:
    read = Settings.from_env(
        {"GITHUB_TOKEN": " token\r\n", "TWIN_STORE": " s3://bucket/twin ", "TWIN_PORTS": " 80 , 8080\n"}
    )
    assert read.github_token is not None
    assert read.github_token.get_secret_value() == "token"
    assert (read.store, read.ports) == ("s3://bucket/twin", (80, 8080))


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("TWIN_PORTS", "80,s3cret"),
        ("TWIN_EMBEDDING_BACKEND", "s3cret"),
        ("TWIN_QUANTIZATION", "s3cret"),
        ("TWIN_REQUESTS_PER_SECOND", "0"),
        ("TWIN_KEEP_CAPTURES", "s3cret"),
        ("TWIN_KEEP_CAPTURES", "9" * 30),
        ("TWIN_PORTS", "0"),
        ("TWIN_PORTS", "80,65536"),
        ("TWIN_REQUESTS_PER_SECOND", "inf"),
        ("TWIN_REQUESTS_PER_SECOND", "nan"),
        ("TWIN_REQUESTS_PER_SECOND", "1e9"),
        ("TWIN_STORE", "~nobody-of-this-name/s3cret"),
        ("TWIN_AUTHORS", "s3cret" * 100),
    ],
)
def test_a_wrong_value_is_one_sentence_that_names_the_variable_and_hides_the_value(variable: str, value: str) -> None:
    with pytest.raises(InputError) as caught:
        Settings.from_env({variable: value})
    assert re.fullmatch(rf"{variable} is not valid \(.+\): correct it\.", str(caught.value))
    assert "s3cret" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


@pytest.mark.parametrize("name", sorted(set(Settings.variables()) - {"TWIN_CONTACT"}))
@pytest.mark.parametrize("value", ["s3cret\x00", "s3cret\nX: y", "s3cret\udcff"])
def test_no_setting_has_a_character_that_nothing_can_use(name: str, value: str) -> None:
    with pytest.raises(InputError, match=rf"^{name} contains .*: write it in ") as caught:
        Settings.from_env({name: value})
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    "name", ["QDRANT_API_KEY", "TWIN_EMBEDDING_API_KEY", "TWIN_LANGUAGE_MODEL_API_KEY", "GITHUB_TOKEN"]
)
def test_a_key_that_no_header_can_hold_is_refused(name: str) -> None:
    with pytest.raises(InputError, match=f"{name} contains a character that is not allowed in a key: copy"):
        Settings.from_env({name: "s\u00e9cret"})


@pytest.mark.parametrize("part", ["s3cret", "posts=s3cret/1", "articles=5/0", "articles=100/99"])
def test_a_wrong_chunking_is_not_shown(part: str) -> None:
    with pytest.raises(InputError, match=r"^TWIN_CHUNKING cannot be .* \(part 2.*\): set ") as caught:
        Settings.from_env({"TWIN_CHUNKING": f"repositories=200/0,{part}"})
    assert part not in str(caught.value)


@pytest.mark.parametrize(
    ("store", "said"),
    [
        ("s3://KEY:s3cret@bucket/x", "contains a user and a password, which are not read there: remove them"),
        ("simplecache::s3://KEY:s3cret@bucket/x", "contains a user and a password"),
        ("nothing://h/s3cret", "is neither a folder nor an address that fsspec knows: write it like"),
        ("http://KEY:s3cret@h/x", "is an address that can only be read: set it to a folder"),
    ],
)
def test_a_store_that_cannot_be_one_is_one_sentence_without_its_address(store: str, said: str) -> None:
    settings = Settings.from_env({"TWIN_STORE": store})
    for opening in (lambda: settings.store_path, lambda: settings.local_store("SQLite", "MONGO_URI")):
        with pytest.raises(InputError, match=f"^TWIN_STORE {said}") as caught:
            opening()
        assert "s3cret" not in str(caught.value)


def test_a_store_whose_package_is_missing_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(protocol: str) -> None:
        raise ImportError(protocol)

    monkeypatch.setattr("twin.settings.get_filesystem_class", missing)
    with pytest.raises(InputError, match=r"^TWIN_STORE needs a package that is missing: Install s3fs"):
        print(Settings(store="s3://bucket/x").store_path)


def test_only_the_variables_are_read() -> None:
    assert Settings.from_env({"store": "/elsewhere", "CONTACT": "x", "twin_store": "/elsewhere"}) == Settings()


def test_secrets_are_not_printed() -> None:
    secrets = {name: "s3cret" for name in Settings.variables() if re.search("KEY|TOKEN$|URI", name)}
    assert len(secrets) == 5
    assert "s3cret" not in repr(Settings.from_env(secrets))


@pytest.mark.parametrize("name", ["TWIN_EMBEDING_MODEL", "TWIN_STORES", "TWIN_LANGUAGE_MODEL_URI"])
def test_a_misspelled_setting_is_said(name: str) -> None:
    with pytest.raises(
        InputError, match=rf"^{name} is not a setting: did you mean TWIN_\w+\? Rename or remove it\.$"
    ) as error:
        Settings.from_env({name: "secret-value"})
    assert "secret-value" not in str(error.value)


def test_other_variables_of_ours_are_left_alone() -> None:
    env = dict.fromkeys(("TWIN_UI_PORT", "TWIN_BENCH_PAGES", "TWIN_BENCH_DATA", "MONGO_URL", "STORE"), "x")
    assert Settings.from_env(env) == Settings.from_env({})
