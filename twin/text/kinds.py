"""What kind of text a document is: Markdown, prose or code."""

from enum import Enum, auto
from pathlib import PurePosixPath

from twin.categories import Layout
from twin.models import Chunk, Document

_MARKDOWN_SUFFIXES = {".md", ".markdown", ".mdx", ".qmd", ".rmd"}
_PROSE_SUFFIXES = {".txt", ".rst", ".adoc", ".org", ".tex", ".html", ".htm"}


class Kind(Enum):
    """How a text is laid out."""

    MARKDOWN = auto()
    PROSE = auto()
    CODE = auto()


def kind_of(document: Document | Chunk) -> Kind:
    """The layout of its category, such as Markdown for an article; a file is what its name says."""
    match document.category.traits.layout:
        case Layout.MARKDOWN:
            return Kind.MARKDOWN
        case Layout.SOCIAL:
            return Kind.PROSE
        case Layout.FILE:
            return _kind_of_file(document.path or "")


def _kind_of_file(name: str) -> Kind:
    path = PurePosixPath(name.lower())
    if path.suffix in _MARKDOWN_SUFFIXES:
        return Kind.MARKDOWN
    if path.suffix in _PROSE_SUFFIXES or path.name in {"license", "readme", "authors", "changelog", "notice"}:
        return Kind.PROSE
    return Kind.CODE
