"""The embedded warehouse: one SQLite file, safe with several processes and threads, editable with any SQLite tool."""

import hashlib
import json
import sqlite3
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence, Sized
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel

from twin.batching import batches
from twin.errors import InputError
from twin.models import Author, Capture, Category, CrawlRecord, Document, Link, State, WriteReport
from twin.warehouse.base import TABLES, RestoreReport
from twin.warehouse.removals import REMOVALS, new_token, owners, refuse_outdated, refuse_removed, tombstone_id
from twin.warehouse.rows import (
    COMPARED,
    READ_PAGE,
    TOMBSTONE,
    WRITE_BATCH,
    Row,
    capture_row,
    check_size,
    crawl_row,
    document_from,
    document_row,
    horizon,
    now,
    parse,
    present,
    refuse,
    stamp,
)
from twin.warehouse.sqlite_file import SqliteFile
from twin.warehouse.sqlite_schema import MIGRATIONS
from twin.warehouse.tables import TABLE, checked_row, number_of_import

_JSON = frozenset(
    {"aliases", "also", "categories", "exclude", "headers", "include", "metadata", "skipped_files", "validators"}
)
"""Columns that hold JSON."""

Entity = TypeVar("Entity", Author, Link)


class SqliteWarehouse:
    """A warehouse in one SQLite file, opened at the first call.

    Args:
        path: the database file; its folder is created if it is missing.
        busy_timeout_s: how long a call waits for another process that is writing.
    """

    def __init__(self, path: Path, busy_timeout_s: float = 30.0) -> None:
        self._file = SqliteFile(path, MIGRATIONS, busy_timeout_s)

    @property
    def address(self) -> str:
        return str(self._file.path)

    def close(self) -> None:
        self._file.close()

    # -- authors and links -------------------------------------------------------------------------------------------

    def upsert_authors(
        self, authors: Iterable[Author], *, known: Mapping[str, str | None] | None = None
    ) -> WriteReport:
        given = list(authors)
        with self._file.transaction() as connection:
            slugs = [author.slug for author in given]
            refuse_outdated(slugs, _tombstones(connection), known or {})
            _bring_back(connection, slugs)
            return self._upsert_entities(connection, "authors", ("slug",), given)

    def end_removal(self, slug: str) -> None:
        with self._file.transaction() as connection:
            _bring_back(connection, [slug])

    def removal(self, slug: str) -> str | None:
        found = self._file.select(f"SELECT token FROM {REMOVALS} WHERE id = ?", (tombstone_id(slug),))  # noqa: S608
        return str(found[0]["token"]) if found else None

    def owners(self) -> dict[str, int]:
        counts = Counter[str]()
        for name in TABLES[1:]:
            rows = self._file.select(f"SELECT author, count(*) AS number FROM {name} GROUP BY author")  # noqa: S608
            counts.update({row["author"]: row["number"] for row in rows})
        return dict(counts)

    def begin_removal(self, slug: str) -> None:
        with self._file.transaction() as connection:
            connection.execute(
                f"INSERT OR REPLACE INTO {REMOVALS} (id, token) VALUES (?, ?)",  # noqa: S608
                (tombstone_id(slug), new_token()),
            )

    def author(self, slug: str) -> Author | None:
        found = self._file.select("SELECT * FROM authors WHERE slug = ? AND removed_at IS NULL", (slug,))
        return _entity(Author, found[0]) if found else None

    def authors(self) -> list[Author]:
        rows = self._file.select("SELECT * FROM authors WHERE removed_at IS NULL ORDER BY slug")
        return [_entity(Author, row) for row in rows]

    def upsert_links(self, links: Iterable[Link]) -> WriteReport:
        given = list(links)
        with self._file.transaction() as connection:
            refuse_removed({link.author for link in given}, _tombstones(connection))
            return self._upsert_entities(connection, "links", ("author", "url"), given)

    def links(self, author: str) -> list[Link]:
        rows = self._file.select("SELECT * FROM links WHERE author = ? AND removed_at IS NULL ORDER BY url", (author,))
        return [_entity(Link, row) for row in rows]

    def remove_links(self, author: str, urls: Collection[str]) -> int:
        moment = now()
        with self._file.transaction() as connection:
            return sum(
                connection.execute(
                    "UPDATE links SET removed_at = ?, updated_at = ? "
                    "WHERE author = ? AND url = ? AND removed_at IS NULL",
                    (moment, moment, author, url),
                ).rowcount
                for url in set(urls)
            )

    def link_marks(self) -> dict[str, str]:
        rows = self._file.select(
            "SELECT author, mark FROM link_marks "
            "UNION ALL SELECT slug, 0 FROM authors WHERE slug NOT IN (SELECT author FROM link_marks)"
        )
        return {row["author"]: str(row["mark"]) for row in rows}

    @staticmethod
    def _upsert_entities(
        connection: sqlite3.Connection, table: str, key: tuple[str, ...], entities: Sequence[Author | Link]
    ) -> WriteReport:
        inserted = updated = unchanged = 0
        where = " AND ".join(f"{name} = ?" for name in key)
        for entity in entities:
            fields = _encoded(entity.model_dump(mode="json"))
            found = connection.execute(
                f"SELECT * FROM {table} WHERE {where}",  # noqa: S608 (names of ours, values bound)
                [fields[name] for name in key],
            ).fetchone()
            live = found is not None and found["removed_at"] is None
            if live and all(found[name] == value for name, value in fields.items()):
                unchanged += 1
                continue
            _write(connection, table, key, fields)
            inserted, updated = inserted + (not live), updated + live
        return WriteReport(inserted=inserted, updated=updated, unchanged=unchanged)

    # -- documents ---------------------------------------------------------------------------------------------------

    def upsert_documents(self, state: State, documents: Iterable[Document]) -> WriteReport:
        report, refused = WriteReport(), list[str]()
        for batch in batches(documents, WRITE_BATCH):
            rows: dict[str, Row] = {}
            for document in batch:
                try:
                    row = document_row(document)
                except InputError as error:
                    refused.append(str(error))
                else:
                    rows[row["id"]] = row
            report += self._upsert_rows(state, rows)
        refuse(refused)
        return report

    def _upsert_rows(self, state: State, rows: dict[str, Row]) -> WriteReport:
        with self._file.transaction() as connection:
            refuse_removed(owners(state, rows.values()), _tombstones(connection))
            known = {
                row["id"]: row
                for row in connection.execute(
                    f"SELECT id, removed_at, {','.join(COMPARED)} FROM {state} WHERE id IN ({_marks(rows)})",  # noqa: S608
                    list(rows),
                )
            }
            inserted = updated = 0
            for identifier, row in rows.items():
                old = known.get(identifier)
                live = old is not None and old["removed_at"] is None
                if live and old is not None and all(old[name] == row[name] for name in COMPARED):
                    continue
                _write(connection, state, ("id",), _encoded(row))
                inserted, updated = inserted + (not live), updated + live
        return WriteReport(inserted=inserted, updated=updated, unchanged=len(rows) - inserted - updated)

    def edit_document(self, state: State, document_id: str, text: str) -> bool:
        with self._file.transaction() as connection:
            changed = connection.execute(
                f"UPDATE {state} SET text = ?, updated_at = ? WHERE id = ? AND removed_at IS NULL "  # noqa: S608
                "RETURNING *",
                (text, now(), document_id),
            ).fetchone()
            if changed is not None:
                check_size(_decoded(changed), f"The document {changed['link']!r}")
            return changed is not None

    def documents(self, state: State, author: str, category: Category) -> Iterator[Document]:
        # Pages by key, each its own read: an open cursor would let the write-ahead log grow while a consumer embeds or
        # trains, and would not see the consumer's own writes.
        last = ""
        while page := self._file.select(
            f"SELECT * FROM {state} WHERE author = ? AND category = ? AND id > ? AND removed_at IS NULL "  # noqa: S608
            "ORDER BY id LIMIT ?",
            (author, category, last, READ_PAGE),
        ):
            for row in page:
                yield document_from(_decoded(row), state)
            last = page[-1]["id"]

    def document(self, state: State, document_id: str) -> Document | None:
        found = self._file.select(
            f"SELECT * FROM {state} WHERE id = ? AND removed_at IS NULL",  # noqa: S608
            (document_id,),
        )
        return document_from(_decoded(found[0]), state) if found else None

    def hashes(self, state: State, author: str, category: Category) -> dict[str, str]:
        return {document.id: document.content_hash for document in self.documents(state, author, category)}

    def stored_hashes(self, state: State, author: str, category: Category) -> dict[str, str]:
        rows = self._file.select(
            f"SELECT id, content_hash FROM {state} WHERE author = ? AND category = ? AND removed_at IS NULL",  # noqa: S608
            (author, category),
        )
        return {row["id"]: row["content_hash"] for row in rows}

    def remove_documents(self, state: State, document_ids: Collection[str]) -> int:
        removed = 0
        emptied = ",".join(f"{name} = ?" for name in TOMBSTONE)
        values = list(_encoded(TOMBSTONE).values())
        for batch in batches(sorted(set(document_ids)), WRITE_BATCH):
            moment = now()
            with self._file.transaction() as connection:
                removed += connection.execute(
                    f"UPDATE {state} SET {emptied}, updated_at = ?, removed_at = ? "  # noqa: S608
                    f"WHERE id IN ({_marks(batch)}) AND removed_at IS NULL",
                    (*values, moment, moment, *batch),
                ).rowcount
        return removed

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
        mine, values = "author = ? AND category = ? AND source = ? AND removed_at IS NULL", (author, category, source)
        with self._file.transaction() as connection:
            connection.executemany(
                f"UPDATE {state} SET capture = ? WHERE id = ? AND capture IS NOT ? AND {mine}",  # noqa: S608
                ((capture, identifier, capture, *values) for identifier, capture in (captures or {}).items()),
            )
            return connection.execute(
                f"UPDATE {state} SET checked_at = "  # noqa: S608
                f"max(iif(checked_at <= ?, checked_at, ''), ?) WHERE {mine}",
                (horizon(), stamp(moment), *values),
            ).rowcount

    # -- crawl log ---------------------------------------------------------------------------------------------------

    def log_crawl(self, records: Sequence[CrawlRecord]) -> None:
        with self._file.transaction() as connection:
            refuse_removed({record.author for record in records}, _tombstones(connection))
            for record in records:
                row = _encoded(crawl_row(record)) | {"number": _next_number(connection, "crawl_log")}
                connection.execute(
                    f"INSERT OR IGNORE INTO crawl_log ({','.join(row)}) VALUES ({_marks(row)})",  # noqa: S608
                    list(row.values()),
                )

    def last_crawls(self, author: str, category: Category) -> dict[str, CrawlRecord]:
        # The inner queries read only the index; only the newest row of each url is read itself.
        rows = self._file.select(
            "SELECT log.* FROM (SELECT DISTINCT url FROM crawl_log WHERE author = :author AND category = :category) "
            "AS last JOIN crawl_log AS log ON log.rowid = (SELECT rowid FROM crawl_log WHERE author = :author AND "
            "category = :category AND url = last.url ORDER BY number DESC, checked_at DESC, rowid DESC LIMIT 1)",
            {"author": author, "category": category},
        )
        return {row["url"]: parse(CrawlRecord, _fields(CrawlRecord, row), f"crawl_log row {row['id']}") for row in rows}

    # -- captures ----------------------------------------------------------------------------------------------------

    def upsert_captures(self, captures: Sequence[Capture]) -> WriteReport:
        report, refused = WriteReport(), list[str]()
        with self._file.transaction() as connection:
            refuse_removed({capture.author for capture in captures}, _tombstones(connection))
            for capture in captures:
                try:
                    row = _encoded(checked_row("captures", capture_row(capture)))
                except InputError as error:
                    refused.append(str(error))
                    continue
                old = connection.execute("SELECT * FROM captures WHERE id = ?", (capture.id,)).fetchone()
                same = old is not None and all(old[name] == value for name, value in row.items())
                if not same:
                    _put(connection, "captures", ("id",), row | {"number": _next_number(connection, "captures")})
                report += WriteReport(inserted=old is None, updated=not same and old is not None, unchanged=same)
        refuse(refused)
        return report

    def captures(self, author: str, link: str | None = None, url: str | None = None) -> list[Capture]:
        wanted = {name: value for name, value in (("link", link), ("url", url)) if value is not None}
        rows = self._file.select(
            f"SELECT * FROM captures WHERE author = ?{''.join(f' AND {name} = ?' for name in wanted)} "  # noqa: S608
            "ORDER BY number DESC, fetched_at DESC, id",
            (author, *wanted.values()),
        )
        return [parse(Capture, _fields(Capture, row), f"captures row {row['id']}") for row in rows]

    def remove_captures(self, author: str, capture_ids: Collection[str]) -> int:
        removed = 0
        for batch in batches(sorted(set(capture_ids)), WRITE_BATCH):
            with self._file.transaction() as connection:
                removed += connection.execute(
                    f"DELETE FROM captures WHERE author = ? AND id IN ({_marks(batch)})",  # noqa: S608
                    (author, *batch),
                ).rowcount
        return removed

    # -- whole tables ------------------------------------------------------------------------------------------------

    def remove_author(self, slug: str) -> int:
        self.begin_removal(slug)
        with self._file.transaction() as connection:
            removed = sum(
                connection.execute(f"DELETE FROM {name} WHERE {TABLE[name].owner} = ?", (slug,)).rowcount  # noqa: S608
                for name in TABLES
            )
            connection.execute("DELETE FROM link_marks WHERE author = ?", (slug,))
            connection.execute("DELETE FROM marks WHERE author = ?", (slug,))
            return removed

    # -- changes and marks, see `twin.warehouse.marks` ---------------------------------------------------------------

    def digest(self, state: State, author: str, category: Category) -> str:
        digest, last = hashlib.sha256(usedforsecurity=False), ""
        # As bytes, which need not be valid text; types and lengths keep different rows apart.
        columns = ",".join(f"typeof({name}), CAST({name} AS BLOB)" for name in ("id", *TABLE[state].contents))
        while page := self._file.select(
            f"SELECT id, {columns} FROM {state} WHERE author = ? AND category = ? AND id > ? "  # noqa: S608
            "AND removed_at IS NULL ORDER BY id LIMIT ?",
            (author, category, last, READ_PAGE),
        ):
            for row in page:
                types, values = tuple(row)[1::2], [value or b"" for value in tuple(row)[2::2]]
                digest.update(",".join(map("{}{}".format, types, map(len, values))).encode())
                digest.update(b"".join(values))
            last = page[-1]["id"]
        return digest.hexdigest()

    def mark(self, author: str, name: str) -> str | None:
        found = self._file.select("SELECT content FROM marks WHERE author = ? AND name = ?", (author, name))
        return str(found[0]["content"]) if found else None

    def put_mark(self, author: str, name: str, content: str) -> None:
        with self._file.transaction() as connection:
            refuse_removed({author}, _tombstones(connection))
            connection.execute("INSERT OR REPLACE INTO marks VALUES (?, ?, ?)", (author, name, content))

    def dump(self, table: str, author: str | None = None) -> Iterator[Row]:
        spec = TABLE[table]
        key = ",".join(spec.key)
        last = ("",) * len(spec.key)
        mine, values = (f"{spec.owner} = ? AND ", (author,)) if author is not None else ("", ())
        while page := self._file.select(
            f"SELECT * FROM {table} WHERE {mine}({key}) > ({_marks(last)}) ORDER BY {key} LIMIT ?",  # noqa: S608
            (*values, *last, READ_PAGE),
        ):
            for row in page:
                fields = _decoded(row)
                yield {name: fields[name] for name in spec.columns}
            last = tuple(page[-1][name] for name in spec.key)

    def restore(self, table: str, rows: Iterable[Mapping[str, Any]]) -> RestoreReport:
        spec, report = TABLE[table], RestoreReport()
        found = f"SELECT * FROM {table} WHERE {' AND '.join(f'{name} = ?' for name in spec.key)}"  # noqa: S608
        for batch in batches(rows, WRITE_BATCH):
            with self._file.transaction() as connection:
                tombstones = _tombstones(connection)
                for given in batch:
                    try:
                        row = checked_row(table, given)
                    except InputError as error:
                        report += RestoreReport(refused=[str(error)])
                        continue
                    refuse_removed(owners(table, [row]), tombstones)
                    old = connection.execute(found, [row[name] for name in spec.key]).fetchone()
                    done = spec.compared(row, _decoded(old)) if old else "inserted"
                    if done in ("inserted", "updated"):
                        number = {"number": _import_number(connection, table, row)} if spec.series else {}
                        _put(connection, table, spec.key, _encoded(row) | number)
                    report += RestoreReport(
                        inserted=done == "inserted",
                        updated=done == "updated",
                        unchanged=done == "unchanged",
                        kept=done == "kept",
                    )
        return report


def _tombstones(connection: sqlite3.Connection) -> dict[str, str]:
    """Id -> token of all removed authors."""
    return dict(connection.execute(f"SELECT id, token FROM {REMOVALS}").fetchall())  # noqa: S608


def _bring_back(connection: sqlite3.Connection, slugs: Collection[str]) -> None:
    removed = [(tombstone_id(slug),) for slug in slugs]
    connection.executemany(f"DELETE FROM {REMOVALS} WHERE id = ?", removed)  # noqa: S608


def _marks(values: Sized) -> str:
    return ",".join("?" * len(values))


def _next_number(connection: sqlite3.Connection, table: str) -> int:
    """A number higher than any in the table, so also higher than any of the series of a row."""
    found = connection.execute(f"SELECT max(number) FROM {table}").fetchone()[0]  # noqa: S608 (a name of ours)
    return max(found or 0, 0) + 1


def _import_number(connection: sqlite3.Connection, table: str, row: Row) -> int:
    spec = TABLE[table]
    newest = connection.execute(
        f"SELECT number, {spec.moment} FROM {table} WHERE {' AND '.join(f'{name} = ?' for name in spec.series)} "  # noqa: S608
        f"ORDER BY number DESC, {spec.moment} DESC LIMIT 1",
        [row[name] for name in spec.series],
    ).fetchone()
    return number_of_import(row[spec.moment], tuple(newest) if newest else None)


def _write(connection: sqlite3.Connection, table: str, key: tuple[str, ...], fields: Row) -> None:
    """Insert a row or change the one with the same key; a removed row becomes live again."""
    moment = now()
    row = fields | {"created_at": moment, "updated_at": moment, "removed_at": None}
    _put(connection, table, key, row, kept="created_at")


def _put(connection: sqlite3.Connection, table: str, key: tuple[str, ...], row: Row, kept: str = "") -> None:
    """Insert a row, or change every field except `kept` of the one with the same key."""
    changes = ",".join(f"{name} = excluded.{name}" for name in row if name not in (*key, kept))
    connection.execute(
        f"INSERT INTO {table} ({','.join(row)}) VALUES ({_marks(row)}) "  # noqa: S608
        f"ON CONFLICT ({','.join(key)}) DO UPDATE SET {changes}",
        list(row.values()),
    )


def _encoded(fields: Row) -> Row:
    return {
        name: json.dumps(value, ensure_ascii=False, sort_keys=True) if name in _JSON else value
        for name, value in fields.items()
    }


def _decoded(row: sqlite3.Row) -> Row:
    fields = {name: row[name] for name in row.keys()}  # noqa: SIM118 (a Row iterates over its values)
    for name in _JSON & fields.keys():
        with suppress(TypeError, ValueError):  # somebody's edit: the model refuses it, naming row and field
            fields[name] = json.loads(fields[name])
    return fields


def _fields(model: type[BaseModel], row: sqlite3.Row) -> Row:
    return present(model, _decoded(row))


def _entity(model: type[Entity], row: sqlite3.Row) -> Entity:
    fields = _fields(model, row)
    key = fields.get("slug") or f"{fields['author']} {fields['url']}"
    return parse(model, fields, f"{model.__name__.lower()} row {key}")
