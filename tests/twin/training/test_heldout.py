"""Evaluation: the numbers are the loss on held-out words, and they are not computed twice."""

import math
from pathlib import Path
from typing import Any

import pytest

from tests.twin.training.test_run import stored_dataset
from twin import layout
from twin.errors import ConsistencyError
from twin.settings import Settings
from twin.training.config import TrainingConfig, TrainingPlan
from twin.training.heldout import completion_loss, evaluate
from twin.training.pipeline import train_verify_evaluate
from twin.training.plan import plan_training, read_rows
from twin.training.report import verify_gain
from twin.training.rows import tokenized
from twin.training.run import run_training
from twin.training.verify import LoadedAdapter, load_adapter


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory, repository: Path) -> TrainingPlan:
    artifacts = stored_dataset(tmp_path_factory.mktemp("store"), repository)
    config = TrainingConfig.for_base("nano").model_copy(update={"max_steps": 80})
    return plan_training(artifacts, Settings(), "own", config)


@pytest.fixture(scope="module")
def loaded(plan: TrainingPlan) -> LoadedAdapter:
    run_training(plan)
    return load_adapter(plan)


def test_the_adapter_predicts_held_out_words_better_than_its_base(plan: TrainingPlan, loaded: LoadedAdapter) -> None:
    report = evaluate(plan, loaded)
    assert report.split == "test"
    assert report.written == 1
    assert report.samples > 0
    assert report.adapter_loss < report.base_loss - 0.2
    assert report.gain == pytest.approx(report.base_loss - report.adapter_loss, abs=1e-5)
    assert report.base_loss < math.log(len(loaded.tokenizer))  # the base knows more than nothing
    rows = tokenized(read_rows(plan, "test"), loaded.tokenizer, plan.config.max_length).rows
    assert report.tokens == sum(len(row.ids) - row.prompt for row in rows)
    size = sum(len(row.output.encode()) for row in rows)
    assert report.adapter_bits_per_byte == pytest.approx(
        report.adapter_loss * report.tokens / size / math.log(2), rel=1e-4
    )


def test_the_batched_loss_is_the_loss_token_by_token(plan: TrainingPlan, loaded: LoadedAdapter) -> None:
    import torch

    rows = tokenized(read_rows(plan, "test"), loaded.tokenizer, plan.config.max_length).rows[:10]
    total, tokens = completion_loss(loaded.model, rows, loaded.tokenizer.pad_token_id)
    by_hand = 0.0
    for row in rows:
        with torch.no_grad():
            logs = loaded.model(torch.tensor([row.ids])).logits[0].log_softmax(-1)
        by_hand -= sum(float(logs[place - 1, row.ids[place]]) for place in range(row.prompt, len(row.ids)))
    assert total == pytest.approx(by_hand, rel=1e-4)
    assert tokens == sum(len(row.ids) - row.prompt for row in rows)


def test_a_second_evaluation_computes_nothing(plan: TrainingPlan, loaded: LoadedAdapter) -> None:
    first = evaluate(plan, loaded)
    path = Path(plan.output) / layout.EVALUATION
    stamp = path.stat().st_mtime_ns
    again = evaluate(plan)
    assert again == first.model_copy(update={"written": 0})
    assert path.stat().st_mtime_ns == stamp
    path.write_text("half of it", encoding="utf-8")
    assert evaluate(plan, loaded).data_version == first.data_version


def test_a_rerun_reuses_the_adapter_but_checks_it(plan: TrainingPlan, loaded: LoadedAdapter) -> None:
    evaluate(plan, loaded)
    lines: list[str] = []
    outcome = train_verify_evaluate(plan, lines.append)
    assert outcome.training.reused
    assert outcome.check.passed
    assert outcome.check.max_logit_difference > 0
    assert outcome.evaluation is not None
    assert outcome.evaluation.written == 0
    assert any("adapter check: passed" in line for line in lines)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"gain": 0.1}, None),
        (
            {"gain": -0.321, "base_loss": 4.925, "adapter_loss": 5.246, "samples": 1},
            "(4.925 -> 5.246 nats per token, 1 sample)",
        ),
        ({"gain": 0.0}, "does not lower the loss on held-out text"),
        ({"gain": 0.1, "split": "train"}, "nothing is held out"),
    ],
)
def test_an_adapter_that_does_not_help_is_said(
    plan: TrainingPlan, loaded: LoadedAdapter, changes: dict[str, Any], said: str | None
) -> None:
    report = evaluate(plan, loaded).model_copy(update={"split": "test"} | changes)
    problems = verify_gain(report).problems
    assert len(problems) == (said is not None)
    assert said is None or said in problems[0]


def test_no_adapter_is_no_evaluation(plan: TrainingPlan) -> None:
    with pytest.raises(ConsistencyError, match="no intact adapter"):
        load_adapter(plan.model_copy(update={"output": plan.output + "-missing"}))
