"""Shows how an adapter was trained."""

from math import isfinite
from pathlib import Path

from pydantic import ValidationError

from twin import layout
from twin.inspection.markdown import image
from twin.pictures import loss_curve
from twin.training.config import TrainingRecord, TrainingReport

SHOWN = {"loss_curve": "picture of the training loss at each step"}
"""What `inspect_training` shows, by name."""


def inspect_training(report: TrainingReport) -> dict[str, str]:
    """Pictures of a training, as Markdown by name.

    They are made from the record in the adapter's folder. Where that folder cannot be read, because the training ran on
    another machine, there are none.
    """
    try:
        record = TrainingRecord.model_validate_json((Path(report.path) / layout.TRAINING_RECORD).read_bytes())
    except (OSError, ValidationError):
        return {}
    losses = [loss for loss in record.losses if isfinite(loss)]
    if not losses:
        return {}
    alt = f"Curve of the training loss over {record.steps} steps, from {report.first_loss} to {report.last_loss}."
    return {"loss_curve": image(loss_curve(losses), alt)}
