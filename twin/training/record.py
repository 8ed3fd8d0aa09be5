"""The record of an adapter, checked against the files that it names."""

import logging
from pathlib import Path

from pydantic import ValidationError

from twin import layout
from twin.errors import ConsistencyError
from twin.training.config import TrainingRecord
from twin.training.folders import file_hash

WEIGHTS = "adapter_model.safetensors"

logger = logging.getLogger("twin")


def check_record(folder: Path) -> TrainingRecord:
    """The record of an adapter; every file is checked to be unchanged.

    Raises:
        ConsistencyError: there is no record, or a file is missing or damaged.
    """
    path = folder / layout.TRAINING_RECORD
    if not path.is_file():
        raise ConsistencyError(f"{folder} does not contain an adapter ({path.name} is missing)")
    try:
        record = TrainingRecord.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise ConsistencyError(f"{path} {unreadable(error)}") from error
    for name, digest in {WEIGHTS: "", **record.files}.items():
        if not (folder / name).is_file() or file_hash(folder / name) != digest:
            raise ConsistencyError(f"{folder / name} is missing or damaged")
    return record


def unreadable(error: ValidationError) -> str:
    """Why a stored record cannot be read, as the end of a sentence: unknown fields come from a newer version."""
    if all(each["type"] == "extra_forbidden" for each in error.errors()):
        return "was written by a newer version of LLM Twin, which can still read it"
    return "is damaged"


def read_record(folder: Path, fingerprint: str) -> TrainingRecord | None:
    """The record of a plan's adapter; None if it is missing, or if a file differs from the record."""
    if not (folder / layout.TRAINING_RECORD).is_file():
        return None
    try:
        record = check_record(folder)
    except ConsistencyError as error:
        logger.warning("%s: the adapter is trained again", error)
        return None
    return record if record.fingerprint == fingerprint else None
