"""Loads a base model of any kind and its tokenizer."""

import logging
import os
import warnings
from typing import TYPE_CHECKING, Any

from twin.errors import InputError
from twin.prompts import complete_tokenizer
from twin.training.config import BaseModel, TrainingPlan
from twin.training.console import heartbeat
from twin.training.nano import ensure_nano

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

logger = logging.getLogger("twin")


def prepare_process(threads: int | None) -> None:
    """Make the libraries quiet and reproducible. Must run before they are first imported to have its full effect.

    Args:
        threads: threads of torch on the CPU; None: all cores.
    """
    for name in ("HF_HUB_DISABLE_TELEMETRY", "DO_NOT_TRACK", "HF_HUB_DISABLE_PROGRESS_BARS"):
        os.environ.setdefault(name, "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    with heartbeat("loading torch and transformers"):
        import torch
        from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()  # type: ignore[no-untyped-call]
    warnings.filterwarnings("ignore", category=FutureWarning, module="transformers")  # about trl's own defaults
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)  # 4-bit kernels that are not used here
    torch.set_num_threads(threads or os.cpu_count() or 1)


def load_planned(plan: TrainingPlan) -> tuple[Any, "PreTrainedTokenizerBase"]:
    """`load_base` for the base model of a plan; `nano` is made first if it is missing."""
    if plan.base.kind == "nano":
        ensure_nano(plan)
    return load_base(plan.base)


def load_base(base: BaseModel, otherwise: str = "correct TWIN_BASE_MODEL") -> tuple[Any, "PreTrainedTokenizerBase"]:
    """Return model (float32 on the CPU, bfloat16 on CUDA) and tokenizer with a chat template and a pad token.

    Args:
        base: which model, and where it is.
        otherwise: what to do if it cannot be loaded, for the sentence of the error.

    Raises:
        InputError: the model is missing or cannot be read.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    cuda = torch.cuda.is_available()
    source = {"revision": base.revision} if base.kind == "hub" and base.revision else {}
    try:
        with heartbeat(f"loading {base.name}"):
            tokenizer = AutoTokenizer.from_pretrained(base.path, **source)
            model: Any = AutoModelForCausalLM.from_pretrained(
                base.path, dtype=torch.bfloat16 if cuda else torch.float32, **source
            )
    except Exception as error:  # these libraries raise their own errors for a damaged file, and almost any other
        raise InputError(f"The base model {base.name} cannot be loaded ({reason_of(error)}): {otherwise}.") from error
    complete_tokenizer(tokenizer)
    if cuda:
        model = model.to("cuda")
    return model.eval(), tokenizer


def reason_of(error: Exception) -> str:
    """The first line of an error of a library, or its type if it has no text."""
    return next(iter(str(error).strip().splitlines()), "") or type(error).__name__
