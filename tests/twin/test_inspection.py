"""What inspections say of stored chunks and embeddings: true of healthy tables, and of each damage that they are there
to show."""

import base64
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token
from numpy.typing import NDArray

from twin.artifacts import ArtifactStore
from twin.chunking import chunk_documents, read_chunks
from twin.embedding import SentenceTransformerEmbedder
from twin.errors import ConsistencyError
from twin.identity import sha256
from twin.inspection import (
    Inspection,
    inspect_chunks,
    inspect_embeddings,
    verify_duplicates,
    verify_lengths,
    verify_reading,
    verify_vectors,
)
from twin.inspection import chunks as chunks_module
from twin.inspection import embeddings as embeddings_module
from twin.inspection.drift import chance, distance
from twin.inspection.markdown import bold, code, escaped, linked, marked_lines
from twin.inspection.record import Spread
from twin.models import Author, Category, Document, State
from twin.warehouse.sqlite import SqliteWarehouse

ADA, ARTICLES = "ada", Category.ARTICLES
EMBEDDER = SentenceTransformerEmbedder("all-MiniLM-L6-v2")
MODEL = "model@1/16"
UI = MarkdownIt("commonmark").enable("strikethrough").enable("table")
"""Of what the UI shows, all that this project writes: CommonMark, and the additions that could take text for markup."""


class Stores:
    """A warehouse and an artifact store of one author."""

    def __init__(self, root: Path) -> None:
        self.warehouse = SqliteWarehouse(root / "warehouse.sqlite")
        self.artifacts = ArtifactStore(str(root))
        self.warehouse.upsert_authors([Author(slug=ADA, name="Ada")])

    def chunk(self, texts: Sequence[str], category: Category = ARTICLES) -> None:
        """Make these the cleaned documents, and cut them."""
        documents = [
            Document(
                author=ADA,
                category=category,
                link=f"https://example.org/{category}/{number}",
                path=f"src/file{number}.py" if category is Category.REPOSITORIES else None,
                source="https://example.org",
                platform="web",
                title=None if category is Category.POSTS else f"Essay {number}",
                text=text,
            )
            for number, text in enumerate(texts)
        ]
        stale = self.warehouse.hashes(State.CLEANED, ADA, category).keys() - {document.id for document in documents}
        self.warehouse.remove_documents(State.CLEANED, stale)
        self.warehouse.upsert_documents(State.CLEANED, documents)
        chunk_documents(self.warehouse, self.artifacts, EMBEDDER, ADA, category)

    def embed(self, vectors: NDArray[Any], category: Category = ARTICLES, model: str = MODEL) -> None:
        """Store these vectors, shape (chunks, dimension), as the embeddings of the chunks."""
        chunks = list(read_chunks(self.artifacts, ADA, category))
        size = vectors.shape[1]
        schema = pa.schema(
            [("chunk_id", pa.string()), ("text_hash", pa.string()), ("vector", pa.list_(pa.float32(), size))]
        )
        flat = pa.array(np.ascontiguousarray(vectors, np.float32).reshape(-1))
        columns = [
            pa.array([chunk.id for chunk in chunks]),
            pa.array([sha256(chunk.embedded_text) for chunk in chunks]),
            pa.FixedSizeListArray.from_arrays(flat, size),
        ]
        self.artifacts.write_table(
            "embeddings",
            ADA,
            f"{category.value}.parquet",
            schema=schema,
            batches=[pa.record_batch(columns, schema=schema)],
            metadata={
                "data_version": sha256(vectors.tobytes() + model.encode()),
                "model": model,
                "dimension": size,
                "chunks": len(chunks),
            },
        )

    def rewrite_chunks(self, change: Any) -> None:
        """Change the stored chunks behind their stage's back; the table gets another version."""
        name = ("chunks", ADA, f"{ARTICLES.value}.parquet")
        batches = list(self.artifacts.read_table(*name))
        rows = change([row for batch in batches for row in batch.to_pylist()])
        footer = {**(self.artifacts.table_metadata(*name) or {}), "data_version": sha256(repr(rows))}
        batch = pa.RecordBatch.from_pylist(rows, schema=batches[0].schema)
        self.artifacts.write_table(*name, schema=batch.schema, batches=[batch], metadata=footer)

    def inspect(self, category: Category = ARTICLES) -> Inspection:
        return inspect_chunks(self.warehouse, self.artifacts, EMBEDDER, ADA, category)

    def count(self, category: Category = ARTICLES) -> int:
        return sum(1 for _ in read_chunks(self.artifacts, ADA, category))


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[Stores]:
    made = Stores(tmp_path)
    yield made
    made.warehouse.close()


def essay(seed: int, paragraphs: int = 8, words: int = 60) -> str:
    """Paragraphs of words that no other seed has."""
    return "\n\n".join(
        " ".join(f"word{seed}x{paragraph}x{number}" for number in range(words)) + "." for paragraph in range(paragraphs)
    )


def around(count: int, middle: int = 0, seed: int = 0, dimension: int = 16) -> NDArray[np.float32]:
    """Unit vectors scattered around one axis."""
    made = np.random.default_rng(seed).normal(scale=0.25, size=(count, dimension))
    made[:, middle] += 1
    return (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float32)


def png_of(markdown: str) -> bytes:
    found = re.search(r"\(data:image/png;base64,([A-Za-z0-9+/=]+)\)", markdown)
    assert found is not None
    return base64.b64decode(found[1])


# -- chunks ------------------------------------------------------------------------------------------------------------


def test_healthy_chunks(stores: Stores) -> None:
    stores.chunk([essay(number) for number in range(3)])
    found = stores.inspect()
    assert found.facts == {"coverage": 1.0, "chunks_truncated": 0, "duplicates": 0, "duplicate_share": 0.0}
    assert png_of(found.shown["tokens_per_chunk"]).startswith(b"\x89PNG")
    assert found.statistics.spreads["tokens"].total == stores.count()
    assert verify_duplicates(stores.artifacts, ADA, ARTICLES).problems == []
    assert verify_lengths(stores.artifacts, ADA, ARTICLES).problems == []
    assert verify_reading(stores.artifacts, EMBEDDER, ADA, ARTICLES).problems == []


def test_an_author_without_documents(stores: Stores) -> None:
    with pytest.raises(ConsistencyError, match="run the chunks stage first"):
        stores.inspect()
    with pytest.raises(ConsistencyError, match="run that stage first"):
        inspect_embeddings(stores.artifacts, ADA, ARTICLES)
    stores.chunk([])
    stores.embed(np.zeros((0, 16)))
    found = stores.inspect()
    assert found.facts == {"coverage": 1.0, "chunks_truncated": 0, "duplicates": 0, "duplicate_share": 0.0}
    assert found.shown == {}
    assert inspect_embeddings(stores.artifacts, ADA, ARTICLES).shown == {}
    assert verify_duplicates(stores.artifacts, ADA, ARTICLES).problems == []
    assert verify_lengths(stores.artifacts, ADA, ARTICLES).problems == []
    assert verify_vectors(stores.artifacts, ADA, ARTICLES).problems == []
    assert verify_reading(stores.artifacts, EMBEDDER, ADA, ARTICLES).problems == []


def test_what_is_in_no_chunk_is_missing_from_the_coverage(stores: Stores) -> None:
    stores.chunk([essay(number) for number in range(4)])
    lost = list(read_chunks(stores.artifacts, ADA, ARTICLES))[2::3]
    stores.rewrite_chunks(lambda rows: [row for row in rows if row["id"] not in {chunk.id for chunk in lost}])
    characters = sum(len("".join(document.text.split())) for document in _cleaned(stores))
    missing = sum(len("".join(chunk.text.split())) for chunk in lost)
    assert stores.inspect().facts["coverage"] == pytest.approx(1 - missing / characters, abs=1e-12)

    first = next(read_chunks(stores.artifacts, ADA, ARTICLES)).document_id
    stores.rewrite_chunks(lambda rows: [row for row in rows if row["document_id"] != first])
    assert 0 < stores.inspect().facts["coverage"] < 1 - missing / characters
    stores.rewrite_chunks(lambda rows: [])
    assert stores.inspect().facts["coverage"] == 0.0


def test_chunks_that_overlap_cover_a_character_once(stores: Stores) -> None:
    stores.chunk([essay(0)])
    last = max(chunk.end for chunk in read_chunks(stores.artifacts, ADA, ARTICLES))
    stores.rewrite_chunks(lambda rows: [{**row, "end": min(row["end"] + 40, last)} for row in rows])
    assert stores.inspect().facts["coverage"] == 1.0


class Limited(NamedTuple):
    """A tokenizer with a smaller window than the one that the chunks were cut for."""

    limit: int
    counts: Any = EMBEDDER.sizer.counts


class Reader(NamedTuple):
    sizer: Limited


def test_chunks_that_the_model_cannot_read_to_the_end(stores: Stores) -> None:
    stores.chunk([essay(number) for number in range(2)])
    stores.embed(around(stores.count()))
    tokens = [chunk.tokens for chunk in read_chunks(stores.artifacts, ADA, ARTICLES)]
    reader = Reader(Limited(min(tokens)))
    over = sum(count > min(tokens) for count in tokens)
    assert 0 < over < len(tokens)
    found = inspect_chunks(stores.warehouse, stores.artifacts, reader, ADA, ARTICLES)
    assert found.facts["chunks_truncated"] == over
    verdict = verify_reading(stores.artifacts, reader, ADA, ARTICLES)
    assert verdict.facts["chunks_truncated"] == over
    assert len(verdict.problems) == 1

    stores.rewrite_chunks(lambda rows: [{**row, "text": row["text"] * 9} for row in rows])  # they say what they said
    verdict = verify_reading(stores.artifacts, EMBEDDER, ADA, ARTICLES)
    assert verdict.facts["chunks_truncated"] > 1
    assert "their ends are in no vector" in verdict.problems[0]


def test_chunks_that_repeat_others_are_counted_and_named_when_they_are_many(stores: Stores) -> None:
    licence = "Permission is hereby granted to whoever reads this sentence."
    stores.chunk([essay(number, 2, 12) for number in range(20)] + [licence] * 3)
    assert stores.count() == 23
    assert stores.inspect().facts["duplicates"] == 2
    assert verify_duplicates(stores.artifacts, ADA, ARTICLES).problems == []
    stores.chunk([essay(number, 2, 12) for number in range(20)] + [licence] * 4)
    verdict = verify_duplicates(stores.artifacts, ADA, ARTICLES)
    assert verdict.facts == {"chunks": 24, "duplicates": 3, "duplicate_share": 0.125}
    assert verdict.problems == [
        "3 of 24 chunks (12%) repeat the text of another, where 10% are usual: look for a source that is declared "
        "twice, or a text that every document carries"
    ]


def test_an_unchanged_table_is_shown_again_and_not_drawn_again(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    stores.chunk([essay(number) for number in range(3)])
    stores.embed(around(stores.count()))
    before = stores.inspect(), inspect_embeddings(stores.artifacts, ADA, ARTICLES)
    files = {path: path.stat().st_mtime_ns for path in Path(str(stores.artifacts.root)).rglob("*.json")}

    def refuse(*_: object) -> bytes:
        raise AssertionError("it was drawn again")

    monkeypatch.setattr(chunks_module, "tokens_histogram", refuse)
    monkeypatch.setattr(embeddings_module, "neighbours_histogram", refuse)
    monkeypatch.setattr(embeddings_module, "embedding_map", refuse)
    assert (stores.inspect(), inspect_embeddings(stores.artifacts, ADA, ARTICLES)) == before
    assert {path: path.stat().st_mtime_ns for path in files} == files
    stores.chunk([essay(number) for number in range(4)])
    with pytest.raises(AssertionError, match="drawn again"):
        stores.inspect()


def test_the_same_table_is_shown_in_the_same_way_in_another_store(tmp_path: Path) -> None:
    seen = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        made = Stores(tmp_path / name)
        made.chunk([essay(number) for number in range(3)])
        made.embed(around(made.count()))
        seen.append((made.inspect(), inspect_embeddings(made.artifacts, ADA, ARTICLES)))
        made.warehouse.close()
    assert seen[0] == seen[1]
    assert str(tmp_path) not in repr(seen)


@pytest.mark.parametrize("content", [b"", b"{", b'{"key": "another version of this file"}'])
def test_a_record_that_cannot_be_read_is_made_anew(stores: Stores, content: bytes) -> None:
    stores.chunk([essay(1)])
    found = stores.inspect()
    stores.artifacts.write_bytes("chunks", ADA, f"{ARTICLES.value}.inspection.json", content=content)
    assert stores.inspect() == found


# -- drift -------------------------------------------------------------------------------------------------------------


def test_lengths_that_drift_are_named_until_the_next_version_and_a_rebuild_says_the_same(stores: Stores) -> None:
    long = [essay(number) for number in range(30)]
    stores.chunk(long)
    first = verify_lengths(stores.artifacts, ADA, ARTICLES)
    assert first.facts == {"compared_with": "nothing: this is the first version"}
    stores.inspect()
    assert verify_lengths(stores.artifacts, ADA, ARTICLES) == first

    stores.chunk([*long, essay(99)])  # what is added is like what was there
    grown = verify_lengths(stores.artifacts, ADA, ARTICLES)
    assert grown.problems == []
    assert grown.facts["tokens_distance"] < 0.1
    stores.inspect()

    stores.chunk([essay(number, 1, 4) for number in range(200)])  # a crawler that finds nothing but teasers
    killed_before_it_was_inspected = verify_lengths(stores.artifacts, ADA, ARTICLES)
    stores.inspect()
    drifted = verify_lengths(stores.artifacts, ADA, ARTICLES)
    assert drifted == killed_before_it_was_inspected
    assert re.fullmatch(
        r"Tokens per chunk drifted from a median of \d+ to \d+: the distributions of \d+ and 200 are \d\.\d\d apart, "
        r"where \d\.\d\d is allowed",
        drifted.problems[0],
    )
    stores.inspect()
    assert verify_lengths(stores.artifacts, ADA, ARTICLES) == drifted

    stores.chunk([essay(number, 1, 4) for number in range(201)])
    stores.inspect()
    assert verify_lengths(stores.artifacts, ADA, ARTICLES).problems == []


def test_vectors_that_moved_or_lost_precision_are_named(stores: Stores) -> None:
    stores.chunk([essay(number, 1, 20) for number in range(200)])
    stores.embed(around(200))
    assert verify_vectors(stores.artifacts, ADA, ARTICLES).problems == []
    inspect_embeddings(stores.artifacts, ADA, ARTICLES)
    stores.embed(around(200, seed=1))
    assert verify_vectors(stores.artifacts, ADA, ARTICLES).problems == []
    inspect_embeddings(stores.artifacts, ADA, ARTICLES)

    stores.embed(around(200, middle=5, seed=2))
    before = verify_vectors(stores.artifacts, ADA, ARTICLES)
    inspect_embeddings(stores.artifacts, ADA, ARTICLES)
    assert verify_vectors(stores.artifacts, ADA, ARTICLES) == before
    assert len(before.problems) == 1
    assert before.problems[0].startswith("Cosines of vectors and their former mean drifted")

    stores.embed(around(200, middle=5, seed=2) * np.float32(1.0004))  # less than what blocks
    verdict = verify_vectors(stores.artifacts, ADA, ARTICLES)
    assert [problem.split(" drifted ")[0] for problem in verdict.problems] == ["Lengths of vectors"]


def test_directions_of_another_model_are_not_compared(stores: Stores) -> None:
    stores.chunk([essay(number, 1, 20) for number in range(100)])
    stores.embed(around(100))
    inspect_embeddings(stores.artifacts, ADA, ARTICLES)
    stores.embed(around(100, middle=3, dimension=32), model="other@2/32")
    verdict = verify_vectors(stores.artifacts, ADA, ARTICLES)
    assert verdict.problems == []
    assert (verdict.facts["made_with_before"], verdict.facts["made_with"]) == (MODEL, "other@2/32")
    assert not [name for name in verdict.facts if name.startswith("cosine")]


samples = st.lists(st.integers(-5, 5), min_size=1, max_size=40)


@settings(deadline=None)
@given(samples, samples)
def test_the_distance_is_that_of_the_cumulative_shares(left: list[int], right: list[int]) -> None:
    expected = max(
        abs(sum(v <= x for v in left) / len(left) - sum(v <= x for v in right) / len(right)) for x in left + right
    )
    found = distance(Spread.of(Counter(left)), Spread.of(Counter(right)))
    assert found == pytest.approx(expected, abs=1e-12)


def test_chance_alone_is_rarely_taken_for_drift() -> None:
    random = np.random.default_rng(4)
    beyond = 0
    for _ in range(1000):
        left, right = (Spread.of(Counter(random.normal(size=size).round(3).tolist())) for size in (40, 90))
        beyond += distance(left, right) > chance(left, right)
    assert beyond <= 5
    assert chance(Spread(), Spread(counts={"1": 3})) == float("inf")
    assert distance(Spread(), Spread(counts={"1": 3})) == 0


# -- embeddings --------------------------------------------------------------------------------------------------------


def test_the_nearest_other_chunk_is_found_among_all(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    stores.chunk([essay(number, 1, 20) for number in range(60)])
    vectors = around(60)
    vectors[7] = vectors[3]
    stores.embed(vectors)
    cosines = vectors @ vectors.T
    np.fill_diagonal(cosines, -1)
    found = inspect_embeddings(stores.artifacts, ADA, ARTICLES)
    assert found.facts["nearest_median"] == pytest.approx(np.median(cosines.max(axis=1)), abs=1e-4)
    assert found.facts["same_share"] == 2 / 60

    monkeypatch.setattr(embeddings_module, "_COMPARED", 10)
    order = np.argsort([chunk.id for chunk in read_chunks(stores.artifacts, ADA, ARTICLES)])
    stores.embed(vectors, model="model@2/16")
    found = inspect_embeddings(stores.artifacts, ADA, ARTICLES)
    assert found.facts["nearest_median"] == pytest.approx(np.median(cosines.max(axis=1)[order[:10]]), abs=1e-4)


def test_one_chunk_has_no_neighbour(stores: Stores) -> None:
    stores.chunk(["One sentence."])
    stores.embed(around(1))
    found = inspect_embeddings(stores.artifacts, ADA, ARTICLES)
    assert found.facts == {}
    assert found.shown.keys() == {"map"}


def test_the_map_shows_all_categories_that_there_are_of_one_model(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    draw = embeddings_module.embedding_map

    def drawn(plane: Any, places: Any, labelled: Any, total: int) -> bytes:
        asked.append((Counter(place.category for place in places), total))
        return draw(plane, places, labelled, total)

    monkeypatch.setattr(embeddings_module, "embedding_map", drawn)
    counts = {}
    for category in (ARTICLES, Category.POSTS, Category.REPOSITORIES):
        stores.chunk([essay(number, 1, 20) for number in range(12)], category)
        counts[category] = stores.count(category)
        model = "old@1/16" if category is Category.POSTS else MODEL
        stores.embed(around(counts[category], seed=len(counts)), category, model)
        shown = inspect_embeddings(stores.artifacts, ADA, category).shown["map"]
    both = {ARTICLES: counts[ARTICLES], Category.REPOSITORIES: counts[Category.REPOSITORIES]}
    assert asked == [
        ({ARTICLES: counts[ARTICLES]}, counts[ARTICLES]),
        ({Category.POSTS: counts[Category.POSTS]}, counts[Category.POSTS]),
        (both, sum(both.values())),
    ]
    assert inspect_embeddings(stores.artifacts, ADA, ARTICLES).shown["map"] == shown  # one map, drawn once
    assert len(asked) == 3
    assert len(png_of(shown)) < 60_000
    assert re.search(r"^1\. \[Essay \d+\]\(<https://example\.org/articles/\d+>\)$", shown, re.MULTILINE)

    monkeypatch.setattr(embeddings_module, "ON_MAP", 5)
    stores.embed(around(counts[ARTICLES], seed=9))
    inspect_embeddings(stores.artifacts, ADA, ARTICLES)
    assert (asked[-1][0].total(), asked[-1][1]) == (5, sum(both.values()))


def test_a_post_without_a_title_is_called_by_its_first_words(stores: Stores) -> None:
    stores.chunk(
        ["Ship it. Then delete half of it, and say what you have learned from the half that is left."], Category.POSTS
    )
    stores.embed(around(1), Category.POSTS)
    shown = inspect_embeddings(stores.artifacts, ADA, Category.POSTS).shown["map"]
    assert "1. [Ship it. Then delete half of it, and say what you have …](" in shown.replace("\\", "")


# -- Markdown ----------------------------------------------------------------------------------------------------------


def _cleaned(stores: Stores) -> list[Document]:
    return list(stores.warehouse.documents(State.CLEANED, ADA, ARTICLES))


def inline(markdown: str) -> list[Token]:
    return [child for token in UI.parse(markdown) for child in token.children or []]


def plain(markdown: str) -> str:
    """The words that a reader sees; an image is none."""
    return "".join(token.content for token in inline(markdown) if token.type in ("text", "code_inline"))


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=60))
def test_text_stands_for_itself_in_markdown(text: str) -> None:
    line = " ".join(text.split())
    for markdown in (escaped(text), f"**{escaped(text)}**" if line else "", f"> {escaped(text)}"):
        assert " ".join(plain(markdown).split()) == (line if markdown else "")
        assert {token.type for token in inline(markdown)} <= {"text", "text_special", "strong_open", "strong_close"}
    if line:
        assert plain(code(text)) == line.strip("`") or plain(code(text)) == line


@pytest.mark.parametrize(
    "address",
    ["javascript:alert(1)", "local:../secret/place", "https://example.org/a b", "https://e.org/>x", "data:text/html,x"],
)
def test_only_an_address_of_the_web_becomes_a_link(address: str) -> None:
    assert linked("a title", address) == "a title"
    assert plain(linked("a](b) title", "https://example.org/(x)_[y]")) == "a](b) title"
    links = [token.attrs["href"] for token in inline(linked("t", "https://example.org/?a=(1)")) if token.attrs]
    assert links == ["https://example.org/?a=(1)"]


HOSTILE = """# A heading of the author

[click](javascript:alert(1)) <script>alert(1)</script> ![i](https://example.org/track.png) **bold** ~~~ `code`
- a list
1. another
> a quote

```python
def fenced(): return "**kept** as it is"
```

| a | table |
|---|---|
| 1 | 2 |
"""


def test_samples_show_each_chunk_within_its_document_and_nothing_of_the_author_is_markup(stores: Stores) -> None:
    stores.chunk([HOSTILE + "\n\n" + essay(number) for number in range(6)] + ["Short."])
    shown = stores.inspect().shown["sample_chunks"]
    tokens = UI.parse(shown)
    headings = [following.content for token, following in pairwise(tokens) if token.type == "heading_open"]
    assert len(headings) == 2 + chunks_module.SPACED
    assert all(re.match(r"\d\\\. \[Essay", heading) for heading in headings)
    assert not [token for token in [*tokens, *inline(shown)] if token.type in ("html_block", "html_inline", "image")]
    links = {str(token.attrs["href"]) for token in inline(shown) if token.type == "link_open"}
    assert all(link.startswith("https://example.org/articles/") for link in links)
    reasons = re.findall(
        r"\*(the shortest|the longest|number \d+ of \d+): [\d,]+ tokens, characters ([\d,]+) to ([\d,]+)", shown
    )
    assert [reason.split()[-1] for reason, _, _ in reasons[:2]] == ["shortest", "longest"]
    words = "".join(plain(shown).split())
    known = {(f"{chunk.start:,}", f"{chunk.end:,}"): chunk for chunk in read_chunks(stores.artifacts, ADA, ARTICLES)}
    for _, start, end in reasons:
        assert (start, end) in known
    shortest = min(read_chunks(stores.artifacts, ADA, ARTICLES), key=lambda chunk: chunk.tokens)
    assert "".join(shortest.text.split()) in words


lines = st.text(st.sampled_from("ab*`~_#>-1. \t\n"), max_size=60)


@settings(deadline=None)
@given(st.lists(st.one_of(lines, st.sampled_from(["```", "~~~", "```python", "````", "    ```"])), max_size=8))
def test_nothing_of_a_chunk_reaches_beyond_it(parts: list[str]) -> None:
    text = "\n".join(parts)
    tokens = UI.parse(f"{bold(text)}\n\nafter it")
    assert [token.type for token in tokens[-3:]] == ["paragraph_open", "inline", "paragraph_close"]
    assert (tokens[-2].content, tokens[-2].level) == ("after it", 1)
    seen = Counter("".join(token.content for token in tokens if token.type == "fence") + plain(bold(text)))
    fences = [line for line in text.splitlines() if line.lstrip().startswith(("```", "~~~"))]
    for letter in "ab1.":
        lost = text.count(letter) - seen[letter]
        assert 0 <= lost <= sum(line.count(letter) for line in fences)  # a fence's own line is not shown


def test_paragraphs_of_a_chunk_are_bold_and_its_code_stays_code() -> None:
    assert bold("One line.\nAnd another.\n\n```python\nx = **2\n```\nEnd") == (
        "**One line\\.**\\\n**And another\\.**\n\n```python\nx = **2\n```\n\n**End**"
    )
    assert bold("~~~\ncut off") == "```\ncut off\n```"
    assert bold("~~~\n```\n~~~\n") == "````\n```\n````"


@settings(deadline=None)
@given(st.lists(st.sampled_from(["def f():", "    return `x`", "", "```", "- item", "é = 1"]), min_size=1), st.data())
def test_the_lines_of_a_chunk_of_code_are_marked(code_lines: list[str], data: st.DataObject) -> None:
    text = "\n".join(code_lines)
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    if not text[start:end].strip():
        return  # no chunk is blank
    (fence,) = UI.parse(marked_lines(text, start, end))
    assert (fence.type, fence.info) == ("fence", "diff")
    marked = {int(line[1:].split()[0]) for line in fence.content.splitlines() if line.startswith("+")}
    first, last = text[:start].count("\n") + 1, text[:end].count("\n") + (0 if text[:end].endswith("\n") else 1)
    assert marked == set(range(first, last + 1))
    shown = {int(line[1:].split()[0]): line for line in fence.content.splitlines()}
    for number, line in shown.items():
        assert line[1:].split(maxsplit=1)[1:] == (
            [code_lines[number - 1].strip()] if code_lines[number - 1].strip() else []
        )


def test_a_sample_of_code_shows_its_lines(stores: Stores) -> None:
    stores.chunk(["import os\n\n\ndef first():\n    return os.name\n"], Category.REPOSITORIES)
    shown = stores.inspect(Category.REPOSITORIES).shown["sample_chunks"]
    assert "```diff\n+ 1 import os\n+ 2\n+ 3\n+ 4 def first():\n+ 5     return os.name\n```" in shown


def test_prose_in_a_repository_is_shown_as_prose(stores: Stores) -> None:
    stores.chunk(["# Read me\n\n" + "A long line of prose. " * 12], Category.REPOSITORIES)
    shown = stores.inspect(Category.REPOSITORIES).shown["sample_chunks"]
    assert "**\\# Read me**\n\n**A long line of prose\\." in shown
    assert "`src/file0.py`" in shown
