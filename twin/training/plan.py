"""Plans what to train, with the fingerprint that says whether it was already trained. Imports nothing heavy."""

import json
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from twin import layout
from twin.artifacts import ArtifactStore
from twin.dataset.splits import SPLITS
from twin.errors import ConsistencyError, InputError
from twin.identity import content_hash, sha256
from twin.settings import Settings
from twin.training.config import BaseModel, TrainingConfig, TrainingPlan
from twin.training.folders import file_hash, file_hashes
from twin.training.nano import neutral_texts

CODE_VERSION = "training-1"
"""Raise it whenever the same plan would give other weights."""

NANO_VERSION = "nano-2"
"""Raise it whenever the same corpus would give another nano model."""

_LIBRARIES = ("torch", "transformers", "trl", "peft", "tokenizers")


def plan_training(
    artifacts: ArtifactStore, settings: Settings, author: str, config: TrainingConfig | None = None
) -> TrainingPlan:
    """Plan the training of one author's adapter.

    Args:
        artifacts: has the dataset, and receives the adapter, `adapters/<author>/<fingerprint>/`.
        settings: names the base model.
        config: the settings of the training; by default those for the base model.

    Raises:
        InputError: there is no dataset, it has no training rows, or the base model cannot be found.
        ConsistencyError: files of the dataset have changed since they were written.
    """
    root = local_root(artifacts)
    metadata = artifacts.table_metadata(*layout.dataset(author, layout.INSTRUCTIONS))
    if metadata is None:
        raise InputError(f"{author} has no instruction dataset yet: build it first (asset instruction_dataset).")
    folder = root.joinpath(*layout.dataset(author))
    files = {name: metadata["files"][name] for name in (*map(layout.rows, SPLITS), layout.CORPUS)}
    for name, digest in files.items():
        if not (folder / name).is_file() or file_hash(folder / name) != digest:
            raise ConsistencyError(f"{folder / name} is not the file that was built: build the dataset again.")
    if not (folder / layout.rows("train")).stat().st_size:
        raise InputError(
            f"The dataset of {author} has no training rows: add links with texts of 40 words or more and build again."
        )
    versions = {name: _version(name) for name in _LIBRARIES}
    base = find_base(settings.base_model, root.joinpath(*layout.base_models(author)), files[layout.CORPUS], versions)
    config = config or TrainingConfig.for_base(settings.base_model)
    fingerprint = content_hash(
        {
            "train_version": metadata["train_version"],
            "base": [base.name, base.revision],
            "config": config.model_dump(mode="json"),
            "code": CODE_VERSION,
            "versions": versions,
        }
    )
    return TrainingPlan(
        author=author,
        dataset=str(folder),
        files=files,
        dataset_version=metadata["data_version"],
        train_version=metadata["train_version"],
        base=base,
        config=config,
        versions=versions,
        fingerprint=fingerprint,
        output=str(root.joinpath(*layout.adapter(author, fingerprint))),
    )


def find_base(name: str, made: Path, corpus_hash: str, versions: dict[str, str]) -> BaseModel:
    """Say which base model `name` means and in which revision, without loading it.

    Args:
        made: the folder for models made on the spot: one per author, because the tokenizer contains their words.

    Raises:
        InputError: `name` is a folder without a model, or not the name of a model.
    """
    if name == "nano":
        prose = sha256("\x1f".join(neutral_texts()))  # it differs between versions of Python
        recipe = content_hash({"recipe": NANO_VERSION, "corpus": corpus_hash, "prose": prose, "versions": versions})
        path = made / f"nano-{recipe[:16]}"
        return BaseModel(kind="nano", name=path.name, revision=recipe, path=str(path))
    folder = Path(name).expanduser()
    if folder.is_dir():
        if not (folder / "config.json").is_file():
            raise InputError(f"TWIN_BASE_MODEL is {name}, a folder without config.json: give the folder of a model.")
        revision = content_hash(file_hashes(folder))
        return BaseModel(kind="folder", name=folder.resolve().name, revision=revision, path=str(folder.resolve()))
    if name.startswith((".", "/", "~")) or name.count("/") != 1:
        raise InputError(
            "TWIN_BASE_MODEL is neither a local folder nor a Hugging Face id (owner/name): correct it, or use nano."
        )
    return BaseModel(kind="hub", name=name, revision=_cached_revision(name), path=name)


def _cached_revision(name: str) -> str:
    """Commit of a hub model in the local cache; empty if it has not been downloaded."""
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(name, "config.json")
    return Path(found).parent.name if isinstance(found, str) else ""


def local_root(artifacts: ArtifactStore) -> Path:
    """The root of a store on a local disk.

    Raises:
        InputError: the store is remote.
    """
    root = artifacts.root
    if root.protocol not in ("", "file", "local"):
        raise InputError(
            f"TWIN_STORE is {root}, but adapters are trained and read on a local disk: set it to a folder."
        )
    return Path(root.path).expanduser().resolve()


def _version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError as error:
        raise InputError(f"{library} is not installed, but training needs it: run pip install {library}.") from error


def read_rows(plan: TrainingPlan, split: str) -> list[dict[str, Any]]:
    """The JSONL rows of one split.

    Raises:
        ConsistencyError: the file has changed since the plan was made.
    """
    path = Path(plan.dataset) / layout.rows(split)
    if not path.is_file() or file_hash(path) != plan.files[path.name]:
        raise ConsistencyError(f"{path} has changed since the training was planned: run it again.")
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]
