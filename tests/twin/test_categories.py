"""Categories: every row is whole, every table has every category, and a new one needs nothing but its row."""

import ast
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, asdict, fields
from datetime import date
from pathlib import Path

import pytest

from twin.categories import TRAITS, Category, Layout, Traits
from twin.chunking import PROFILES
from twin.models import Document
from twin.pictures.style import CATEGORY_COLOURS, CATEGORY_MARKERS
from twin.retrieval.fusion import EVIDENCE, Weights, weights
from twin.retrieval.question.asked import asked
from twin.terms.bm25 import AVERAGE_TERMS
from twin.text.kinds import Kind, kind_of
from twin.transfer.handbook_rows import CLASSES

POSTS, ARTICLES, REPOSITORIES = Category.POSTS, Category.ARTICLES, Category.REPOSITORIES
NAMES = {f"Category.{name}" for name in Category.__members__}
FIELDS = [field.name for field in fields(Traits)]


def test_every_category_has_a_row() -> None:
    assert list(TRAITS) == list(Category)
    assert [category.traits for category in Category] == list(TRAITS.values())


@pytest.mark.parametrize("name", FIELDS)
def test_a_row_that_lacks_a_field_is_an_error(name: str) -> None:
    row = {each: getattr(TRAITS[ARTICLES], each) for each in FIELDS if each != name}
    with pytest.raises(TypeError, match=name):
        Traits(**row)


def test_no_field_has_a_default() -> None:
    assert all(each.default is MISSING and each.default_factory is MISSING for each in fields(Traits))


@pytest.mark.parametrize("category", Category)
class TestRow:
    def test_texts_and_numbers_are_there(self, category: Category) -> None:
        row = category.traits
        blank = [name for name, value in asdict(row).items() if isinstance(value, str) and not value.strip()]
        assert not blank
        assert 20 <= row.chunk_target <= 500
        assert 0 <= row.chunk_overlap <= row.chunk_target // 2
        assert row.average_terms > 0
        assert re.fullmatch("#[0-9a-f]{6}", row.colour)

    def test_words_of_questions_are_alternatives_without_groups(self, category: Category) -> None:
        for words in category.traits.asked:
            assert re.compile(words).groups == 0
        assert re.fullmatch(category.traits.asked.nouns, category.value)
        assert re.fullmatch(category.traits.asked.of_platform, category.value)

    def test_a_question_that_names_it_is_about_it(self, category: Category) -> None:
        assert category in asked(f"my {category} about databases", [], date(2026, 1, 1)).categories

    def test_its_weights_were_measured_or_are_those_of_a_category_that_was(self, category: Category) -> None:
        stored = json.loads(EVIDENCE.read_text("utf-8"))["weights"]
        source = category.traits.weighted_as
        assert source.traits.weighted_as is source
        for name in ("sparse", "neighbour"):
            assert source.value in stored[name]

    @pytest.mark.parametrize("name", ["singular", "colour", "marker", "handbook_class", "asked"])
    def test_what_tells_categories_apart_is_its_own(self, category: Category, name: str) -> None:
        mine = getattr(category.traits, name)
        assert [each for each in Category if getattr(each.traits, name) == mine] == [category]

    def test_every_table_has_it(self, category: Category) -> None:
        tables: dict[str, Mapping[Category, object]] = {
            **{f"profile {name}": profile.cuttings for name, profile in PROFILES.items()},
            "average terms": AVERAGE_TERMS,
            "colours": CATEGORY_COLOURS,
            "markers": CATEGORY_MARKERS,
            "weight of BM25": weights().sparse,
            "weight of neighbours": weights().neighbour,
            "classes of the Handbook": {each: name for name, each in CLASSES.items()},
        }
        assert [name for name, table in tables.items() if category not in table] == []


def test_a_category_without_weights_takes_those_of_the_one_that_its_row_names() -> None:
    given = Weights(
        prefetch=3, looked_at=3, sparse={ARTICLES: 0.4, REPOSITORIES: 0.1}, neighbour={ARTICLES: 0.3, REPOSITORIES: 0.0}
    )
    for category in Category:
        assert given.sparse[category] == (0.4 if category.traits.weighted_as is ARTICLES else 0.1)
        assert given.neighbour[category] == (0.3 if category.traits.weighted_as is ARTICLES else 0.0)
    own = given.model_copy(update={"sparse": {**given.sparse, POSTS: 0.7}})
    assert Weights.model_validate(own.model_dump()).sparse[POSTS] == 0.7


@pytest.mark.parametrize(
    ("layout", "path", "kind"),
    [
        (Layout.MARKDOWN, "notes.py", Kind.MARKDOWN),
        (Layout.SOCIAL, "notes.py", Kind.PROSE),
        (Layout.FILE, "notes.py", Kind.CODE),
        (Layout.FILE, "notes.md", Kind.MARKDOWN),
        (Layout.FILE, "LICENSE", Kind.PROSE),
    ],
)
def test_the_layout_of_the_row_says_what_kind_a_text_is(layout: Layout, path: str, kind: Kind) -> None:
    category, *_ = [each for each in Category if each.traits.layout is layout]
    document = Document(
        author="ada", category=category, link="https://ada.example", path=path, source="s", platform="web", text="x = 1"
    )
    assert kind_of(document) is kind


def test_only_the_rows_and_the_sources_name_a_category(repository: Path) -> None:
    """Elsewhere, `Category.ARTICLES` would be a table or a branch that a new category is missing in."""
    sources = repository / "twin" / "crawling" / "sources"
    named = [
        f"{path.relative_to(repository)}:{line}"
        for package in ("twin", "twin_assets", "twin_jobs", "twin_resources")
        for path in sorted((repository / package).rglob("*.py"))
        if path != repository / "twin" / "categories.py" and sources not in path.parents
        for line in _lines_that_name_a_category(path)
    ]
    assert named == []


def _lines_that_name_a_category(path: Path) -> Iterator[int]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Attribute) and ast.unparse(node) in NAMES:
            yield node.lineno
