"""What happens to a store with flipped bytes: `python -m benchmarks.corruptions` (`--seed`, `--keep`).

Each case damages one file of a copy of a small twin, at a seeded place. Then every stage runs once with its checks, in
a process of its own. The last line is JSON:

* `corruptions_total`, and how many of them were `corruptions_noticed`: a sentence in a report, the log or an error, or
  a failed check. A byte that nothing reads, such as one in a free page, is neither noticed nor changes anything.
* `corruptions_silent`: what the build ends with differs from an undisturbed one, and nothing was noticed.
* `corruptions_healed` of `corruptions_derived`: derived data was damaged, and after the one rerun everything is as it
  was, with every check passed.
* `corruptions_crashed`: something other than a sentence, such as a traceback, a panic or a killed process.
"""

import argparse
import json
import os
import random
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.corrupted import fill, seen_in_a_process
from tests.kit.memory import ADA
from twin import layout
from twin.vectors.edge.versions import copy_sparse

_SHARD = Path(layout.VECTORS, "articles", ADA.slug)
_PARQUET = (
    Path(layout.CHUNKS, ADA.slug, "articles.parquet"),
    Path(layout.EMBEDDINGS, ADA.slug, "posts.parquet"),
    Path(layout.DATASETS, ADA.slug, layout.INSTRUCTIONS),
)
_DATASET = Path(layout.DATASETS, ADA.slug)
_IN_TABLES, _IN_SHARDS, _IN_TEXTS, _IN_CLEANED, _ANYWHERE = 7, 16, 5, 3, 6


class Case(NamedTuple):
    """One corruption. `derived`: whether the stages can make it again."""

    name: str
    damage: Callable[[Path], object]
    derived: bool = True


def main() -> None:
    """Run all cases and print one line of JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--keep", type=Path, help="a folder for the stores of cases that went wrong")
    asked = parser.parse_args()
    os.environ["TOKENIZERS_PARALLELISM"] = "false"  # threads do not survive a fork
    with tempfile.TemporaryDirectory(prefix="corruptions-") as folder:
        print(json.dumps(run(Path(folder), random.Random(asked.seed), asked.keep)))


def run(scratch: Path, chance: random.Random, keep: Path | None = None) -> dict[str, int]:
    """The numbers that `main` prints; one line for each case goes to stdout.

    Args:
        scratch: an empty folder.
        chance: chooses the places.
        keep: see `--keep`.
    """
    whole = scratch / "whole"
    whole.mkdir()
    fill(whole)
    seen_in_a_process(whole)
    right = seen_in_a_process(whole)
    if right.noticed or not right.output:
        raise SystemExit(f"The undisturbed build is not sound: {right}")
    counts = dict.fromkeys(("total", "noticed", "silent", "derived", "healed", "crashed"), 0)
    for case in _cases(whole, chance):
        root = scratch / "case"
        copy_sparse(whole, root)
        case.damage(root)
        seen = seen_in_a_process(root)
        same = seen.output == right.output
        healed = same and not (seen.errors or seen.failed or seen.crashes)
        silent = not same and not seen.noticed
        counts["total"] += 1
        counts["noticed"] += seen.noticed
        counts["silent"] += silent
        counts["derived"] += case.derived
        counts["healed"] += case.derived and healed
        counts["crashed"] += bool(seen.crashes)
        word = "SILENT" if silent else "healed" if healed and seen.noticed else "harmless" if healed else "noticed"
        first = next(iter([*seen.crashes, *seen.errors, *seen.failed, *seen.said]), "")
        print(f"{word:8} {case.name}: {first.replace(str(root), '')}", flush=True)
        if keep and (silent or seen.crashes or (case.derived and not healed)):
            shutil.copytree(root, keep / f"{counts['total']:03d}", dirs_exist_ok=True)
        shutil.rmtree(root)
    return {f"corruptions_{name}": count for name, count in counts.items()}


def _cases(whole: Path, chance: random.Random) -> Iterator[Case]:
    for name in _PARQUET:
        yield from (_flips(whole, name, chance) for _ in range(_IN_TABLES))
        yield _case("ends early", name, _cut)
        yield _case("is a folder", name, _folder)
        yield _case("is not Parquet", name, partial(_write, content=b"PAR1 nothing PAR1"))
        yield _case("has a column less", name, partial(_columns, extra=False))
        yield _case("has a column more", name, partial(_columns, extra=True))
    yield _case("has a vector that is not finite", _PARQUET[1], _vectors)
    yield _case("has another link and the old hash", _PARQUET[0], _link)
    for file in (layout.rows("train"), layout.CORPUS, layout.DATASET_CARD):
        yield _flips(whole, _DATASET / file, chance)
        yield _case("ends early", _DATASET / file, _cut)
    for folder in (layout.CHUNKS, layout.EMBEDDINGS):
        yield _flips(whole, Path(folder, ADA.slug, "articles.inspection.json"), chance)
    yield from _shard_cases(whole, chance)
    yield from _warehouse_cases(whole, chance)


def _shard_cases(whole: Path, chance: random.Random) -> Iterator[Case]:
    pointer = _SHARD / "CURRENT"
    manifest = json.loads((whole / pointer).read_bytes())
    lost = {name: value for name, value in manifest.items() if name != "digest"} | {"version": "00000077"}
    version = _SHARD / manifest["version"]
    yield from (_flips(whole, pointer, chance) for _ in range(4))
    yield _case("names a missing version", pointer, partial(_write, content=json.dumps(lost).encode()))
    yield _case("is not JSON", pointer, partial(_write, content=b"\xff\xfe"))
    yield _case("is a folder", pointer, _folder)
    yield _case("is missing", version, shutil.rmtree)
    files = sorted(path.relative_to(whole) for path in (whole / version).rglob("*") if path.is_file())
    status = next(path for path in files if path.match("*null/has_values/status.dat"))
    yield _case("ends early", status, _cut)
    yield _case("is missing", status, Path.unlink)
    yield _flips(whole, status, chance, most=16)
    for name in chance.sample(files, _IN_SHARDS):
        yield _flips(whole, name, chance)


def _warehouse_cases(whole: Path, chance: random.Random) -> Iterator[Case]:
    name = Path(layout.WAREHOUSE)
    with closing(sqlite3.connect(whole / name)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = (whole / name).read_bytes()
    for place in chance.sample(list(_places(content, b"Paragraph 2 of the ")), _IN_TEXTS):
        yield _flips(whole, name, chance, at=place + 40, derived=False)
    for place in chance.sample(list(_places(content, b'"raw_hash"')), _IN_CLEANED):  # only cleaned rows have it
        yield _flips(whole, name, chance, at=place + chance.randrange(60))
    for _ in range(_ANYWHERE):
        yield _flips(whole, name, chance, derived=False)


def _case(what: str, name: Path, damage: Callable[[Path], object]) -> Case:
    return Case(f"{name} {what}", lambda root: damage(root / name))


def _flips(
    whole: Path, name: Path, chance: random.Random, *, most: int = 20, at: int | None = None, derived: bool = True
) -> Case:
    """One to `most` neighbouring bytes that are different from what they were."""
    content = (whole / name).read_bytes()
    start = chance.randrange(_last(content)) if at is None else at
    changes = {start + step: chance.randrange(1, 256) for step in range(1 if at else chance.randint(1, most))}

    def damage(root: Path) -> None:
        with (root / name).open("r+b") as stream:
            for place, mask in changes.items():
                if place < len(content):
                    stream.seek(place)
                    stream.write(bytes([content[place] ^ mask]))

    return Case(f"{len(changes)} bytes of {name} from {start}", damage, derived)


def _last(content: bytes) -> int:
    """How many bytes there are before a hole at the end, which most files of a shard have; at least 1."""
    return max(1, len(content.rstrip(b"\0")))


def _places(content: bytes, wanted: bytes) -> Iterator[int]:
    place = content.find(wanted)
    while place >= 0:
        yield place
        place = content.find(wanted, place + 1)


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def _cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()
    (path / "inside").write_text("something")


def _columns(path: Path, *, extra: bool) -> None:
    table = pq.read_table(path)
    changed = table.append_column("more", pa.array([1] * len(table))) if extra else table.remove_column(1)
    pq.write_table(changed, path)


def _vectors(path: Path) -> None:
    table = pq.read_table(path)
    place = table.schema.get_field_index("vector")
    rows = table.column(place).to_pylist()
    rows[0][0] = float("inf")
    pq.write_table(
        table.set_column(place, table.schema.field(place), pa.array(rows, table.schema.field(place).type)), path
    )


def _link(path: Path) -> None:
    table = pq.read_table(path)
    place = table.schema.get_field_index("link")
    links = ["https://evil.example/", *table.column(place).to_pylist()[1:]]
    pq.write_table(table.set_column(place, table.schema.field(place), pa.array(links, pa.string())), path)


if __name__ == "__main__":
    main()
