"""The adapter and its evaluation."""

import dagster as dg
from pydantic import Field

from twin.artifacts import ArtifactStore
from twin.settings import Settings
from twin.training.config import TrainingConfig, TrainingPlan, TrainingReport
from twin.training.current import current_plan, make_current
from twin.training.heldout import CODE_VERSION as EVALUATION_VERSION
from twin.training.heldout import evaluate, read_evaluation
from twin.training.inspection import SHOWN, inspect_training
from twin.training.plan import CODE_VERSION as TRAINING_VERSION
from twin.training.plan import NANO_VERSION, plan_training
from twin.training.report import EvaluationReport, verify_gain
from twin.training.run import run_training
from twin.verdict import Verdict
from twin_assets.columns import Stage, keys
from twin_assets.dataset import instruction_dataset
from twin_assets.framing import AUTHORS, author_of, checked, materialized, twin_asset
from twin_assets.showing import Page
from twin_resources.trainer import Trainer

WORKS = "adapter_reloads_and_changes_the_logits"
HELPS = "adapter_lowers_the_held_out_loss"

ADAPTER = Page(
    report=TrainingReport,
    counts="training samples",
    more={**SHOWN, "written": "1 if this run trained it, 0 if it was there"},
    omitted=frozenset({"path", "files"}),
    made_by=[run_training],
)
EVALUATION = Page(
    report=EvaluationReport,
    counts="samples",
    more={
        "total": "samples that it was measured on",
        "written": "1 if it was measured anew, 0 if the stored numbers are still right",
    },
    omitted=frozenset({"samples"}),
    made_by=[evaluate],
)


class LoraConfig(dg.Config):
    """Settings of one training, for the launchpad. Settings left out keep the default for the base model."""

    max_steps: int | None = Field(None, ge=1, description="Maximum number of optimiser steps.")
    epochs: float | None = Field(None, gt=0, description="Maximum number of passes over the training samples.")
    learning_rate: float | None = Field(None, gt=0, description="Step size at the peak, after the warm-up.")
    rank: int | None = Field(None, ge=1, description="Rank of the LoRA matrices; alpha is twice that.")
    seed: int | None = Field(None, ge=0, description="Seed of the random numbers, so that a training can be repeated.")

    def plan(self, artifacts: ArtifactStore, settings: Settings, author: str) -> TrainingPlan:
        """The training plan with these settings."""
        chosen = self.model_dump(exclude_none=True)
        if self.rank is not None:
            chosen["alpha"] = 2 * self.rank
        config = TrainingConfig.for_base(settings.base_model).model_copy(update=chosen)
        return plan_training(artifacts, settings, author, config)


@twin_asset(
    deps=[instruction_dataset],
    code_version=f"{TRAINING_VERSION} {NANO_VERSION}",
    kinds={"pytorch", "huggingface"},
    tags={"layer": "serving", "cost": "gpu"},
    page=ADAPTER,
    pool="gpu",
    check_specs=[
        dg.AssetCheckSpec(
            WORKS,
            asset="lora_adapter",
            partitions_def=AUTHORS,
            blocking=True,
            description="The adapter, loaded from its folder onto the base model, changes the logits; switched off, it "
            "leaves them exactly as they were.",
        )
    ],
)
def lora_adapter(
    context: dg.AssetExecutionContext,
    config: LoraConfig,
    artifacts: dg.ResourceParam[ArtifactStore],
    settings: dg.ResourceParam[Settings],
    trainer: dg.ResourceParam[Trainer],
) -> dg.MaterializeResult:
    """LoRA weights with tokenizer, chat template and training record, as one folder under `adapters/`.

    Trained in a separate process. The folder's name is a fingerprint of everything that the weights depend on (dataset,
    base model, configuration, library versions). If the folder exists and passes its check, nothing is trained.
    """
    plan = config.plan(artifacts, settings, author_of(context))
    outcome = trainer.run(context, plan)
    artifacts.refuse_removed(plan.author)
    if outcome.check.passed:
        make_current(artifacts, plan)
    measured = outcome.check.model_dump(exclude={"passed", "problems"})
    return materialized(
        outcome.training,
        [checked(Verdict(measured, outcome.check.problems), name=WORKS)],
        page=ADAPTER,
        address=outcome.training.path,
        pictures=inspect_training(outcome.training),
    )


@twin_asset(
    deps=[lora_adapter, *keys(Stage.COLLECTION)],
    code_version=EVALUATION_VERSION,
    kinds={"pytorch", "json"},
    tags={"layer": "serving"},
    page=EVALUATION,
    pool="gpu",
    check_specs=[
        dg.AssetCheckSpec(
            HELPS,
            asset="twin_evaluation",
            partitions_def=AUTHORS,
            description="The adapter predicts held-out text of the author better than the base model does.",
        )
    ],
)
def twin_evaluation(
    context: dg.AssetExecutionContext,
    artifacts: dg.ResourceParam[ArtifactStore],
    settings: dg.ResourceParam[Settings],
    trainer: dg.ResourceParam[Trainer],
) -> dg.MaterializeResult:
    """Loss on held-out documents of the author, base model against adapter, in nats per token and bits per byte.

    The training process measures it directly after training and stores it with the adapter. If it is missing or was
    measured on other test rows, it is measured now.
    """
    plan = current_plan(artifacts, settings, author_of(context))
    report = read_evaluation(plan) or trainer.run(context, plan).evaluation
    artifacts.refuse_removed(plan.author)
    if report is None:
        raise dg.Failure("The adapter no longer passes its check: materialize lora_adapter.", allow_retries=False)
    found = checked(verify_gain(report), dg.AssetCheckSeverity.WARN, name=HELPS)
    return materialized(report, [found], page=EVALUATION, address=plan.output)
