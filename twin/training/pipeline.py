"""Train, verify and evaluate in one process, so that torch is loaded once."""

import logging
from collections.abc import Callable

from twin.training.config import TrainingOutcome, TrainingPlan
from twin.training.console import forwarded
from twin.training.heldout import evaluate
from twin.training.run import run_training
from twin.training.verify import load_adapter, verify_adapter

logger = logging.getLogger("twin")


def train_verify_evaluate(plan: TrainingPlan, log: Callable[[str], None] | None = None) -> TrainingOutcome:
    """Do the three steps of a plan in order; what is cached is not computed again, but the check always runs.

    Args:
        plan: from `plan_training`.
        log: receives every line of progress beside the log.

    Raises:
        TwinError: as the steps do. A failed check is no error: it is in the outcome, and nothing is evaluated then.
    """
    with forwarded(log):
        training = run_training(plan)
        loaded = load_adapter(plan)
        check = verify_adapter(plan, loaded)
        logger.info("adapter check: %s", "passed" if check.passed else "; ".join(check.problems))
        evaluation = evaluate(plan, loaded) if check.passed else None
        return TrainingOutcome(training=training, check=check, evaluation=evaluation)
