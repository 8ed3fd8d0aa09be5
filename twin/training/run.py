"""Trains one LoRA adapter, or finds that it was already trained."""

import json
import logging
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twin import layout
from twin.errors import InputError
from twin.identity import content_hash
from twin.progress import Progress
from twin.training.adapter import note_base
from twin.training.base_model import load_planned, prepare_process
from twin.training.config import TrainingPlan, TrainingRecord, TrainingReport
from twin.training.console import forwarded, heartbeat
from twin.training.folders import build_folder, file_hashes, locked
from twin.training.plan import read_rows
from twin.training.record import WEIGHTS, read_record
from twin.training.rows import Rows, tokenized

logger = logging.getLogger("twin")


def run_training(plan: TrainingPlan, report: Callable[[str], None] | None = None) -> TrainingReport:
    """Train the adapter of a plan, or reuse the stored one if it is intact.

    The same plan gives the same weights, byte for byte, on the same kind of machine. A killed run leaves nothing that
    a later run could mistake for an adapter.

    Args:
        plan: from `plan_training`.
        report: receives every line of progress, in addition to the log.

    Raises:
        InputError: the base model cannot be loaded, or no row fits it.
        StoreError: the adapter cannot be written.
    """
    folder = Path(plan.output)
    with forwarded(report), locked(folder):
        record = read_record(folder, plan.fingerprint)
        if record is not None:
            logger.info("reusing the adapter of %s: nothing it depends on has changed", plan.author)
            return _report(plan, record, reused=True)
        prepare_process(plan.config.threads)
        note_base(folder, plan.base)
        build_folder(folder, lambda target: _train(plan, target))
        record = TrainingRecord.model_validate_json((folder / layout.TRAINING_RECORD).read_bytes())
        return _report(plan, record, reused=False)


def _train(plan: TrainingPlan, target: Path) -> None:
    started = time.monotonic()
    model, tokenizer = load_planned(plan)
    data = tokenized(read_rows(plan, "train"), tokenizer, plan.config.max_length)
    if not data.rows:
        raise InputError(f"No training row of {plan.author} fits {plan.config.max_length} tokens: raise max_length.")
    if data.dropped or data.shortened:
        logger.info("%d rows shortened and %d dropped to fit the length", data.shortened, data.dropped)
    trainer = _trainer(plan, model, tokenizer, data, target / "trainer")
    trainer.train()
    shutil.rmtree(target / "trainer", ignore_errors=True)
    trainer.model.save_pretrained(target, save_embedding_layers=False)
    tokenizer.save_pretrained(target)
    _normalise(target, plan.base.name)
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    record = TrainingRecord(
        author=plan.author,
        fingerprint=plan.fingerprint,
        base_model=plan.base.name,
        base_revision=plan.base.revision,
        base_kind=plan.base.kind,
        base_contents=content_hash(file_hashes(Path(plan.base.path))) if plan.base.kind == "nano" else None,
        config=plan.config,
        versions=plan.versions,
        dataset_version=plan.dataset_version,
        train_version=plan.train_version,
        rows=len(data.rows),
        rows_shortened=data.shortened,
        rows_dropped=data.dropped,
        trained_tokens=sum(len(row.ids) - row.prompt for row in data.rows),
        steps=trainer.state.global_step,
        losses=[round(loss, 4) for loss in losses],
        seconds=round(time.monotonic() - started, 1),
        files=file_hashes(target),
    )
    (target / layout.TRAINING_RECORD).write_text(record.model_dump_json(indent=2) + "\n", encoding="utf-8")
    logger.info("adapter of %s: %d steps on %d rows, loss %.2f", plan.author, record.steps, record.rows, losses[-1])


def _trainer(plan: TrainingPlan, model: Any, tokenizer: Any, data: Rows, folder: Path) -> Any:
    """TRL's SFTTrainer for tokenized rows; it sets the seed before it creates the LoRA weights."""
    with heartbeat("loading trl and peft"):
        import torch
        from datasets import Dataset
        from peft import LoraConfig
        from transformers import PrinterCallback
        from trl import SFTConfig, SFTTrainer
    config = plan.config
    cuda = torch.cuda.is_available()
    steps_per_epoch = -(-len(data.rows) // (config.batch_size * config.accumulation))
    steps = max(1, round(config.epochs * steps_per_epoch))
    if config.max_steps is not None:
        steps = min(steps, config.max_steps)
    targets = config.target_modules
    trainer = SFTTrainer(
        model=model,
        processing_class=tokenizer,
        train_dataset=Dataset.from_list([{"input_ids": row.ids, "labels": row.labels} for row in data.rows]),
        peft_config=LoraConfig(
            r=config.rank,
            lora_alpha=config.alpha,
            lora_dropout=config.dropout,
            target_modules=targets if isinstance(targets, str) else list(targets),
            bias="none",
            task_type="CAUSAL_LM",
        ),
        callbacks=[_callback(plan.author, steps)],
        args=SFTConfig(
            output_dir=str(folder),
            max_steps=steps,
            per_device_train_batch_size=config.batch_size,
            gradient_accumulation_steps=config.accumulation,
            learning_rate=config.learning_rate,
            lr_scheduler_type="linear",
            warmup_steps=round(config.warmup_share * steps),
            weight_decay=config.weight_decay,
            max_length=config.max_length,
            dataset_kwargs={"skip_prepare_dataset": True},
            seed=config.seed,
            data_seed=config.seed,
            use_cpu=not cuda,
            bf16=cuda,
            gradient_checkpointing=cuda,
            dataloader_num_workers=0,
            dataloader_pin_memory=False,
            logging_steps=1,
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
            log_level="error",
        ),
    )
    trainer.remove_callback(PrinterCallback)
    return trainer


def _callback(author: str, steps: int) -> Any:
    from transformers import TrainerCallback

    class Lines(TrainerCallback):
        """Logs steps, loss and time left."""

        def __init__(self) -> None:
            self.progress = Progress(f"training the adapter of {author}", steps)

        def on_log(self, *_: Any, logs: dict[str, Any] | None = None, **__: Any) -> None:
            if logs and "loss" in logs:
                self.progress.advance(1, f"loss {float(logs['loss']):.2f}")

    return Lines()


def _normalise(folder: Path, base: str) -> None:
    """Remove this machine's paths and the random order of modules from the adapter's files."""
    path = folder / "adapter_config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    config["base_model_name_or_path"] = base
    if isinstance(config.get("target_modules"), list):
        config["target_modules"] = sorted(config["target_modules"])
    path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    (folder / "README.md").unlink(missing_ok=True)  # peft's is 200 lines of "More Information Needed"
    settings = folder / "tokenizer_config.json"
    tokenizer = json.loads(settings.read_text(encoding="utf-8"))
    tokenizer.pop("name_or_path", None)
    settings.write_text(json.dumps(tokenizer, indent=2, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")


def _report(plan: TrainingPlan, record: TrainingRecord, *, reused: bool) -> TrainingReport:
    tail = record.losses[-max(1, len(record.losses) // 10) :]
    return TrainingReport(
        data_version=record.files[WEIGHTS],
        total=record.rows,
        written=0 if reused else 1,
        path=plan.output,
        fingerprint=record.fingerprint,
        base_model=record.base_model,
        base_revision=record.base_revision,
        reused=reused,
        rows_shortened=record.rows_shortened,
        rows_dropped=record.rows_dropped,
        trained_tokens=record.trained_tokens,
        steps=record.steps,
        first_loss=record.losses[0],
        last_loss=round(sum(tail) / len(tail), 4),
        training_seconds=record.seconds,
        files=record.files,
    )
