"""What kind of text a document is: Markdown, prose or code."""

from enum import Enum, auto
from pathlib import PurePosixPath

from twin.models import Category, Document

_MARKDOWN_SUFFIXES = {".md", ".markdown", ".mdx", ".qmd", ".rmd"}
_PROSE_SUFFIXES = {".txt", ".rst", ".adoc", ".org", ".tex", ".html", ".htm"}


class Kind(Enum):
    """How a text is laid out."""

    MARKDOWN = auto()
    PROSE = auto()
    CODE = auto()


def kind_of(document: Document) -> Kind:
    """Articles are Markdown, posts are prose, and a repository's file is what its name says."""
    if document.category is Category.ARTICLES:
        return Kind.MARKDOWN
    if document.category is Category.POSTS:
        return Kind.PROSE
    path = PurePosixPath((document.path or "").lower())
    if path.suffix in _MARKDOWN_SUFFIXES:
        return Kind.MARKDOWN
    if path.suffix in _PROSE_SUFFIXES or path.name in {"license", "readme", "authors", "changelog", "notice"}:
        return Kind.PROSE
    return Kind.CODE
