"""A rerun heals derived data: the stage that owns it notices damage, says so, and makes it again."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.kit.staged import ADA, ARTICLES, EMBEDDER, Stores
from twin import layout
from twin.chunking import chunk_documents, read_chunks
from twin.chunking.inspection import inspect_chunks
from twin.cleaning import clean_documents
from twin.dataset.stage import build_dataset, read_samples
from twin.embedding import embed_chunks, read_embeddings
from twin.embedding.inspection import inspect_embeddings
from twin.errors import ConsistencyError, DamagedError
from twin.models import Category, DerivedReport, State
from twin.vectors import load_points
from twin.vectors.base import points_model
from twin.warehouse.checks import verify_documents

CHUNKS = layout.table(layout.CHUNKS, ADA, ARTICLES)
EMBEDDINGS = layout.table(layout.EMBEDDINGS, ADA, ARTICLES)
SAMPLES = layout.dataset(ADA, layout.INSTRUCTIONS)

Damage = Callable[[Path], object]


def chunk(stores: Stores) -> DerivedReport:
    return chunk_documents(stores.warehouse, stores.artifacts, EMBEDDER, ADA, ARTICLES)


def embed(stores: Stores) -> DerivedReport:
    return embed_chunks(stores.artifacts, EMBEDDER, ADA, ARTICLES)


def load(stores: Stores) -> DerivedReport:
    return load_points(stores.artifacts, stores.vectors, EMBEDDER, ADA, ARTICLES)


def make_dataset(stores: Stores) -> DerivedReport:
    return build_dataset(stores.warehouse, stores.artifacts, ADA)


OWNERS = [(CHUNKS, chunk), (EMBEDDINGS, embed), (SAMPLES, make_dataset)]


def path_of(stores: Stores, name: layout.Name) -> Path:
    return Path(stores.artifacts.path(*name).path)


def contents(stores: Stores) -> list[Any]:
    """Everything that is stored in tables."""
    rows = read_embeddings(stores.artifacts, ADA, ARTICLES)
    return [
        list(read_chunks(stores.artifacts, ADA, ARTICLES)),
        [(row.chunk_id, row.text_hash, row.vector.tobytes()) for row in rows],
        read_samples(stores.artifacts, ADA),
        [stores.artifacts.table_metadata(*name) for name, _ in OWNERS],
    ]


def flip(path: Path, place: float = 0.5) -> None:
    """Change one byte; `place` is a share of the file."""
    content = bytearray(path.read_bytes())
    content[int(len(content) * place)] ^= 0x55
    path.write_bytes(content)


def replace_by_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()
    (path / "inside").write_text("x")


def write_unsealed(path: Path, table: pa.Table) -> None:
    """As older versions wrote it: with the same footer, without checksums of pages and without a seal."""
    key = b"llm_twin"
    footer = pq.read_metadata(path).metadata[key]
    with pq.ParquetWriter(path, table.schema, compression="zstd") as writer:
        writer.write_table(table)
        writer.add_key_value_metadata({key: footer})


def without_column(path: Path) -> None:
    write_unsealed(path, pq.read_table(path).remove_column(1))


def with_column(path: Path) -> None:
    table = pq.read_table(path)
    write_unsealed(path, table.append_column("more", pa.nulls(len(table))))


DAMAGES: dict[str, Damage] = {
    "a page": lambda path: flip(path, 0.1),
    "the middle": flip,
    "the footer": lambda path: flip(path, 0.9),
    "the length of the footer": lambda path: path.write_bytes(path.read_bytes()[:-8] + b"\xff\xff\xff\x7fPAR1"),
    "cut": lambda path: path.write_bytes(path.read_bytes()[:-100]),
    "empty": lambda path: path.write_bytes(b""),
    "other bytes": lambda path: path.write_bytes(b"\xff\xfe not Parquet" * 9),
    "a folder": replace_by_folder,
    "another program's": lambda path: pq.write_table(pq.read_table(path), path),
    "a column less": without_column,
    "a column more": with_column,
}


@pytest.mark.parametrize(
    ("name", "stage", "damage"),
    [
        pytest.param(name, stage, damage, id=f"{what} of {stage.__name__}")
        for name, stage in OWNERS
        for what, damage in DAMAGES.items()
        if stage is not embed or what in ("a page", "the footer", "a column less")  # embedding takes a second
    ],
)
def test_a_damaged_table_is_made_again_by_its_stage(
    stores: Stores, name: layout.Name, stage: Callable[[Stores], DerivedReport], damage: Damage
) -> None:
    right, version = contents(stores), stage(stores).data_version
    damage(path_of(stores, name))
    report = stage(stores)
    assert str(path_of(stores, name)) in report.healed
    assert report.healed.endswith("was damaged and was made again.")
    assert (report.data_version, contents(stores)) == (version, right)
    again = stage(stores)
    assert (again.written, again.healed) == (0, "")


def test_a_table_without_checksums_is_read_and_not_rewritten(stores: Stores) -> None:
    before = {}
    for name, _ in OWNERS:
        path = path_of(stores, name)
        write_unsealed(path, pq.read_table(path))
        before[path] = path.read_bytes()
        assert b"llm-twin seal" not in before[path]
    right = contents(stores)
    assert [stage(stores).written for _, stage in OWNERS] == [0, 0, 0]
    assert load(stores).written == 0
    assert contents(stores) == right
    assert {path: path.read_bytes() for path in before} == before


@pytest.mark.parametrize("column", ["link", "title", "text", "document_hash"])
def test_an_edited_table_is_noticed_and_made_again(stores: Stores, column: str) -> None:
    """The hash that the table says is the old one."""
    right = contents(stores)

    def edit(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        rows[0][column] = "edited"
        return rows

    stores.rewrite(*CHUNKS, change=edit)
    if column != "document_hash":  # which no later stage reads
        for stage in (embed, load):
            with pytest.raises(DamagedError, match=r"is not the one that was stored.*run the chunks stage again"):
                stage(stores)
        assert chunk(stores).healed
        assert contents(stores) == right
    assert load(stores).written == 0


@pytest.mark.parametrize("bad", [float("inf"), float("nan"), 7.0])
def test_vectors_that_are_not_sound_are_made_again(stores: Stores, bad: float) -> None:
    right = contents(stores)

    def edit(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        rows[-1]["vector"] = [bad] * EMBEDDER.dimension
        return rows

    stores.rewrite(*EMBEDDINGS, change=edit)
    assert embed(stores).healed
    assert contents(stores) == right


def test_vectors_of_another_length_are_made_again(stores: Stores) -> None:
    right = contents(stores)
    path = path_of(stores, EMBEDDINGS)
    table = pq.read_table(path)
    short = pa.array([row[:5] for row in table.column("vector").to_pylist()], pa.list_(pa.float32(), 5))
    write_unsealed(path, table.set_column(2, "vector", short))
    assert embed(stores).healed
    assert contents(stores) == right


def test_damage_in_one_category_does_not_reach_another(stores: Stores) -> None:
    """Vectors are reused from all categories, and the map shows all: a damaged table is left out."""
    chunk_documents(stores.warehouse, stores.artifacts, EMBEDDER, ADA, Category.POSTS)
    flip(path_of(stores, EMBEDDINGS), 0.2)
    report = embed_chunks(stores.artifacts, EMBEDDER, ADA, Category.POSTS)
    assert (report.total, report.healed) == (0, "")
    inspect_embeddings(stores.artifacts, ADA, Category.POSTS)


@pytest.mark.parametrize("file", [layout.rows("train"), layout.CORPUS, layout.DATASET_CARD])
@pytest.mark.parametrize("damage", [flip, replace_by_folder, lambda path: path.write_bytes(b"\xff{")])
def test_a_damaged_file_of_the_dataset_is_made_again(stores: Stores, file: str, damage: Damage) -> None:
    path = path_of(stores, layout.dataset(ADA, file))
    before = path.read_bytes()
    damage(path)
    report = make_dataset(stores)
    assert path.read_bytes() == before
    if damage is not replace_by_folder:
        assert report.healed == f"{file} of the dataset of ada was damaged or edited and was made again."


def test_a_damaged_inspection_is_made_again(stores: Stores) -> None:
    def look() -> object:
        return inspect_chunks(stores.warehouse, stores.artifacts, EMBEDDER, ADA, ARTICLES)

    right = look()
    path = path_of(stores, layout.inspection(layout.CHUNKS, ADA, ARTICLES))
    kept = json.loads(path.read_bytes())
    path.write_text(json.dumps({**kept, "facts": {"coverage": 0.5}}))
    assert look() == right
    older = {name: value for name, value in kept.items() if name != "digest"}
    path.write_text(json.dumps({**older, "facts": {"coverage": 0.25}}))
    assert look().facts == {"coverage": 0.25}, "older versions wrote no digest"  # type: ignore[attr-defined]


def test_an_unreadable_table_is_not_taken_for_a_damaged_one(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    """A table without permission is an error of the system: nothing is removed."""
    from twin.errors import StoreError

    before = path_of(stores, CHUNKS).read_bytes()
    whole_open = Path.open

    def refused(path: Path, *args: Any, **kwargs: Any) -> Any:
        if path.name == CHUNKS[-1]:
            raise PermissionError(13, "Permission denied")
        return whole_open(path, *args, **kwargs)

    monkeypatch.setattr(type(stores.artifacts.path(*CHUNKS)), "open", refused)
    with pytest.raises(StoreError, match="Permission denied") as caught:
        chunk(stores)
    assert not isinstance(caught.value, DamagedError)
    monkeypatch.undo()
    assert path_of(stores, CHUNKS).read_bytes() == before


# -- cleaned documents -------------------------------------------------------------------------------------------------


def sql(stores: Stores, statement: str, *values: object) -> None:
    with stores.warehouse._file.transaction() as connection:
        assert connection.execute(statement, values).rowcount == 1


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("text", "Somebody changed this."),
        ("text", b"not \xff UTF-8"),
        ("title", "Other"),
        ("link", "https://evil.example/"),
        ("metadata", "{not JSON"),
        ("metadata", "{}"),
        ("platform", ""),
        ("category", "posts"),
        ("category", "nothing"),
        ("author", "adb"),
    ],
)
def test_a_damaged_cleaned_document_is_cleaned_again(stores: Stores, column: str, value: object) -> None:
    right = stores.warehouse.hashes(State.CLEANED, ADA, ARTICLES)
    first = min(right)
    sql(stores, f"UPDATE cleaned SET {column} = CAST(? AS TEXT) WHERE id = ?", value, first)  # noqa: S608
    clean_documents(stores.warehouse, ADA, Category.POSTS)
    report = clean_documents(stores.warehouse, ADA, ARTICLES)
    assert stores.warehouse.hashes(State.CLEANED, ADA, ARTICLES) == right
    assert stores.warehouse.stored_hashes(State.CLEANED, ADA, ARTICLES) == right
    assert report.written == 1
    if column not in ("category", "author"):  # such a row is in no list of this category
        assert "damaged or edited by hand and made again" in report.healed
    again = clean_documents(stores.warehouse, ADA, ARTICLES)
    assert (again.written, again.healed) == (0, "")
    assert verify_documents(stores.warehouse, State.CLEANED, ADA, ARTICLES).problems == []


def test_no_stage_goes_on_from_an_edited_cleaned_document(stores: Stores) -> None:
    first = min(stores.warehouse.hashes(State.CLEANED, ADA, ARTICLES))
    assert stores.warehouse.edit_document(State.CLEANED, first, "Edited by hand.")
    for stage in (chunk, make_dataset):
        with pytest.raises(ConsistencyError, match=r"not as they were stored.*run the cleaned stage again"):
            stage(stores)
    (problem,) = verify_documents(stores.warehouse, State.CLEANED, ADA, ARTICLES).problems
    assert "is not as it was stored" in problem
    assert clean_documents(stores.warehouse, ADA, ARTICLES).healed.startswith("A cleaned document was damaged")
    assert (chunk(stores).written, make_dataset(stores).written) == (0, 0)


def test_an_edit_of_a_raw_document_flows_on_and_is_told(stores: Stores) -> None:
    first = min(stores.warehouse.hashes(State.RAW, ADA, ARTICLES))
    assert stores.warehouse.edit_document(State.RAW, first, "Edited by hand, and meant so.")
    report = clean_documents(stores.warehouse, ADA, ARTICLES)
    assert (report.changed, report.healed) == (1, "")
    (said,) = report.edited
    assert said.endswith("is not as it was crawled: it was edited by hand, or damaged")
    cleaned = stores.warehouse.document(State.CLEANED, first)
    assert cleaned is not None
    assert cleaned.text == "Edited by hand, and meant so."
    assert chunk(stores).written


# -- the collection ----------------------------------------------------------------------------------------------------


def points(stores: Stores) -> list[Any]:
    found = stores.vectors.points(ARTICLES, ADA, points_model(EMBEDDER))
    return [(point.chunk, point.vector.tobytes(), point.sparse.values.tobytes()) for point in found]


def shard(stores: Stores) -> Path:
    return Path(stores.vectors.address, ARTICLES.value, ADA)


def current(stores: Stores, **changes: object) -> None:
    """Change the pointer; without a digest, like those of older versions."""
    pointer = shard(stores) / "CURRENT"
    fields = json.loads(pointer.read_bytes())
    pointer.write_text(json.dumps({name: value for name, value in fields.items() if name != "digest"} | changes))


SHARD_DAMAGES: dict[str, Callable[[Stores], object]] = {
    "a file of the payload": lambda stores: flip(next(shard(stores).rglob("payload_storage/page_0.dat")), 0.0001),
    "a status that made the engine eat all memory": lambda stores: next(
        shard(stores).rglob("*null/has_values/status.dat")
    ).write_bytes(b"\xff" * 16),
    "a status that made the engine panic": lambda stores: next(
        shard(stores).rglob("*null/has_values/status.dat")
    ).write_bytes(b"\x01"),
    "a missing file": lambda stores: next(shard(stores).rglob("segment.json")).unlink(),
    "the list of checksums": lambda stores: flip(next(shard(stores).rglob("checksums.json"))),
    "no list of checksums": lambda stores: next(shard(stores).rglob("checksums.json")).unlink(),
    "a missing version": lambda stores: shutil.rmtree(next(shard(stores).glob("0*"))),
    "a pointer to a missing version": lambda stores: current(stores, version="00000077", checksums=""),
    "a pointer that is not JSON": lambda stores: (shard(stores) / "CURRENT").write_bytes(b"\xff{"),
    "a pointer that is not an object": lambda stores: (shard(stores) / "CURRENT").write_bytes(b"[1]"),
    "a pointer with a flipped byte": lambda stores: flip(shard(stores) / "CURRENT", 0.8),
    "a pointer with a version that is not a number": lambda stores: current(stores, version="../../other"),
    "a folder for a pointer": lambda stores: replace_by_folder(shard(stores) / "CURRENT"),
    "another number of points": lambda stores: current(stores, points=99, checksums=""),
}


@pytest.mark.parametrize("damage", SHARD_DAMAGES.values(), ids=SHARD_DAMAGES.keys())
def test_a_damaged_shard_is_made_again(stores: Stores, damage: Callable[[Stores], object]) -> None:
    right = points(stores)
    stores.vectors.close()
    damage(stores)
    report = load(stores)
    assert report.healed == "The articles collection of ada was damaged and was made again."
    assert report.written == len(right)
    assert points(stores) == right
    assert stores.collection().problems == []
    again = load(stores)
    assert (again.written, again.healed) == (0, "")


def test_a_damaged_shard_without_points_is_made_again(stores: Stores) -> None:
    """With nothing to write, there is still something to heal."""
    for document in stores.warehouse.hashes(State.RAW, ADA, ARTICLES):
        stores.warehouse.remove_documents(State.RAW, [document])
    clean_documents(stores.warehouse, ADA, ARTICLES)
    for stage in (chunk, embed, load):
        stage(stores)
    (shard(stores) / "CURRENT").write_bytes(b"")
    assert load(stores).healed
    assert stores.collection().problems == []


def test_an_edited_sample_is_made_again(stores: Stores) -> None:
    right = contents(stores)

    def edit(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        rows[0]["output"] = "Words that nobody wrote."
        return rows

    stores.rewrite(*SAMPLES, change=edit)
    assert make_dataset(stores).healed
    assert contents(stores) == right
