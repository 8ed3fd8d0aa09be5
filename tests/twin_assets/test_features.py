"""What the UI shows of chunks and embeddings; their warnings stop nothing."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from twin.artifacts import ArtifactStore
from twin.models import Author, Category, Document, State
from twin.settings import Settings
from twin.warehouse.sqlite import SqliteWarehouse
from twin_assets.columns import Stage, key
from twin_jobs.definitions import build_defs

CHUNKS, EMBEDDINGS = key(Category.ARTICLES, Stage.CHUNKS), key(Category.ARTICLES, Stage.EMBEDDINGS)


class Graph:
    """The two stages of one author with their own store."""

    def __init__(self, root: Path) -> None:
        self.warehouse = SqliteWarehouse(root / "warehouse.sqlite")
        self.warehouse.upsert_authors([Author(slug="ada", name="Ada")])
        settings = Settings(store=str(root), authors=str(root / "authors"))
        resources = {"warehouse": self.warehouse, "artifacts": ArtifactStore(str(root)), "settings": settings}
        self.job = build_defs(resources).resolve_job_def("update_columns")
        self.root = root

    def build(self, texts: list[str]) -> dg.ExecuteInProcessResult:
        documents = [
            Document(
                author="ada",
                category=Category.ARTICLES,
                link=f"https://example.org/{number}",
                source="https://example.org",
                platform="web",
                title=f"Essay {number}",
                text=text,
            )
            for number, text in enumerate(texts)
        ]
        self.warehouse.upsert_documents(State.CLEANED, documents)
        with dg.DagsterInstance.ephemeral() as instance:
            instance.add_dynamic_partitions("author", ["ada"])
            return self.job.execute_in_process(
                partition_key="ada", instance=instance, asset_selection=[CHUNKS, EMBEDDINGS], raise_on_error=False
            )


@pytest.fixture
def graph(tmp_path: Path) -> Iterator[Graph]:
    made = Graph(tmp_path)
    yield made
    made.warehouse.close()


def shown(result: dg.ExecuteInProcessResult, asset: dg.AssetKey) -> dict[str, dg.MetadataValue]:
    (made,) = [event for event in result.get_asset_materialization_events() if event.asset_key == asset]
    return dict(made.materialization.metadata)


def failed(result: dg.ExecuteInProcessResult) -> dict[str, dg.AssetCheckSeverity]:
    return {found.check_name: found.severity for found in result.get_asset_check_evaluations() if not found.passed}


WORDS = ["ids", "hashes", "cuts", "words", "maps"]
TEXTS = [f"Essay number {number} is about {word}." for number, word in enumerate(WORDS)]


def test_a_build_shows_facts_pictures_and_samples_and_an_unchanged_one_shows_them_again(graph: Graph) -> None:
    first = graph.build(TEXTS)
    assert first.success
    assert failed(first) == {}
    chunks, embeddings = shown(first, CHUNKS), shown(first, EMBEDDINGS)
    assert [chunks[name].value for name in ("coverage", "chunks_truncated", "duplicates")] == [1.0, 0, 0]
    pictures = [chunks["tokens_per_chunk"], embeddings["nearest_neighbours"], embeddings["map"]]
    for picture in pictures:
        assert isinstance(picture, dg.MarkdownMetadataValue)
        assert "](data:image/png;base64,iVBORw0KGgo" in str(picture.value)
        assert len(str(picture.value)) < 80_000
    assert isinstance(chunks["sample_chunks"], dg.MarkdownMetadataValue)
    assert "**Essay number 0 is about ids\\.**" in str(chunks["sample_chunks"].value)
    assert str(graph.root) not in repr([*pictures, chunks["sample_chunks"]])

    second = graph.build(TEXTS)
    again = shown(second, CHUNKS), shown(second, EMBEDDINGS)
    assert [made["written"].value for made in again] == [0, 0]
    for name in ("tokens_per_chunk", "sample_chunks"):
        assert again[0][name] == chunks[name]
    for name in ("nearest_neighbours", "map"):
        assert again[1][name] == embeddings[name]


def test_a_warning_stops_nothing(graph: Graph) -> None:
    result = graph.build([TEXTS[0]] * 5)
    assert result.success
    assert failed(result) == {"chunks_are_distinct": dg.AssetCheckSeverity.WARN}
    assert shown(result, EMBEDDINGS)["dagster/row_count"].value == 5


def test_every_check_of_the_two_stages_is_asked(graph: Graph) -> None:
    assert {found.check_name for found in graph.build(TEXTS).get_asset_check_evaluations()} == {
        "chunks_cover_documents",
        "chunks_are_distinct",
        "lengths_have_not_drifted",
        "vectors_are_sound",
        "texts_are_read_to_the_end",
        "vectors_have_not_drifted",
    }
