"""The only prompt: what training rows, the chat and exports send to the model, as text and as token ids."""

import logging
from typing import TYPE_CHECKING, Any

from twin.errors import ConsistencyError
from twin.models import Author

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

logger = logging.getLogger("twin")

Messages = list[dict[str, str]]
"""A conversation: `role` (system, user or assistant) and `content` of each message, oldest first."""

PAD, END_OF_TEXT, START_OF_TURN, END_OF_TURN = "<|pad|>", "<|endoftext|>", "<|im_start|>", "<|im_end|>"

CHATML = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\n' }}"
    "{% if message['role'] == 'assistant' %}"
    "{% generation %}{{ message['content'] + '<|im_end|>' }}{% endgeneration %}"
    "{% else %}{{ message['content'] + '<|im_end|>' }}{% endif %}"
    "{{ '\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
"""ChatML, with marks around the assistant's tokens; for a model without its own template."""

_PROBE = "zq0answer0qz"


def system_prompt(author: Author) -> str:
    """The system message of every sample, and of the twin trained on them."""
    who = f"{author.name}, {author.headline}" if author.headline else author.name
    return f"You are {who.rstrip('.')}. Write in your own words and in your own style."


def prompt_messages(system: str, question: str) -> Messages:
    """The prompt of a training row: the system message and one question."""
    return [{"role": "system", "content": system}, {"role": "user", "content": question}]


def complete_tokenizer(tokenizer: "PreTrainedTokenizerBase") -> None:
    """Give a tokenizer what a chat needs, without new tokens, because those would need training.

    ChatML is used if there is no template, and the unknown or end-of-text token if there is no padding token. Rows have
    their own labels, so padding is never taken for the end of a turn.
    """
    if tokenizer.chat_template is None:
        logger.info("the base model has no chat template: ChatML is used")
        tokenizer.chat_template = CHATML.replace(END_OF_TURN, tokenizer.eos_token or END_OF_TURN)
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.unk_token or tokenizer.eos_token


def prompt_ids(tokenizer: "PreTrainedTokenizerBase", prompt: Messages) -> list[int]:
    """The ids that a chat begins with: exactly what generation sees, so training and use cannot differ.

    If a template has no system role, the system message is put at the start of the user's message.
    """
    from jinja2 import TemplateError

    encoded: Any
    try:
        encoded = tokenizer.apply_chat_template(prompt, add_generation_prompt=True, return_dict=True)
    except TemplateError:
        joined = [{"role": "user", "content": "\n\n".join(message["content"] for message in prompt)}]
        encoded = tokenizer.apply_chat_template(joined, add_generation_prompt=True, return_dict=True)
    return list(encoded["input_ids"])


def end_of_turn(tokenizer: "PreTrainedTokenizerBase") -> int:
    """The token that ends an assistant's turn in the chat template; for most models it is the eos token.

    Raises:
        ConsistencyError: there is no such token.
    """
    rendered = tokenizer.apply_chat_template(
        [{"role": "user", "content": "?"}, {"role": "assistant", "content": _PROBE}], tokenize=False
    )
    tail = str(rendered).rsplit(_PROBE, 1)[-1].strip()
    if tail:
        first: int = tokenizer(tail, add_special_tokens=False)["input_ids"][0]
        if first in tokenizer.all_special_ids or first in tokenizer.added_tokens_decoder:
            return first
    if tokenizer.eos_token_id is None:
        raise ConsistencyError("The tokenizer of the base model has no end-of-turn token: use another base model.")
    return int(tokenizer.eos_token_id)
