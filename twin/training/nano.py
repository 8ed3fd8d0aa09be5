"""`nano`: a Llama small enough to be made on the spot, without a download.

Its tokenizer is made from the author's training documents. Its weights are pre-trained on the language reference that
every CPython contains. That prose is not the author's, so the adapter's gain on the author's held-out words was learned
from the author. It tests the pipeline from text to adapter on any machine. It cannot talk.
"""

import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twin import layout
from twin.errors import ConsistencyError, InputError
from twin.progress import Progress
from twin.prompts import CHATML, END_OF_TEXT, END_OF_TURN, PAD, START_OF_TURN
from twin.training.config import TrainingPlan
from twin.training.console import heartbeat
from twin.training.folders import build_folder, file_hash, locked

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

logger = logging.getLogger("twin")

_VOCABULARY = 2048
_LENGTH = 128  # tokens per pre-training row
_BATCH = 4  # many small steps learn more from little text than few large ones
_PASSES = 6
_MAX_STEPS = 300
_LEARNING_RATE = 4e-3


def ensure_nano(plan: TrainingPlan) -> Path:
    """Return the folder of the nano base of this plan; make it if it is missing."""
    folder = Path(plan.base.path)
    with locked(folder):
        if not (folder / "config.json").is_file():
            build_folder(folder, lambda target: _build(plan, target))
    return folder


def _build(plan: TrainingPlan, target: Path) -> None:
    texts = read_corpus(plan)
    with heartbeat(f"making a tokenizer from {len(texts)} documents"):
        tokenizer = train_tokenizer(texts)
    tokenizer.save_pretrained(target)
    model = _pretrain(tokenizer, neutral_texts())
    model.save_pretrained(target)


def read_corpus(plan: TrainingPlan) -> list[str]:
    """The texts of the training documents.

    Raises:
        ConsistencyError: the file has changed since the plan was made.
    """
    path = Path(plan.dataset) / layout.CORPUS
    if not path.is_file() or file_hash(path) != plan.files[path.name]:
        raise ConsistencyError(f"{path} has changed since the training was planned: run it again.")
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line)["text"] for line in lines]


def neutral_texts() -> list[str]:
    """English prose that is not the author's: the topics of Python's language reference, in a fixed order.

    Raises:
        InputError: this Python was installed without its documentation data.
    """
    try:
        from pydoc_data.topics import topics
    except ImportError as error:
        raise InputError(
            "The base model nano needs pydoc_data, which this Python lacks: install its full standard library, or "
            "name another base model in TWIN_BASE_MODEL."
        ) from error
    return [text for _, text in sorted(topics.items())]


def train_tokenizer(texts: list[str]) -> "PreTrainedTokenizerFast":
    """A byte-level BPE tokenizer: it can encode any text."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=_VOCABULARY,
        special_tokens=[PAD, END_OF_TEXT, START_OF_TURN, END_OF_TURN],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    wrapped: PreTrainedTokenizerFast = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=tokenizer,
        pad_token=PAD,
        eos_token=END_OF_TURN,
        additional_special_tokens=[END_OF_TEXT, START_OF_TURN],
        clean_up_tokenization_spaces=False,
        model_max_length=2048,
    )
    wrapped.chat_template = CHATML
    return wrapped


def _pretrain(tokenizer: "PreTrainedTokenizerFast", texts: list[str]) -> Any:
    """Train a new Llama to predict texts, each in the form of a turn of the assistant.

    The form is that of a chat, so the adapter's later gain is not just the template.
    """
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    start = tokenizer(START_OF_TURN, add_special_tokens=False)["input_ids"]
    model: Any = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=64,
            intermediate_size=192,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=4,
            max_position_embeddings=2048,
            tie_word_embeddings=True,
            pad_token_id=tokenizer.pad_token_id,
            bos_token_id=start[0],
            eos_token_id=tokenizer.eos_token_id,
        )
    )
    head = tokenizer(f"{START_OF_TURN}assistant\n", add_special_tokens=False)["input_ids"]
    ids: list[int] = []
    for content in tokenizer(texts, add_special_tokens=False)["input_ids"]:
        ids += [*head, *content, tokenizer.eos_token_id]
    ids *= max(1, -(-2 * _LENGTH // len(ids)))
    rows = torch.tensor(ids[: len(ids) // _LENGTH * _LENGTH]).view(-1, _LENGTH)
    steps = min(_MAX_STEPS, max(20, _PASSES * len(rows) // _BATCH))
    optimizer = torch.optim.AdamW(model.parameters(), lr=_LEARNING_RATE, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, _LEARNING_RATE, total_steps=steps, pct_start=0.1)
    generator = torch.Generator().manual_seed(0)
    order = torch.cat([torch.randperm(len(rows), generator=generator) for _ in range(steps * _BATCH // len(rows) + 1)])
    progress = Progress("pre-training nano", steps)
    model.train()
    for step in range(steps):
        batch = rows[order[step * _BATCH : (step + 1) * _BATCH]]
        loss = model(input_ids=batch, labels=batch).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        progress.advance(1, f"loss {loss.item():.2f}")
    logger.info("nano: %d tokens, %d steps, loss %.2f nats", len(ids), steps, loss.item())
    return model.eval()
