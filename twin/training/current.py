"""Which of an author's adapters is the current one: a small file that points at it."""

from pydantic import ValidationError

from twin import layout
from twin.artifacts import ArtifactStore
from twin.errors import InputError
from twin.models import Model
from twin.settings import Settings
from twin.training.config import TrainingConfig, TrainingPlan
from twin.training.plan import plan_training


class _Current(Model):
    """No path is in it, so that a store can be moved."""

    fingerprint: str
    config: TrainingConfig


def make_current(artifacts: ArtifactStore, plan: TrainingPlan) -> None:
    """Point at the adapter of a plan; nothing is written where the pointer says so already."""
    content = _Current(fingerprint=plan.fingerprint, config=plan.config).model_dump_json(indent=2).encode() + b"\n"
    if artifacts.read_bytes(*layout.current_adapter(plan.author)) != content:
        artifacts.write_bytes(*layout.current_adapter(plan.author), content=content)


def current_plan(artifacts: ArtifactStore, settings: Settings, author: str) -> TrainingPlan:
    """The plan of the author's current adapter, made anew from what is stored now.

    Raises:
        InputError: there is no adapter, or what it was trained on has changed since.
    """
    stored = artifacts.read_bytes(*layout.current_adapter(author))
    if stored is None:
        raise InputError(f"{author} has no adapter yet: materialize lora_adapter first.")
    try:
        current = _Current.model_validate_json(stored)
    except ValidationError as error:
        raise InputError(
            f"{artifacts.path(*layout.current_adapter(author))} is damaged: materialize lora_adapter."
        ) from error
    plan = plan_training(artifacts, settings, author, current.config)
    if plan.fingerprint != current.fingerprint:
        raise InputError(
            f"The dataset, the base model or a library changed since the adapter of {author} was trained: "
            "materialize lora_adapter first."
        )
    return plan
