"""Whose page is it: what flags a document as somebody else's, and what must not."""

import pytest

from twin.models import Author, Category, Document
from twin.text.bylines import OTHER, flagged, is_other

ADA = Author(slug="ada-lovelace", name="Ada Lovelace", aliases=("@countess", "A. A. L."))
NAMES = {
    "ar": Author(slug="najib", name="نجيب محفوظ"),
    "zh": Author(slug="lu-xun", name="鲁迅"),
    "vi": Author(slug="nguyen", name="Nguyễn Du"),
}


@pytest.mark.parametrize(
    "byline",
    [
        "Ada Lovelace", "ada lovelace", "By Ada Lovelace", "Lovelace, Ada", "Ada King Lovelace", "Dr. Ada Lovelace",
        "adalovelace", "ada-lovelace", "Ada", "Countess", "@countess", "A.A.L.", "Ádá Lovelace",
        "Charles Babbage and Ada Lovelace", "Ada Lovelace, Charles Babbage", "Charles Babbage & Ada Lovelace",
    ],
)  # fmt: skip
def test_the_author_by_any_name_is_the_author(byline: str) -> None:
    assert not is_other(byline, ADA)


@pytest.mark.parametrize(
    "byline", ["Charles Babbage", "By Charles Babbage", "Ada Byron", "Countess Babbage", "Babbage & Sons"]
)
def test_somebody_else_is_somebody_else(byline: str) -> None:
    assert is_other(byline, ADA)


@pytest.mark.parametrize("byline", ["", " ", "-", "The Engine Blog Team", "Editorial Staff", "admin", "Engine Weekly"])
def test_what_is_not_a_person_tells_nothing(byline: str) -> None:
    assert not is_other(byline, ADA, "Engine Weekly")


@pytest.mark.parametrize(
    ("author", "own", "other"),
    [("ar", "نجيب محفوظ", "طه حسين"), ("zh", "鲁迅", "老舍"), ("vi", "Nguyen Du", "Hồ Xuân Hương")],
)
def test_names_of_every_script_are_compared(author: str, own: str, other: str) -> None:
    assert not is_other(own, NAMES[author])
    assert is_other(other, NAMES[author])


def test_a_flag_is_metadata_with_the_byline() -> None:
    document = Document(
        author="ada-lovelace", category=Category.ARTICLES, link="https://a.example/x", source="https://a.example/x",
        platform="web", text="An engine.", metadata={"author": "Charles Babbage", "site": "a.example"},
    )  # fmt: skip
    assert flagged(document, ADA).metadata == document.metadata | {OTHER: "Charles Babbage"}
    for same in (
        document.model_copy(update={"metadata": {"author": "Ada Lovelace"}}),
        document.model_copy(update={"metadata": {}}),
        document.model_copy(update={"metadata": {"author": 7}}),
    ):
        assert flagged(same, ADA) is same
    assert flagged(document, None) is document
