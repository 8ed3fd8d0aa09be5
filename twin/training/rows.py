"""Training rows as token ids: what is masked, what is trained, and how every row ends.

The tokens are made here and not by the trainer, so the assertions check exactly what is trained.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from twin.dataset.spans import sentence_ends
from twin.errors import ConsistencyError
from twin.prompts import end_of_turn, prompt_ids

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

IGNORED = -100
_MIN_CHARACTERS = 80  # below this a shortened output is not worth a row


@dataclass(frozen=True)
class Row:
    """One example: `ids[prompt:]` is the output and the end of the turn, the only part with a loss."""

    ids: list[int]
    prompt: int
    output: str

    @property
    def labels(self) -> list[int]:
        return [IGNORED] * self.prompt + self.ids[self.prompt :]


@dataclass
class Rows:
    """The rows of a split that fit, and how many did not."""

    rows: list[Row] = field(default_factory=list)
    shortened: int = 0
    dropped: int = 0


def tokenized(rows: list[dict[str, Any]], tokenizer: "PreTrainedTokenizerBase", max_length: int) -> Rows:
    """Turn JSONL rows into ids.

    A row longer than `max_length` is cut at the last sentence that fits, so its end is trained like any other. Code,
    and rows that ask for a certain length, are dropped instead.

    Raises:
        ConsistencyError: a row would train nothing or would not train its end.
    """
    end = end_of_turn(tokenizer)
    made = Rows()
    for row in rows:
        prompt = prompt_ids(tokenizer, row["prompt"])
        output = row["completion"][0]["content"]
        ids = [*prompt, *_content_ids(tokenizer, output), end]
        if len(ids) > max_length:
            output = (
                ""
                if row["task"] in ("code", "constrained")
                else _fitting(tokenizer, output, max_length - len(prompt) - 1)
            )
            if not output:
                made.dropped += 1
                continue
            made.shortened += 1
            ids = [*prompt, *_content_ids(tokenizer, output), end]
        made.rows.append(Row(ids, len(prompt), output))
    for made_row in made.rows:
        if len(made_row.ids) > max_length or len(made_row.ids) < made_row.prompt + 2 or made_row.labels[-1] != end:
            raise ConsistencyError("A training row has no trained token or no trained end. This is a bug in LLM Twin.")
    return made


def _content_ids(tokenizer: "PreTrainedTokenizerBase", text: str) -> list[int]:
    """Ids of plain text: special tokens that an author writes about stay text and do not end a turn."""
    return list(tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"])


def _fitting(tokenizer: "PreTrainedTokenizerBase", output: str, room: int) -> str:
    """The longest start of `output` that ends with a sentence and has at most `room` tokens; empty if there is none."""
    for stop in reversed(sentence_ends(output)):
        if stop < _MIN_CHARACTERS:
            break
        if len(_content_ids(tokenizer, output[:stop])) <= room:
            return output[:stop]
    return ""
