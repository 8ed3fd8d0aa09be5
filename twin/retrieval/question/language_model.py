"""Self-query and expansion by a language model behind an OpenAI-compatible endpoint; never needed, never trusted.

The model is asked for one JSON object, which is checked field by field; whatever goes wrong (no answer, no JSON, an
author that nobody knows), the rules of `twin.retrieval.question.asked` stand.
"""

import json
import logging
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import requests
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from twin.models import Author, Category

logger = logging.getLogger("twin")

TIMEOUT_S = 10.0
_LONGEST_ANSWER = 100_000

_INSTRUCTION = """You turn a question about what people wrote into a search. Answer with one JSON object and nothing \
else, with these fields; leave out what the question does not say:
"query": the question without the conditions below,
"author": the slug of one author of this list, only if the question names that person: {authors},
"platforms": any of linkedin, github, gitlab, medium, substack, devto, web,
"categories": any of {categories},
"languages": ISO 639-1 codes of the texts that are wanted,
"published_from", "published_until": ISO dates, the second one excluded; today is {today},
"variants": at most 2 other ways to ask the same question."""


class Understanding(BaseModel):
    """What the model made of a question. What it adds beside these fields is left alone."""

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
        model: its name there.
        api_key: sent as a bearer token; never logged.
        timeout_s: for connecting and for each part of the answer.
    """

    def __init__(self, url: str, model: str, api_key: str | None = None, timeout_s: float = TIMEOUT_S) -> None:
        self.url, self.model = url.rstrip("/"), model
        self._api_key, self._timeout_s = api_key, timeout_s

    def understand(self, question: str, authors: Sequence[Author], today: date) -> Understanding:
        """Ask the model.

        Raises:
            ValueError: there was no answer that can be used; one sentence says why.
        """
        instruction = _INSTRUCTION.format(
            authors=", ".join(f"{author.slug} ({author.name})" for author in authors) or "nobody",
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
            return Understanding.model_validate(_object(self._post(body)))
        except ValidationError as error:
            where = ".".join(map(str, error.errors(include_url=False, include_input=False)[0]["loc"]))
            raise ValueError(f"the answer's field {where} cannot be used") from error

    def _post(self, body: dict[str, Any]) -> str:
        headers = {"Authorization": f"Bearer {self._api_key}"} if self._api_key else {}
        try:
            with requests.post(
                f"{self.url}/chat/completions", json=body, headers=headers, timeout=self._timeout_s, stream=True
            ) as response:
                if response.status_code != requests.codes.ok:
                    raise ValueError(f"the endpoint answered {response.status_code}")
                content = response.raw.read(_LONGEST_ANSWER, decode_content=True)
            return str(json.loads(content)["choices"][0]["message"]["content"])
        except requests.RequestException as error:
            raise ValueError(f"the endpoint cannot be reached ({type(error).__name__})") from error
        except (KeyError, IndexError, TypeError, ValueError) as error:
            if type(error) is ValueError:
                raise
            raise ValueError("the endpoint's answer is no chat completion") from error


def _object(text: str) -> Any:
    """The JSON object of an answer, also where prose or a code fence stands around it."""
    start, end = text.find("{"), text.rfind("}")
    try:
        return json.loads(text[start : end + 1])
    except ValueError as error:
        raise ValueError("the answer is no JSON object") from error
