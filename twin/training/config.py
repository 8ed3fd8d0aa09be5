"""The types of a training: its settings, its plan (JSON that is sent to the training process) and its results."""

from typing import Literal

from pydantic import Field

from twin.models import Model, StageReport
from twin.training.report import EvaluationReport


class TrainingConfig(Model):
    """Settings of one LoRA training.

    The defaults follow "LoRA Without Regret" (Thinking Machines, 2025): all linear layers, alpha = 2 r, a learning
    rate about ten times that of full fine-tuning, small batches.
    """

    rank: int = Field(default=16, ge=1)
    alpha: int = Field(default=32, ge=1)
    dropout: float = Field(default=0.05, ge=0, lt=1)
    target_modules: str | tuple[str, ...] = "all-linear"
    learning_rate: float = Field(default=2e-4, gt=0)
    warmup_share: float = Field(default=0.05, ge=0, lt=1)
    weight_decay: float = Field(default=0.0, ge=0)
    epochs: float = Field(default=3.0, gt=0)
    max_steps: int | None = Field(default=None, ge=1)  # the training stops at whichever limit comes first
    batch_size: int = Field(default=8, ge=1)
    accumulation: int = Field(default=1, ge=1)  # batches per optimiser step
    max_length: int = Field(default=1024, ge=64)  # tokens of instruction and output together
    threads: int | None = Field(default=None, ge=1)  # threads of torch on the CPU; None: all cores
    seed: int = Field(default=0, ge=0)

    @classmethod
    def for_base(cls, base: str) -> "TrainingConfig":
        """The settings that suit a base model: `nano` is small, so it takes large steps and little time."""
        if base == "nano":
            return cls(learning_rate=5e-3, epochs=4, max_steps=160, batch_size=4, max_length=512, threads=1)
        return cls()


class BaseModel(Model):
    """The model that an adapter is trained on. `path` belongs to this machine, so it is not part of any hash."""

    kind: Literal["nano", "folder", "hub"]
    name: str  # the name in records and cards: "nano-<hash>", the folder's name, or the Hugging Face id
    revision: str  # hash of the contents or of the recipe, or the resolved commit of the hub ("" if unknown)
    path: str  # what to load: a folder, or the Hugging Face id


class TrainingPlan(Model):
    """Everything that the training process needs; it can be sent as JSON."""

    author: str
    dataset: str  # local folder of the dataset
    files: dict[str, str]  # file name in that folder -> sha256
    dataset_version: str
    train_version: str  # of the training samples only, so a changed test set does not start a training
    base: BaseModel
    config: TrainingConfig
    versions: dict[str, str]  # library -> version
    fingerprint: str
    output: str  # local folder of the adapter


class TrainingRecord(Model):
    """`training_record.json`: how an adapter was made. It contains no path of the machine it was made on."""

    author: str
    fingerprint: str
    base_model: str
    base_revision: str
    base_kind: Literal["nano", "folder", "hub"] | None = None  # None in the records of older versions
    base_contents: str | None = None  # hash of the files of `nano`, because its revision is only that of the recipe
    config: TrainingConfig
    versions: dict[str, str]
    dataset_version: str
    train_version: str
    rows: int
    rows_shortened: int  # cut at a sentence end to fit `max_length`
    rows_dropped: int  # too long, and must not be cut
    trained_tokens: int  # in the completions, end-of-turn tokens included
    steps: int
    losses: list[float]  # per step, nats per token
    seconds: float
    files: dict[str, str]  # file name in the adapter folder -> sha256


class TrainingReport(StageReport):
    """What `run_training` did. `total` counts training rows; `written` is 1 if the adapter is new, otherwise 0."""

    path: str = Field(description="the folder of the adapter")
    fingerprint: str = Field(description="hash of everything that the weights depend on")
    base_model: str = Field(description="the model that it was trained on")
    base_revision: str = Field(description="hash or commit of that model")
    reused: bool = Field(description="whether the stored adapter was kept, so that nothing was trained")
    rows_shortened: int = Field(description="samples cut at the end of a sentence, because they were too long")
    rows_dropped: int = Field(description="samples left out, because they were too long to be cut")
    trained_tokens: int = Field(description="tokens of the outputs, end-of-turn tokens included")
    steps: int = Field(description="optimiser steps")
    first_loss: float = Field(description="loss of the first step in nats per token")
    last_loss: float = Field(description="mean loss of the last tenth of the steps")
    training_seconds: float = Field(description="how long the training took that made the adapter")
    files: dict[str, str] = Field(description="sha256 of each file in the folder")


class AdapterCheck(Model):
    """Whether an adapter read from disk has an effect, and no effect when it is switched off."""

    passed: bool
    problems: list[str]
    max_logit_difference: float  # adapter against base; 0 means inert
    disabled_difference: float  # adapter switched off against base; must be exactly 0
    tokens: int  # compared positions


class TrainingOutcome(Model):
    """What the training process sends back. `evaluation` is None if the check failed."""

    training: TrainingReport
    check: AdapterCheck
    evaluation: EvaluationReport | None
