"""Import and export in the format of the LLM Engineers Handbook's warehouse: one JSON array per class.

`ArticleDocument.json`, `PostDocument.json` and `RepositoryDocument.json` contain rows of `_id`, `content` (a mapping
whose keys vary), `platform`, `author_id`, `author_full_name` and mostly `link`; `UserDocument.json` contains `_id`,
`first_name` and `last_name`. Everything in a row besides its text is kept in the document's metadata under `handbook`,
so that the same row can be written back.
"""

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from pydantic import Field

from twin.atomic import replacing
from twin.errors import InputError
from twin.identity import check_slug, document_id, sha256
from twin.models import IMPORT, ORIGIN, Author, Category, Document, Link, Model, State, WriteReport
from twin.progress import progress
from twin.regular import read_regular
from twin.transfer.handbook_rows import CLASSES, USERS, Row, author_name, documents_of, row_of
from twin.warehouse.base import Warehouse


class ImportReport(Model):
    """What an import found and wrote. `errors` are rows or files that could not be read; all others were imported."""

    rows: int = 0  # rows that could be read
    total: int = 0  # documents; a repository's row has one per file
    authors: list[str] = Field(default_factory=list)  # slugs
    by_author: dict[str, int] = Field(default_factory=dict)  # documents
    authors_written: int = 0
    links_written: int = 0
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    notes: list[str] = Field(default_factory=list)
    errors: list[str] = Field(default_factory=list)

    @property
    def written(self) -> int:
        """Things inserted or changed; 0 if everything was imported already."""
        return self.authors_written + self.links_written + self.inserted + self.updated


class ExportReport(Model):
    """What an export wrote: documents, and rows by file."""

    folder: str
    authors: list[str]  # slugs
    total: int
    rows: dict[str, int]


def slugify(name: str) -> str:
    """The slug of a full name, such as `paul-iusztin`; a name without any Latin letter gives `author-<hash>`."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:63].rstrip("-")
    return check_slug(slug or f"author-{sha256(name)[:8]}")


def import_export(folder: Path, warehouse: Warehouse) -> ImportReport:
    """Read an export into authors, links (kind `import`) and raw documents; a second time it writes nothing.

    Every text is taken unchanged. A document that a crawl has written already is not touched. Files of other classes
    are reported and not read.

    Raises:
        InputError: the folder contains no export.
        StoreError: the warehouse cannot be used.
    """
    names = {path.stem for path in folder.glob("*.json")} if folder.is_dir() else set()
    if not names & {USERS, *CLASSES}:
        files = ", ".join(f"{name}.json" for name in CLASSES)
        raise InputError(
            f"{folder} contains no warehouse export: give the folder with {files}, or one that `twin export` wrote."
        )
    errors: list[str] = []
    notes = [f"{name}.json is not a class of the export and was ignored." for name in sorted(names - {USERS, *CLASSES})]
    users = _users(folder, errors)
    found: dict[str, str] = {slugify(name): name for name in users.values()}
    read: list[_Read] = []
    for name in CLASSES:
        for place, row in _rows(folder, name, errors):
            try:
                full_name = author_name(row, users)
                slug = slugify(full_name)
                read.append(_Read(place, name, row, slug, documents_of(name, row, slug)))
                found.setdefault(slug, full_name)
            except InputError as error:
                errors.append(f"{place}: {error}")
    documents = _distinct(read, notes)
    report = _write(warehouse, found, documents, notes, errors)
    return report.model_copy(update={"rows": len(read)})


class _Read(NamedTuple):
    place: str
    name: str
    row: Row
    slug: str
    documents: list[Document]


def _distinct(read: list[_Read], notes: list[str]) -> list[Document]:
    """Every document once. Different texts under one link, such as posts under a profile's link, are all kept.

    All of those are named by their rows' ids (not all but the first), so the order of rows does not matter.
    """
    texts: dict[str, set[str]] = {}
    for each in read:
        for document in each.documents:
            texts.setdefault(document.id, set()).add(document.text)
    distinct: dict[str, Document] = {}
    for each in read:
        shared = any(document.path is None and len(texts[document.id]) > 1 for document in each.documents)
        for document in documents_of(each.name, each.row, each.slug, by_id=True) if shared else each.documents:
            first = distinct.setdefault(document.id, document)
            if first is not document:
                what = "the same text" if first.text == document.text else "a different text, which was left out"
                notes.append(f"{each.place} repeats {document.link}{document.path or ''} with {what}.")
    return list(distinct.values())


def _write(
    warehouse: Warehouse, names: dict[str, str], documents: list[Document], notes: list[str], errors: list[str]
) -> ImportReport:
    """Write authors, then links, then documents: if killed in between, everything stored has its parent."""
    known = {author.slug for author in warehouse.authors()}
    new = [Author(slug=slug, name=name) for slug, name in sorted(names.items()) if slug not in known]
    authors = warehouse.upsert_authors(new)
    links = written = WriteReport()
    for slug in sorted({document.author for document in documents}):
        elsewhere = {link.url for link in warehouse.links(slug) if link.kind != IMPORT}
        for category in Category:
            crawled = {
                document.id
                for document in warehouse.documents(State.RAW, slug, category)
                if ORIGIN not in document.metadata
            }
            mine = [each for each in documents if (each.author, each.category) == (slug, category)]
            kept = [each for each in mine if each.id not in crawled and each.source not in elsewhere]
            if len(kept) < len(mine):
                notes.append(
                    f"{len(mine) - len(kept)} {category} of {slug} come from another link and stay as they are."
                )
            links += warehouse.upsert_links({each.source: _link(each) for each in kept}.values())
            try:
                written += warehouse.upsert_documents(
                    State.RAW, progress(kept, f"importing {category} of {slug}", len(kept))
                )
            except InputError as error:  # a document that this store cannot take; the others are stored
                errors.append(str(error))
    return ImportReport(
        total=len(documents),
        authors=sorted(names),
        by_author=dict(sorted(Counter(document.author for document in documents).items())),
        authors_written=authors.written,
        links_written=links.written,
        inserted=written.inserted,
        updated=written.updated,
        unchanged=written.unchanged,
        notes=notes,
        errors=errors,
    )


def _link(document: Document) -> Link:
    return Link(
        author=document.author,
        url=document.source,
        kind=IMPORT,
        categories=(document.category,),
        origin="import",
    )


def _users(folder: Path, errors: list[str]) -> dict[str, str]:
    """Author id -> full name."""
    users = {}
    for place, row in _rows(folder, USERS, errors):
        name = " ".join(str(row.get(part) or "").strip() for part in ("first_name", "last_name")).strip()
        if name:
            users[str(row.get("_id", row.get("id")))] = name
        else:
            errors.append(f"{place}: the user has neither first_name nor last_name: add one.")
    return users


def _rows(folder: Path, name: str, errors: list[str]) -> Iterator[tuple[str, Row]]:
    """The rows of one class, each with its place for messages; a class without a file has none."""
    path = folder / f"{name}.json"
    if not path.exists():
        return
    try:
        rows = json.loads(read_regular(path).decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        errors.append(f"{path} is not UTF-8 text (byte {error.start}): save it as UTF-8.")
    except json.JSONDecodeError as error:
        errors.append(f"{path} line {error.lineno} is not JSON ({error.msg}): export it again.")
    except RecursionError:
        errors.append(f"{path} is nested too deeply to be an export: export it again.")
    except OSError as error:
        errors.append(f"{path} cannot be read ({error.strerror}): make it a readable file.")
    else:
        if not isinstance(rows, list):
            errors.append(f"{path} is not a JSON array of rows: export it again.")
            return
        for index, row in enumerate(rows):
            place = f"{path} row {index}"
            if isinstance(row, dict):
                yield place, row
            else:
                errors.append(f"{place} is not a JSON object: remove it or export it again.")


def export_warehouse(folder: Path, warehouse: Warehouse, only: str | None = None) -> ExportReport:
    """Write the live raw documents of all authors, or of one, as such an export, by author and category.

    A file is replaced as a whole or not at all. Imported rows come out as they came in; crawled documents get rows of
    the same shape.

    Raises:
        InputError: the folder cannot be written.
        StoreError: the warehouse cannot be used.
    """
    authors = [each for each in warehouse.authors() if only in (None, each.slug)]
    ids = {author.slug: _author_id(warehouse, author) for author in authors}
    total = 0

    def rows(name: str, category: Category) -> Iterator[Row]:
        nonlocal total
        for author in authors:
            for group in _grouped(warehouse, author.slug, category):
                total += len(group)
                yield row_of(name, group, ids[author.slug], author.name)

    try:
        folder.mkdir(parents=True, exist_ok=True)
        written = {f"{USERS}.json": _write_array(folder / f"{USERS}.json", (_user(each, ids) for each in authors))}
        for name, category in CLASSES.items():
            written[f"{name}.json"] = _write_array(folder / f"{name}.json", rows(name, category))
    except OSError as error:
        raise InputError(
            f"{folder} cannot be written ({error.strerror}): give a writable folder with free disk space."
        ) from error
    return ExportReport(folder=str(folder), authors=sorted(ids), total=total, rows=written)


def _grouped(warehouse: Warehouse, slug: str, category: Category) -> Iterator[list[Document]]:
    """The documents of each row: one article or post, or all files of a repository."""
    groups: dict[str, list[Document]] = {}
    for document in warehouse.documents(State.RAW, slug, category):
        if document.path is None:
            yield [document]
        else:  # a row needs all its files at once, and they come in the order of their ids
            groups.setdefault(document.link, []).append(document)
    for link in sorted(groups):
        yield sorted(groups[link], key=lambda document: document.path or "")


def _author_id(warehouse: Warehouse, author: Author) -> str:
    """The id that the author was imported with, or one made from the slug."""
    for category in Category:
        for document in warehouse.documents(State.RAW, author.slug, category):
            identifier = document.metadata.get(ORIGIN, {}).get("row", {}).get("author_id")
            if isinstance(identifier, str):
                return identifier
    return document_id(author.slug, USERS)


def _user(author: Author, ids: dict[str, str]) -> Row:
    first, _, last = author.name.rpartition(" ")
    return {"first_name": first or last, "last_name": last if first else "", "_id": ids[author.slug]}


def _write_array(path: Path, rows: Iterator[Row]) -> int:
    """Write rows as a JSON array, one per line; return how many."""
    count = 0
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        file.write("[")
        for row in rows:
            file.write(",\n" if count else "\n")
            json.dump(row, file)
            count += 1
        file.write("\n]\n" if count else "]\n")
    return count
