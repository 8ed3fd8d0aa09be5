"""Load a base model and its tokenizer, whatever it is."""

import logging
import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twin.errors import InputError
from twin.training.config import TrainingPlan
from twin.training.console import heartbeat
from twin.training.nano import CHATML, ensure_nano

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

logger = logging.getLogger("twin")


def prepare_process(plan: TrainingPlan) -> None:
    """Make the libraries quiet and reproducible. Must run before they are first imported to have its full effect."""
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
    torch.set_num_threads(plan.config.threads or os.cpu_count() or 1)


def load_base(plan: TrainingPlan) -> tuple[Any, "PreTrainedTokenizerBase"]:
    """Return model (float32 on the CPU, bfloat16 on CUDA) and tokenizer with a chat template and a pad token.

    Raises:
        InputError: the model is not there or cannot be read.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    path = str(ensure_nano(plan)) if plan.base.kind == "nano" else plan.base.path
    cuda = torch.cuda.is_available()
    source = {"revision": plan.base.revision} if plan.base.kind == "hub" and plan.base.revision else {}
    try:
        with heartbeat(f"loading {plan.base.name}"):
            tokenizer = AutoTokenizer.from_pretrained(path, **source)
            model: Any = AutoModelForCausalLM.from_pretrained(
                path, dtype=torch.bfloat16 if cuda else torch.float32, **source
            )
    except (OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise InputError(
            f"The base model {plan.base.name} cannot be loaded ({reason}): mend TWIN_BASE_MODEL."
        ) from error
    complete_tokenizer(tokenizer)
    if cuda:
        model = model.to("cuda")
    return model.eval(), tokenizer


def load_tokenizer(folder: Path) -> "PreTrainedTokenizerBase":
    """The tokenizer that was saved beside an adapter."""
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folder)


def complete_tokenizer(tokenizer: "PreTrainedTokenizerBase") -> None:
    """Give a tokenizer what a chat needs and no new tokens, since those would have to be trained.

    ChatML stands in where there is no template of its own, and the unknown or end-of-text token where there is no
    padding token: rows carry their own labels, so padding is never mistaken for the end of a turn.
    """
    if tokenizer.chat_template is None:
        logger.info("the base model has no chat template: ChatML is used")
        end = tokenizer.eos_token or "<|im_end|>"
        tokenizer.chat_template = CHATML.replace("<|im_end|>", end)
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.unk_token or tokenizer.eos_token
