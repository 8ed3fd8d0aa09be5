"""Dataset: the outputs are the author's own words, and held-out texts stay out."""

import json
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twin.artifacts import ArtifactStore
from twin.dataset.code import code_spans, is_prose
from twin.dataset.samples import CODE_CAP, make_samples
from twin.dataset.spans import MAX_WORDS, MIN_WORDS, count_words, prose_spans, sentence_ends, words_of
from twin.dataset.splits import assign_splits, check_disjoint, split_of
from twin.dataset.stage import build_dataset, read_samples
from twin.dataset.templates import TEMPLATES
from twin.models import Author, Category, Document, InstructionSample, State
from twin.warehouse.base import Warehouse

AUTHOR = Author(slug="ann", name="Ann", headline="writes tools")


def article(name: str, text: str, title: str | None = None, author: str = "ann") -> Document:
    link = f"https://example.org/{name}"
    return Document(
        author=author, category=Category.ARTICLES, link=link, source=link, platform="web", title=title, text=text
    )


def own_documents(repository: Path) -> list[Document]:
    """The project's own source and Markdown, as the files of a repository."""
    files = sorted([*repository.glob("twin/**/*.py"), *repository.glob("*.md"), *repository.glob("examples/**/*.md")])
    return [
        Document(
            author="ann",
            category=Category.REPOSITORIES,
            link="https://github.com/ann/llm-twin",
            path=file.relative_to(repository).as_posix(),
            source="https://github.com/ann/llm-twin",
            platform="github",
            text=file.read_text(encoding="utf-8"),
        )
        for file in files
    ]


def handbook_documents(shared_data: Path, name: str) -> list[Document]:
    """The raw articles of one author of the handbook's export: dirtier than any cleaned text."""
    rows = json.loads((shared_data / "handbook" / "ArticleDocument.json").read_text(encoding="utf-8"))
    return [
        Document(
            author="ann",
            category=Category.ARTICLES,
            link=row["link"],
            source=row["link"],
            platform=row["platform"],
            title=row["content"]["Title"],
            text=row["content"]["Content"],
        )
        for row in rows
        if row["author_full_name"] == name
    ]


@pytest.fixture
def warehouse(warehouse: Warehouse) -> Warehouse:
    warehouse.upsert_authors([AUTHOR])
    return warehouse


SENTENCE = st.lists(
    st.sampled_from(["the", "graph", "keeps", "document", "Author", "one", "store", "élan", "表", "`code`", "it’s"]),
    min_size=4,
    max_size=30,
).map(lambda words: " ".join(words).capitalize() + ".")
BLOCK = st.one_of(
    st.lists(SENTENCE, min_size=1, max_size=30).map(" ".join),
    st.sampled_from(
        ["# One", "## Two\n", "### What is three?", "```py\nx = 1\n```", "- a\n- b", "", "    y = 2", "~~~"]
    ),
)
TEXT = st.lists(BLOCK, max_size=30).map("\n\n".join)


@given(TEXT, st.text(max_size=5))
@pytest.mark.slow
def test_spans_of_prose_are_disjoint_in_size_and_at_ends(text: str, seed: str) -> None:
    spans = list(prose_spans(text, seed))
    assert spans == list(prose_spans(text, seed))
    assert all(MIN_WORDS <= span.words == count_words(text[span.start : span.end]) <= MAX_WORDS for span in spans)
    assert all(left.end <= right.start for left, right in pairwise(spans))
    for span in spans:
        output = text[span.start : span.end]
        assert output == output.strip()
        assert len(output) in sentence_ends(output)
        assert text[span.end : span.end + 1] in ("", " ", "\n")
    if MIN_WORDS <= count_words(text) <= MAX_WORDS:
        assert [span.kind for span in spans] == ["whole"]


def test_code_spans_are_whole_definitions(repository: Path) -> None:
    text = (repository / "twin/dataset/samples.py").read_text(encoding="utf-8")
    spans = list(code_spans(text, "twin/dataset/samples.py"))
    names = {span.name for span in spans}
    assert {"make_samples", "_candidate", "_tasks"} <= names
    for span in spans:
        output = text[span.start : span.end]
        assert compile(output, span.name, "exec")
        assert f"def {span.name}(" in output or f"class {span.name}" in output
    crlf = text.replace("\n", "\r\n")
    assert [crlf[s.start : s.end].replace("\r\n", "\n") for s in code_spans(crlf, "a.py")] == [
        text[s.start : s.end] for s in spans
    ]
    assert list(code_spans("def broken(:\n" * 30, "a.py")) == []


def test_what_is_prose() -> None:
    assert all(is_prose(path) for path in (None, "README.md", "docs/a.rst", "README", "notes.txt"))
    assert not any(is_prose(path) for path in ("LICENSE", "LICENSE.md", "requirements.txt", "a.py", "a.json", ".env"))


def test_code_spans_of_a_language_with_braces() -> None:
    body = "".join(f"  const value{n} = compute(input{n}, other{n});\n" for n in range(12))
    text = f"import x from 'y';\n\nexport async function load(path) {{\n{body}}}\n\nlet last = 1;\n"
    (span,) = code_spans(text, "src/load.js")
    assert span.name == "load"
    assert text[span.start : span.end] == f"export async function load(path) {{\n{body}}}"


@given(st.dictionaries(st.uuids().map(str), st.sampled_from([f"Text {n}" for n in range(40)]), max_size=60))
def test_splits_keep_equal_texts_together_and_are_never_empty(texts: dict[str, str]) -> None:
    splits = assign_splits(texts)
    spaced = assign_splits({key: f" {text.upper()}\n" for key, text in texts.items()})
    assert splits == spaced
    assert splits.keys() == texts.keys()
    by_text: dict[str, set[str]] = {}
    for key, split in splits.items():
        by_text.setdefault(texts[key], set()).add(split)
    assert all(len(found) == 1 for found in by_text.values())
    if texts:
        assert "train" in splits.values()
    if len(by_text) > 1:
        assert "test" in splits.values()


@given(st.lists(st.uuids().map(str), min_size=1, max_size=60, unique=True), st.uuids().map(str))
def test_splits_are_stable_when_documents_come_and_go(ids: list[str], newcomer: str) -> None:
    before = assign_splits({key: key for key in ids})
    after = assign_splits({key: key for key in {*ids, newcomer}})
    moved = [key for key in ids if before[key] != after[key]]
    forced = [key for key in ids if before[key] != split_of(key) or after[key] != split_of(key)]
    assert set(moved) <= set(forced)
    assert len(forced) <= 4  # at most one for train and one for test, before and after


def test_split_shares_are_about_80_10_10() -> None:
    counts = Counter(split_of(str(n)) for n in range(5000))
    assert counts["train"] / 5000 == pytest.approx(0.8, abs=0.02)
    assert counts["test"] / 5000 == pytest.approx(0.1, abs=0.02)


def test_a_leak_is_seen() -> None:
    base = {"id": "1", "author": "ann", "category": "posts", "task": "post", "system": "s", "span": (0, 3)}
    one = InstructionSample(**base, document_id="d1", split="train", instruction="Write it.", output="Own words.")
    same_document = one.model_copy(update={"split": "test", "instruction": "x", "output": "y"})
    same_output = one.model_copy(
        update={"document_id": "d2", "split": "test", "instruction": "x", "output": "own  WORDS."}
    )
    other = one.model_copy(update={"document_id": "d3", "split": "test", "instruction": "x", "output": "z"})
    assert check_disjoint([one, other]) == []
    assert len(check_disjoint([one, same_document])) == 1
    assert len(check_disjoint([one, same_output])) == 1


def test_there_are_eight_wordings_per_task_and_all_differ() -> None:
    assert all(len(set(wordings)) >= 8 for wordings in TEMPLATES.values())


def assert_sound(samples: list[InstructionSample], documents: list[Document]) -> None:
    by_id = {document.id: document for document in documents}
    assert all(by_id[s.document_id].text[s.span[0] : s.span[1]] == s.output for s in samples)
    assert len({" ".join(s.instruction.split()).casefold() for s in samples}) == len(samples)
    assert len({s.id for s in samples}) == len(samples)
    assert check_disjoint(samples) == []
    for sample in samples:
        said, asked = words_of(sample.output), " ".join(words_of(sample.instruction))
        assert not any(" ".join(said[n : n + 8]) in asked for n in range(len(said) - 7))


@pytest.mark.slow
def test_samples_of_the_own_repository(repository: Path) -> None:
    documents = own_documents(repository)
    harvest = make_samples(AUTHOR, documents)
    again = make_samples(AUTHOR, reversed(documents))
    assert harvest.samples == again.samples
    assert_sound(harvest.samples, documents)
    tasks = Counter(sample.task for sample in harvest.samples)
    assert tasks["code"] > 0
    if sum(tasks.values()) - tasks["code"] >= 20:
        assert tasks["code"] <= CODE_CAP * sum(tasks.values())


@pytest.mark.slow
def test_samples_of_a_real_author(shared_data: Path) -> None:
    documents = handbook_documents(shared_data, "Paul Iusztin")
    harvest = make_samples(AUTHOR, documents)
    assert_sound(harvest.samples, documents)
    tasks = Counter(sample.task for sample in harvest.samples)
    assert set(tasks) >= {"opening", "section", "continuation", "answer", "constrained"}
    assert max(tasks.values()) <= 0.45 * len(harvest.samples)
    assert len(harvest.samples) >= 5 * harvest.words / 1000
    assert {sample.split for sample in harvest.samples} == {"train", "validation", "test"}


def test_a_post_whose_title_is_its_first_line_is_not_copied_into_the_instruction() -> None:
    first = "I have spent three long years on one small idea about tests"
    document = article(
        "p", first + ".\n\n" + "Nobody reads a test until it fails, and then everybody does. " * 5, first
    )
    (sample,) = make_samples(AUTHOR, [document]).samples
    assert sample.output == document.text.strip()
    assert_sound([sample], [document])


def long_text(name: str) -> str:
    return "\n\n".join(f"Paragraph {n} of {name} says what {name} means. " * 8 for n in range(12))


def test_build_writes_once_and_reports(warehouse: Warehouse, tmp_path: Path) -> None:
    documents = [article(f"a{n}", long_text(f"essay{n}"), f"Essay {n}") for n in range(12)]
    warehouse.upsert_documents(State.CLEANED, documents)
    artifacts = ArtifactStore(str(tmp_path / "store"))
    report = build_dataset(warehouse, artifacts, "ann")
    samples = read_samples(artifacts, "ann")
    assert report.total == report.written == len(samples) == sum(report.samples_per_split.values())
    assert report.documents == report.documents_used == 12
    assert sum(report.samples_per_task.values()) == report.total
    assert report.samples_per_category["articles"] == report.total
    assert_sound(samples, documents)
    assert samples == make_samples(AUTHOR, documents).samples

    folder = tmp_path / "store" / "datasets" / "ann"
    times = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    again = build_dataset(warehouse, artifacts, "ann")
    assert (again.written, again.files_written, again.data_version) == (0, 0, report.data_version)
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == times

    rows = [json.loads(line) for line in (folder / "train.jsonl").read_text(encoding="utf-8").splitlines()]
    assert len(rows) == report.samples_per_split["train"] == len(read_samples(artifacts, "ann", "train"))
    assert [message["role"] for message in rows[0]["prompt"] + rows[0]["completion"]] == ["system", "user", "assistant"]
    assert "Ann, writes tools" in rows[0]["prompt"][0]["content"]

    (folder / "test.jsonl").write_text("half", encoding="utf-8")  # as an older version might leave it when killed
    assert build_dataset(warehouse, artifacts, "ann").files_written == 2
    assert build_dataset(warehouse, artifacts, "ann").files_written == 0


def test_an_edit_changes_only_its_document(warehouse: Warehouse, tmp_path: Path) -> None:
    documents = [article(f"a{n}", long_text(f"essay{n}"), f"Essay {n}") for n in range(12)]
    warehouse.upsert_documents(State.CLEANED, documents)
    artifacts = ArtifactStore(str(tmp_path / "store"))
    build_dataset(warehouse, artifacts, "ann")
    before = {sample.id: sample for sample in read_samples(artifacts, "ann")}
    edited = documents[3].model_copy(update={"text": long_text("another")})
    warehouse.upsert_documents(State.CLEANED, [edited])
    warehouse.remove_documents(State.CLEANED, [documents[5].id])
    build_dataset(warehouse, artifacts, "ann")
    after = {sample.id: sample for sample in read_samples(artifacts, "ann")}
    touched = {edited.id, documents[5].id}
    assert {i: s for i, s in before.items() if s.document_id not in touched} == {
        i: s for i, s in after.items() if s.document_id not in touched
    }
    assert documents[5].id not in {sample.document_id for sample in after.values()}
    assert not any("essay3 " in sample.output for sample in after.values())


def test_the_corpus_holds_no_held_out_document(warehouse: Warehouse, tmp_path: Path) -> None:
    documents = [article(f"a{n}", long_text(f"essay{n}"), f"Essay {n}") for n in range(30)]
    copies = [article(f"b{n}", long_text(f"essay{n}"), f"Copy {n}") for n in range(30)]
    warehouse.upsert_documents(State.CLEANED, [*documents, *copies])
    artifacts = ArtifactStore(str(tmp_path / "store"))
    build_dataset(warehouse, artifacts, "ann")
    lines = (tmp_path / "store/datasets/ann/corpus.jsonl").read_text(encoding="utf-8").splitlines()
    corpus = [json.loads(line) for line in lines]
    held_out = [sample for sample in read_samples(artifacts, "ann") if sample.split != "train"]
    assert corpus
    assert held_out
    assert not {row["document_id"] for row in corpus} & {sample.document_id for sample in held_out}
    everything = "\n".join(row["text"] for row in corpus)
    assert not any(sample.output in everything for sample in held_out)


@pytest.mark.parametrize("texts", [[], ["Too short."]])
def test_no_text_gives_an_empty_dataset_with_a_note(warehouse: Warehouse, tmp_path: Path, texts: list[str]) -> None:
    warehouse.upsert_documents(State.CLEANED, [article(str(n), text) for n, text in enumerate(texts)])
    artifacts = ArtifactStore(str(tmp_path / "store"))
    report = build_dataset(warehouse, artifacts, "ann")
    assert (report.total, report.written) == (0, 0)
    assert "no text to learn from" in report.note
    assert read_samples(artifacts, "ann") == []
    assert build_dataset(warehouse, artifacts, "ann").files_written == 0


def test_a_single_text_is_for_training_and_the_report_says_so(warehouse: Warehouse, tmp_path: Path) -> None:
    warehouse.upsert_documents(State.CLEANED, [article("only", long_text("only"))])
    report = build_dataset(warehouse, ArtifactStore(str(tmp_path / "store")), "ann")
    assert report.samples_per_split["train"] == report.total > 0
    assert "nothing is held out" in report.note


def test_documents_of_somebody_else_are_left_out_and_counted(warehouse: Warehouse, tmp_path: Path) -> None:
    own = article("own", "\n\n".join(f"Paragraph {n} says how the engine weaves patterns. " * 8 for n in range(4)))
    other = article("other", "\n\n".join(f"Paragraph {n} is of another person. " * 9 for n in range(4)))
    other = other.model_copy(update={"metadata": {"by_other": "Bob"}})
    warehouse.upsert_documents(State.CLEANED, [own, other])
    store = ArtifactStore(str(tmp_path / "store"))
    report = build_dataset(warehouse, store, "ann")
    assert report.dropped["by_other"] == 1
    assert report.total > 0
    assert {sample.document_id for sample in read_samples(store, "ann")} == {own.id}
    files = list((tmp_path / "store").rglob("*.jsonl"))
    assert files
    assert not any("another person" in path.read_text(encoding="utf-8") for path in files)
