"""Chunks: every character in exactly one, none longer than the embedder reads, the same ones each time."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers

from twin.artifacts import ArtifactStore
from twin.chunking import CHUNKER_VERSION, Chunker, Sizer, chunk_documents, read_chunks
from twin.chunking.scan import Scan
from twin.embedding import SentenceTransformerEmbedder
from twin.errors import InputError
from twin.identity import chunk_id
from twin.models import Category, Chunk, Document, State
from twin.warehouse.sqlite import SqliteWarehouse

EMBEDDER = SentenceTransformerEmbedder()
SIZER = EMBEDDER.sizer


def byte_sizer() -> Sizer:
    """A tokenizer of another kind: one token per UTF-8 byte, spaces glued to the word after them."""
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer = Tokenizer(models.BPE({letter: number for number, letter in enumerate(sorted(alphabet))}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    return Sizer(tokenizer, 64)


BYTES = byte_sizer()


def document(text: str, category: Category = Category.ARTICLES, **fields: object) -> Document:
    defaults = {"author": "ada", "link": "https://example.org/a", "source": "s", "platform": "web"}
    return Document.model_validate({**defaults, **fields, "category": category, "text": text})


def cut(text: str, category: Category = Category.ARTICLES, sizer: Sizer = SIZER, **fields: object) -> list[Chunk]:
    ((_, chunks),) = Chunker(sizer).chunks([document(text, category, **fields)])
    return chunks


def check(text: str, chunks: list[Chunk], sizer: Sizer = SIZER) -> None:
    """All that must hold of any text's chunks."""
    rest = list(text)
    last = 0
    for number, chunk in enumerate(chunks):
        assert chunk.ordinal == number
        assert chunk.text == text[chunk.start : chunk.end]
        assert chunk.text.strip()
        assert chunk.start >= last
        last = chunk.end
        rest[chunk.start : chunk.end] = " " * len(chunk.text)
    assert not "".join(rest).strip(), "characters in no chunk"
    assert [chunk.tokens for chunk in chunks] == sizer.counts([chunk.embedded_text for chunk in chunks])
    assert max((chunk.tokens for chunk in chunks), default=0) <= sizer.limit
    assert len({chunk.id for chunk in chunks}) == len(chunks)


PIECES = ["Words of a sentence. ", "and more", "\n", "\n\n", "# Title\n", "```\n", "- item\n", "é🤖"]
EXTREMES = ["x" * 5000, " " * 9000, "a b " * 400, "。" * 500, "```", "\r\n", "\u0301" * 300, "\x00\u200b"]
PROSE = st.lists(st.sampled_from(PIECES))
WILD = st.lists(
    st.one_of(
        st.text(max_size=40),
        st.sampled_from(
            ["x" * 5000, " " * 9000, "a b " * 400, "。" * 500, "```", "\r\n", "\u0301" * 300, "\x00\u200b"]
        ),
    ),
    max_size=6,
)
CATEGORIES = st.sampled_from(Category)
QUICK = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


class TestEveryText:
    @QUICK
    @given(st.one_of(PROSE, WILD).map("".join), CATEGORIES, st.sampled_from([None, "A title", "Long " * 400]))
    def test_is_covered_exactly_once_within_the_window(self, text: str, category: Category, title: str | None) -> None:
        path = "src/a.py" if category is Category.REPOSITORIES else None
        check(text, cut(text, category, title=title, path=path))

    @QUICK
    @given(st.one_of(PROSE, WILD).map("".join), CATEGORIES)
    def test_whatever_the_tokenizer(self, text: str, category: Category) -> None:
        chunks = cut(text, category, BYTES, title="A title")
        check(text, chunks, BYTES)

    @QUICK
    @given(st.lists(PROSE.map("".join), max_size=8))
    def test_has_the_same_chunks_alone_and_among_others(self, texts: list[str]) -> None:
        documents = [document(text, link=f"https://example.org/{number}") for number, text in enumerate(texts)]
        together = list(Chunker(SIZER).chunks(documents))
        assert [found for found, _ in together] == documents
        for found, chunks in together:
            assert [chunks] == [alone for _, alone in Chunker(SIZER).chunks([found])]

    @pytest.mark.parametrize("text", ["", " ", "\n\t \u00a0\n"])
    def test_that_is_blank_has_none(self, text: str) -> None:
        assert cut(text) == []

    @pytest.mark.parametrize("text", ["x", "\u200b", "🤖", "\ufeff#", "```"])
    def test_that_is_tiny_has_one(self, text: str) -> None:
        (chunk,) = cut(text)
        assert chunk.text == text

    def test_that_is_huge_is_cut_in_full_pieces(self) -> None:
        text = "word " * 60_000
        chunks = cut(text)
        check(text, chunks)
        assert 60_000 / 200 <= len(chunks) <= 60_000 / 190

    def test_without_a_space_is_cut_too(self) -> None:
        text = "字" * 3000 + "x" * 100_000
        chunks = cut(text)
        check(text, chunks)
        assert max(len(chunk.text) for chunk in chunks) <= 4000


class TestSizer:
    def test_ignores_the_truncation_that_the_file_switches_on(self) -> None:
        packaged = Tokenizer.from_file(str(EMBEDDER.folder / "tokenizer.json"))
        assert packaged.truncation, "the trap is gone, and so is the point of this test"
        assert SIZER.count("word " * 1000) == 1000
        assert SIZER.tokens([Scan("word " * 1000)])[0].count(0, 5000) == 1000
        assert SIZER.limit == 254

    def test_does_not_change_the_tokenizer_it_was_given(self) -> None:
        packaged = Tokenizer.from_file(str(EMBEDDER.folder / "tokenizer.json"))
        Sizer(packaged, 256)
        assert packaged.truncation

    def test_counts_long_texts_as_short_ones(self) -> None:
        text = "".join(f"line {number} of a long text\n" for number in range(20_000))
        assert SIZER.tokens([Scan(text)])[0].count(0, len(text)) == SIZER.count(text)

    def test_a_bad_file_is_one_sentence(self, tmp_path: Path) -> None:
        (tmp_path / "tokenizer.json").write_text("{}")
        for name in ("tokenizer.json", "none.json"):
            with pytest.raises(InputError, match="is not a tokenizer"):
                Sizer.from_file(tmp_path / name, 256)


LONG = "This sentence has exactly nine words in it, dear. "


class TestStructure:
    def test_the_context_is_title_and_headings_above(self) -> None:
        text = f"# Part\n\n{LONG * 12}\n\n## Section\n\n{LONG * 12}\n\n# Next\n\n{LONG * 12}"
        contexts = [chunk.context for chunk in cut(text, title="Book")]
        assert contexts == ["Book", "Book > Part", "Book"]

    def test_a_continued_section_names_itself(self) -> None:
        chunks = cut(f"## Section\n\n{LONG * 40}", title="Book")
        assert [chunk.context for chunk in chunks] == ["Book", *["Book > Section"] * (len(chunks) - 1)]
        assert len(chunks) > 1

    def test_the_context_gives_way_to_the_text(self) -> None:
        chunks = cut(f"## {'Head ' * 300}\n\n{LONG * 40}", title="Title " * 300)
        check(f"## {'Head ' * 300}\n\n{LONG * 40}", chunks)
        assert all(chunk.context.startswith("Title") for chunk in chunks if chunk.context)
        assert SIZER.count(chunks[-1].text) > 20

    def test_fenced_code_stays_whole_where_it_fits(self) -> None:
        code = "```python\n" + "".join(f"# no heading {number}\n\nvalue = {number}\n" for number in range(28)) + "```"
        assert 200 < SIZER.count(code) <= 254
        chunks = cut(f"{LONG * 15}\n\n{code}\n\n{LONG * 15}", title="Book")
        assert code in [chunk.text for chunk in chunks]
        assert {chunk.context for chunk in chunks} <= {"Book", ""}

    def test_code_too_long_is_cut_between_lines(self) -> None:
        code = "```\n" + "".join(f"value_{number} = {number}\n" for number in range(200)) + "```\n"
        chunks = cut(code)
        assert len(chunks) > 1
        assert all(chunk.text.startswith(("```", "value_")) for chunk in chunks)

    def test_sentences_stay_whole(self) -> None:
        chunks = cut(LONG * 60)
        assert all(chunk.text.endswith("dear.") for chunk in chunks)

    def test_a_small_rest_joins_its_neighbour(self) -> None:
        assert [SIZER.count(chunk.text) > 50 for chunk in cut(f"{LONG * 16}\n\nThe end.")] == [True]
        assert len(cut("# A\n\nOne.\n\n# B\n\nTwo.\n\n# C\n\nThree.")) == 1

    def test_a_hash_tag_is_no_heading_in_a_post(self) -> None:
        chunks = cut(f"# One\n\n{LONG * 20}\n\n#tag", Category.POSTS)
        assert {chunk.context for chunk in chunks} == {""}

    def test_source_code_is_cut_before_definitions_and_keeps_its_indents(self) -> None:
        body = "".join(f"    value_{number} = compute({number}, other)\n" for number in range(12))
        text = "".join(f"def function_{number}():\n{body}    return 1\n\n\n" for number in range(5))
        chunks = cut(text, Category.REPOSITORIES, path="src/module.py")
        check(text, chunks)
        assert [chunk.text.startswith("def function_") for chunk in chunks] == [True] * 5
        assert {chunk.context for chunk in chunks} == {"src/module.py"}
        (indented,) = cut("    indented = True\n", Category.REPOSITORIES, path="a.py")
        assert indented.text == "    indented = True"

    def test_a_readme_is_markdown(self) -> None:
        chunks = cut(f"# Title\n\n{LONG * 40}", Category.REPOSITORIES, path="docs/README.md")
        assert chunks[-1].context == "docs/README.md > Title"

    def test_equal_texts_differ_by_ordinal(self) -> None:
        text = f"{LONG * 15}\n\n" * 4
        chunks = cut(text)
        assert len({chunk.text for chunk in chunks}) == 1
        assert len({chunk.id for chunk in chunks}) == 4
        assert chunks[2].id == chunk_id(chunks[2].document_id, CHUNKER_VERSION, 2, chunks[2].text)


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[SqliteWarehouse]:
    store = SqliteWarehouse(tmp_path / "warehouse.sqlite")
    yield store
    store.close()


@pytest.fixture
def artifacts(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(str(tmp_path / "store"))


def numbered(number: int, text: str) -> Document:
    published = datetime(2024, 1, number + 1, 12, 30, 0, 250, tzinfo=UTC)
    return document(text, link=f"https://example.org/{number}", title=f"Title {number}", published_at=published)


class TestStage:
    def test_stores_all_chunks_and_then_touches_nothing(
        self, warehouse: SqliteWarehouse, artifacts: ArtifactStore
    ) -> None:
        documents = [numbered(number, f"Text {number}. {LONG * 40}") for number in range(5)]
        warehouse.upsert_documents(State.CLEANED, documents)
        report = chunk_documents(warehouse, artifacts, EMBEDDER, "ada", Category.ARTICLES)
        stored = list(read_chunks(artifacts, "ada", Category.ARTICLES))
        by_id = {found.id: chunks for found, chunks in Chunker(SIZER).chunks(documents)}
        assert stored == [chunk for identifier in sorted(by_id) for chunk in by_id[identifier]]
        assert (report.documents, report.total, report.chunks_added) == (5, len(stored), len(stored))
        assert report.tokens == sum(chunk.tokens for chunk in stored)
        assert report.tokens_max == max(chunk.tokens for chunk in stored)
        path = Path(artifacts.path("chunks", "ada", "articles.parquet").path)
        before = path.stat()
        again = chunk_documents(warehouse, artifacts, EMBEDDER, "ada", Category.ARTICLES)
        assert (again.written, again.total, again.data_version) == (0, report.total, report.data_version)
        assert (path.stat().st_mtime_ns, path.stat().st_ino) == (before.st_mtime_ns, before.st_ino)

    def test_a_changed_document_changes_only_itself(self, warehouse: SqliteWarehouse, artifacts: ArtifactStore) -> None:
        documents = [numbered(number, f"Text {number}. {LONG * 40}") for number in range(5)]
        warehouse.upsert_documents(State.CLEANED, documents)
        chunk_documents(warehouse, artifacts, EMBEDDER, "ada", Category.ARTICLES)
        before = {chunk.id: chunk for chunk in read_chunks(artifacts, "ada", Category.ARTICLES)}
        changed = numbered(2, f"Another text. {LONG * 30}")
        warehouse.upsert_documents(State.CLEANED, [changed])
        warehouse.remove_documents(State.CLEANED, [documents[4].id])
        report = chunk_documents(warehouse, artifacts, EMBEDDER, "ada", Category.ARTICLES)
        after = {chunk.id: chunk for chunk in read_chunks(artifacts, "ada", Category.ARTICLES)}
        assert report.documents_rechunked == 1
        assert {chunk.document_id for chunk in after.values() if chunk.id not in before} == {changed.id}
        gone = {before[identifier].document_id for identifier in before.keys() - after.keys()}
        assert gone == {changed.id, documents[4].id}
        assert report.chunks_added == len(after.keys() - before.keys())
        assert report.chunks_removed == len(before.keys() - after.keys())
        fresh = ArtifactStore(str(artifacts.root / "fresh"))
        assert chunk_documents(warehouse, fresh, EMBEDDER, "ada", Category.ARTICLES).data_version == report.data_version
        assert list(read_chunks(fresh, "ada", Category.ARTICLES)) == list(after.values())

    def test_a_change_that_no_chunk_sees_writes_nothing(
        self, warehouse: SqliteWarehouse, artifacts: ArtifactStore
    ) -> None:
        warehouse.upsert_documents(State.CLEANED, [numbered(1, "Text.")])
        first = chunk_documents(warehouse, artifacts, EMBEDDER, "ada", Category.ARTICLES)
        warehouse.upsert_documents(
            State.CLEANED, [numbered(1, "Text.").model_copy(update={"metadata": {"commit": "1"}})]
        )
        second = chunk_documents(warehouse, artifacts, EMBEDDER, "ada", Category.ARTICLES)
        assert (second.written, second.data_version) == (0, first.data_version)

    def test_an_empty_category_is_an_empty_table(self, warehouse: SqliteWarehouse, artifacts: ArtifactStore) -> None:
        report = chunk_documents(warehouse, artifacts, EMBEDDER, "ada", Category.POSTS)
        assert (report.total, report.documents, report.largest) == (0, 0, "")
        assert artifacts.table_metadata("chunks", "ada", "posts.parquet") is not None
        assert list(read_chunks(artifacts, "ada", Category.POSTS)) == []

    def test_another_tokenizer_cuts_all_again(self, warehouse: SqliteWarehouse, artifacts: ArtifactStore) -> None:
        class Other:
            sizer = BYTES

        warehouse.upsert_documents(State.CLEANED, [numbered(1, LONG * 20)])
        chunk_documents(warehouse, artifacts, EMBEDDER, "ada", Category.ARTICLES)
        report = chunk_documents(warehouse, artifacts, Other(), "ada", Category.ARTICLES)
        assert report.documents_rechunked == 1
        assert report.tokens_max <= BYTES.limit


def test_every_article_of_the_handbook_is_covered(shared_data: Path) -> None:
    articles = json.loads((shared_data / "handbook" / "ArticleDocument.json").read_text("utf-8"))
    documents = [
        document(article["content"]["Content"], title=article["content"]["Title"], link=article["link"])
        for article in articles
    ]
    assert len(documents) == 76
    for found, chunks in Chunker(SIZER).chunks(documents):
        assert chunks
        check(found.text, chunks)
