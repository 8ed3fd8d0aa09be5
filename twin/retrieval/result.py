"""What a search returns: hits, a context for a language model, and a trace of every step."""

from dataclasses import dataclass, field
from typing import Any

from twin.models import Category, Chunk
from twin.vectors.base import Where


@dataclass(frozen=True)
class Copy:
    """A chunk that says the same as a hit and was folded into it."""

    chunk_id: str
    link: str
    path: str | None
    start: int
    end: int


@dataclass(frozen=True)
class Hit:
    """One passage of one document: a chunk, or neighbouring chunks joined.

    `text` is the passage as it is in the cleaned document from `start` to `end`; white space between two joined chunks,
    which belongs to neither, is written as newlines.
    """

    chunk: Chunk  # the best chunk of the passage; it has the link, title, author and other facts of the document
    score: float  # in [0, 1]; comparable within one result, also between categories
    text: str
    start: int  # in characters of the cleaned document
    end: int
    chunk_ids: tuple[str, ...]  # in the order of the text
    copies: tuple[Copy, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The hit as JSON values."""
        chunk = self.chunk
        return {
            "score": round(self.score, 6),
            "author": chunk.author,
            "category": chunk.category.value,
            "platform": chunk.platform,
            "title": chunk.title,
            "link": chunk.link,
            "path": chunk.path,
            "published_at": chunk.published_at.isoformat() if chunk.published_at else None,
            "start": self.start,
            "end": self.end,
            "text": self.text,
            "document_id": chunk.document_id,
            "chunk_id": chunk.id,
            "chunk_ids": list(self.chunk_ids),
            "copies": [vars(copy) for copy in self.copies],
        }


@dataclass(frozen=True)
class Context:
    """Numbered passages for a language model, and the hits that the numbers refer to: `[n]` is `hits[n - 1]`."""

    text: str
    tokens: int  # counted by the embedding model's tokenizer
    hits: tuple[Hit, ...]


@dataclass
class Trace:
    """Every step of one search. The same search of the same points gives an equal trace, except for `timings_ms`."""

    question: str
    model: str
    author: str | None = None
    queries: list[dict[str, str]] = field(default_factory=list)  # text and the rule that made it, the question first
    rules: list[str] = field(default_factory=list)  # the rules of self-query that matched, in order
    notes: list[str] = field(default_factory=list)  # sentences for the reader
    where: dict[str, Any] = field(default_factory=dict)
    categories: list[str] = field(default_factory=list)
    languages: list[str] = field(default_factory=list)  # languages that the query's words were stemmed in
    lists: list[dict[str, Any]] = field(default_factory=list)  # lengths and weights of the lists that were fused
    reranked: dict[str, Any] = field(default_factory=dict)
    ranked: list[dict[str, Any]] = field(default_factory=list)  # the chunks looked at, best first, with all scores
    folded: list[dict[str, str]] = field(default_factory=list)
    joined: list[list[str]] = field(default_factory=list)
    dropped: list[dict[str, str]] = field(default_factory=list)  # what is not in a hit or not in the context, and why
    timings_ms: dict[str, float] = field(default_factory=dict)

    def conditions(self, where: Where, categories: tuple[Category, ...]) -> None:
        """Record what was searched."""
        self.where = where.model_dump(mode="json", exclude_defaults=True)
        self.categories = [category.value for category in categories]

    def as_dict(self, *, timings: bool = True) -> dict[str, Any]:
        """The trace as JSON values; without the timings, two traces can be compared."""
        return {name: value for name, value in vars(self).items() if timings or name != "timings_ms"}


@dataclass(frozen=True)
class Result:
    """The passages that were found, best first."""

    hits: tuple[Hit, ...]
    trace: Trace
    context: Context | None = None  # set if a budget was given

    @property
    def notes(self) -> list[str]:
        """What the reader should know, such as that an author is unknown."""
        return self.trace.notes

    def as_dict(self) -> dict[str, Any]:
        """The whole result as JSON values."""
        context = None
        if self.context is not None:
            context = {"text": self.context.text, "tokens": self.context.tokens, "hits": len(self.context.hits)}
        return {
            "hits": [hit.as_dict() for hit in self.hits],
            "notes": self.notes,
            "context": context,
            "trace": self.trace.as_dict(),
        }
