"""What is shown of a training."""

from pathlib import Path

import pytest

from tests.kit.inspected import png_of
from twin import layout
from twin.training.config import TrainingConfig, TrainingRecord, TrainingReport
from twin.training.inspection import SHOWN, inspect_training


def record(losses: list[float]) -> TrainingRecord:
    return TrainingRecord(
        author="ada",
        fingerprint="f",
        base_model="nano",
        base_revision="r",
        config=TrainingConfig(),
        versions={},
        dataset_version="d",
        train_version="t",
        rows=3,
        rows_shortened=0,
        rows_dropped=0,
        trained_tokens=9,
        steps=len(losses),
        losses=losses,
        seconds=1.0,
        files={},
    )


def report(folder: Path) -> TrainingReport:
    return TrainingReport(
        data_version="v",
        total=3,
        written=1,
        path=str(folder),
        fingerprint="f",
        base_model="nano",
        base_revision="r",
        reused=False,
        rows_shortened=0,
        rows_dropped=0,
        trained_tokens=9,
        steps=2,
        first_loss=5.0,
        last_loss=4.0,
        training_seconds=1.0,
        files={},
    )


def test_the_losses_of_the_record_become_a_picture(tmp_path: Path) -> None:
    (tmp_path / layout.TRAINING_RECORD).write_text(record([5.0, 4.0]).model_dump_json())
    shown = inspect_training(report(tmp_path))
    assert shown.keys() == SHOWN.keys()
    assert png_of(shown["loss_curve"]).startswith(b"\x89PNG")
    assert "over 2 steps, from 5" in shown["loss_curve"]


@pytest.mark.parametrize("content", [None, "{", record([]).model_dump_json(), record([float("inf")]).model_dump_json()])
def test_without_losses_there_is_no_picture_and_no_error(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / layout.TRAINING_RECORD).write_text(content)
    assert inspect_training(report(tmp_path)) == {}
