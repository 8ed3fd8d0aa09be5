"""What an author may write for a link, and that a new source needs nothing but its own class."""

import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import ClassVar

import pytest

from twin.authors.declarations import declare_link, sources
from twin.crawling import Crawl, Crawler, classify, register
from twin.crawling import base as registry
from twin.errors import InputError
from twin.models import Category, Link

ARTICLES = (Category.ARTICLES,)


def test_declarations_of_each_kind(tmp_path: Path) -> None:
    def declared(declaration: str | dict[str, object]) -> tuple[object, ...]:
        link = declare_link("ada", declaration, base=tmp_path)
        return link.kind, link.url, link.categories, link.location

    at = str(tmp_path.resolve())
    assert declared({"url": "https://ada.example/x?utm_a=1"}) == (
        "article", "https://ada.example/x", ARTICLES, None,
    )  # fmt: skip
    assert declared({"feed": "https://ada.example/news"})[0] == "feed"
    assert declared({"repository": "../engine"}) == (
        "repository", "local:../engine", (Category.REPOSITORIES,), str(tmp_path.parent.resolve() / "engine"),
    )  # fmt: skip
    assert declared({"linkedin_export": "export.zip"}) == (
        "linkedin_export", "local:export.zip", (Category.POSTS, Category.ARTICLES), f"{at}/export.zip",
    )  # fmt: skip
    # Saved pages of LinkedIn's posts are posts, every other file an article: what is in a folder says which.
    assert declared({"files": "notes/*.md"}) == (
        "files", "local:notes/*.md", (Category.POSTS, Category.ARTICLES), f"{at}/notes/*.md",
    )  # fmt: skip
    assert declared({"files": "notes", "category": "posts"})[2] == (Category.POSTS,)


def test_a_plain_path_is_recognised_by_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "engine" / ".git").mkdir(parents=True)
    (tmp_path / "export").mkdir()
    (tmp_path / "export" / "Shares.csv").touch()
    with zipfile.ZipFile(tmp_path / "archive.zip", "w") as packed:
        packed.writestr("Complete/Shares_155814142.csv", "Date,ShareLink,ShareCommentary")
    with zipfile.ZipFile(tmp_path / "holiday.zip", "w") as packed:
        packed.writestr("beach.jpg", "")
    (tmp_path / "notes").mkdir()
    (tmp_path / "note.md").touch()
    kinds = {
        name: declare_link("ada", name, base=tmp_path).kind
        for name in ("engine", "export", "archive.zip", "notes", "note.md", "notes/*.md")
    }
    assert kinds == {
        "engine": "repository",
        "export": "linkedin_export",
        "archive.zip": "linkedin_export",
        "notes": "files",
        "note.md": "files",
        "notes/*.md": "files",
    }
    with pytest.raises(
        InputError, match=r"'holiday\.zip' is not recognised as an export: declare it with .*'linkedin_export'"
    ):
        declare_link("ada", "holiday.zip", base=tmp_path)
    with pytest.raises(InputError, match=r"'ada\.example/x' is neither an http\(s\) address nor a file"):
        declare_link("ada", "ada.example/x", base=tmp_path)


def test_where_a_local_source_lies_takes_no_part_in_its_identity(tmp_path: Path) -> None:
    here = declare_link("ada", {"files": "notes"}, base=tmp_path / "here")
    there = declare_link("ada", {"files": "notes"}, base=tmp_path / "there")
    assert here.location != there.location
    assert here.content_hash == there.content_hash


def test_patterns_are_kept() -> None:
    link = declare_link("ada", {"repository": ".", "include": ["*.py"], "exclude": "tests/"}, base=Path())
    assert (link.include, link.exclude) == (("*.py",), ("tests/",))


@pytest.mark.parametrize(
    ("declaration", "said"),
    [
        ({}, "but this one has none: give one"),
        ({"url": "https://a.example", "files": "x"}, "both 'url' and 'files'"),
        ({"urll": "https://a.example"}, "no field 'urll': did you mean 'url'?"),
        ({"url": 7}, "'url' must be text, not a number (7)"),
        ({"files": ""}, "'files' must be text"),
        ({"files": "https://a.example/x"}, "write an address as 'url'"),
        (
            {"url": "https://a.example", "category": "posts"},
            "'category' is only for files",
        ),
        ({"files": "x", "category": "novels"}, "'category' must be posts"),
        ({"files": "x", "category": "novels"}, "not 'novels'"),
        ({"url": "https://a.example", "include": ["x"]}, "'include' is only for files, git"),
        ({"files": "x", "exclude": [1]}, "'exclude' must be a list of patterns"),
        ({"files": "x", "also": ["comments"]}, "`also` cannot be 'comments' for a link of kind files"),
        (
            {"linkedin_export": "x.zip", "also": ["coments"]},
            "`also` cannot be 'coments' for a link of kind linkedin_export: did you mean 'comments'?",
        ),
        ({"linkedin_export": "x.zip", "also": 7}, "'also' must be a list of what else to read"),
        ("files: notes/*.md", "give the address or path alone, and its kind, files, with --kind"),
        ("ftp://a.example", "only http and https"),
        ("", "neither an http"),
        (["x"], "not a list"),
    ],
)
def test_a_bad_declaration_is_one_sentence(declaration: object, said: str) -> None:
    with pytest.raises(InputError) as caught:
        declare_link("ada", declaration, base=Path())  # type: ignore[arg-type]
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.fixture
def recipes() -> Iterator[type[Crawler]]:
    @register
    class Recipes(Crawler):
        """A source that nobody else knows of."""

        kind: ClassVar[str] = "recipes"
        version: ClassVar[str] = "recipes-1"
        categories: ClassVar[tuple[Category, ...]] = ARTICLES
        domains: ClassVar[frozenset[str]] = frozenset({"recipes.example"})
        optional: ClassVar[Mapping[str, tuple[Category, ...]]] = {"reviews": (Category.POSTS,)}

        @classmethod
        def claim(cls, url: str) -> str | None:
            return url.replace("/print/", "/") if "/dish/" in url else None

        def read(self, link: Link, category: Category, validators: Mapping[str, str]) -> Crawl:
            return Crawl(status="skipped", message=f"{link.url} is hungry work.")

    yield Recipes
    del registry._CRAWLERS["recipes"]


def test_a_new_source_is_one_class(recipes: type[Crawler]) -> None:
    assert classify("http://www.Recipes.example/print/dish/1#top") == (recipes, "http://www.recipes.example/dish/1")
    assert classify("https://recipes.example.evil.example/dish/1")[0].kind == "article"
    assert classify("https://evilrecipes.example/dish/1")[0].kind == "article"
    assert classify("https://recipes.example/about")[0].kind == "article"
    assert "recipes" in sources()
    link = declare_link("ada", {"url": "https://recipes.example/dish/1", "also": "reviews"}, base=Path())
    assert (link.kind, link.categories, link.also) == ("recipes", (Category.ARTICLES, Category.POSTS), ("reviews",))
    forced = declare_link("ada", {"recipes": "https://cook.example/dish/2"}, base=Path())
    assert (forced.kind, forced.url) == ("recipes", "https://cook.example/dish/2")


def test_a_kind_has_one_crawler(recipes: type[Crawler]) -> None:
    with pytest.raises(ValueError, match="two crawlers of kind recipes"):
        register(type("Again", (Crawler,), {"kind": "recipes"}))


@pytest.mark.parametrize("declaration", [
    {"files": "https://ada:hun-ter2@example.com/x"}, {"category": "https://ada:hun-ter2@example.com", "files": "a.md"},
    "ftp://ada:hun-ter2@example.com/x", {"feed": "https://ada:hun-ter2@"},
])  # fmt: skip
def test_no_message_shows_a_password(tmp_path: Path, declaration: object) -> None:
    with pytest.raises(InputError) as raised:
        declare_link("ada", declaration, base=tmp_path)  # type: ignore[arg-type]
    assert "hun-ter2" not in str(raised.value)
