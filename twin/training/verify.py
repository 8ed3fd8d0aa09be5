"""Reads an adapter from disk and checks that it works: a saved file is not yet a working adapter."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from twin.errors import ConsistencyError
from twin.training.adapter import put_on
from twin.training.base_model import load_planned, prepare_process
from twin.training.config import AdapterCheck, TrainingPlan
from twin.training.plan import read_rows
from twin.training.record import read_record
from twin.training.rows import tokenized


@dataclass
class LoadedAdapter:
    """A base model with its adapter on it; `model.disable_adapter()` gives the base."""

    model: Any
    tokenizer: Any
    probe: Any  # token ids, shape (1, tokens)
    base_logits: Any  # logits of the base alone on `probe`, shape (1, tokens, vocabulary)


def load_adapter(plan: TrainingPlan) -> LoadedAdapter:
    """Load base and adapter from disk, and compute the base's logits before the adapter is put on it.

    Raises:
        ConsistencyError: the plan's folder has no intact adapter.
    """
    folder = Path(plan.output)
    if read_record(folder, plan.fingerprint) is None:
        raise ConsistencyError(f"{folder} has no intact adapter of this plan: train it again.")
    prepare_process(plan.config.threads)
    import torch

    base, tokenizer = load_planned(plan)
    row = tokenized(read_rows(plan, "train")[:8], tokenizer, plan.config.max_length).rows[0]
    probe = torch.tensor([row.ids], device=base.device)
    with torch.no_grad():
        logits = base(probe).logits
    model, tokenizer = put_on(base, folder)
    return LoadedAdapter(model, tokenizer, probe, logits)


def verify_adapter(plan: TrainingPlan, loaded: LoadedAdapter | None = None) -> AdapterCheck:
    """Check that the adapter of a plan, read from disk, changes the logits and can be switched off.

    Args:
        plan: what was trained.
        loaded: what `load_adapter` gave, to load it only once.
    """
    loaded = loaded or load_adapter(plan)
    import torch

    with torch.no_grad():
        adapted = loaded.model(loaded.probe).logits
        with loaded.model.disable_adapter():
            disabled = loaded.model(loaded.probe).logits
    finite = bool(torch.isfinite(adapted).all())
    difference = float((adapted - loaded.base_logits).abs().max()) if finite else 0.0
    off = float((disabled - loaded.base_logits).abs().max())
    problems = []
    if not finite:
        problems.append("the adapter gives logits that are not finite: lower the learning rate")
    elif difference == 0:
        problems.append("the adapter is inert: its weights do not reach the base model")
    if not torch.equal(disabled, loaded.base_logits):
        problems.append("with the adapter switched off the model is not its base")
    return AdapterCheck(
        passed=not problems,
        problems=problems,
        max_logit_difference=difference,
        disabled_difference=off,
        tokens=int(loaded.probe.shape[1]),
    )
