"""The cleaning stage over an author's whole corpus: repeated paragraphs, duplicates, redaction, and nothing twice."""

import os
import signal
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.kit.warehouses import edit_row
from twin.cleaning import clean_documents
from twin.cleaning.checks import verify_cleaned, verify_private
from twin.cleaning.repeated import paragraph_keys, repeated, without_paragraphs
from twin.cleaning.stage import VERSION as cleaning_version
from twin.cleaning.stage import clean
from twin.models import Author, Category, Document, State
from twin.private.redaction import Redacted
from twin.warehouse.sqlite import SqliteWarehouse

BIO = "Ada writes about engines and **looms**. Follow [her](https://x.example/1) for more of it every week."
SENTENCES = [
    "The engine weaves algebraical patterns as the loom weaves flowers and leaves.",
    "A machine that follows a plan needs somebody who wrote the plan before it.",
    "Numbers are one thing to compute with, and notes of music are another one.",
    "What cannot be expressed by a rule cannot be done by any engine of this kind.",
    "Mathematical science shows what is, and it is the language of unseen relations.",
    "Imagination is the discovering faculty that penetrates into the unseen worlds.",
]


@pytest.fixture
def warehouse(warehouse: SqliteWarehouse) -> SqliteWarehouse:
    warehouse.upsert_authors([Author(slug="ada", name="Ada Lovelace", aliases=("@countess", "ada@lovelace.org"))])
    return warehouse


def document(name: str, text: str, category: Category = Category.ARTICLES, **fields: Any) -> Document:
    link = f"https://ada.example/{name}"
    fields = {"platform": "web"} | fields
    return Document(author="ada", category=category, link=link, source=link, text=text, **fields)


def store(warehouse: SqliteWarehouse, *documents: Document) -> None:
    warehouse.upsert_documents(State.RAW, documents)


def cleaned(warehouse: SqliteWarehouse, category: Category = Category.ARTICLES) -> dict[str, Document]:
    return {each.link.rsplit("/", 1)[1]: each for each in warehouse.documents(State.CLEANED, "ada", category)}


def long(number: int, repeat: int = 1) -> str:
    """A text of its own for each number."""
    return " ".join(f"{sentence} ({number}.{place})" for place, sentence in enumerate(SENTENCES * repeat)).replace(
        " the ", f" the{number} "
    )


# -- repeated paragraphs ---------------------------------------------------------------------------------------------


def test_paragraph_under_everything_goes_everywhere_and_comes_back(warehouse: SqliteWarehouse) -> None:
    wrapped = BIO.replace(" engines", "\nengines").replace("**", "_")
    for number in range(3):
        store(
            warehouse, document(str(number), f"{long(number)}\n\n{wrapped if number else BIO}\n\n## Conclusion\n\nEnd.")
        )
    store(warehouse, document("3", f"{long(3)}\n\n## Conclusion\n\nEnd."))
    report = clean_documents(warehouse, "ada", Category.ARTICLES)
    assert report.removed_paragraphs == {"repeated": 3}
    texts = {name: each.text for name, each in cleaned(warehouse).items()}
    assert not any("looms" in text for text in texts.values())
    assert all(text.endswith("## Conclusion\n\nEnd.") for text in texts.values())
    assert cleaned(warehouse)["0"].metadata["removed_paragraphs"] == {"repeated": 1}
    assert clean_documents(warehouse, "ada", Category.ARTICLES).written == 0
    # One of the three loses it: now it is in two documents only, and nothing is repeated any more.
    store(warehouse, document("0", f"{long(0)}\n\n## Conclusion\n\nEnd."))
    report = clean_documents(warehouse, "ada", Category.ARTICLES)
    assert (report.removed_paragraphs, report.written) == ({}, 3)
    assert {name for name, each in cleaned(warehouse).items() if "looms" in each.text} == {"1", "2"}


def test_piece_that_was_used_again_stays_where_it_was_first(warehouse: SqliteWarehouse) -> None:
    for number in range(20):
        piece = f"\n\n{SENTENCES[0]} A piece." if number in (4, 9, 14) else ""
        moment = datetime(2024, 1, 20 - number, tzinfo=UTC)
        store(warehouse, document(f"{number:02}", f"{long(number)}{piece}", published_at=moment))
    assert clean_documents(warehouse, "ada", Category.ARTICLES).removed_paragraphs == {"repeated": 2}
    assert [name for name, each in cleaned(warehouse).items() if "A piece" in each.text] == ["14"]
    warehouse.remove_documents(State.RAW, [document("14", "").id])
    report = clean_documents(warehouse, "ada", Category.ARTICLES)
    assert {name for name, each in cleaned(warehouse).items() if "A piece" in each.text} == {"04", "09"}
    assert (report.changed, report.removed) == (2, 1)


@pytest.mark.parametrize(
    "paragraph",
    [
        "## This is a long heading that stands in everything",
        "Image by author",
        "| a table with | many columns | and words |",
        "```\nthe same code is in everything that she writes\n```",
        "    the same code is in everything that she writes",
        "* * *",
    ],
)
def test_headings_code_tables_and_short_lines_are_no_repetition(paragraph: str) -> None:
    keys = [paragraph_keys(f"{long(number)}\n\n{paragraph}\n\nThis is number {number}.") for number in range(5)]
    assert repeated(keys) == [set()] * 5


def test_heading_goes_with_all_that_stood_under_it_and_only_then() -> None:
    foot = f"## How I can help you\n\n{BIO}\n\n* * *"
    texts = [f"# T\n\n{long(number)}\n\n{foot}" for number in range(3)]
    gone = repeated([paragraph_keys(text) for text in texts])
    assert without_paragraphs(texts[0], gone[0]) == (
        f"# T\n\n{long(0)}\n\n\n* * *", {"repeated": 1, "heading_of_repeated": 1},
    )  # fmt: skip
    more = f"{texts[0]}\n\nAnd more."
    assert "How I can help" in without_paragraphs(more, gone[0])[0]
    code = f"{texts[0]}\n\n```\ncode\n```"
    assert "How I can help" in without_paragraphs(code, gone[0])[0]


@pytest.mark.parametrize("item", ["* {}", "1. {}", "\\- {}", "> - {}"])
def test_list_goes_as_a_whole_or_not_at_all(item: str) -> None:
    again = [item.format(f"An item that is in everything, number {number}.") for number in range(3)]
    lists = [[*again, item.format(f"And one that is here alone, number {number}.")] for number in range(3)]
    texts = ["\n\n".join([long(number), *lists[number]]) for number in range(3)]
    gone = repeated([paragraph_keys(text) for text in texts])
    assert len(gone[0]) == 3
    assert without_paragraphs(texts[0], gone[0]) == (texts[0], {})
    whole = "\n\n".join([long(0), *again, "The end."])
    assert without_paragraphs(whole, gone[0]) == (f"{long(0)}\n\n\nThe end.", {"repeated": 3})


@pytest.mark.parametrize(
    "lead", ["These are the topics of this week:", "本周我们要讨论的话题如下：", "Here is all of it for all of you ↓"]
)
def test_what_introduces_something_goes_only_with_it(lead: str) -> None:
    texts = [f"{lead}\n\n{long(number)}\n\n{lead}\n\n{BIO}" for number in range(3)]
    gone = repeated([paragraph_keys(text) for text in texts])
    assert without_paragraphs(texts[0], gone[0]) == (f"{lead}\n\n{long(0)}", {"repeated": 2})
    code = f"{lead}\n\n```\ncode\n```"
    assert without_paragraphs(code, gone[0]) == (code, {})
    assert without_paragraphs(f"{long(0)}\n\n{lead}", gone[0]) == (long(0), {"repeated": 1})


@pytest.mark.parametrize(
    "paragraph",
    [
        "感谢阅读我的文章,欢迎订阅我的频道",
        "ขอบคุณที่อ่านบทความของฉันจนจบ",
        "شكرا لقراءة مقالاتي، تابعوني للمزيد كل أسبوع",
        "תודה שקראתם עד הסוף, עקבו אחריי",
    ],
)
def test_every_script_repeats(paragraph: str) -> None:
    assert repeated([paragraph_keys(f"Text {number}\n\n{paragraph}") for number in range(3)])[0]


# -- duplicates --------------------------------------------------------------------------------------------------------


def test_same_text_twice_is_one_document_with_several_links(warehouse: SqliteWarehouse) -> None:
    store(warehouse, document("a", long(1)), document("b", f"{long(1)}\n\nOne more."), document("c", long(2)))
    report = clean_documents(warehouse, "ada", Category.ARTICLES)
    assert (report.total, report.dropped) == (2, {"duplicate": 1})
    assert report.duplicates == ["https://ada.example/a is the same text as https://ada.example/b"]
    assert cleaned(warehouse).keys() == {"b", "c"}
    assert cleaned(warehouse)["b"].metadata["also_at"] == ["https://ada.example/a"]
    again = clean_documents(warehouse, "ada", Category.ARTICLES)
    assert again == report.model_copy(update={"written": 0, "new": 0, "unchanged": 2})
    warehouse.remove_documents(State.RAW, [document("b", "").id])
    back = clean_documents(warehouse, "ada", Category.ARTICLES)
    assert (back.dropped, back.new, back.removed) == ({}, 1, 1)
    assert cleaned(warehouse).keys() == {"a", "c"}
    assert "also_at" not in cleaned(warehouse)["a"].metadata


def test_teaser_post_goes_into_its_article(warehouse: SqliteWarehouse) -> None:
    teaser = f"{' '.join(long(1).split()[:70])}\n\nRead it all! #engines"
    store(warehouse, document("article", long(1, 3)), document("post", teaser, Category.POSTS))
    store(warehouse, document("other", "Good morning, engines.", Category.POSTS))
    posts = clean_documents(warehouse, "ada", Category.POSTS)
    assert (posts.total, posts.dropped) == (1, {"duplicate": 1})
    clean_documents(warehouse, "ada", Category.ARTICLES)
    assert cleaned(warehouse)["article"].metadata["also_at"] == ["https://ada.example/post"]


def test_source_files_are_not_compared(warehouse: SqliteWarehouse) -> None:
    store(warehouse, *(document("r", long(1), Category.REPOSITORIES, path=path) for path in ("a.md", "b.md")))
    assert clean_documents(warehouse, "ada", Category.REPOSITORIES).total == 2


def test_text_of_another_person_takes_nobodys_place(warehouse: SqliteWarehouse) -> None:
    store(warehouse, document("own", long(1)), document("theirs", f"{long(1)} More.", metadata={"by_other": "Bob"}))
    report = clean_documents(warehouse, "ada", Category.ARTICLES)
    assert (report.total, report.by_others, report.dropped) == (2, 1, {})
    assert cleaned(warehouse)["theirs"].metadata["by_other"] == "Bob"


def test_names_under_the_title_of_a_whole_page_flag_it(warehouse: SqliteWarehouse) -> None:
    box = "Share this post\n\n#### Looms\n\nada.substack.com\n\nCopy link\n\nEmail\n\n"
    page = "#\n\nSubscribeSign in\n\n{box}# Looms\n\n{name}\n\nJun 1, 2024\n\n{box}Share\n\n{text}"
    for number, name in enumerate(("Ada Lovelace", "Charles Babbage", "Ada Lovelace\n\nand\n\nCharles Babbage")):
        store(warehouse, document(str(number), page.format(box=box, name=name, text=long(number)), platform="substack"))
    assert clean_documents(warehouse, "ada", Category.ARTICLES).by_others == 1
    assert cleaned(warehouse)["1"].metadata["by_other"] == "Charles Babbage"
    assert "Charles" not in cleaned(warehouse)["1"].text


# -- fields ------------------------------------------------------------------------------------------------------------


def test_post_has_fields_language_and_capture(warehouse: SqliteWarehouse) -> None:
    text = "𝗜𝗰𝗵 𝘀𝗰𝗵𝗿𝗲𝗶𝗯𝗲 über Maschinen und Webstühle, mit @babbage und #Technik, weil es mir Freude macht. " * 2
    raw = document(
        "1", f"{text}\n\n#ki #Technik", Category.POSTS, language="en", capture="f" * 64, metadata={"hashtags": ["Alt"]}
    )
    store(warehouse, raw, document("2", "Kurz.", Category.POSTS, language="de"))
    report = clean_documents(warehouse, "ada", Category.POSTS)
    found = cleaned(warehouse, Category.POSTS)["1"]
    assert found.text.startswith("Ich schreibe über")
    assert found.text.endswith("Freude macht.")
    assert (found.metadata["hashtags"], found.metadata["mentions"]) == (["Alt", "Technik", "ki"], ["babbage"])
    assert (found.language, found.metadata["language"]["code"], found.capture) == ("de", "de", "f" * 64)
    assert cleaned(warehouse, Category.POSTS)["2"].language == "de"
    assert (report.languages, report.removed_lines) == ({"de": 2}, {"hashtags": 1})


def test_secrets_and_personal_data_become_placeholders_everywhere(warehouse: SqliteWarehouse) -> None:
    key = "AKIA" + "Z7QW3RTY5PLM2KJH"
    mail = "bob.smith@company.co.uk"
    noted = {"subtitle": key, "tags": ["engines", key], "author": f"Bob <{mail}>", "site": mail}
    store(warehouse, document("1", f"Mail {mail} or ada@lovelace.org.", title=f"To {mail}", metadata=noted))
    store(warehouse, document("r", f"key = '{key}'\r\n\tx  \n", Category.REPOSITORIES, path="a.py", language="en"))
    report = clean_documents(warehouse, "ada", Category.ARTICLES)
    article = cleaned(warehouse)["1"]
    assert article.text == "Mail <EMAIL> or ada@lovelace.org."
    assert article.title == "To <EMAIL>"
    assert report.redactions["EMAIL"] == 4
    assert article.metadata["tags"][0] == "engines"
    assert mail not in article.model_dump_json()
    assert key not in article.model_dump_json() + report.model_dump_json()
    report = clean_documents(warehouse, "ada", Category.REPOSITORIES)
    file = cleaned(warehouse, Category.REPOSITORIES)["r"]
    assert key not in file.text
    assert file.text.endswith("'\r\n\tx  \n")
    assert file.language is None
    assert sum(report.redactions.values()) == 1


@pytest.mark.parametrize("category", [Category.ARTICLES, Category.REPOSITORIES])
def test_document_whose_address_holds_a_secret_stays_in_the_raw_layer(
    warehouse: SqliteWarehouse, category: Category
) -> None:
    key = "ghp_" + "x7Qm3LkZ9vBn5TyR2sWd8FgH4jKp6MaCe1Nu"
    store(
        warehouse,
        document(f"1?access_token={key}", long(1), category),
        document("2", long(2), category, path=f"keys/{key}.md"),
        document("3", long(1), category),
        document("4?page=2&id=0123456789abcdef", long(4), category, path="docs/طريق/token_counts.md"),
    )
    report = clean_documents(warehouse, "ada", category)
    assert sorted(cleaned(warehouse, category)) == ["3", "4?page=2&id=0123456789abcdef"]
    assert report.dropped == {"secret_in_address": 2}
    assert key not in report.model_dump_json() + cleaned(warehouse, category)["3"].model_dump_json()
    verdict = verify_cleaned(warehouse, "ada", category)
    assert (verdict.problems, verdict.facts["dropped"]) == ([], {"secret_in_address": 2})
    warehouse.upsert_documents(State.CLEANED, [document(f"5?key={key}", "Text.", category)])
    assert "1 SECRET" in verify_private(warehouse, "ada", category).problems[0]
    assert key not in verify_private(warehouse, "ada", category).problems[0]


def test_handle_that_is_declared_later_comes_back(warehouse: SqliteWarehouse) -> None:
    store(warehouse, document("1", "Mail bob@company.co.uk."), document("2", "No address here."))
    clean_documents(warehouse, "ada", Category.ARTICLES)
    warehouse.upsert_authors([Author(slug="ada", name="Ada", aliases=("bob@company.co.uk",))])
    clean_documents(warehouse, "ada", Category.ARTICLES)
    assert cleaned(warehouse)["1"].text == "Mail bob@company.co.uk."


def test_row_of_an_export_stays_in_the_raw_layer(warehouse: SqliteWarehouse) -> None:
    store(warehouse, document("1", "Text.", metadata={"handbook": {"row": {"x": 1}}, "tags": ["a"]}))
    clean_documents(warehouse, "ada", Category.ARTICLES)
    assert "handbook" not in cleaned(warehouse)["1"].metadata
    assert cleaned(warehouse)["1"].metadata["tags"] == ["a"]


# -- what is cleaned again -----------------------------------------------------------------------------------------


@pytest.fixture
def again(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the documents that were cleaned, in this list as it goes."""
    names: list[str] = []

    def noted(document: Document, *arguments: Any) -> Document:
        names.append(document.path or document.link.rsplit("/", 1)[1])
        return clean(document, *arguments)

    monkeypatch.setattr("twin.cleaning.stage.clean", noted)
    return names


def test_unchanged_source_files_are_not_cleaned_again(warehouse: SqliteWarehouse, again: list[str]) -> None:
    store(warehouse, *(document("r", f"x = {n}\n", Category.REPOSITORIES, path=f"{n}.py") for n in range(300)))
    first = clean_documents(warehouse, "ada", Category.REPOSITORIES)
    assert len(again) == 300
    again.clear()
    second = clean_documents(warehouse, "ada", Category.REPOSITORIES)
    assert (again, second.written, second.data_version) == ([], 0, first.data_version)
    store(warehouse, document("r", "x = 'new'\n", Category.REPOSITORIES, path="7.py"))
    assert clean_documents(warehouse, "ada", Category.REPOSITORIES).written == 1
    assert again == ["7.py"]


def test_a_change_cleans_what_depends_on_it_and_nothing_else(warehouse: SqliteWarehouse, again: list[str]) -> None:
    foot = {"a": BIO, "b": BIO, "c": BIO}
    texts = {name: f"{long(number)}\n\n{foot.get(name, '')}" for number, name in enumerate("abcdef")}
    store(warehouse, *(document(name, text) for name, text in texts.items()), document("copy", f"{long(9)} More."))
    store(warehouse, document("full", f"{long(9)} More and more of it."))
    clean_documents(warehouse, "ada", Category.ARTICLES)
    again.clear()
    # A document of its own: no other one is looked at.
    store(warehouse, document("d", f"{texts['d']} changed"))
    assert clean_documents(warehouse, "ada", Category.ARTICLES).changed == 1
    assert again == ["d"]
    again.clear()
    # One of three that share a paragraph loses it, so that the other two have theirs again.
    store(warehouse, document("a", long(0)))
    assert clean_documents(warehouse, "ada", Category.ARTICLES).written == 3
    assert sorted(again) == ["a", "b", "c"]
    again.clear()
    # The fuller one of two copies goes: the other one is cleaned, and comes.
    warehouse.remove_documents(State.RAW, [document("full", "").id])
    report = clean_documents(warehouse, "ada", Category.ARTICLES)
    assert (again, report.new, report.removed) == (["copy"], 1, 1)


def test_other_rules_clean_all_of_it_again(
    warehouse: SqliteWarehouse, again: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    store(warehouse, *(document(str(number), long(number)) for number in range(5)))
    clean_documents(warehouse, "ada", Category.ARTICLES)
    again.clear()
    monkeypatch.setattr("twin.cleaning.stage.VERSION", "other")
    assert clean_documents(warehouse, "ada", Category.ARTICLES).changed == len(again) == 5
    again.clear()
    assert clean_documents(warehouse, "ada", Category.ARTICLES).written == len(again) == 0


def test_what_redaction_finds_by_now_is_cleaned_again(warehouse: SqliteWarehouse, again: list[str]) -> None:
    """As after an update whose rules know more: the rest keeps its version and is left alone."""
    store(warehouse, document("1", f"{long(1)} Call +49 30 901820 about it."), document("2", long(2)))
    expected = clean_documents(warehouse, "ada", Category.ARTICLES)
    with pytest.MonkeyPatch.context() as older:
        older.setattr("twin.cleaning.stage.redact", lambda text, **_: Redacted(text, Counter()))
        older.setattr("twin.cleaning.stage.VERSION", "older")
        clean_documents(warehouse, "ada", Category.ARTICLES)
    for each in cleaned(warehouse).values():
        as_today = {**each.metadata, "cleaner": cleaning_version}
        warehouse.upsert_documents(State.CLEANED, [each.model_copy(update={"metadata": as_today})])
    assert verify_private(warehouse, "ada", Category.ARTICLES).problems
    again.clear()
    report = clean_documents(warehouse, "ada", Category.ARTICLES)
    assert (again, report.changed, report.data_version) == (["1"], 1, expected.data_version)
    assert not verify_private(warehouse, "ada", Category.ARTICLES).problems


def test_a_killed_run_goes_on_where_it_was(tmp_path: Path, again: list[str]) -> None:
    def opened(name: str) -> SqliteWarehouse:
        warehouse = SqliteWarehouse(tmp_path / name)
        store(warehouse, *(document("r", f"x = {n}\n", Category.REPOSITORIES, path=f"{n}.py") for n in range(500)))
        return warehouse

    whole = opened("whole.db")
    expected = clean_documents(whole, "ada", Category.REPOSITORIES)
    whole.close()
    opened("killed.db").close()
    again.clear()
    child = os.fork()
    if child == 0:

        class Dying(SqliteWarehouse):
            def documents(self, state: State, author: str, category: Category) -> Iterator[Document]:
                for number, each in enumerate(super().documents(state, author, category)):
                    if number == 450:  # two batches of 200 are written
                        os.kill(os.getpid(), signal.SIGKILL)
                    yield each

        clean_documents(Dying(tmp_path / "killed.db"), "ada", Category.REPOSITORIES)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WTERMSIG(status) == signal.SIGKILL
    warehouse = SqliteWarehouse(tmp_path / "killed.db")
    assert len(warehouse.hashes(State.CLEANED, "ada", Category.REPOSITORIES)) == 400
    report = clean_documents(warehouse, "ada", Category.REPOSITORIES)
    assert (report.new, report.unchanged, len(again)) == (100, 400, 100)
    assert report.data_version == expected.data_version
    warehouse.close()


def test_an_edit_between_two_builds_of_one_process_is_noticed(warehouse: SqliteWarehouse) -> None:
    text = "\n\n".join(SENTENCES)
    store(warehouse, document("1", text), document("2", "Entirely other words stand here, about bread and rivers."))
    assert clean_documents(warehouse, "ada", Category.ARTICLES).total == 2
    second = document("2", "").id
    edit_row(warehouse, second, "text", text)
    edited = clean_documents(warehouse, "ada", Category.ARTICLES)
    assert (edited.total, edited.removed, edited.dropped) == (1, 1, {"duplicate": 1})
    edit_row(warehouse, second, "text", "Entirely other words stand here again, about salt.")
    assert clean_documents(warehouse, "ada", Category.ARTICLES).total == 2


def test_a_new_name_of_the_author_between_two_builds_is_noticed(warehouse: SqliteWarehouse) -> None:
    store(warehouse, document("1", "Write to ada@newmail.org about it."))
    first = clean_documents(warehouse, "ada", Category.ARTICLES)
    assert first.redactions == {"EMAIL": 1}
    warehouse.upsert_authors([Author(slug="ada", name="Ada Lovelace", aliases=("ada@newmail.org",))])
    assert clean_documents(warehouse, "ada", Category.ARTICLES).redactions == {}


def test_a_new_name_of_the_author_compares_the_texts_again(warehouse: SqliteWarehouse) -> None:
    """Only the name decides here whether the second text is the author's, and so a copy of the first."""
    box = "Share this post\n\n#### Looms\n\nada.substack.com\n\nCopy link\n\nEmail\n\n"
    page = f"#\n\nSubscribeSign in\n\n{box}# Looms\n\nMary Byron\n\nJun 1, 2024\n\n{box}Share\n\n{long(1, 3)}"
    store(warehouse, document("1", long(1, 3)), document("2", page, platform="substack"))
    first = clean_documents(warehouse, "ada", Category.ARTICLES)
    assert (first.by_others, first.dropped) == (1, {})
    warehouse.upsert_authors([Author(slug="ada", name="Ada Lovelace", aliases=("Mary Byron",))])
    second = clean_documents(warehouse, "ada", Category.ARTICLES)
    assert (second.by_others, second.dropped) == (0, {"duplicate": 1})


def test_two_authors_in_turn_keep_their_own_texts(warehouse: SqliteWarehouse) -> None:
    warehouse.upsert_authors([Author(slug="bob", name="Bob")])
    text = "\n\n".join(SENTENCES)
    store(warehouse, document("1", text))
    theirs = document("1", text).model_copy(update={"author": "bob"})
    store(warehouse, theirs, theirs.model_copy(update={"link": "https://bob.example/2"}))
    for _ in range(2):
        assert clean_documents(warehouse, "ada", Category.ARTICLES).total == 1
        assert clean_documents(warehouse, "bob", Category.ARTICLES).dropped == {"duplicate": 1}
