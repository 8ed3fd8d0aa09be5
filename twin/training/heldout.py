"""Measures how well base and adapter predict words of the author that neither was trained on."""

import logging
import math
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from twin import layout
from twin.atomic import replacing, unwritable
from twin.identity import content_hash
from twin.models import Model
from twin.progress import Progress
from twin.prompts import end_of_turn
from twin.training.config import TrainingPlan
from twin.training.plan import read_rows
from twin.training.report import EvaluationReport
from twin.training.rows import Row, tokenized
from twin.training.verify import LoadedAdapter, load_adapter

CODE_VERSION = "evaluation-1"
_MAX_ROWS = 256
_BATCH = 8
_NEW_TOKENS = 48

logger = logging.getLogger("twin")


class _Stored(Model):
    key: str
    report: EvaluationReport


def evaluate(plan: TrainingPlan, loaded: LoadedAdapter | None = None) -> EvaluationReport:
    """Measure the loss of base and adapter on the test split, or on the validation split if there are no test rows.

    The result is stored in the adapter's folder as `evaluation.json`; the same adapter and rows are not measured twice.

    Args:
        plan: what was trained.
        loaded: the result of `load_adapter`, to load it only once.
    """
    key, split = _key(plan)
    stored = read_evaluation(plan)
    if stored is not None:
        return stored
    path = Path(plan.output) / layout.EVALUATION
    report = _measure(plan, loaded or load_adapter(plan), split, read_rows(plan, split))
    try:
        with replacing(path) as temporary:
            temporary.write_text(_Stored(key=key, report=report).model_dump_json(indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise unwritable(path, error) from error
    logger.info("%s loss of %s: %.3f -> %.3f nats", split, plan.author, report.base_loss, report.adapter_loss)
    return report


def read_evaluation(plan: TrainingPlan) -> EvaluationReport | None:
    """The stored evaluation of a plan's adapter on the current test rows; None if it must be measured.

    It needs no model, so it works without loading torch.
    """
    if not (Path(plan.output) / layout.EVALUATION).is_file():
        return None
    stored = _stored(Path(plan.output) / layout.EVALUATION)
    if stored is None or stored.key != _key(plan)[0]:
        return None
    return stored.report.model_copy(update={"written": 0})


def _key(plan: TrainingPlan) -> tuple[str, str]:
    """What an evaluation depends on, and the split that it measures."""
    split = next((name for name in ("test", "validation") if read_rows(plan, name)), "train")
    adapter = (Path(plan.output) / layout.TRAINING_RECORD).read_text(encoding="utf-8")
    rows = plan.files[layout.rows(split)]
    return content_hash({"adapter": adapter, "split": split, "rows": rows, "code": CODE_VERSION}), split


def _stored(path: Path) -> _Stored | None:
    if not path.is_file():
        return None
    try:
        return _Stored.model_validate_json(path.read_bytes())
    except ValidationError:
        return None  # from an older version, or damaged: measure again


def _measure(plan: TrainingPlan, loaded: LoadedAdapter, split: str, source: list[dict[str, Any]]) -> EvaluationReport:
    model, tokenizer = loaded.model, loaded.tokenizer
    ranked = sorted(source, key=lambda row: content_hash({"id": row["id"]}))[:_MAX_ROWS]
    rows = tokenized(ranked, tokenizer, plan.config.max_length).rows
    progress = Progress(f"evaluating the adapter of {plan.author}", 2 * len(rows))
    adapter_sum, tokens = completion_loss(model, rows, tokenizer.pad_token_id, progress)
    with model.disable_adapter():
        base_sum, _ = completion_loss(model, rows, tokenizer.pad_token_id, progress)
        base_text = _generate(loaded, rows)
    bits = math.log(2) * max(1, sum(len(row.output.encode()) for row in rows))
    base_loss, adapter_loss = base_sum / max(1, tokens), adapter_sum / max(1, tokens)
    numbers = {
        "base_loss": round(base_loss, 6),
        "adapter_loss": round(adapter_loss, 6),
        "base_bits_per_byte": round(base_sum / bits, 6),
        "adapter_bits_per_byte": round(adapter_sum / bits, 6),
        "gain": round(base_loss - adapter_loss, 6),
    }
    note = "Nothing is held out, so this is the loss on training rows and says nothing of unseen text."
    return EvaluationReport(
        data_version=content_hash({**numbers, "fingerprint": plan.fingerprint, "split": split, "code": CODE_VERSION}),
        total=len(rows),
        written=1,
        split=split,
        samples=len(rows),
        tokens=tokens,
        prompt=ranked[0]["prompt"][-1]["content"] if rows else "",
        base_text=base_text,
        adapter_text=_generate(loaded, rows),
        note=note if split == "train" else "",
        **numbers,
    )


def completion_loss(model: Any, rows: list[Row], pad: int, progress: Progress | None = None) -> tuple[float, int]:
    """Sum of the negative log-likelihood (nats) over the trained tokens of rows, and their number."""
    import torch

    total, tokens = 0.0, 0
    ordered = sorted(rows, key=lambda row: len(row.ids))
    for start in range(0, len(ordered), _BATCH):
        batch = ordered[start : start + _BATCH]
        longest = max(len(row.ids) for row in batch)
        ids = torch.tensor([row.ids + [pad] * (longest - len(row.ids)) for row in batch], device=model.device)
        mask = torch.tensor([[1] * len(row.ids) + [0] * (longest - len(row.ids)) for row in batch], device=model.device)
        labels = torch.tensor([row.labels + [-100] * (longest - len(row.ids)) for row in batch], device=model.device)
        with torch.no_grad():
            logits = model(input_ids=ids, attention_mask=mask).logits[:, :-1].float()
        total += float(torch.nn.functional.cross_entropy(logits.transpose(1, 2), labels[:, 1:], reduction="sum"))
        tokens += int((labels[:, 1:] != -100).sum())
        if progress:
            progress.advance(len(batch))
    return total, tokens


def _generate(loaded: LoadedAdapter, rows: list[Row]) -> str:
    """The model's greedy continuation of the first row's prompt, at most 48 tokens."""
    import torch

    if not rows:
        return ""
    ids = torch.tensor([rows[0].ids[: rows[0].prompt]], device=loaded.model.device)
    with torch.no_grad():
        out = loaded.model.generate(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            max_new_tokens=_NEW_TOKENS,
            do_sample=False,
            eos_token_id=end_of_turn(loaded.tokenizer),
            pad_token_id=loaded.tokenizer.pad_token_id,
        )
    return str(loaded.tokenizer.decode(out[0, ids.shape[1] :], skip_special_tokens=True))
