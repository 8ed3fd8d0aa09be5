"""Convert one row of a Handbook export to documents, and documents back to such a row."""

from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from twin.errors import InputError
from twin.identity import content_hash
from twin.links import canonical_url, repository_url
from twin.models import ORIGIN, Category, Document

Row = dict[str, Any]

USERS = "UserDocument"
CLASSES = {category.traits.handbook_class: category for category in sorted(Category)}
"""Class of the rows -> category, in the order in which they are read: the first document of two with one id stays."""

_ROLES = {"title": "title", "subtitle": "subtitle", "language": "language"}
_BETWEEN = "\n\n"


def author_name(row: Row, users: dict[str, str]) -> str:
    """Full name of the row's author: its own field, or the name of the user with that id."""
    name = row.get("author_full_name") or users.get(str(row.get("author_id")))
    if isinstance(name, str) and name.strip():
        return _whole(name.strip())
    raise InputError("it has no author_full_name, and no user has its author_id: add one of them.")


def documents_of(name: str, row: Row, author: str, *, by_id: bool = False) -> list[Document]:
    """The documents of a row of class `name`; texts are taken unchanged.

    Args:
        by_id: name the document by the row's id and not by its link, which other texts share.

    Raises:
        InputError: the row has no usable text.
    """
    content = row.get("content")
    if not isinstance(content, dict):
        raise InputError("its content is not a mapping: export it again.")
    fields = {key: value for key, value in row.items() if key != "content"}
    link = _address(name, row, by_id)
    if _with_credentials(fields.get("link")):
        fields["link"] = link
    base: dict[str, Any] = {
        "author": author,
        "category": CLASSES[name],
        "link": link,
        "source": link,
        "platform": row["platform"] if isinstance(row.get("platform"), str) and row["platform"] else "web",
    }
    if CLASSES[name].traits.is_files:
        documents = [
            Document(**base, path=_whole(path), text=_whole(text), metadata={ORIGIN: {"row": fields}})
            for path, text in content.items()
            if isinstance(text, str) and text
        ]
    else:
        documents = [_prose(base, fields, content)]
    if not documents or not any(document.text.strip() for document in documents):
        raise InputError(f"it has no text (its content has {', '.join(content) or 'nothing'}): remove the row.")
    return documents


def _prose(base: dict[str, Any], fields: Row, content: Row) -> Document:
    """One document of an article's or post's row: all texts of the content except title, subtitle and language."""
    found: dict[str, str] = {}
    parts: list[list[Any]] = []
    texts: list[str] = []
    for key, value in content.items():
        role = _ROLES.get(key.lower())
        if not isinstance(value, str) or not value:
            parts.append([key, "other", value])
        elif role and role not in found:
            found[role] = _whole(value)
            parts.append([key, role, None])
        else:
            texts.append(_whole(value))
            parts.append([key, "text", len(value)])
    metadata: dict[str, Any] = {ORIGIN: {"row": fields, "content": parts}}
    if "subtitle" in found:
        metadata["subtitle"] = found["subtitle"]
    return Document(
        **base,
        title=found.get("title"),
        text=_BETWEEN.join(texts),
        language=found.get("language"),
        metadata=metadata,
    )


def row_of(name: str, documents: list[Document], author_id: str, author_name: str) -> Row:
    """The row of class `name` for these documents: one article or post, or the files of one repository."""
    first = documents[0]
    origin = first.metadata.get(ORIGIN, {})
    row: Row = dict(
        origin.get("row")
        or {"platform": first.platform, "author_id": author_id, "author_full_name": author_name, "_id": first.id}
    )
    if "link" not in row and not origin:
        row["link"] = first.link
        if CLASSES[name].traits.is_files:
            row["name"] = first.link.rstrip("/").rpartition("/")[2]
    if first.path is not None:
        return {"content": {document.path: document.text for document in documents}, **row}
    if "content" in origin:
        return {"content": _content(first, origin["content"]), **row}
    texts = {
        "Title": first.title,
        "Subtitle": first.metadata.get("subtitle"),
        CLASSES[name].traits.handbook_body: first.text,
    }
    return {"content": texts | ({"language": first.language} if first.language else {}), **row}


def _content(document: Document, parts: list[list[Any]]) -> Row:
    """The content mapping in its original form, with the present texts."""
    lengths = [value for _, role, value in parts if role == "text"]
    whole = sum(lengths) + len(_BETWEEN) * max(len(lengths) - 1, 0) == len(document.text)
    rest = document.text
    content: Row = {}
    for key, role, value in parts:
        if role == "text":
            if whole and len(lengths) > 1:
                content[key], rest = rest[:value], rest[value + len(_BETWEEN) :]
            else:  # the only one, or edited since: then the boundaries between the original texts are unknown
                content[key], rest = rest, ""
        elif role == "other":
            content[key] = value
        else:
            content[key] = {
                "title": document.title,
                "subtitle": document.metadata.get("subtitle"),
                "language": document.language,
            }[role]
    return content


def _address(name: str, row: Row, by_id: bool) -> str:
    """The canonical link of a row; a row without a usable link is named by its id."""
    link = row.get("link")
    known_forms = (repository_url, canonical_url) if CLASSES[name].traits.is_files else (canonical_url,)
    for form in known_forms if isinstance(link, str) and not by_id else ():
        with suppress(InputError):
            return form(str(link))
    identifier = row.get("_id") or row.get("id") or content_hash(row)[:32]
    return f"local:import/{name}/{_whole(str(identifier))}"


def _with_credentials(link: Any) -> bool:
    try:
        return isinstance(link, str) and urlsplit(link).username is not None
    except ValueError:
        return False


def _whole(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InputError(
            "its text contains an invalid character (a lone surrogate): export it again as UTF-8."
        ) from None
    return text
