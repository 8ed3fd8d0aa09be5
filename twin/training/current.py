"""The current adapter of an author: a small file points at it."""

from pathlib import Path

from pydantic import ValidationError

from twin import layout
from twin.artifacts import ArtifactStore
from twin.commands import build
from twin.errors import InputError
from twin.models import Model
from twin.settings import Settings
from twin.training.config import TrainingConfig, TrainingPlan
from twin.training.plan import local_root, plan_training
from twin.training.record import unreadable


class _Current(Model):
    """It contains no path, so a store can be moved."""

    fingerprint: str
    config: TrainingConfig


def make_current(artifacts: ArtifactStore, plan: TrainingPlan) -> None:
    """Point at the adapter of a plan; nothing is written if the pointer already does."""
    content = _Current(fingerprint=plan.fingerprint, config=plan.config).model_dump_json(indent=2).encode() + b"\n"
    if artifacts.read_bytes(*layout.current_adapter(plan.author)) != content:
        artifacts.write_bytes(*layout.current_adapter(plan.author), content=content)


def current_adapter(artifacts: ArtifactStore, author: str) -> Path:
    """The folder of the author's current adapter, for `twin.training.adapter.open_adapter`.

    The dataset may have changed since the training. That matters to the next build, not to the caller.

    Raises:
        InputError: there is no adapter, or the store is remote.
    """
    current = _current(artifacts, author)
    folder = local_root(artifacts).joinpath(*layout.adapter(author, current.fingerprint))
    if not folder.is_dir():
        raise InputError(f"{folder}, the current adapter of {author}, is missing: run `{build(author)}`.")
    return folder


def current_plan(artifacts: ArtifactStore, settings: Settings, author: str) -> TrainingPlan:
    """The plan of the author's current adapter, made again from what is stored now.

    Raises:
        InputError: there is no adapter, or what it was trained on has changed since.
    """
    current = _current(artifacts, author)
    plan = plan_training(artifacts, settings, author, current.config)
    if plan.fingerprint != current.fingerprint:
        raise InputError(
            f"The dataset, the base model or a library has changed since the adapter of {author} was trained: "
            f"run `{build(author)}` first."
        )
    return plan


def _current(artifacts: ArtifactStore, author: str) -> _Current:
    stored = artifacts.read_bytes(*layout.current_adapter(author))
    if stored is None:
        raise InputError(f"{author} has no adapter yet: run `{build(author)}` first.")
    try:
        return _Current.model_validate_json(stored)
    except ValidationError as error:
        raise InputError(
            f"{artifacts.path(*layout.current_adapter(author))} {unreadable(error)}: run `{build(author)}`."
        ) from error
