"""The training process: `python -m twin_resources.training_process`, started by a Dagster Pipes client.

It needs `dagster-pipes` and the domain, not dagster. It sends its result as one custom message: the outcome, or the
message of an error that the user can fix. Anything else is a bug and ends the process with a traceback.
"""

import logging

from dagster_pipes import PipesContext, open_dagster_pipes

from twin.errors import TwinError
from twin.masking import masked, no_secrets
from twin.settings import hide_secrets
from twin.training.config import TrainingPlan
from twin.training.pipeline import train_verify_evaluate


class _PipesHandler(logging.Handler):
    """Sends the domain's log lines to the run's log."""

    def __init__(self, pipes: PipesContext) -> None:
        super().__init__(logging.INFO)
        self._pipes = pipes

    def emit(self, record: logging.LogRecord) -> None:
        self._pipes.log.log(record.levelno, masked(record.getMessage()))


def main() -> None:
    hide_secrets()
    with open_dagster_pipes() as pipes:
        logger = logging.getLogger("twin")
        logger.setLevel(logging.INFO)
        logger.addHandler(_PipesHandler(pipes))
        plan = TrainingPlan.model_validate(pipes.get_extra("plan"))
        try:
            with no_secrets():  # Pipes sends the text of any other error to the run's log
                outcome = train_verify_evaluate(plan)
        except TwinError as error:
            pipes.report_custom_message({"error": str(error)})
            return
        pipes.report_custom_message({"outcome": outcome.model_dump(mode="json")})


if __name__ == "__main__":
    main()
