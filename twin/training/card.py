"""The card of an adapter: what it is, what it was trained on, how good it is, and how to load it.

It is `README.md` in the adapter's folder. It is written from the record and the evaluation, so it is not part of the
record and an adapter of an older version gets one without being trained again. It names no path of this machine: the
base model of the store is found from the folder itself, so the store can be moved.
"""

import json
from pathlib import Path

from twin import layout
from twin.atomic import replacing, unwritable
from twin.training.config import TrainingPlan
from twin.training.plan import read_rows
from twin.training.record import check_record
from twin.training.report import EvaluationReport


def write_card(plan: TrainingPlan, evaluation: EvaluationReport | None) -> bool:
    """Write the card of a trained adapter; return False if it is the same already.

    Raises:
        ConsistencyError: the folder has no intact adapter, or its training rows have changed.
        StoreError: the card cannot be written.
    """
    path = Path(plan.output) / layout.ADAPTER_CARD
    content = card(plan, evaluation).encode()
    if path.is_file() and path.read_bytes() == content:
        return False
    try:
        with replacing(path) as temporary:
            temporary.write_bytes(content)
    except OSError as error:
        raise unwritable(path, error) from error
    return True


def card(plan: TrainingPlan, evaluation: EvaluationReport | None) -> str:
    """Render the card; equal records and evaluations give equal bytes."""
    record = check_record(Path(plan.output))
    config = record.config
    lines = [
        "---",
        f"base_model: {json.dumps(record.base_model)}",
        "library_name: peft",
        "pipeline_tag: text-generation",
        "license: other",
        "license_name: unknown",
        "tags: [lora, llm-twin]",
        "---",
        "",
        f"# The adapter of {record.author}",
        "",
        f"A LoRA adapter for `{record.base_model}`, trained to write like {record.author}.",
        "",
        f"* Trained on {record.rows} samples, {record.trained_tokens} tokens of the author's own words: "
        f"{record.steps} steps, rank {config.rank}, learning rate {config.learning_rate:g}.",
        f"* Training loss: {record.losses[0]:.3f} at the first step, {record.losses[-1]:.3f} at the last, in nats per "
        "token.",
    ]
    if evaluation is not None:
        lines += [_measured(evaluation), *([f"* {evaluation.note}"] if evaluation.note else [])]
    if plan.base.kind == "nano":
        lines.append("* The base model is tiny and was made on the spot to test the pipeline. It cannot talk.")
    versions = ", ".join(f"{name} {version}" for name, version in record.versions.items())
    lines += [f"* Made with {versions}. `{layout.TRAINING_RECORD}` says everything else.", "", "## How to load it", ""]
    lines += [*_where(plan), "", "```python", *_code(plan), "```", ""]
    lines.append(
        "The weights were trained on a person's own words: keep them private unless that person says otherwise. The "
        "licence of the base model applies as well."
    )
    return "\n".join(lines) + "\n"


def _measured(evaluation: EvaluationReport) -> str:
    text = "text that neither model was trained on" if evaluation.split != "train" else "the training samples"
    return (
        f"* Loss on {text} ({evaluation.samples} sample{'s' * (evaluation.samples != 1)}): "
        f"{evaluation.base_loss:.3f} with the base model, {evaluation.adapter_loss:.3f} with the adapter, in nats per "
        "token. Lower is better."
    )


def _where(plan: TrainingPlan) -> list[str]:
    if plan.base.kind == "hub":
        return [
            "`AutoPeftModelForCausalLM.from_pretrained` works with this folder. With the revision of the base model:"
        ]
    return [
        "The base model is a folder on the machine where the adapter was trained, so `AutoPeftModelForCausalLM` cannot",
        "find it by its name. Start Python in this folder:",
    ]


def _code(plan: TrainingPlan) -> list[str]:
    """Python that loads the adapter from inside its folder and lets it answer."""
    revision = f", revision={plan.base.revision!r}" if plan.base.kind == "hub" and plan.base.revision else ""
    folder = Path(plan.output)
    match plan.base.kind:
        case "hub":
            base = repr(plan.base.name)
        case "nano":
            up = "/".join([".."] * len(layout.adapter(plan.author, plan.fingerprint)))
            base = repr(f"{up}/{'/'.join(layout.base_models(plan.author))}/{plan.base.name}")
        case _:
            base = f'open("../{layout.noted_base(folder.name)}", encoding="utf-8").read().strip()'
    system, question = (message["content"] for message in read_rows(plan, "train")[0]["prompt"])
    return [
        "from peft import PeftModel",
        "from transformers import AutoModelForCausalLM, AutoTokenizer",
        "",
        f"base = AutoModelForCausalLM.from_pretrained({base}{revision})",
        'model, tokenizer = PeftModel.from_pretrained(base, "."), AutoTokenizer.from_pretrained(".")',
        f'prompt = [{{"role": "system", "content": {system!r}}},',
        f'          {{"role": "user", "content": {question!r}}}]',
        "ids = tokenizer.apply_chat_template(",
        '    prompt, add_generation_prompt=True, return_dict=True, return_tensors="pt")',
        "print(tokenizer.decode(model.generate(**ids, max_new_tokens=60)[0, ids['input_ids'].shape[1]:]))",
    ]
