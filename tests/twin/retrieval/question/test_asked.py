"""The conditions in a question: rules that must match, and rules that must not."""

import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from twin.models import Author
from twin.retrieval.question.asked import asked
from twin.retrieval.question.dates import period
from twin.retrieval.question.expansion import MOST, variants
from twin.retrieval.question.languages import ALWAYS, query_languages
from twin.retrieval.question.names import named_authors
from twin.vectors.base import Where

TODAY = date(2026, 11, 28)
PEOPLE = [
    Author(slug="paul-example", name="Paul Examplé", aliases=("@pex",)),
    Author(slug="maria", name="Maria García", language="es"),
    Author(slug="ng", name="Ng"),
]


@pytest.mark.parametrize(
    ("question", "query", "where", "categories"),
    [
        ("What did Paul Examplé write about RAG?", "What did write about RAG?", {"author": "paul-example"}, []),
        ("paul example on testing", "on testing", {"author": "paul-example"}, []),
        ("what does @pex think of evals", "what does think of evals", {"author": "paul-example"}, []),
        (
            "articles by Paul Exampel about search engines",
            "articles about search engines",
            {"author": "paul-example"},
            ["articles"],
        ),
        (
            "¿qué artículos de Maria Garcia hablan de pruebas?",
            "¿qué artículos hablan de pruebas?",
            {"author": "maria"},
            [],
        ),
        ("Maria", "Maria", {"author": "maria"}, []),
        ("posts on LinkedIn about career", "posts about career", {"platforms": ["linkedin"]}, ["posts"]),
        ("LinkedIn posts about career", "posts about career", {"platforms": ["linkedin"]}, ["posts"]),
        (
            "Was hat sie auf LinkedIn geschrieben über Tests",
            "Was hat sie geschrieben über Tests",
            {"platforms": ["linkedin"]},
            [],
        ),
        ("articles in German about testing", "articles about testing", {"languages": ["de"]}, ["articles"]),
        ("French articles about cheese", "articles about cheese", {"languages": ["fr"]}, ["articles"]),
        (
            "What was published about agents between 2021 and March 2023?",
            "What was published about agents?",
            {"published_from": "2021-01-01T00:00:00Z", "published_until": "2023-04-01T00:00:00Z"},
            [],
        ),
        (
            "what did she write about agents since May 2024",
            "what did she write about agents",
            {"published_from": "2024-05-01T00:00:00Z"},
            [],
        ),
        ("search my repositories for a retry", "search my repositories for a retry", {}, ["repositories"]),
        ("posts by Paul Examplé", "posts by Paul Examplé", {"author": "paul-example"}, ["posts"]),
        ("blog posts about tests", "blog posts about tests", {}, ["articles"]),
    ],
)
def test_conditions_are_taken_from_a_question(
    question: str, query: str, where: dict[str, object], categories: list[str]
) -> None:
    found = asked(question, PEOPLE, TODAY)
    assert found.query == query
    assert found.where.model_dump(mode="json", exclude_defaults=True) == where
    assert [category.value for category in found.categories] == categories
    assert len(found.rules) == len(where) - ("published_until" in where and len(where) > 1) + len(categories)
    assert found.notes == ()


@pytest.mark.parametrize(
    "question",
    [
        "how to post json to github in python",
        "python code to download a file from github",
        "what happened in 2020",
        "What did President Biden say about taxes in 2022?",
        "medium sized dogs in German",
        "translate text in French",
        "the ng command",
        "how do I write a file in Python by hand",
        "boundary layer articles of faith",
    ],
)
def test_a_word_that_merely_occurs_is_not_a_condition(question: str) -> None:
    found = asked(question, PEOPLE, TODAY)
    assert (found.query, found.where, found.categories, found.rules) == (question, Where(), (), ())


def test_no_question_of_public_collections_is_taken_for_a_condition(shared_data: Path) -> None:
    questions = [
        json.loads(line)["text"]
        for name in ("cranfield", "cosqa-dev")
        for line in (shared_data / "retrieval" / name / "queries.jsonl").read_text("utf-8").splitlines()
    ]
    assert len(questions) > 700
    assert [question for question in questions if asked(question, PEOPLE, TODAY).rules] == []


def test_an_unknown_author_is_a_note() -> None:
    found = asked("What did Grace Hopper write about compilers?", PEOPLE, TODAY)
    assert (found.where.author, found.query) == (None, "What did Grace Hopper write about compilers?")
    assert found.notes == ("Grace Hopper is not an author in this memory, so the texts of all authors were searched.",)


def test_several_authors_are_not_a_condition() -> None:
    found = asked("Compare what Paul Examplé and Maria García wrote about tests", PEOPLE, TODAY)
    assert found.where.author is None
    assert "Several authors" in found.notes[0]


def test_two_that_are_equally_near_are_nobody() -> None:
    twins = [Author(slug="a", name="Anna Meier"), Author(slug="b", name="Anna Meyer")]
    assert [each.author for each in named_authors("posts by Anna Meler", twins)] == [None]
    assert [each.author for each in named_authors("posts by Anna Meier", twins)] == ["a"]


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("since March 2024", "2024-03-01", None),
        ("after 2021", "2022-01-01", None),
        ("before 2024-05-02", None, "2024-05-02"),
        ("on 2024-12-31", "2024-12-31", "2025-01-01"),
        ("in December 2023", "2023-12-01", "2024-01-01"),
        ("im März 2023", "2023-03-01", "2023-04-01"),
        ("en août 2022", "2022-08-01", "2022-09-01"),
        ("in Q4 2022", "2022-10-01", "2023-01-01"),
        ("from 2021 to 2022", "2021-01-01", "2023-01-01"),
        ("from 2021 on", "2021-01-01", None),
        ("posts from 2021", "2021-01-01", "2022-01-01"),
        ("last year", "2025-01-01", "2026-01-01"),
        ("this month", "2026-11-01", "2026-12-01"),
        ("last month", "2026-10-01", "2026-11-01"),
        ("last week", "2026-11-16", "2026-11-23"),
        ("in the last 30 days", "2026-10-29", None),
        ("in the past 2 weeks", "2026-11-14", None),
    ],
)
def test_periods(text: str, start: str | None, end: str | None) -> None:
    found = period(f"what was said {text} about it", TODAY)
    assert found is not None
    expected = [datetime.fromisoformat(day).replace(tzinfo=UTC) if day else None for day in (start, end)]
    assert [found.start, found.end] == expected


@pytest.mark.parametrize("text", ["in 2024-02-31", "between 2023 and 2021", "in version 2024", "the 2020s", "Q5 2022"])
def test_what_is_not_a_period(text: str) -> None:
    found = period(text, TODAY)
    assert found is None or found.rule not in ("on", "between")
    assert text != "in 2024-02-31" or found is None


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("How do LLMs use RAG?", ["How do large language models use retrieval-augmented generation?"]),
        ("large language models for named entity recognition", ["LLMs for NER"]),
        ("how does maxRetries work", ["how does max retries work"]),
        ("call os.path.join and read_csv", ["call os path join and read csv"]),
        ("LoRA in GitHub and JavaScript, e.g. here", ["low-rank adaptation in GitHub and JavaScript, e.g. here"]),
        ("rag and ai in lower case", []),
        ("a plain question", []),
    ],
)
def test_variants(question: str, expected: list[str]) -> None:
    found = variants(question)
    assert [variant.text for variant in found] == expected
    assert len(found) <= MOST
    assert all(variant.rule for variant in found)


def test_a_query_is_read_in_the_languages_that_may_occur() -> None:
    usual = sorted(ALWAYS)
    assert query_languages("engine", Where(), []) == usual
    assert set(query_languages("jak działa to co jest na stronie", Where(), [])) > {*usual, "pl"}
    assert query_languages("engine", Where(languages=("sv", "xx")), []) == ["sv"]
    turkish = Author(slug="t", name="T", language="tr")
    assert query_languages("engine", Where(), [turkish]) == sorted([*usual, "tr"])
    assert query_languages("engine", Where(author="ada"), [turkish]) == usual
