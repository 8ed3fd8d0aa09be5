"""Exports of a model, as artifacts: `embedders/<name>-<weights>-<shape>/<backend>/`.

A model and its weights are named by a hash of their contents and written before the record that names them, so a reader
sees a complete export or none, and two processes can export at the same time. A record is valid for one kind of CPU:
neither speed nor parity can be transferred to another.
"""

import hashlib
import logging
import tempfile
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from twin import layout
from twin.artifacts import ArtifactStore
from twin.embedding.backends.inference import cpu_key
from twin.models import Model

logger = logging.getLogger("twin")

_FILES = ("model.xml", "model.bin")


class Record(Model):
    """The judgement of one backend on one kind of CPU, and where its files are."""

    backend: str
    cpu: str
    refused: str | None  # why it is not used; None: it may be used
    parity: dict[str, float]  # see `twin.embedding.backends.parity.Parity`
    tokens_per_second: float  # on the probes, all cores
    tokens_per_second_before: float  # of the backend it would replace, in the same run; 0: not measured
    versions: dict[str, str]
    calibration: dict[str, Any] = Field(default_factory=dict)  # int8: number and hash of the texts
    files: tuple[str, ...] = ()  # under the model's folder: `.xml` and `.bin`


class Exports:
    """The exports of one model.

    Args:
        artifacts: stores them.
        key: of the model, see `ModelFiles.key`.
    """

    def __init__(self, artifacts: ArtifactStore, key: str) -> None:
        self._artifacts, self._key = artifacts, key

    def record(self, backend: str) -> Record | None:
        """The record of a backend on this kind of CPU; None if it was never tried."""
        content = self._artifacts.read_bytes(*self._record(backend))
        try:
            return None if content is None else Record.model_validate_json(content)
        except ValidationError:
            logger.warning("a record of the embedder %s cannot be read: it is made anew", self._key)
            return None

    def save(self, folder: Path, records: list[Record]) -> None:
        """Store the files of a conversion and their record."""
        names = []
        for file in _FILES:
            name = f"{records[0].backend}/{_digest(folder / file)[:12]}-{file}"
            if not self._artifacts.exists(*self._name(name)):
                self._artifacts.write_file(*self._name(name), source=folder / file)
            names.append(name)
        for record in records:
            kept = record.model_copy(update={"files": tuple(names)})
            self._artifacts.write_bytes(*self._record(record.backend), content=kept.model_dump_json(indent=1).encode())

    def files(self, record: Record) -> tuple[Path, Path] | None:
        """The local `.xml` and `.bin` of a record, downloaded if the store is remote; None if one is missing."""
        paths = [self._artifacts.path(*self._name(name)) for name in record.files]
        if len(paths) != len(_FILES) or not all(path.exists() for path in paths):
            return None
        if paths[0].protocol in ("", "file", "local"):
            xml, weights = (Path(path.path) for path in paths)
            return xml, weights
        xml, weights = (_fetched(path, self._key) for path in paths)
        return xml, weights

    def _name(self, file: str) -> layout.Name:
        return layout.embedder(self._key, *file.split("/"))

    def _record(self, backend: str) -> layout.Name:
        return layout.embedder_record(self._key, backend, cpu_key())


def _fetched(path: Any, key: str) -> Path:
    """A copy of a remote file in the user's cache; its name contains a hash of its contents, so it stays valid."""
    for base in (Path.home() / ".cache" / "llm-twin", Path(tempfile.gettempdir()) / "llm-twin"):
        local: Path = base / layout.EMBEDDERS / key / path.parent.name / path.name
        if local.exists():
            return local
        try:
            local.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=local.parent, delete=False) as beside:
                pass
        except OSError:
            continue
        path.fs.get_file(path.path, beside.name)
        return Path(beside.name).replace(local)
    raise OSError("there is no folder for a copy of the embedding model")


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
