"""Training in a separate process, through Dagster Pipes.

torch, its threads and its memory stay out of the Dagster process. The client is an ordinary Pipes client, so one for
Docker, Kubernetes or Ray can replace it without a change to the assets.
"""

import sys
from typing import Any

import dagster as dg

from twin.masking import masked
from twin.training.config import TrainingOutcome, TrainingPlan


class Trainer:
    """Runs a training plan in another process and returns its outcome.

    Args:
        client: the Pipes client that starts the process.
        command: what the client starts; it must speak Dagster Pipes as `twin_resources.training_process` does.
    """

    def __init__(self, client: Any, command: list[str]) -> None:
        self._client, self._command = client, command

    def run(self, context: dg.AssetExecutionContext, plan: TrainingPlan) -> TrainingOutcome:
        """Train, verify and evaluate; if the adapter of this plan exists, only verify it.

        Raises:
            dg.Failure: the process rejected its input; the message is from the process.
        """
        invocation = self._client.run(
            context=context, command=self._command, extras={"plan": plan.model_dump(mode="json")}
        )
        messages = invocation.get_custom_messages()
        if not messages:
            raise dg.Failure("The training process ended without a result: see its output in this run's log.")
        if "error" in messages[-1]:
            raise dg.Failure(masked(messages[-1]["error"]), allow_retries=False)
        return TrainingOutcome.model_validate(messages[-1]["outcome"])


@dg.resource(description="Training in a subprocess of this machine, through Dagster Pipes.")
def trainer() -> Trainer:
    return Trainer(dg.PipesSubprocessClient(), [sys.executable, "-m", "twin_resources.training_process"])
