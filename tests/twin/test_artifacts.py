"""The artifact store: nothing is ever half written, whoever dies."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pytest
from upath import UPath

from twin.artifacts import ArtifactStore
from twin.errors import StoreError

SCHEMA = pa.schema([("n", pa.int64())])


def batches(*sizes: int) -> Iterator[pa.RecordBatch]:
    for size in sizes:
        yield pa.record_batch({"n": list(range(size))}, schema=SCHEMA)


def rows(store: ArtifactStore, *parts: str) -> int:
    return sum(batch.num_rows for batch in store.read_table(*parts))


@pytest.fixture(params=["local", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ArtifactStore:
    root = UPath(tmp_path / "store") if request.param == "local" else UPath(f"memory://{tmp_path.name}")
    return ArtifactStore(root)


def test_a_table_comes_back_with_its_metadata(store: ArtifactStore) -> None:
    store.write_table("datasets", "t.parquet", schema=SCHEMA, batches=batches(3, 4), metadata={"version": "1"})
    assert rows(store, "datasets", "t.parquet") == 7
    assert store.table_metadata("datasets", "t.parquet") == {"version": "1"}


def test_what_does_not_exist_is_empty_and_no_error(store: ArtifactStore) -> None:
    assert rows(store, "none.parquet") == 0
    assert store.table_metadata("none.parquet") is None
    assert store.read_bytes("none") is None


def test_metadata_may_be_made_after_the_last_batch(store: ArtifactStore) -> None:
    seen: list[int] = []

    def counted() -> Iterator[pa.RecordBatch]:
        for batch in batches(2, 3):
            seen.append(batch.num_rows)
            yield batch

    store.write_table("t", schema=SCHEMA, batches=counted(), metadata=lambda: {"rows": sum(seen)})
    assert store.table_metadata("t") == {"rows": 5}


def test_metadata_none_keeps_the_old_file(store: ArtifactStore) -> None:
    store.write_table("t", schema=SCHEMA, batches=batches(3), metadata={"v": 1})
    store.write_table("t", schema=SCHEMA, batches=batches(9), metadata=lambda: None)
    assert (rows(store, "t"), store.table_metadata("t")) == (3, {"v": 1})


def test_a_failing_writer_keeps_the_old_file_and_leaves_nothing(store: ArtifactStore) -> None:
    store.write_table("t", schema=SCHEMA, batches=batches(3), metadata={})

    def broken() -> Iterator[pa.RecordBatch]:
        yield from batches(5)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        store.write_table("t", schema=SCHEMA, batches=broken(), metadata={})
    assert rows(store, "t") == 3
    assert [path.name for path in store.root.iterdir()] == ["t"]


def test_bytes_come_back(store: ArtifactStore) -> None:
    store.write_bytes("datasets", "b.txt", content=b"one")
    store.write_bytes("datasets", "b.txt", content=b"two")
    assert store.read_bytes("datasets", "b.txt") == b"two"


def test_an_unwritable_root_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(StoreError, match=r"cannot be written .*TWIN_STORE"):
        ArtifactStore(str(tmp_path / "file")).write_bytes("datasets", "b", content=b"")


def test_a_full_disk_is_one_sentence_and_the_old_file_stays(tmp_path: Path) -> None:
    store = ArtifactStore(str(tmp_path))
    store.write_bytes("a", content=b"old")
    script = f"""
import resource, signal
from twin.artifacts import ArtifactStore
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
ArtifactStore({str(tmp_path)!r}).write_bytes("a", content=b"x" * 5000)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert "StoreError" in done.stderr
    assert "cannot be written" in done.stderr
    assert store.read_bytes("a") == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_damaged_table_is_one_sentence(tmp_path: Path) -> None:
    store = ArtifactStore(str(tmp_path))
    store.write_bytes("t", content=b"this is no Parquet file")
    with pytest.raises(StoreError, match="cannot be read"):
        store.table_metadata("t")
    with pytest.raises(StoreError, match="cannot be read"):
        rows(store, "t")


WRITER = """
import sys, time
import pyarrow as pa
from twin.artifacts import ArtifactStore
schema = pa.schema([("n", pa.int64())])
def batches():
    yield pa.record_batch({"n": [1]}, schema=schema)
    print("writing", flush=True)
    time.sleep(60)
ArtifactStore(sys.argv[1]).write_table("t", schema=schema, batches=batches(), metadata={})
"""


def test_what_a_killed_writer_leaves_goes_and_what_a_living_one_writes_stays(tmp_path: Path) -> None:
    store = ArtifactStore(str(tmp_path))
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    assert writer.stdout.readline() == "writing\n"
    store.write_table("t", schema=SCHEMA, batches=batches(2), metadata={})
    assert len(list(tmp_path.iterdir())) == 2, "a living writer's file was removed"
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    writer.stdout.close()
    store.write_table("t", schema=SCHEMA, batches=batches(3), metadata={})
    assert [path.name for path in tmp_path.iterdir()] == ["t"]
    assert rows(store, "t") == 3


def test_a_reader_during_a_write_sees_the_old_file(tmp_path: Path) -> None:
    store = ArtifactStore(str(tmp_path))
    store.write_table("t", schema=SCHEMA, batches=batches(2000, 2000), metadata={})
    reader = store.read_table("t")
    first = next(reader)
    store.write_table("t", schema=SCHEMA, batches=batches(1), metadata={})
    assert first.num_rows + sum(batch.num_rows for batch in reader) == 4000


def test_writers_of_the_same_file_at_once_take_nothing_from_each_other(tmp_path: Path) -> None:
    store = ArtifactStore(UPath(tmp_path))

    def write(number: int) -> None:
        for _ in range(50):
            store.write_bytes("same", content=b"%d" % number)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(8)))
    assert int(store.read_bytes("same") or b"-1") in range(8)
    assert [entry.name for entry in tmp_path.iterdir()] == ["same"]
