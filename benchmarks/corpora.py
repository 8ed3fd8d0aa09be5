"""Real texts from the data folder, as cleaned documents: articles, prose, source code, sentences, questions."""

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from twin import layout
from twin.cleaning import clean_documents
from twin.models import Category, Document, State
from twin.transfer.handbook import import_export
from twin.warehouse.sqlite import SqliteWarehouse

AUTHOR = "bench"

_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+")
_FUNCTIONS_PER_FILE = 20
_PLATFORMS = ("web", "medium", "substack", "linkedin", "devto")


def articles(data: Path) -> list[Document]:
    """The articles of the handbook's authors, cleaned, by author and id."""
    with TemporaryDirectory(prefix="bench-articles-") as folder:
        warehouse = SqliteWarehouse(Path(folder) / layout.WAREHOUSE)
        try:
            import_export(data / "handbook", warehouse)
            found: list[Document] = []
            for author in warehouse.authors():
                clean_documents(warehouse, author.slug, Category.ARTICLES)
                found += warehouse.documents(State.CLEANED, author.slug, Category.ARTICLES)
        finally:
            warehouse.close()
    return found


def prose(data: Path, cleaned: list[Document]) -> list[Document]:
    """The two corpora of the chunking questions, together with these articles."""
    corpora = sorted((data / "chunking").glob("*.md"))
    return [
        *(_document(Category.ARTICLES, path.stem, path.read_text(encoding="utf-8")) for path in corpora),
        *cleaned,
    ]


def code(data: Path) -> list[Document]:
    """The Python functions of CosQA, several per file."""
    functions = [row["text"] for row in _rows(data / "retrieval" / "cosqa-dev" / "corpus.jsonl")]
    texts = (
        "\n\n\n".join(functions[first : first + _FUNCTIONS_PER_FILE])
        for first in range(0, len(functions), _FUNCTIONS_PER_FILE)
    )
    return [
        _document(Category.REPOSITORIES, "functions", text + "\n", path=f"functions/part{number:03}.py")
        for number, text in enumerate(texts)
    ]


def abstracts(data: Path) -> list[str]:
    """The texts of Cranfield."""
    return [row["text"] for row in _rows(data / "retrieval" / "cranfield" / "corpus.jsonl")]


def sentences(texts: Iterable[str]) -> list[str]:
    """The distinct sentences of 4 to 60 words, in order."""
    parts = (part.strip() for text in texts for part in _SENTENCE.split(text))
    return list(dict.fromkeys(part for part in parts if 4 <= len(part.split()) <= 60))


def posts(author: str, texts: list[str]) -> Iterator[Document]:
    """Each text as a separate post, spread over several platforms."""
    for number, text in enumerate(texts):
        post = _document(Category.POSTS, f"post-{number}", text, author=author)
        yield post.model_copy(update={"platform": _PLATFORMS[number % len(_PLATFORMS)]})


def questions(data: Path) -> list[str]:
    """Distinct queries of the collections, those about prose first."""
    folders = ("cranfield", "cosqa-dev")
    rows = [row["text"] for folder in folders for row in _rows(data / "retrieval" / folder / "queries.jsonl")]
    return list(dict.fromkeys(rows))


def windows(texts: list[str], words: int, stride: int) -> Iterator[str]:
    """Windows of `words` words, one every `stride` words, each distinct one once."""
    seen: set[str] = set()
    for text in texts:
        found = text.split()
        for first in range(0, len(found) - words + 1, stride):
            window = " ".join(found[first : first + words])
            if window not in seen:
                seen.add(window)
                yield window


def _document(category: Category, name: str, text: str, *, path: str | None = None, author: str = AUTHOR) -> Document:
    link = f"https://example.org/{name}"
    return Document(
        author=author, category=category, link=link, path=path, source=link, platform="web", text=text,
        language=None if category is Category.REPOSITORIES else "en",
    )  # fmt: skip


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)
