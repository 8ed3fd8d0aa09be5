"""What inspections say of stored chunks and embeddings: true of healthy tables, and of each damage that they are there
to show."""

import re
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from tests.kit.inspected import ADA, ARTICLES, EMBEDDER, MODEL, Stores, around, essay, png_of
from twin.chunking import inspection as chunks_module
from twin.chunking import read_chunks
from twin.chunking.inspection import inspect_chunks, verify_duplicates, verify_lengths
from twin.embedding import inspection as embeddings_module
from twin.embedding.inspection import inspect_embeddings, verify_reading, verify_vectors
from twin.errors import ConsistencyError
from twin.models import Category

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
    with pytest.raises(ConsistencyError, match="run the embeddings stage first"):
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
    characters = sum(len("".join(document.text.split())) for document in stores.cleaned())
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
    assert "sampled" not in found.facts

    monkeypatch.setattr(embeddings_module, "_COMPARED", 10)
    order = np.argsort([chunk.id for chunk in read_chunks(stores.artifacts, ADA, ARTICLES)])
    stores.embed(vectors, model="model@2/16")
    found = inspect_embeddings(stores.artifacts, ADA, ARTICLES)
    assert found.facts["nearest_median"] == pytest.approx(np.median(cosines.max(axis=1)[order[:10]]), abs=1e-4)
    assert (found.facts["sampled"], found.facts["sampled_of"]) == (10, 60)
    assert found.shown["nearest_neighbours"].endswith("\n\nA sample: 10 of 60 chunks, each compared with all.")


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
    shown = inspect_embeddings(stores.artifacts, ADA, ARTICLES).shown["map"]
    assert (asked[-1][0].total(), asked[-1][1]) == (5, sum(both.values()))
    assert f"a sample of 5 of {sum(both.values())} chunks" in shown


def test_a_post_without_a_title_is_called_by_its_first_words(stores: Stores) -> None:
    stores.chunk(
        ["Ship it. Then delete half of it, and say what you have learned from the half that is left."], Category.POSTS
    )
    stores.embed(around(1), Category.POSTS)
    shown = inspect_embeddings(stores.artifacts, ADA, Category.POSTS).shown["map"]
    assert "1. [Ship it. Then delete half of it, and say what you have …](" in shown.replace("\\", "")
