"""The warehouse on a MongoDB server, through pymongo; one collection per table, with the fields at the top level."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from twin.batching import batches
from twin.errors import ConsistencyError, InputError
from twin.models import Author, Capture, Category, CrawlRecord, Document, Link, State, WriteReport
from twin.warehouse.base import TABLES, RestoreReport
from twin.warehouse.mongo_raw import owned_rows
from twin.warehouse.mongo_schema import prepare
from twin.warehouse.mongo_series import imported, written
from twin.warehouse.mongo_server import DUPLICATE_KEY, MongoServer
from twin.warehouse.removals import REMOVALS, new_token, owners, refuse_outdated, refuse_removed, tombstone_id
from twin.warehouse.rows import (
    COMPARED,
    READ_PAGE,
    TOMBSTONE,
    WRITE_BATCH,
    Row,
    bson_size,
    capture_row,
    check_size,
    crawl_row,
    document_from,
    document_row,
    horizon,
    now,
    parse,
    place,
    present,
    refuse,
    stamp,
)
from twin.warehouse.tables import TABLE, checked_row

Entity = TypeVar("Entity", Author, Link)

Change = Callable[[Row, Row], tuple[str, Row | None]]

_ATTEMPTS = 3
"""A row that another process inserted first is read again; more than once only if it is removed in between."""


class MongoWarehouse:
    """A warehouse in one MongoDB database; the server is not contacted before the first call.

    Args:
        uri: `mongodb://` or `mongodb+srv://`; its credentials never appear in messages.
        database: the name of the database.
        timeout_s: how long a call looks for a server that answers.

    Raises:
        InputError: `uri` is malformed.
    """

    def __init__(self, uri: str, database: str = "twin", timeout_s: float = 5.0) -> None:
        self._server = MongoServer(uri, database, timeout_s, prepare)
        self._database = self._server.database

    @property
    def address(self) -> str:
        return self._server.address

    def close(self) -> None:
        self._server.close()

    # -- authors and links -------------------------------------------------------------------------------------------

    def upsert_authors(
        self, authors: Iterable[Author], *, known: Mapping[str, str | None] | None = None
    ) -> WriteReport:
        given = list(authors)
        slugs = [author.slug for author in given]
        refuse_outdated(slugs, self._tombstones(slugs), known or {})
        for slug in slugs:
            wanted = {"_id": tombstone_id(slug)} | ({"token": known[slug]} if known and slug in known else {})
            with self._database() as database:
                database[REMOVALS].delete_one(wanted)
        report = self._upsert("authors", [_entity_row(author, author.slug) for author in given])
        self._take_back("authors", slugs)  # removed in between
        return report

    def end_removal(self, slug: str) -> None:
        with self._database() as database:
            database[REMOVALS].delete_one({"_id": tombstone_id(slug)})

    def removal(self, slug: str) -> str | None:
        return self._tombstones([slug]).get(tombstone_id(slug))

    def owners(self) -> dict[str, int]:
        counts = Counter[str]()
        with self._database() as database:
            for name in TABLES[1:]:
                for group in database[name].aggregate([{"$group": {"_id": "$author", "number": {"$sum": 1}}}]):
                    counts[group["_id"]] += group["number"]
        return dict(counts)

    def begin_removal(self, slug: str) -> None:
        with self._database() as database:
            database[REMOVALS].update_one({"_id": tombstone_id(slug)}, {"$set": {"token": new_token()}}, upsert=True)

    def _tombstones(self, slugs: Collection[str]) -> dict[str, str]:
        """Id -> token of those of these authors who were removed."""
        with self._database() as database:
            found = database[REMOVALS].find({"_id": {"$in": [tombstone_id(slug) for slug in slugs]}})
            return {row["_id"]: row["token"] for row in found}

    def _take_back(self, table: str, slugs: Collection[str]) -> None:
        """Delete what was just written for authors whose removal began meanwhile.

        A server without replicas has no transactions. So a writer looks for tombstones before and after: what it wrote
        before the tombstone is deleted by the removal, what it wrote after it is deleted here.

        Raises:
            RemovedError: one of them was removed.
        """
        tombstones = self._tombstones(slugs)
        with self._database() as database:
            for slug in slugs:
                if tombstone_id(slug) in tombstones:
                    database[table].delete_many({"slug" if table == "authors" else "author": slug})
        refuse_removed(slugs, tombstones)

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

    def link_marks(self) -> dict[str, str]:
        # MongoDB has no triggers, so this reads all links, but as bytes: decoding them would be most of the work.
        digests: dict[str, hashlib._Hash] = defaultdict(hashlib.sha256)
        with self._database() as database:
            for name in ("authors", "links"):
                for owner, row in owned_rows(database[name], TABLE[name].owner):
                    digests[owner].update(row)
        return {owner: digest.hexdigest()[:32] for owner, digest in digests.items()}

    # -- documents ---------------------------------------------------------------------------------------------------

    def upsert_documents(self, state: State, documents: Iterable[Document]) -> WriteReport:
        report, refused = WriteReport(), list[str]()
        for batch in batches(documents, WRITE_BATCH):
            rows = []
            for document in batch:
                try:
                    row = document_row(document)
                    bson_size(row, place(document))
                    rows.append(row)
                except InputError as error:
                    refused.append(str(error))
            report += self._upsert(state, rows, compared=COMPARED)
        refuse(refused)
        return report

    def edit_document(self, state: State, document_id: str, text: str) -> bool:
        live = {"_id": document_id, "removed_at": None}
        with self._database() as database:
            text.encode()
            row = database[state].find_one(live)
            if row is None:
                return False
            check_size(row | {"text": text}, f"The document {row.get('link')!r}")
            change = {"$set": {"text": text, "updated_at": now()}}
            return database[state].update_one(live, change).matched_count > 0

    def documents(self, state: State, author: str, category: Category) -> Iterator[Document]:
        # The ids first, then pages of them: a consumer that trains for an hour between two documents would otherwise
        # hit the server's ten-minute limit for idle cursors.
        with self._database() as database:
            live = {"author": author, "category": category.value, "removed_at": None}
            identifiers = sorted((row["_id"] for row in database[state].find(live, {"_id": 1})), key=str)
        for page in batches(identifiers, READ_PAGE):
            with self._database() as database:
                rows = {row["_id"]: row for row in database[state].find({"_id": {"$in": page}, "removed_at": None})}
            for identifier in page:
                if identifier in rows:  # otherwise it was removed since
                    yield document_from(rows[identifier], state)

    def document(self, state: State, document_id: str) -> Document | None:
        with self._database() as database:
            row = database[state].find_one({"_id": document_id, "removed_at": None})
        return document_from(row, state) if row else None

    def hashes(self, state: State, author: str, category: Category) -> dict[str, str]:
        return {document.id: document.content_hash for document in self.documents(state, author, category)}

    def stored_hashes(self, state: State, author: str, category: Category) -> dict[str, str]:
        with self._database() as database:
            live = {"author": author, "category": category.value, "removed_at": None}
            rows = database[state].find(live, {"content_hash": 1})
            return {row["_id"]: str(row.get("content_hash", "")) for row in rows}

    def remove_documents(self, state: State, document_ids: Collection[str]) -> int:
        return self._tombstone(state, document_ids, TOMBSTONE)

    def check_documents(
        self,
        state: State,
        author: str,
        category: Category,
        *,
        source: str,
        moment: datetime,
        captures: Mapping[str, str] | None = None,
    ) -> int:
        from pymongo import UpdateOne

        mine = {"author": author, "category": category.value, "source": source, "removed_at": None}
        with self._database() as database:
            for batch in batches(sorted((captures or {}).items()), WRITE_BATCH):
                wanted = dict(batch)
                found = database[state].find({"_id": {"$in": list(wanted)}, **mine}, {"capture": 1})
                changes = [
                    UpdateOne({"_id": row["_id"], **mine}, {"$set": {"capture": wanted[row["_id"]]}})
                    for row in found
                    if row.get("capture") != wanted[row["_id"]]
                ]
                if changes:
                    database[state].bulk_write(changes, ordered=False)
            wrong = mine | {"checked_at": {"$gt": horizon()}}
            database[state].update_many(wrong, {"$set": {"checked_at": stamp(moment)}})
            return database[state].update_many(mine, {"$max": {"checked_at": stamp(moment)}}).matched_count

    # -- crawl log ---------------------------------------------------------------------------------------------------

    def log_crawl(self, records: Sequence[CrawlRecord]) -> None:
        with self._database() as database:
            rows, refused = written(database["crawl_log"], [crawl_row(record) for record in records])
        self._merge("crawl_log", rows, {"_id": 1}, lambda _old, _new: ("unchanged", None))
        refuse(refused)

    def last_crawls(self, author: str, category: Category) -> dict[str, CrawlRecord]:
        # Match, sort and group follow the index, so that the server jumps from url to url.
        newest: list[Row] = [
            {"$match": {"author": author, "category": category.value}},
            {"$sort": {"url": 1, "number": 1, "checked_at": 1}},
            {"$group": {"_id": "$url", "newest": {"$last": "$_id"}}},
        ]
        rows: list[Row] = []
        with self._database() as database:
            log = database["crawl_log"]
            identifiers = [group["newest"] for group in log.aggregate(newest, allowDiskUse=True)]
            for batch in batches(identifiers, WRITE_BATCH):
                rows += log.find({"_id": {"$in": batch}})
        return {row["url"]: _model(CrawlRecord, row, "crawl_log") for row in rows}

    # -- captures ----------------------------------------------------------------------------------------------------

    def upsert_captures(self, captures: Sequence[Capture]) -> WriteReport:
        with self._database() as database:
            rows, refused = written(database["captures"], [capture_row(capture) for capture in captures])

        def change(old: Row, new: Row) -> tuple[str, Row | None]:
            same = all(old.get(name) == value for name, value in new.items() if name not in ("id", "number"))
            return ("unchanged", None) if same else ("updated", new)

        report = WriteReport(**self._merge("captures", rows, None, change))
        refuse(refused)
        return report

    def captures(self, author: str, link: str | None = None, url: str | None = None) -> list[Capture]:
        wanted = {name: value for name, value in (("link", link), ("url", url)) if value is not None}
        with self._database() as database:
            rows = list(database["captures"].find({"author": author, **wanted}))
        rows.sort(key=lambda row: str(row["_id"]))
        rows.sort(key=lambda row: (row.get("number") or 0, str(row.get("fetched_at"))), reverse=True)
        return [_model(Capture, row, "captures") for row in rows]

    def remove_captures(self, author: str, capture_ids: Collection[str]) -> int:
        removed = 0
        for batch in batches(sorted(set(capture_ids)), WRITE_BATCH):
            with self._database() as database:
                removed += database["captures"].delete_many({"author": author, "_id": {"$in": batch}}).deleted_count
        return removed

    # -- whole tables ------------------------------------------------------------------------------------------------

    def remove_author(self, slug: str) -> int:
        self.begin_removal(slug)
        with self._database() as database:
            database["marks"].delete_many({"author": slug})
        # The author last: if it is killed before, the author is still listed and can be removed again.
        with self._database() as database:
            return sum(database[name].delete_many({TABLE[name].owner: slug}).deleted_count for name in reversed(TABLES))

    # -- changes and marks, see `twin.warehouse.marks` ---------------------------------------------------------------

    def digest(self, state: State, author: str, category: Category) -> str:
        from bson.raw_bson import RawBSONDocument

        digest = hashlib.sha256(usedforsecurity=False)
        with self._database() as database:
            options = database.codec_options.with_options(document_class=RawBSONDocument)
            live = {"author": author, "category": category.value, "removed_at": None}
            wanted = dict.fromkeys(TABLE[state].contents, 1)
            for row in database[state].with_options(codec_options=options).find(live, wanted).sort("_id", 1):
                digest.update(row.raw)
        return digest.hexdigest()

    def mark(self, author: str, name: str) -> str | None:
        with self._database() as database:
            found = database["marks"].find_one({"_id": f"{author} {name}"})
        return found["content"] if found else None

    def put_mark(self, author: str, name: str, content: str) -> None:
        row = {"_id": f"{author} {name}", "author": author, "content": content}
        refuse_removed({author}, self._tombstones({author}))
        with self._database() as database:
            database["marks"].replace_one({"_id": row["_id"]}, row, upsert=True)
        self._take_back("marks", {author})

    # -- dump and restore --------------------------------------------------------------------------------------------

    def dump(self, table: str, author: str | None = None) -> Iterator[Row]:
        spec = TABLE[table]
        mine = {spec.owner: author} if author is not None else {}
        with self._database() as database:
            for end in (1, -1):  # values that are not text sort before or after all text
                for row in database[table].find(mine, {"_id": 1}).sort("_id", end).limit(1):
                    if not isinstance(row["_id"], str):
                        raise ConsistencyError(
                            f"The {table} row {row['_id']} of the warehouse was added by hand: delete the row."
                        )
        last = ""
        while True:
            with self._database() as database:
                page = list(database[table].find({**mine, "_id": {"$gt": last}}).sort("_id", 1).limit(READ_PAGE))
            if not page:
                return
            for row in page:
                stored = row | {"id": row["_id"]}
                yield {name: stored.get(name, spec.default(name)) for name in spec.columns}
            last = page[-1]["_id"]

    def restore(self, table: str, rows: Iterable[Mapping[str, Any]]) -> RestoreReport:
        spec, refused = TABLE[table], list[str]()

        def accepted() -> Iterator[Row]:
            for each in rows:
                try:
                    row = checked_row(table, each)
                    stored = {**row, "id": spec.identifier(row)}
                    bson_size(stored, f"The {table} row {stored['id']}")
                except InputError as error:
                    refused.append(str(error))
                else:
                    yield stored

        def numbered(stored: Iterator[Row]) -> Iterator[Row]:
            for batch in batches(stored, WRITE_BATCH):
                with self._database() as database:
                    numbers = imported(database[table], batch)
                yield from numbers

        def change(old: Row, new: Row) -> tuple[str, Row | None]:
            done = spec.compared(new, old)
            return done, new if done == "updated" else None

        rows_to_write = numbered(accepted()) if spec.series else accepted()
        counts = self._merge(table, rows_to_write, dict.fromkeys(spec.age, 1) | {"_id": 1}, change)
        return RestoreReport(**counts, refused=refused)

    # -- writing -----------------------------------------------------------------------------------------------------

    def _upsert(self, name: str, rows: Iterable[Row], compared: tuple[str, ...] = ()) -> WriteReport:
        """Insert or change rows by id, if one of `compared` (default: all fields) differs from the stored row."""
        moment = now()
        dates: Row = {"updated_at": moment, "removed_at": None}

        def change(old: Row, new: Row) -> tuple[str, Row | None]:
            changed = new | dates
            del changed["created_at"]
            if old.get("removed_at") is not None:
                return "inserted", changed
            given = new.keys() - dates.keys() - {"id", "created_at"}
            same = all(old.get(field, TABLE[name].default(field)) == new[field] for field in (compared or given))
            return ("unchanged", None) if same else ("updated", changed)

        look = dict.fromkeys((*compared, "removed_at"), 1) if compared else None
        dated = ({**row, "created_at": moment, **dates} for row in rows)
        return WriteReport(**self._merge(name, dated, look, change))

    def _merge(self, name: str, rows: Iterable[Row], look: Row | None, change: Change) -> Counter[str]:
        """Write rows by id; return how many were inserted, updated, ... An id that is twice in one batch counts once.

        Args:
            look: the fields of a stored row that `change` needs; None for all.
            change: from the stored row and the given one: what to count it as, and the fields to set, if any.
        """
        counts = Counter[str]()
        for batch in batches(rows, WRITE_BATCH):
            slugs = owners(name, batch)
            refuse_removed(slugs, self._tombstones(slugs))
            todo, attempts = dict[str, Row](), 0
            for row in batch:
                if row["id"] not in todo or change(todo[row["id"]], row)[1] is not None:
                    todo[row["id"]] = row
            while todo:  # tried again are only rows that another process inserted meanwhile, so there is no wait
                attempts += 1
                todo = self._attempt(name, todo, look, change, counts, last=attempts == _ATTEMPTS)
            self._take_back(name, slugs)
        return counts

    def _attempt(
        self, name: str, rows: dict[str, Row], look: Row | None, change: Change, counts: Counter[str], *, last: bool
    ) -> dict[str, Row]:
        """Check which rows exist, then insert the others and update the changed ones; return those to check again.

        An upsert per row would be shorter, but then the server looks up every new row one by one.
        """
        from pymongo import UpdateOne
        from pymongo.errors import BulkWriteError

        new: list[Row] = []
        changes: list[UpdateOne] = []
        lost: set[str] = set()
        with self._database() as database:
            collection = database[name]
            known = {row["_id"]: row for row in collection.find({"_id": {"$in": list(rows)}}, look)}
            for identifier, row in rows.items():
                fields = {field: value for field, value in row.items() if field != "id"}
                if identifier not in known:
                    new.append({"_id": identifier, **fields})
                    continue
                word, changed = change(known[identifier], fields)
                counts[word] += 1
                if changed is not None:
                    changes.append(UpdateOne({"_id": identifier}, {"$set": changed}))
            if changes:
                collection.bulk_write(changes, ordered=False)
            if new:
                try:
                    collection.insert_many(new, ordered=False)
                except BulkWriteError as error:
                    problems = error.details["writeErrors"]
                    if last or any(problem["code"] != DUPLICATE_KEY for problem in problems):
                        raise
                    # Another process inserted these between our check and our write.
                    lost = {new[problem["index"]]["_id"] for problem in problems}
            counts["inserted"] += len(new) - len(lost)
        return {identifier: rows[identifier] for identifier in lost}

    def _tombstone(self, name: str, identifiers: Collection[str], emptied: Row) -> int:
        removed = 0
        for batch in batches(sorted(set(identifiers)), WRITE_BATCH):
            moment = now()
            change = {"$set": {**emptied, "updated_at": moment, "removed_at": moment}}
            with self._database() as database:
                live = {"_id": {"$in": batch}, "removed_at": None}
                removed += database[name].update_many(live, change).modified_count
        return removed


def _entity_row(entity: Author | Link, identifier: str) -> Row:
    return {"id": identifier, **entity.model_dump(mode="json")}


def _entity(model: type[Entity], row: Row) -> Entity:
    return _model(model, row, f"{model.__name__.lower()}s")


Parsed = TypeVar("Parsed", Author, Link, CrawlRecord, Capture)


def _model(model: type[Parsed], row: Row, name: str) -> Parsed:
    return parse(model, present(model, row), f"{name} row {row['_id']}")
