"""The warehouse on a MongoDB server, through pymongo; one collection per kind of thing, documents at the top level."""

import threading
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from twin.errors import InputError, StoreError
from twin.models import Author, Category, CrawlRecord, Document, Link, State, WriteReport
from twin.warehouse.rows import (
    READ_PAGE,
    WRITE_BATCH,
    Row,
    batches,
    crawl_row,
    document_from,
    document_row,
    first_line,
    parse,
    place,
    refuse,
)

if TYPE_CHECKING:
    from pymongo import MongoClient
    from pymongo.database import Database

MAX_DOCUMENT_BYTES = 16 * 1024 * 1024
"""MongoDB's own limit for one document."""

_DUPLICATE_KEY = 11000
_OUT_OF_DISK = 14031
_UNAUTHORISED = frozenset({13, 18})  # not allowed, login refused

_TOMBSTONE: Row = {"title": None, "text": "", "metadata": {}, "content_hash": ""}

Entity = TypeVar("Entity", Author, Link)


class MongoWarehouse:
    """A warehouse in one MongoDB database; nothing is asked of the server before the first call.

    Args:
        uri: `mongodb://` or `mongodb+srv://`; its credentials appear in no message.
        database: the name of the database.
        timeout_s: how long a call looks for a server that answers.

    Raises:
        InputError: `uri` is malformed.
    """

    def __init__(self, uri: str, database: str = "twin", timeout_s: float = 5.0) -> None:
        scheme, separator, rest = uri.strip().partition("://")
        if scheme not in ("mongodb", "mongodb+srv") or not separator:
            raise InputError("MONGO_URI is not a MongoDB address: write mongodb://HOST:27017.")
        hosts = rest.rpartition("@")[2].partition("/")[0].partition("?")[0]
        self._uri, self._name, self._timeout_s = uri.strip(), database, timeout_s
        self._address = f"{scheme}://{hosts}/{database}"
        self._client: MongoClient[Row] | None = None
        self._indexed = False
        self._lock = threading.Lock()

    @property
    def address(self) -> str:
        return self._address

    def close(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client, self._indexed = None, False

    # -- authors and links -------------------------------------------------------------------------------------------

    def upsert_authors(self, authors: Iterable[Author]) -> WriteReport:
        return self._upsert("authors", [_entity_row(author, author.slug) for author in authors])

    def author(self, slug: str) -> Author | None:
        with self._database() as database:
            row = database["authors"].find_one({"_id": slug, "removed_at": None})
        return _entity(Author, row) if row else None

    def authors(self) -> list[Author]:
        with self._database() as database:
            rows = list(database["authors"].find({"removed_at": None}).sort("slug", 1))
        return [_entity(Author, row) for row in rows]

    def upsert_links(self, links: Iterable[Link]) -> WriteReport:
        return self._upsert("links", [_entity_row(link, f"{link.author} {link.url}") for link in links])

    def links(self, author: str) -> list[Link]:
        with self._database() as database:
            rows = list(database["links"].find({"author": author, "removed_at": None}))
        return sorted((_entity(Link, row) for row in rows), key=lambda link: link.url)

    def remove_links(self, author: str, urls: Collection[str]) -> int:
        return self._tombstone("links", [f"{author} {url}" for url in urls], {})

    # -- documents ---------------------------------------------------------------------------------------------------

    def upsert_documents(self, state: State, documents: Iterable[Document]) -> WriteReport:
        report, refused = WriteReport(), list[InputError]()
        for batch in batches(documents, WRITE_BATCH):
            rows = []
            for document in batch:
                try:
                    row = document_row(document)
                    _check_bson(row, document)
                    rows.append(row)
                except InputError as error:
                    refused.append(error)
            report += self._upsert(state, rows, compared="content_hash")
        refuse(refused)
        return report

    def edit_document(self, state: State, document_id: str, text: str) -> bool:
        change = {"$set": {"text": text, "updated_at": datetime.now(UTC)}}
        with self._database() as database:
            return database[state].update_one({"_id": document_id, "removed_at": None}, change).matched_count > 0

    def documents(self, state: State, author: str, category: Category) -> Iterator[Document]:
        # The ids first, then pages of them: a consumer that trains for an hour between two documents would meet the
        # server's ten-minute limit for idle cursors.
        with self._database() as database:
            live = {"author": author, "category": category.value, "removed_at": None}
            identifiers = sorted((row["_id"] for row in database[state].find(live, {"_id": 1})), key=str)
        for page in batches(identifiers, READ_PAGE):
            with self._database() as database:
                rows = {row["_id"]: row for row in database[state].find({"_id": {"$in": page}, "removed_at": None})}
            for identifier in page:
                if identifier in rows:  # else removed since
                    yield document_from(rows[identifier], state)

    def document(self, state: State, document_id: str) -> Document | None:
        with self._database() as database:
            row = database[state].find_one({"_id": document_id, "removed_at": None})
        return document_from(row, state) if row else None

    def hashes(self, state: State, author: str, category: Category) -> dict[str, str]:
        return {document.id: document.content_hash for document in self.documents(state, author, category)}

    def remove_documents(self, state: State, document_ids: Collection[str]) -> int:
        return self._tombstone(state, document_ids, _TOMBSTONE)

    # -- crawl log ---------------------------------------------------------------------------------------------------

    def log_crawl(self, records: Sequence[CrawlRecord]) -> None:
        self._upsert("crawl_log", [crawl_row(record) for record in records])

    def last_crawls(self, author: str, category: Category) -> dict[str, CrawlRecord]:
        newest: list[Row] = [
            {"$match": {"author": author, "category": category.value}},
            {"$sort": {"checked_at": 1}},
            {"$group": {"_id": "$url", "newest": {"$last": "$$ROOT"}}},
        ]
        with self._database() as database:
            rows = [group["newest"] for group in database["crawl_log"].aggregate(newest, allowDiskUse=True)]
        return {row["url"]: _model(CrawlRecord, row, "crawl_log") for row in rows}

    # -- writing -----------------------------------------------------------------------------------------------------

    def _upsert(self, name: str, rows: Sequence[Row], compared: str | None = None) -> WriteReport:
        """Insert or change rows by id, where `compared` (default: any of their fields) differs from the stored."""
        report = WriteReport()
        for batch in batches(rows, WRITE_BATCH):
            # An id twice in one batch: the last one wins.
            report += self._write(name, {row["id"]: row for row in batch}, compared)
        return report

    def _write(self, name: str, rows: dict[str, Row], compared: str | None, again: bool = True) -> WriteReport:
        """Write one batch: look which rows are there, then insert the others and update the changed.

        An upsert per row would be shorter, but it makes the server look up every new row one by one.
        """
        from pymongo import UpdateOne
        from pymongo.errors import BulkWriteError

        moment = datetime.now(UTC)
        look = {compared: 1, "removed_at": 1} if compared else None
        with self._database() as database:
            collection = database[name]
            known = {row["_id"]: row for row in collection.find({"_id": {"$in": list(rows)}}, look)}
            new: list[Row] = []
            changes: list[UpdateOne] = []
            revived = 0
            for identifier, row in rows.items():
                fields = {field: value for field, value in row.items() if field != "id"}
                dates: Row = {"updated_at": moment, "removed_at": None}
                old = known.get(identifier)
                if old is None:
                    new.append({"_id": identifier, **fields, "created_at": moment, **dates})
                    continue
                removed = old.get("removed_at") is not None
                if removed or any(old.get(field) != fields[field] for field in ([compared] if compared else fields)):
                    revived += removed
                    changes.append(UpdateOne({"_id": identifier}, {"$set": fields | dates}))
            report = WriteReport(
                inserted=len(new) + revived,
                updated=len(changes) - revived,
                unchanged=len(rows) - len(new) - len(changes),
            )
            if changes:
                collection.bulk_write(changes, ordered=False)
            if new:
                try:
                    collection.insert_many(new, ordered=False)
                except BulkWriteError as error:
                    problems = error.details["writeErrors"]
                    if not again or any(problem["code"] != _DUPLICATE_KEY for problem in problems):
                        raise
                    # Another process inserted these between our look and our write: look at them again, once.
                    lost = {new[problem["index"]]["_id"] for problem in problems}
                    report += WriteReport(inserted=-len(lost))
                    report += self._write(name, {key: rows[key] for key in lost}, compared, again=False)
        return report

    def _tombstone(self, name: str, identifiers: Collection[str], emptied: Row) -> int:
        removed = 0
        for batch in batches(sorted(set(identifiers)), WRITE_BATCH):
            moment = datetime.now(UTC)
            with self._database() as database:
                removed += (
                    database[name]
                    .update_many(
                        {"_id": {"$in": batch}, "removed_at": None},
                        {"$set": {**emptied, "updated_at": moment, "removed_at": moment}},
                    )
                    .modified_count
                )
        return removed

    # -- the connection ----------------------------------------------------------------------------------------------

    @contextmanager
    def _database(self) -> Iterator["Database[Row]"]:
        """The database, connected and indexed; what pymongo raises becomes one sentence with its mend."""
        from pymongo.errors import PyMongoError

        try:
            yield self._connected()
        except UnicodeEncodeError:
            raise InputError("The text holds half a character (a lone surrogate): write it again as UTF-8.") from None
        except PyMongoError as error:
            raise self._explain(error) from error

    def _connected(self) -> "Database[Row]":
        from pymongo import MongoClient
        from pymongo.errors import ConfigurationError, InvalidURI

        with self._lock:
            if self._client is None:
                try:
                    self._client = MongoClient(
                        self._uri,
                        serverSelectionTimeoutMS=int(self._timeout_s * 1000),
                        tz_aware=True,
                        w="majority",
                        appname="llm-twin",
                    )
                except (InvalidURI, ConfigurationError, ValueError):
                    # Its own message may quote the address with the password in it, so neither is shown.
                    raise InputError(
                        f"MONGO_URI ({self._address}) cannot be used: write mongodb://USER:PASSWORD@HOST:27017, with "
                        "every special character of USER and PASSWORD percent-encoded."
                    ) from None
            database = self._client[self._name]
            if not self._indexed:
                _index(database)
                self._indexed = True
            return database

    def _explain(self, error: Exception) -> StoreError:
        from pymongo.errors import ConnectionFailure, OperationFailure

        codes = {getattr(error, "code", None)}
        codes |= {problem["code"] for problem in (getattr(error, "details", None) or {}).get("writeErrors", ())}
        if isinstance(error, ConnectionFailure):
            said = "does not answer: start it, or correct MONGO_URI (unset, the warehouse is a file)."
        elif codes & _UNAUTHORISED:
            said = "refused the login: correct user, password and authSource in MONGO_URI, and the user's roles."
        elif _OUT_OF_DISK in codes:
            said = "has no disk space left: free some and run this again."
        elif _DUPLICATE_KEY in codes:
            said = "holds another row with the same author, link and path: delete the one that was added by hand."
        elif isinstance(error, OperationFailure):
            said = f"refused the operation ({first_line(error)[:200]}): mend that on the server and run this again."
        else:
            said = f"failed ({type(error).__name__}): look into its log and run this again."
        return StoreError(f"MongoDB at {self._address} {said}")


def _index(database: "Database[Row]") -> None:
    for state in State:
        # The id is made of these three, so this only refuses rows that somebody adds by hand a second time.
        database[state].create_index([("author", 1), ("link", 1), ("path", 1)], unique=True)
        database[state].create_index([("author", 1), ("category", 1)])
    database["links"].create_index([("author", 1), ("url", 1)], unique=True)
    database["crawl_log"].create_index([("author", 1), ("category", 1), ("url", 1), ("checked_at", 1)])


def _check_bson(row: Row, document: Document) -> None:
    """Refuse what the server would refuse, before it takes the rest of the batch with it."""
    import bson
    from bson.errors import BSONError

    try:
        size = len(bson.encode(row))
    except (BSONError, OverflowError) as error:
        raise InputError(f"{place(document)} has metadata that MongoDB cannot keep: {first_line(error)}.") from None
    if size > MAX_DOCUMENT_BYTES - 1024:  # the times and the tombstone come on top
        raise InputError(
            f"{place(document)} has {size / 1024**2:.1f} MiB, and MongoDB takes at most 16: exclude or split it."
        )


def _entity_row(entity: Author | Link, identifier: str) -> Row:
    return {"id": identifier, **entity.model_dump(mode="json")}


def _entity(model: type[Entity], row: Row) -> Entity:
    return _model(model, row, f"{model.__name__.lower()}s")


Parsed = TypeVar("Parsed", Author, Link, CrawlRecord)


def _model(model: type[Parsed], row: Row, name: str) -> Parsed:
    fields: dict[str, Any] = {field: row.get(field) for field in model.model_fields}
    return parse(model, fields, f"{name} row {row['_id']}")
