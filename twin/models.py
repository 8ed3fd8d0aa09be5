"""The vocabulary as types: author, link, document, chunk, instruction sample, and what a stage reports."""

from datetime import datetime
from enum import StrEnum
from functools import cache
from operator import itemgetter
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import to_json

from twin.categories import Category as Category  # noqa: PLC0414 - a word of this vocabulary, passed on
from twin.identity import AuthorSlug, content_hash, document_id, sha256


class State(StrEnum):
    """The state of a document in the warehouse; each is one collection."""

    RAW = "raw"
    CLEANED = "cleaned"


IMPORT = "import"
"""The kind of a link that came with `twin import`: its documents are already in the warehouse, and no crawler reads it.
Every other kind is the name of a crawler, see `twin.crawling.base`."""


ORIGIN = "handbook"
"""Metadata entry of an imported raw document: fields of its source that are needed to export it and kept nowhere else.
It is never copied into the cleaned document."""


class Model(BaseModel):
    """Immutable, and strict about unknown fields, so that a typo is an error and not a silent default."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @classmethod
    def trusted(cls, values: dict[str, Any]) -> Self:
        """A model from values that are known to be valid, for *every* field: `model_construct` at a fifth of its cost.

        The model takes over the dictionary.
        """
        made = cls.__new__(cls)
        _assign(made, "__dict__", values)
        _assign(made, "__pydantic_fields_set__", _every_field(cls))
        _assign(made, "__pydantic_extra__", None)
        _assign(made, "__pydantic_private__", None)
        return made


_assign = object.__setattr__


@cache
def _every_field(model: type[Model]) -> set[str]:
    """The names of a model's fields, cached: every trusted model gets a copy of this set."""
    return set(model.model_fields)


class Link(Model):
    """One source of an author.

    `url` is canonical (see `twin.links`) and, together with the author, its identity: an http(s) URL, or `local:<path
    as declared>` for something on this machine. `location` is where a local source really is; it depends on the
    machine, so it is not part of any id or hash.
    """

    author: AuthorSlug
    url: str
    kind: str = Field(pattern=r"^[a-z][a-z_]*$")  # the crawler that reads it, or `IMPORT`
    categories: tuple[Category, ...]
    origin: Literal["file", "added", "import"] = "file"
    include: tuple[str, ...] = ()  # gitignore-style patterns; empty means everything
    exclude: tuple[str, ...] = ()
    also: tuple[str, ...] = ()  # what its crawler reads only if asked, such as "comments"
    location: str | None = None

    @property
    def content_hash(self) -> str:
        return content_hash(self.model_dump(mode="json", exclude={"location"}))


class Author(Model):
    """The person a twin is made of, as declared in `authors/<slug>.yaml` or brought in by `twin import`."""

    slug: AuthorSlug
    name: str
    headline: str | None = None  # one line about the author; goes into the system prompt of the twin
    language: str | None = None  # ISO 639-1 code of the author's main language
    aliases: tuple[str, ...] = ()  # other names and handles that the author publishes under

    @property
    def content_hash(self) -> str:
        return content_hash(self.model_dump(mode="json"))


class Document(Model):
    """One post, one article, or one file of a repository, in one state.

    `link` is the document's own canonical address, `source` the url of the `Link` it was read from; they differ for the
    posts of an export archive and for the files of a repository. `text` of a repository file is its UTF-8 text, byte
    for
    byte: newlines, BOM and all.
    """

    author: AuthorSlug = Field(description="slug of the author")
    category: Category = Field(description="the kind of document, which is the column of the graph")
    link: str = Field(description="its own address")
    path: str | None = Field(default=None, description="where it is in its repository or folder")
    source: str = Field(description="the declared link that it was read from")
    platform: str = Field(description="github, linkedin, medium, substack, web, local, ...")
    title: str | None = Field(default=None, description="its title, if it has one")
    text: str = Field(description="all of its text")
    language: str | None = Field(default=None, description="ISO 639-1 code of its language")
    published_at: datetime | None = Field(default=None, description="when it was published")
    metadata: dict[str, Any] = Field(
        default_factory=dict, description="what else is known of it, as JSON: commit, blob, tags, ..."
    )
    capture: str | None = Field(
        default=None, description="sha256 of the stored answer that it was read from; none if nothing was fetched"
    )

    @property
    def id(self) -> str:
        return document_id(self.author, self.link, self.path)

    @property
    def content_hash(self) -> str:
        """Hash of everything that a later stage may use; recomputed from the contents, never trusted from a store.

        The capture is not part of it: a page with different advertisements has other bytes but is the same document.
        """
        return content_hash(self.model_dump(mode="json", exclude={"capture"}))


class Capture(Model):
    """One answer of a server, stored unchanged, so that a better extractor can read it again without a request.

    The artifact store has the bytes under their `sha256`, see `twin.crawling.web.captures`; this is their record.
    """

    author: AuthorSlug
    link: str  # url of the `Link` that it was fetched for
    url: str  # the requested address
    final_url: str  # the address that answered, after redirects
    sha256: str
    size: int  # bytes, before compression
    content_type: str = ""
    headers: dict[str, str] = Field(default_factory=dict)  # the relevant ones: etag, last-modified, date, ...
    fetched_at: datetime  # the last time that exactly these bytes came

    @property
    def id(self) -> str:
        """The same bytes from the same address are one capture, however often they came."""
        return content_hash({"author": self.author, "link": self.link, "url": self.url, "sha256": self.sha256})


class CrawlRecord(Model):
    """One attempt to read one link for one category; the newest one of a link is its state."""

    author: AuthorSlug
    url: str
    category: Category
    status: Literal["ok", "unchanged", "failed", "skipped"]
    documents: int = 0
    message: str | None = None  # one sentence, always present for failed and skipped
    skipped_files: dict[str, int] = Field(default_factory=dict)  # reason -> count
    validators: dict[str, str] = Field(default_factory=dict)  # etag, last_modified, commit, sha256
    checked_at: datetime


class Chunk(Model):
    """A piece of a cleaned document that fits the embedder: `document.text[start:end] == text`, always.

    `context` (title, heading path or file path) is prepended to the embedded text only, see `embedded_text`.
    """

    id: str = Field(description="made from the document, the chunker's version, the position and the text")
    document_id: str = Field(description="id of the cleaned document that it was cut from")
    author: AuthorSlug = Field(description="slug of the author")
    category: Category = Field(description="the kind of document")
    ordinal: int = Field(description="its position among the chunks of the document, from 0")
    start: int = Field(description="first character in the text of the cleaned document, from 0")
    end: int = Field(description="the character after its last one")
    text: str = Field(description="the characters from start to end, unchanged")
    context: str = Field(default="", description="title, headings or path, which are embedded before the text")
    tokens: int = Field(description="tokens of context and text, special tokens not counted")
    link: str = Field(description="address of the document")
    path: str | None = Field(default=None, description="where the document is in its repository or folder")
    title: str | None = Field(default=None, description="title of the document, if it has one")
    platform: str = Field(description="github, linkedin, medium, substack, web, local, ...")
    language: str | None = Field(default=None, description="ISO 639-1 code of the document's language")
    published_at: datetime | None = Field(default=None, description="when the document was published")

    @property
    def embedded_text(self) -> str:
        return embedded_text(self.context, self.text)

    @property
    def canonical(self) -> bytes:
        """The fields as JSON in UTF-8, keys in order and without spaces: what `twin.identity.content_hash` hashes.

        Written by pydantic's serializer, which needs a third of the time of the standard library's for the same bytes.
        """
        return to_json(dict(zip(_CHUNK_FIELDS, _CHUNK_VALUES(self.__dict__), strict=True)))

    @property
    def content_hash(self) -> str:
        return sha256(self.canonical)


_CHUNK_FIELDS = sorted(Chunk.model_fields)
_CHUNK_VALUES = itemgetter(*_CHUNK_FIELDS)


def embedded_text(context: str, text: str) -> str:
    """The text of a chunk as the embedding model reads it."""
    return f"{context}\n\n{text}" if context else text


class InstructionSample(Model):
    """One chat example whose output is the author's own words: `cleaned.text[span[0]:span[1]] == output`."""

    id: str = Field(description="made from the document, the task, the instruction and the output")
    author: AuthorSlug = Field(description="slug of the author")
    category: Category = Field(description="the kind of document that the output is from")
    document_id: str = Field(description="id of the cleaned document that the output is from")
    split: Literal["train", "validation", "test"] = Field(description="train, validation or test; one per document")
    task: str = Field(description="what the instruction asks for")
    system: str = Field(description="the system prompt, which says who the twin is")
    instruction: str = Field(description="what the user asks; made up")
    output: str = Field(description="what the twin answers: the author's own words")
    span: tuple[int, int] = Field(description="characters of the cleaned document that are the output")

    @property
    def content_hash(self) -> str:
        return content_hash(self.model_dump(mode="json"))


class WriteReport(Model):
    """What a bulk write to the warehouse did, in documents."""

    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    removed: int = 0

    def __add__(self, other: "WriteReport") -> "WriteReport":
        return WriteReport(**{name: getattr(self, name) + getattr(other, name) for name in WriteReport.model_fields})

    @property
    def written(self) -> int:
        return self.inserted + self.updated + self.removed


class StageReport(Model):
    """What one stage did for one author. Each stage subclasses it; every field becomes metadata of its asset, and its
    description says there what it means.

    Counts are ints, paths and URLs are str. `data_version` is a hash of the stage's *contents*: equal contents give an
    equal version, whatever had to be written to get there.
    """

    data_version: str
    total: int  # things that exist now: documents, chunks, points, samples, ...
    written: int  # things inserted, changed or removed by this call
