"""Opens a trained adapter from its own record: serving a twin needs no dataset and no training plan.

So a twin stays in use while its dataset grows, a library is updated or TWIN_BASE_MODEL names another model.
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from twin import layout
from twin.atomic import replacing, unwritable
from twin.errors import ConsistencyError, InputError
from twin.identity import content_hash
from twin.settings import Settings
from twin.training.base_model import load_base, prepare_process, reason_of
from twin.training.config import BaseModel, TrainingRecord
from twin.training.console import heartbeat
from twin.training.folders import file_hashes
from twin.training.record import check_record

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_NANO = re.compile(r"nano-[0-9a-f]{16}")


@dataclass
class Adapter:
    """A base model with its adapter on it, ready to generate; `with model.disable_adapter():` gives the base."""

    record: TrainingRecord
    model: Any
    tokenizer: "PreTrainedTokenizerBase"


def open_adapter(folder: Path, settings: Settings) -> Adapter:
    """Load an adapter and the base model that its record names.

    Args:
        folder: the adapter's folder, for example from `twin.training.current.current_adapter`.
        settings: say where the store is (with the base models that were made on the spot) and where a base model in a
            local folder is (TWIN_BASE_MODEL).

    Raises:
        ConsistencyError: the adapter is missing or damaged, or the base model is not the one that it was trained on.
        InputError: the base model is missing or cannot be read.
    """
    try:
        record = check_record(folder)
    except ConsistencyError as error:
        raise ConsistencyError(f"{error}: train the adapter again (asset lora_adapter).") from error
    base = _base_of(folder, record, settings)
    prepare_process(record.config.threads)
    bare, _ = load_base(base, "make it available here, or train the adapter again")
    model, tokenizer = put_on(bare, folder)
    return Adapter(record, model, tokenizer)


def put_on(bare: Any, folder: Path) -> tuple[Any, "PreTrainedTokenizerBase"]:
    """Put the adapter of a checked folder on its base model; return both and the tokenizer.

    Raises:
        ConsistencyError: the files are those of the record, but they are not an adapter of this base model.
    """
    with heartbeat("loading peft"):
        from peft import PeftModel
        from transformers import AutoTokenizer
    try:
        return PeftModel.from_pretrained(bare, folder).eval(), AutoTokenizer.from_pretrained(folder)
    except Exception as error:  # as for a base model
        raise ConsistencyError(
            f"The adapter in {folder} cannot be loaded ({reason_of(error)}): train the adapter again "
            "(asset lora_adapter)."
        ) from error


def _base_of(folder: Path, record: TrainingRecord, settings: Settings) -> BaseModel:
    """The base model of a record, found on this machine and checked."""
    name, revision, kind = record.base_model, record.base_revision, record.base_kind or _kind_of(record)
    if kind == "hub":
        return BaseModel(kind=kind, name=name, revision=revision, path=name)
    if kind == "nano":
        root = settings.local_store("a base model that was made here", "TWIN_BASE_MODEL")
        places = [root.joinpath(*layout.base_models(record.author)) / name]
    else:
        places = [Path(settings.base_model).expanduser(), *_noted(folder)]
    found = [place for place in places if (place / "config.json").is_file()]
    if not found:
        looked = " and ".join(map(str, places))
        raise InputError(
            f"{name}, the base model of the adapter in {folder}, is missing (looked in {looked}): "
            + ("train the adapter again." if kind == "nano" else "set TWIN_BASE_MODEL to its folder.")
        )
    wanted = record.base_contents if kind == "nano" else revision
    for place in found:
        if wanted is None or wanted == content_hash(file_hashes(place)):
            return BaseModel(kind=kind, name=name, revision=revision, path=str(place.resolve()))
    raise ConsistencyError(
        f"{found[0]} is not the base model that the adapter in {folder} was trained on ({name}, revision "
        f"{revision[:16]}): " + ("train the adapter again." if kind == "nano" else "set TWIN_BASE_MODEL to that one.")
    )


def _kind_of(record: TrainingRecord) -> Literal["nano", "folder", "hub"]:
    """The kind of base model that a record of an older version names."""
    if _NANO.fullmatch(record.base_model) and record.base_model.endswith(record.base_revision[:16]):
        return "nano"
    return "hub" if "/" in record.base_model else "folder"


def note_base(output: Path, base: BaseModel) -> None:
    """Write a note next to an adapter's folder: where its base model is, if that is a folder of the user's.

    The record itself contains no path of this machine, and TWIN_BASE_MODEL may name another model tomorrow.
    """
    note = output.with_name(layout.noted_base(output.name))
    if base.kind != "folder":
        return
    try:
        with replacing(note) as temporary:
            temporary.write_bytes(os.fsencode(base.path) + b"\n")
    except OSError as error:
        raise unwritable(note, error) from error


def _noted(folder: Path) -> list[Path]:
    note = folder.with_name(layout.noted_base(folder.name))
    noted = os.fsdecode(note.read_bytes()).strip() if note.is_file() else ""
    return [Path(noted)] if noted else []
