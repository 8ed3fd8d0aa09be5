"""Chunks: every character in exactly one, none longer than the embedder reads, the same ones each time."""

import json
import uuid
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers

from tests.kit.chunked import SIZER, check, cut, document, model_tokenizer
from twin.artifacts import ArtifactStore
from twin.chunking import CHUNKER_VERSION, Chunker, Profile, Sizer, chunk_documents, chunks_overlap, read_chunks
from twin.errors import InputError
from twin.identity import chunk_id
from twin.models import Category, Chunk, Document, State
from twin.settings import Settings
from twin.warehouse.sqlite import SqliteWarehouse


class Embedder:
    """As much of an embedder as chunking asks for."""

    sizer = SIZER


EMBEDDER = Embedder()


def byte_sizer() -> Sizer:
    """A tokenizer of another kind: one token per UTF-8 byte, spaces glued to the word after them."""
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer = Tokenizer(models.BPE({letter: number for number, letter in enumerate(sorted(alphabet))}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    return Sizer(tokenizer, 64)


BYTES = byte_sizer()


PIECES = ["Words of a sentence. ", "and more", "\n", "\n\n", "# Title\n", "```\n", "- item\n", "é🤖"]
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
MARKS = [
    "\x85",
    "\x0b",
    "\r",
    "\u3000",
    "\u2028",
    "[SEP]",
    "۔ ",
    "। ",
    "مرحبا ",
    "नमस्ते ",
    "e.g. ",
    "<pre>\n",
    "---\n",
    "| a | b |\n",
]
ANY = st.one_of(PROSE, WILD, st.lists(st.one_of(st.sampled_from(PIECES + MARKS), st.text(max_size=20)), max_size=80))
CATEGORIES = st.sampled_from(Category)
MODEL = model_tokenizer()
QUICK = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


def _gaps(text: str, chunks: list[Chunk]) -> list[tuple[int, int]]:
    """What is in no chunk."""
    ends = [0, *(chunk.end for chunk in chunks)]
    return list(zip(ends, [*(chunk.start for chunk in chunks), len(text)], strict=True))


class TestEveryText:
    @QUICK
    @given(st.one_of(PROSE, WILD).map("".join), CATEGORIES, st.sampled_from([None, "A title", "Long " * 400]))
    def test_is_covered_exactly_once_within_the_window(self, text: str, category: Category, title: str | None) -> None:
        path = "src/a.py" if category is Category.REPOSITORIES else None
        check(text, cut(text, category, title=title, path=path))

    @QUICK
    @given(ANY.map("".join), CATEGORIES, st.sampled_from(["default", "classic"]), st.sampled_from([None, "A title"]))
    def test_is_read_by_the_model_to_its_last_character(
        self, text: str, category: Category, profile: str, title: str | None
    ) -> None:
        """By the model's own tokenizer, which cuts at the window: it must find nothing to cut, and nothing missing."""
        chunks = cut(text, category, profile=profile, title=title, path="a.md")
        covered = "".join(text[a:b] for a, b in _gaps(text, chunks))
        assert not covered.strip()
        encodings = MODEL.encode_batch([chunk.embedded_text for chunk in chunks])
        assert not any(encoding.overflowing for encoding in encodings)
        assert [len(encoding.ids) - 2 for encoding in encodings] == [chunk.tokens for chunk in chunks]

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

    def test_of_prose_that_is_little_more_than_a_chunk_stays_one(self) -> None:
        for words, title in ((254, None), (240, "A title")):
            assert len(cut("word " * words, title=title)) == 1
            assert len(cut("word " * (words + 1), title=title)) == 2
        assert len(cut("word " * 85, profile="articles=50/0")) == 1
        assert len(cut("word " * 86, profile="articles=50/0")) == 2

    def test_that_is_huge_is_cut_in_full_pieces(self) -> None:
        text = "word " * 60_000
        chunks = cut(text)
        check(text, chunks)
        assert 60_000 / 170 <= len(chunks) <= 60_000 / 160

    def test_without_a_space_is_cut_too(self) -> None:
        text = "字" * 3000 + "x" * 100_000
        chunks = cut(text)
        check(text, chunks)
        assert max(len(chunk.text) for chunk in chunks) <= 4000


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

    def test_ids_are_uuids_of_version_5(self) -> None:
        found = document(LONG * 40, Category.REPOSITORIES, link="https://example.org/ü", path="docs/ä.md")
        namespace = uuid.UUID("6f1c7f0e-6f0f-5d53-9f0a-6c6c6d2d7477")
        assert found.id == str(uuid.uuid5(namespace, "ada\x1fhttps://example.org/ü\x1fdocs/ä.md"))
        ((_, chunks),) = Chunker(SIZER).chunks([found])
        expected = [chunk_id(found.id, CHUNKER_VERSION, number, chunk.text) for number, chunk in enumerate(chunks)]
        assert [chunk.id for chunk in chunks] == expected
        assert len(chunks) > 1

    def test_equal_texts_differ_by_ordinal(self) -> None:
        text = f"{LONG * 15}\n\n" * 4
        chunks = cut(text)
        assert len({chunk.text for chunk in chunks}) == 1
        assert len({chunk.id for chunk in chunks}) == 4
        assert chunks[2].id == chunk_id(chunks[2].document_id, CHUNKER_VERSION, 2, chunks[2].text)


class TestProfile:
    @QUICK
    @given(st.one_of(PROSE, WILD).map("".join), CATEGORIES, st.integers(20, 300), st.integers(0, 100))
    @example(f":\x0c0\x0c:{'x' * 1200}", Category.POSTS, 20, 1)  # what is not a space to the tokenizer
    @example("and 好。再见 " * 60, Category.POSTS, 60, 20)  # a sentence begins within a word
    def test_chunks_overlap_by_what_it_says_at_most(
        self, text: str, category: Category, target: int, overlap: int
    ) -> None:
        cutting = f"{category}={target}/{min(overlap, target // 2)}"
        check(text, cut(text, category, profile=cutting, title="T"), overlap=min(overlap, target // 2))

    @QUICK
    @given(st.one_of(PROSE, WILD).map("".join), CATEGORIES)
    def test_whatever_the_tokenizer(self, text: str, category: Category) -> None:
        check(text, cut(text, category, BYTES, profile="classic"), BYTES, overlap=50)

    def test_classic_is_capped_by_the_window_and_repeats_whole_sentences(self) -> None:
        chunks = cut(LONG * 120, profile="classic")
        assert 200 < max(SIZER.count(chunk.text) for chunk in chunks) <= SIZER.limit
        shared = [left.end - right.start for left, right in pairwise(chunks)]
        assert min(shared) >= len(LONG) * 3
        assert all(chunk.text.startswith("This sentence") for chunk in chunks)
        assert Chunker(SIZER, Profile.parse("classic")).cutting(Category.POSTS) == (223, 50)

    def test_what_stands_under_another_heading_is_not_repeated(self) -> None:
        text = f"# A\n\n{LONG * 12}\n\n# B\n\n{LONG * 12}"
        assert [chunk.text[:3] for chunk in cut(text, profile="articles=200/40")] == ["# A", "# B"]

    def test_each_category_has_its_own(self) -> None:
        profile = Profile.parse(" articles = 100/10, repositories=250/30")
        assert [profile.of(each) for each in Category] == [(170, 0), (100, 10), (250, 30)]
        chunker = Chunker(SIZER, profile)
        assert chunker.id_of(Category.POSTS) == Chunker(SIZER).id_of(Category.POSTS)
        assert chunker.id_of(Category.ARTICLES) != Chunker(SIZER).id_of(Category.ARTICLES)

    @pytest.mark.parametrize("wrong", ["clasic", "posts=200", "articles=10/0", "posts=100/60", "posts=1/0,posts=2/0"])
    def test_a_wrong_one_is_one_sentence(self, wrong: str) -> None:
        with pytest.raises(InputError, match=r"^TWIN_CHUNKING [^.]*: set [^.]*\.$"):
            Settings.from_env({"TWIN_CHUNKING": wrong})

    def test_the_setting_is_read(self) -> None:
        assert Settings.from_env({"TWIN_CHUNKING": "articles=300/30"}).chunking == Profile.parse("articles=300/30")
        assert Settings.from_env({}).chunking == Profile.parse("default")


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

    def test_another_profile_cuts_all_again(self, warehouse: SqliteWarehouse, artifacts: ArtifactStore) -> None:
        warehouse.upsert_documents(State.CLEANED, [numbered(1, LONG * 60)])
        first = chunk_documents(warehouse, artifacts, EMBEDDER, "ada", Category.ARTICLES)
        classic = Profile.parse("classic")
        second = chunk_documents(warehouse, artifacts, EMBEDDER, "ada", Category.ARTICLES, profile=classic)
        assert (first.documents_rechunked, second.documents_rechunked) == (1, 1)
        assert first.data_version != second.data_version
        assert chunks_overlap(artifacts, "ada", Category.ARTICLES) == 50
        again = chunk_documents(warehouse, artifacts, EMBEDDER, "ada", Category.ARTICLES, profile=classic)
        assert (again.written, again.data_version) == (0, second.data_version)

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
