"""Raw documents by hand: list, show, edit and remove them, for `twin documents`.

This changes raw documents, so the next build carries the change to cleaned documents, chunks and points.
"""

from collections.abc import Iterator

from twin.errors import InputError
from twin.identity import check_slug
from twin.links import ends_with, spellings
from twin.models import Category, Document, State
from twin.nearest import did_you_mean, listed
from twin.warehouse.base import Warehouse


def list_documents(warehouse: Warehouse, author: str, category: Category | None = None) -> Iterator[Document]:
    """Stream the author's raw documents, by category and id.

    Raises:
        InputError: there is no such author.
        StoreError: the warehouse cannot be used.
    """
    check_slug(author)
    if warehouse.author(author) is None:
        known = [each.slug for each in warehouse.authors()]
        otherwise = "import one with `twin import DIR`"
        raise InputError(f"There is no author '{author}'{did_you_mean(author, known, otherwise)}")
    return (
        document
        for each in ([category] if category else Category)
        for document in warehouse.documents(State.RAW, author, each)
    )


def find_document(warehouse: Warehouse, author: str, link: str, path: str | None = None) -> Document:
    """The one raw document that a person means.

    Args:
        link: its link in any spelling, as it was declared or as it is stored; its id; or, if no other document has the
            same, the end of its link or path, or its title.
        path: path of the file, if the link is a repository's.

    Raises:
        InputError: there is none, or there are several; the message names similar ones.
        StoreError: the warehouse cannot be used.
    """
    wanted = set(spellings(link))
    found, ending, titled = list[Document](), list[Document](), list[Document]()
    names = list[str]()
    for document in list_documents(warehouse, author):
        if document.id == link:
            return document
        if document.link in wanted:
            found.append(document)
        elif any(ends_with(each, link) for each in (document.link, document.path) if each):
            ending.append(document)
        elif document.title and document.title.strip().casefold() == link.strip().casefold():
            titled.append(document)
        names += [document.link, *filter(None, (document.path, document.title))]
    found = found or ending or titled
    chosen = [document for document in found if path is None or document.path == path]
    if len(chosen) == 1:
        return chosen[0]
    paths = sorted(document.path or "" for document in found)
    if len({document.link for document in chosen}) > 1:
        links = listed(sorted({_name(document) for document in chosen}), 3)
        raise InputError(f"{link} may be {len(chosen)} documents ({links}): give the whole link.")
    if chosen:
        raise InputError(f"{link} has {len(chosen)} documents: give --path too, such as {paths[0]}.")
    listing = f"list them with `twin documents list {author}`"
    if found:
        raise InputError(f"{link} has no file '{path}'{did_you_mean(str(path), paths, listing)}")
    raise InputError(f"{author} has no document {link}{did_you_mean(link, names, listing)}")


def replace_text(warehouse: Warehouse, author: str, link: str, text: str, path: str | None = None) -> bool:
    """Replace the text of a raw document; return False if it is the same already.

    An imported document keeps the new text permanently. A crawled one keeps it while its source is unchanged; when the
    source changes, the next crawl overwrites the edit. To keep it, remove the link from the author and declare your own
    file instead.

    Raises:
        InputError: there is no such document, or the text is empty (use `remove_document` to remove it).
        StoreError: the warehouse cannot be used.
    """
    if not text.strip():
        raise InputError("The new text is empty: give a text, or remove the document with `twin documents remove`.")
    document = find_document(warehouse, author, link, path)
    if document.text == text:
        return False
    if not warehouse.edit_document(State.RAW, document.id, text):
        raise InputError(f"{link} was just removed by another process: nothing was changed.")
    return True


def remove_document(warehouse: Warehouse, author: str, link: str, path: str | None = None) -> Document:
    """Remove a raw document and return it; only its id, its address and the time of removal stay stored.

    An imported document stays removed until it is imported again. A crawl that still finds the source of a crawled one
    brings it back: to prevent that, remove its link from the author, or exclude its path.

    Raises:
        InputError: there is no such document.
        StoreError: the warehouse cannot be used.
    """
    document = find_document(warehouse, author, link, path)
    warehouse.remove_documents(State.RAW, [document.id])
    return document


def _name(document: Document) -> str:
    return f"{document.link} {document.path}" if document.path else document.link
