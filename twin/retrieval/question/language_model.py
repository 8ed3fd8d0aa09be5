"""Self-query and expansion by a language model behind an OpenAI-compatible endpoint; optional, and never trusted.

The model is asked for one JSON object, and every field of it is checked. If anything is wrong (no answer, no JSON, an
unknown author), the rules of `twin.retrieval.question.asked` are used.
"""

import json
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from twin.endpoint import Endpoint, Names
from twin.errors import TwinError
from twin.models import Author, Category
from twin.text.platforms import PLATFORMS, WEB

TIMEOUT_S = 10.0
_LONGEST_ANSWER = 100_000
_NAMES = Names(url="TWIN_LANGUAGE_MODEL_URL", key="TWIN_LANGUAGE_MODEL_API_KEY", model="TWIN_LANGUAGE_MODEL")

_INSTRUCTION = """You turn a question about what people wrote into a search. Answer with one JSON object and nothing \
else, with these fields; leave out what the question does not say:
"query": the question without the conditions below,
"author": the slug of one author of this list, only if the question names that person: {authors},
"platforms": any of {platforms},
"categories": any of {categories},
"languages": ISO 639-1 codes of the texts that are wanted,
"published_from", "published_until": ISO dates, the second one excluded; today is {today},
"variants": at most 2 other ways to ask the same question."""


class Understanding(BaseModel):
    """What the model understood. Other fields of its answer are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    query: str = Field(default="", max_length=2000)
    author: str | None = None
    platforms: tuple[str, ...] = Field(default=(), max_length=10)
    categories: tuple[Category, ...] = Field(default=(), max_length=len(Category))
    languages: tuple[str, ...] = Field(default=(), max_length=10)
    published_from: date | datetime | None = None
    published_until: date | datetime | None = None
    variants: tuple[str, ...] = Field(default=(), max_length=5)


class LanguageModel:
    """A chat model that answers `POST {url}/chat/completions`.

    Args:
        url: base address, such as `http://localhost:8000/v1`.
        model: its name at the endpoint.
        api_key: sent as a bearer token; never logged.
        timeout_s: for the whole answer. There is no retry: somebody is waiting.

    Raises:
        InputError: the address or the key cannot be used.
    """

    def __init__(self, url: str, model: str, api_key: str | None = None, timeout_s: float = TIMEOUT_S) -> None:
        self.model = model
        self._endpoint = Endpoint(
            url,
            "chat/completions",
            key=SecretStr(api_key) if api_key else None,
            names=_NAMES,
            timeout_s=(timeout_s, timeout_s),
            longest_s=timeout_s,
            longest_answer=_LONGEST_ANSWER,
        )

    def understand(self, question: str, authors: Sequence[Author], today: date) -> Understanding:
        """Ask the model about a question.

        Raises:
            ValueError: there is no usable answer; one sentence says why.
        """
        instruction = _INSTRUCTION.format(
            authors=", ".join(f"{author.slug} ({author.name})" for author in authors) or "nobody",
            platforms=", ".join([*PLATFORMS, WEB]),
            categories=", ".join(Category),
            today=today.isoformat(),
        )
        body = {
            "model": self.model,
            "temperature": 0,
            "response_format": {"type": "json_object"},
            "messages": [
                {"role": "system", "content": instruction},
                {"role": "user", "content": question},
            ],
        }
        try:
            return Understanding.model_validate(_object(self._answer(body)))
        except ValidationError as error:
            where = ".".join(map(str, error.errors(include_url=False, include_input=False)[0]["loc"]))
            raise ValueError(f"the answer's field {where} cannot be used") from error

    def _answer(self, body: dict[str, Any]) -> str:
        expected = "a chat completion"
        try:
            return str(self._endpoint.post(body, expected)["choices"][0]["message"]["content"])
        except TwinError as error:
            raise ValueError(str(error).removesuffix(".")) from error
        except (KeyError, IndexError, TypeError) as error:
            raise ValueError(f"{self._endpoint.url} answered with something other than {expected}") from error


def _object(text: str) -> Any:
    """The JSON object in an answer, even if it is surrounded by prose or a code fence."""
    start, end = text.find("{"), text.rfind("}")
    try:
        return json.loads(text[start : end + 1])
    except ValueError as error:
        raise ValueError("the answer is not a JSON object") from error
