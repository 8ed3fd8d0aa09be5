"""A warehouse as a folder: complete, portable between SQLite and MongoDB, and the same bytes for the same contents.

    manifest.json           format, version, and rows and sha256 of every other file; written last
    authors.jsonl, ...      one row of `Warehouse.dump` per line, in the order of ids: canonical JSON, UTF-8
    captures/<author>/<sha256>.gz   copies of what was fetched

Nothing in it depends on when, where or from which store it was written, so exports can be compared file by file.
"""

import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

from pydantic import Field, ValidationError

from twin import layout
from twin.artifacts import ArtifactStore
from twin.atomic import publish
from twin.errors import ConsistencyError, InputError, RemovedError
from twin.identity import SLUG_PATTERN
from twin.models import Model
from twin.progress import progress
from twin.regular import open_regular, read_regular
from twin.warehouse.base import TABLES, RestoreReport, Warehouse
from twin.warehouse.tables import checked_row

FORMAT = "llm-twin-warehouse"
VERSION = 1
MANIFEST = "manifest.json"

_PART = f".{MANIFEST}.part"
"""Marks a folder in which an export is being written: everything in it is ours and may be removed."""

_FILES = {f"{table}.jsonl": table for table in TABLES}
_CAPTURE = re.compile(rf"{layout.CAPTURES}/{SLUG_PATTERN.strip('^$')}/[0-9a-f]{{64}}\.gz")


class File(Model):
    """One file of an export."""

    sha256: str
    rows: int | None = None  # only of a table


class Manifest(Model):
    """The contents of an export, by the path of each file."""

    format: str
    version: int
    author: str | None = None  # set if the export contains only this author
    files: dict[str, File]


class TransferReport(Model):
    """What an export or an import moved."""

    rows: dict[str, int] = Field(default_factory=dict)  # by table
    captures: int = 0  # files of bytes: all exported ones, or the newly imported ones
    restored: RestoreReport = RestoreReport()  # of an import
    errors: list[str] = Field(default_factory=list)  # one sentence for each thing that could not be moved

    @property
    def written(self) -> int:
        """Things inserted or changed; 0 if everything was imported already."""
        return self.restored.inserted + self.restored.updated + self.captures


def is_export(folder: Path) -> bool:
    """Whether a folder looks like an export of this kind, complete or damaged."""
    return any((folder / name).exists() for name in (MANIFEST, _PART, *_FILES))


# -- out ---------------------------------------------------------------------------------------------------------------


def export_folder(
    folder: Path, warehouse: Warehouse, artifacts: ArtifactStore, author: str | None = None
) -> TransferReport:
    """Write everything, or everything of one author, into a folder that is new, empty or has an unfinished export.

    A crawl may run at the same time: the log is read before the documents that it refers to, so it never promises a
    document that is missing.

    Raises:
        InputError: the folder contains something else, or cannot be written.
        StoreError: a store cannot be read.
        ConsistencyError: a row contains something that is not JSON.
    """
    files: dict[str, File] = {}
    rows: dict[str, int] = {}
    errors: list[str] = []
    try:
        _clear(folder)
        for name, table in reversed(_FILES.items()):  # children before their parents
            count = 0

            def lines(table: str = table) -> Iterator[bytes]:
                nonlocal count
                for row in progress(warehouse.dump(table, author), f"exporting {table}"):
                    yield _line(table, row)
                    count += 1

            digest = _write(folder / name, lines())
            rows[table] = count
            files[name] = File(sha256=digest, rows=count)
        for name in progress(_capture_names(folder), "exporting captures"):
            if name in files:
                continue
            content = artifacts.read_bytes(*name.split("/")) if _CAPTURE.fullmatch(name) else None
            if content is None:
                errors.append(
                    f"{artifacts.path(*name.split('/'))} is missing, but the warehouse has its record: crawl its link "
                    "again."
                )
            else:
                files[name] = File(sha256=_write(folder / name, [content]))
        manifest = Manifest(format=FORMAT, version=VERSION, author=author, files=files)
        text = json.dumps(manifest.model_dump(exclude_none=True), sort_keys=True, indent=1, ensure_ascii=False)
        _write(folder / _PART, [text.encode(), b"\n"])
        publish(folder / _PART, folder / MANIFEST)
    except OSError as error:
        raise InputError(
            f"{folder} cannot be written ({error.strerror}): give a writable folder with free disk space."
        ) from error
    return TransferReport(
        rows={table: rows[table] for table in TABLES}, captures=len(files) - len(_FILES), errors=sorted(set(errors))
    )


def _clear(folder: Path) -> None:
    """Create the folder and mark it as unfinished; remnants of a killed export are removed."""
    folder.mkdir(parents=True, exist_ok=True)
    names = {path.name for path in folder.iterdir()}
    if MANIFEST in names:
        raise InputError(f"{folder} already contains an export: give a new folder, or remove that one.")
    if names and (_PART not in names or names - {_PART, layout.CAPTURES, *_FILES}):
        raise InputError(f"{folder} contains other files: give a folder that is new or empty.")
    (folder / _PART).touch()
    for name in names - {_PART}:
        if name == layout.CAPTURES:
            shutil.rmtree(folder / name)
        else:
            (folder / name).unlink()


def _write(path: Path, parts: Iterable[bytes]) -> str:
    """Write a file so that it survives a power cut; return its sha256."""
    digest = hashlib.sha256()
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        for part in parts:
            digest.update(part)
            file.write(part)
        file.flush()
        os.fsync(file.fileno())
    return digest.hexdigest()


def _line(table: str, row: dict[str, Any]) -> bytes:
    try:
        text = json.dumps(row, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError) as error:
        key = row.get("id") or row.get("url") or row.get("slug")
        raise ConsistencyError(
            f"The {table} row {key} of the warehouse is not JSON ({error}): correct the field or delete the row."
        ) from None
    return f"{text}\n".encode()


def _capture_names(folder: Path) -> Iterator[str]:
    """The names of the capture files that the exported records refer to; a name may occur twice."""
    with (folder / "captures.jsonl").open("rb") as file:
        for line in file:
            row = json.loads(line)
            yield f"{layout.CAPTURES}/{row['author']}/{row['sha256']}.gz"


def _authors(folder: Path) -> list[str]:
    """The slugs of the exported authors, as far as they can be read; what is wrong with them is said by the check."""
    with suppress(OSError, ValueError, TypeError, KeyError), open_regular(folder / "authors.jsonl") as lines:
        return [str(json.loads(line)["slug"]) for line in lines]
    return []


# -- in ----------------------------------------------------------------------------------------------------------------


def import_folder(folder: Path, warehouse: Warehouse, artifacts: ArtifactStore) -> TransferReport:
    """Import an export; a row that is newer here stays, and a second import writes nothing.

    Everything is read and checked before anything is written. The report names what only this store cannot take, such
    as NUL in a key for MongoDB.

    Raises:
        InputError: the folder is not a complete export, or it is damaged; one sentence that names file and line.
        StoreError: a store cannot be used.
    """
    try:
        manifest = _manifest(folder)
        removals = {slug: warehouse.removal(slug) for slug in _authors(folder)}
        for name, file in progress(manifest.files.items(), f"checking {folder}", len(manifest.files)):
            _check(folder, name, file)
        for slug, removal in removals.items():
            if warehouse.removal(slug) != removal:
                raise RemovedError(slug)  # while everything was checked
            warehouse.end_removal(slug)
        captures = [name for name in manifest.files if name not in _FILES]
        new = 0
        for name in progress(captures, "importing captures", len(captures)):
            if not artifacts.exists(*name.split("/")):
                artifacts.write_bytes(*name.split("/"), content=read_regular(folder / name))
                new += 1
        restored = RestoreReport()
        for name, table in _FILES.items():  # parents before their children
            with open_regular(folder / name) as lines:
                counted = progress(lines, f"importing {table}", manifest.files[name].rows)
                restored += warehouse.restore(table, (json.loads(line) for line in counted))
    except OSError as error:
        raise InputError(f"{error.filename or folder} cannot be read ({error.strerror}): make it readable.") from error
    rows = {table: manifest.files[name].rows or 0 for name, table in _FILES.items()}
    return TransferReport(rows=rows, captures=new, restored=restored, errors=restored.refused)


def _manifest(folder: Path) -> Manifest:
    path = folder / MANIFEST
    if not path.exists():
        raise InputError(f"{folder} is not a complete export ({MANIFEST} is missing): export it again.")
    try:
        content = json.loads(read_regular(path))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not JSON ({error}): export it again.") from None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise InputError(f"{path} is not the manifest of a warehouse: give the folder that `twin export` wrote.")
    if content.get("version") != VERSION:
        raise InputError(
            f"{path} has version {content.get('version')!r}, but this LLM Twin reads {VERSION}: install a newer one."
        )
    try:
        manifest = Manifest.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InputError(f"{path} is damaged at {where} ({first['msg']}): export it again.") from None
    if missing := _FILES.keys() - manifest.files.keys():
        raise InputError(f"{path} does not name {min(missing)}: export it again.")
    for name in manifest.files:
        if name not in _FILES and not _CAPTURE.fullmatch(name):
            raise InputError(f"{path} names {name!r}, which is not a file of an export: export it again.")
    return manifest


def _check(folder: Path, name: str, file: File) -> None:
    """Read a whole file, and a table row by row."""
    path, digest, count = folder / name, hashlib.sha256(), 0
    if not path.exists():
        raise InputError(f"{path} is missing, but {MANIFEST} names it: export it again.")
    with open_regular(path) as stream:
        for part in stream if name in _FILES else _pieces(stream):
            digest.update(part)
            count += 1
            if name in _FILES:
                _check_line(f"{path} line {count}", _FILES[name], part)
    if name in _FILES and count != file.rows:
        raise InputError(f"{path} ends at line {count}, but {MANIFEST} says {file.rows} rows: export it again.")
    if digest.hexdigest() != file.sha256:
        raise InputError(f"{path} is not the file that was exported (its sha256 differs): export it again.")


def _check_line(place: str, table: str, line: bytes) -> None:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{place} is not JSON ({error}): export it again.") from None
    if not isinstance(row, dict):
        raise InputError(f"{place} is not a JSON object: export it again.")
    try:
        checked_row(table, row)
    except InputError as error:
        raise InputError(f"{place}: {error}") from None


def _pieces(stream: BinaryIO) -> Iterator[bytes]:
    while piece := stream.read(1 << 20):
        yield piece
