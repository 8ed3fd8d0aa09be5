"""Trains, verifies and evaluates in one process, so torch is loaded once."""

import logging
from collections.abc import Callable

from twin.training.card import write_card
from twin.training.config import TrainingOutcome, TrainingPlan
from twin.training.console import forwarded
from twin.training.heldout import evaluate
from twin.training.run import run_training
from twin.training.verify import load_adapter, verify_adapter

logger = logging.getLogger("twin")


def train_verify_evaluate(plan: TrainingPlan, log: Callable[[str], None] | None = None) -> TrainingOutcome:
    """Run the three steps of a plan in order; stored results are reused, but the check always runs.

    Args:
        plan: from `plan_training`.
        log: receives every line of progress, in addition to the log.

    Raises:
        TwinError: as the steps raise it. A failed check is not an error: the outcome says so, and nothing is evaluated.
    """
    with forwarded(log):
        training = run_training(plan)
        loaded = load_adapter(plan)
        check = verify_adapter(plan, loaded)
        logger.info("adapter check: %s", "passed" if check.passed else "; ".join(check.problems))
        evaluation = evaluate(plan, loaded) if check.passed else None
        if check.passed:
            write_card(plan, evaluation)
        return TrainingOutcome(training=training, check=check, evaluation=evaluation)
