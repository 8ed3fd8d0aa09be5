"""The categories of documents, and everything that differs between them: one row of traits each.

A new category is a new member of `Category` and a new row of `TRAITS`. Nothing else in the product names a category,
except the sources: each crawler says to which categories its documents belong.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum, auto
from typing import NamedTuple


class Category(StrEnum):
    """The kind of a document; the columns of the asset graph."""

    POSTS = "posts"
    ARTICLES = "articles"
    REPOSITORIES = "repositories"

    @property
    def traits(self) -> "Traits":
        """The row of this category."""
        return TRAITS[self]


class Layout(Enum):
    """What the texts of a category look like; it decides how they are cleaned and cut."""

    MARKDOWN = auto()
    """Markdown, mostly from a web page: page chrome is removed, and a block indented by four columns is code."""

    SOCIAL = auto()
    """Plain text of a social network: line breaks and emoji are its style, hashtags and mentions become fields."""

    FILE = auto()
    """A file; its name says whether it is Markdown, prose or code. Every character except secrets is kept."""


class Asked(NamedTuple):
    """How a question names a category: regular expressions without groups, with alternatives (`posts?|tweets`)."""

    nouns: str
    """What restricts a search to this category, in the languages of questions: `posts`, `beiträge`."""

    of_platform: str
    """What may follow the name of a platform: `LinkedIn posts`."""

    by_author: str
    """What may stand before `by`, `of` or `from` and a name: `posts by Jane Doe`."""

    by_author_abroad: str
    """The same before `von`, `par`, `de` or `por`: `Beiträge von Jane Doe`; "" if there is no such word."""


@dataclass(frozen=True, kw_only=True)
class Traits:
    """What differs between categories. No field has a default, so a row with a missing field is an error."""

    layout: Layout
    """See `Layout`."""

    singular: str
    """The name of one of its sources in a sentence, as in "notes/ gives no post"."""

    noun: str
    """The name of a text in the instructions of the dataset."""

    noun_on: Mapping[str, str]
    """Platform -> the noun to use instead, if texts of that platform have their own name."""

    asked: Asked
    """See `Asked`."""

    chunk_target: int
    """Tokens of a chunk in the default profile (`twin.cutting`). 170 tokens of prose without overlap find an
    answer with little around it (`make bench-retrieval`), and a function is rarely longer than 200."""

    chunk_overlap: int
    """Tokens that a chunk may share with the one before it in the default profile."""

    average_terms: float
    """Terms of a typical chunk, for BM25, without stop words and with the parts of identifiers. Changing it changes the
    vectors of all chunks of the category, so it needs another `BM25_VERSION`."""

    weighted_as: Category
    """The category whose measured weights its search results use if `twin/retrieval/fusion.json` has none of its own:
    itself if it was measured."""

    colour: str
    """Its colour in pictures: it differs from the others with every common colour blindness, and stands out from white
    and black (after Okabe and Ito, "Color Universal Design", 2008, darkened or lightened)."""

    marker: str
    """The shape of its points in pictures, in matplotlib's notation. Colour and shape say the same, so each is enough
    without the other."""

    source_kind: str
    """The kind of source that Dagster shows on its first asset, next to the warehouse: true of all its sources, or of
    the usual ones."""

    handbook_class: str
    """The class of its rows in an export of the LLM Engineers Handbook, and the name of their file."""

    handbook_body: str
    """The content field that holds the text of such a row, if the row was not imported."""

    @property
    def is_files(self) -> bool:
        """Whether its documents are files, which may be code."""
        return self.layout is Layout.FILE

    @property
    def compared(self) -> bool:
        """Whether cleaning a text depends on the author's other texts: duplicates, repeated paragraphs, page chrome.

        This is not so for files: a licence or a template is in many repositories and is not one of the author's texts.
        """
        return not self.is_files

    @property
    def declarable(self) -> bool:
        """Whether an author may declare `category:` for a folder of texts; a folder of code is a repository."""
        return not self.is_files


TRAITS: dict[Category, Traits] = {
    Category.POSTS: Traits(
        layout=Layout.SOCIAL,
        singular="post",
        noun="short post",
        noun_on={"linkedin": "LinkedIn post"},
        asked=Asked(
            nouns=r"(?<!blog\s)posts|tweets|beiträge[n]?|publications|publicaciones",
            of_platform=r"posts?|beiträge[n]?",
            by_author=r"posts?",
            by_author_abroad=r"beiträge",
        ),
        chunk_target=170,
        chunk_overlap=0,
        average_terms=60.0,
        weighted_as=Category.ARTICLES,  # there is no judged collection of posts, and both are prose
        colour="#d95f02",
        marker="^",
        source_kind="linkedin",
        handbook_class="PostDocument",
        handbook_body="Post",
    ),
    Category.ARTICLES: Traits(
        layout=Layout.MARKDOWN,
        singular="article",
        noun="article",
        noun_on={},
        asked=Asked(
            nouns=r"articles|blog\s?posts?|essays|newsletters?|artikel[n]?|artículos|artigos|articoli",
            of_platform=r"articles?|newsletters?",
            by_author=r"articles?",
            by_author_abroad=r"artikel|articles|artículos",
        ),
        chunk_target=170,
        chunk_overlap=0,
        average_terms=60.0,
        weighted_as=Category.ARTICLES,
        colour="#2b7bba",
        marker="o",
        source_kind="html",
        handbook_class="ArticleDocument",
        handbook_body="Content",
    ),
    Category.REPOSITORIES: Traits(
        layout=Layout.FILE,
        singular="repository",
        noun="project document",
        noun_on={},
        asked=Asked(
            nouns=r"repositor(?:y|ies)|repos|source\s+code|codebase|code\s+base|quellcode",
            of_platform=r"repos|repositor(?:y|ies)",
            by_author=r"code",
            by_author_abroad="",
        ),
        chunk_target=200,
        chunk_overlap=0,
        average_terms=60.0,
        weighted_as=Category.REPOSITORIES,
        colour="#1b9e77",
        marker="s",
        source_kind="git",
        handbook_class="RepositoryDocument",
        handbook_body="Content",
    ),
}
"""The traits of every category."""
