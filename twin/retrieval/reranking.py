"""Reranking: a model reads each of the best candidates together with the question."""

import logging
import threading
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from twin.errors import ConsistencyError, InputError

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder

logger = logging.getLogger("twin")

CANDIDATES = 50
"""Number of chunks that a reranker reads; a small cross-encoder reads about 100 per second on one CPU core."""


class Reranker(Protocol):
    """Scores texts for a question."""

    @property
    def name(self) -> str:
        """The name of the model, for the trace."""

    def scores(self, question: str, texts: Sequence[str]) -> NDArray[np.float64]:
        """Relevance of each text in [0, 1], shape (len(texts),); higher is better.

        Raises:
            InputError: the model cannot be loaded.
            ConsistencyError: the model returned something else than a finite number for a text.
        """


class CrossEncoderReranker:
    """Any sentence-transformers cross-encoder with one output; it is loaded on first use.

    Args:
        model: a folder, or an id on the Hugging Face hub, which is downloaded on first use unless `HF_HUB_OFFLINE`
            is set.
    """

    def __init__(self, model: str) -> None:
        self.name = model
        self._loading = threading.Lock()

    def scores(self, question: str, texts: Sequence[str]) -> NDArray[np.float64]:
        """See `Reranker.scores`."""
        if not texts:
            return np.empty(0)
        with self._loading:
            model = self._model
        given = np.asarray(
            model.predict([(question, text) for text in texts], batch_size=16, show_progress_bar=False),
            dtype=np.float64,
        )
        if given.shape != (len(texts),) or not np.all(np.isfinite(given)):
            raise ConsistencyError(
                f"The reranker {self.name} does not return one number per text: set TWIN_RERANKER to a cross-encoder "
                "with one output."
            )
        return given if np.all((given >= 0) & (given <= 1)) else 1 / (1 + np.exp(-np.clip(given, -500, 500)))

    @cached_property
    def _model(self) -> "CrossEncoder":
        logger.info("loading the reranker of TWIN_RERANKER")
        from sentence_transformers import CrossEncoder
        from transformers.utils.logging import disable_progress_bar

        disable_progress_bar()  # type: ignore[no-untyped-call]
        local = Path(self.name).expanduser()
        try:
            model: CrossEncoder = CrossEncoder(str(local) if local.is_dir() else self.name)
        except (OSError, ValueError, RuntimeError) as error:
            # A name that is no folder is not shown, nor is what a library says of it: it may be a secret in the wrong
            # variable.
            name, reason = (f" {local}", str(error)) if local.is_dir() else ("", type(error).__name__)
        else:
            return model
        reason = next(iter(reason.strip().splitlines()), "it says no more")
        raise InputError(
            f"The reranker{name} cannot be loaded ({reason}): set TWIN_RERANKER to the folder or id of a "
            "cross-encoder, or unset it."
        )
