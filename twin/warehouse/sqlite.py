"""The embedded warehouse: one SQLite file, safe with several processes and threads, editable with any SQLite tool."""

import json
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from twin.errors import InputError
from twin.models import Author, Category, CrawlRecord, Document, Link, State, WriteReport
from twin.warehouse.rows import (
    READ_PAGE,
    WRITE_BATCH,
    Row,
    batches,
    crawl_row,
    document_from,
    document_row,
    now,
    parse,
    refuse,
)
from twin.warehouse.sqlite_file import SqliteFile

SCHEMA_VERSION = 1

_DOCUMENTS = """
CREATE TABLE {state} (
  id TEXT PRIMARY KEY, author TEXT NOT NULL, category TEXT NOT NULL, link TEXT NOT NULL, path TEXT,
  source TEXT NOT NULL, platform TEXT NOT NULL, title TEXT, text TEXT NOT NULL, language TEXT, published_at TEXT,
  metadata TEXT NOT NULL, content_hash TEXT NOT NULL,
  created_at TEXT NOT NULL, updated_at TEXT NOT NULL, removed_at TEXT);
CREATE UNIQUE INDEX {state}_identity ON {state} (author, link, path);
CREATE INDEX {state}_column ON {state} (author, category, id) WHERE removed_at IS NULL;
"""

_SCHEMA = (
    """
CREATE TABLE authors (
  slug TEXT PRIMARY KEY, name TEXT NOT NULL, headline TEXT, language TEXT,
  created_at TEXT NOT NULL, updated_at TEXT NOT NULL, removed_at TEXT);
CREATE TABLE links (
  author TEXT NOT NULL, url TEXT NOT NULL, kind TEXT NOT NULL, categories TEXT NOT NULL, origin TEXT NOT NULL,
  include TEXT NOT NULL, exclude TEXT NOT NULL, location TEXT,
  created_at TEXT NOT NULL, updated_at TEXT NOT NULL, removed_at TEXT, PRIMARY KEY (author, url));
CREATE TABLE crawl_log (
  id TEXT PRIMARY KEY, author TEXT NOT NULL, url TEXT NOT NULL, category TEXT NOT NULL, status TEXT NOT NULL,
  documents INTEGER NOT NULL, message TEXT, skipped_files TEXT NOT NULL, validators TEXT NOT NULL,
  checked_at TEXT NOT NULL);
CREATE INDEX crawl_log_newest ON crawl_log (author, category, url, checked_at);
"""
    + _DOCUMENTS.format(state=State.RAW)
    + _DOCUMENTS.format(state=State.CLEANED)
)

_JSON = frozenset({"categories", "include", "exclude", "metadata", "skipped_files", "validators"})
"""Columns that hold JSON."""

Entity = TypeVar("Entity", Author, Link)


class SqliteWarehouse:
    """A warehouse in one SQLite file, opened at the first call.

    Args:
        path: the database file; its folder is made where it is missing.
        busy_timeout_s: how long a call waits for another process that is writing.
    """

    def __init__(self, path: Path, busy_timeout_s: float = 30.0) -> None:
        self._file = SqliteFile(path, _SCHEMA, SCHEMA_VERSION, busy_timeout_s)

    @property
    def address(self) -> str:
        return str(self._file.path)

    def close(self) -> None:
        self._file.close()

    # -- authors and links -------------------------------------------------------------------------------------------

    def upsert_authors(self, authors: Iterable[Author]) -> WriteReport:
        return self._upsert_entities("authors", ("slug",), list(authors))

    def author(self, slug: str) -> Author | None:
        found = self._file.select("SELECT * FROM authors WHERE slug = ? AND removed_at IS NULL", (slug,))
        return _entity(Author, found[0]) if found else None

    def authors(self) -> list[Author]:
        rows = self._file.select("SELECT * FROM authors WHERE removed_at IS NULL ORDER BY slug")
        return [_entity(Author, row) for row in rows]

    def upsert_links(self, links: Iterable[Link]) -> WriteReport:
        return self._upsert_entities("links", ("author", "url"), list(links))

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

    def _upsert_entities(self, table: str, key: tuple[str, ...], entities: Sequence[Author | Link]) -> WriteReport:
        inserted = updated = unchanged = 0
        where = " AND ".join(f"{name} = ?" for name in key)
        with self._file.transaction() as connection:
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
        report, refused = WriteReport(), list[InputError]()
        for batch in batches(documents, WRITE_BATCH):
            rows: dict[str, Row] = {}
            for document in batch:
                try:
                    row = document_row(document)
                except InputError as error:
                    refused.append(error)
                else:
                    rows[row["id"]] = row
            report += self._upsert_rows(state, rows)
        refuse(refused)
        return report

    def _upsert_rows(self, state: State, rows: dict[str, Row]) -> WriteReport:
        with self._file.transaction() as connection:
            marks = ",".join("?" * len(rows))
            known = {
                row["id"]: row
                for row in connection.execute(
                    f"SELECT id, content_hash, removed_at FROM {state} WHERE id IN ({marks})",  # noqa: S608
                    list(rows),
                )
            }
            inserted = updated = 0
            for identifier, row in rows.items():
                old = known.get(identifier)
                live = old is not None and old["removed_at"] is None
                if live and old is not None and old["content_hash"] == row["content_hash"]:
                    continue
                _write(connection, state, ("id",), _encoded(row))
                inserted, updated = inserted + (not live), updated + live
        return WriteReport(inserted=inserted, updated=updated, unchanged=len(rows) - inserted - updated)

    def edit_document(self, state: State, document_id: str, text: str) -> bool:
        with self._file.transaction() as connection:
            changed = connection.execute(
                f"UPDATE {state} SET text = ?, updated_at = ? WHERE id = ? AND removed_at IS NULL",  # noqa: S608
                (text, now(), document_id),
            )
            return changed.rowcount > 0

    def documents(self, state: State, author: str, category: Category) -> Iterator[Document]:
        # Pages by key, each its own read: an open cursor would keep the write-ahead log growing while a consumer
        # embeds or trains, and sees none of the writes that the consumer makes itself.
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

    def remove_documents(self, state: State, document_ids: Collection[str]) -> int:
        removed = 0
        for batch in batches(sorted(set(document_ids)), WRITE_BATCH):
            moment = now()
            with self._file.transaction() as connection:
                removed += connection.execute(
                    f"UPDATE {state} SET title = NULL, text = '', metadata = '{{}}', content_hash = '', "  # noqa: S608
                    f"updated_at = ?, removed_at = ? WHERE id IN ({','.join('?' * len(batch))}) AND removed_at IS NULL",
                    (moment, moment, *batch),
                ).rowcount
        return removed

    # -- crawl log ---------------------------------------------------------------------------------------------------

    def log_crawl(self, records: Sequence[CrawlRecord]) -> None:
        with self._file.transaction() as connection:
            for record in records:
                row = _encoded(crawl_row(record))
                names, marks = ",".join(row), ",".join("?" * len(row))
                connection.execute(
                    f"INSERT OR IGNORE INTO crawl_log ({names}) VALUES ({marks})",  # noqa: S608
                    list(row.values()),
                )

    def last_crawls(self, author: str, category: Category) -> dict[str, CrawlRecord]:
        # A bare column beside max() comes from the row that has the maximum: SQLite promises it.
        rows = self._file.select(
            "SELECT *, max(checked_at) FROM crawl_log WHERE author = ? AND category = ? GROUP BY url",
            (author, category),
        )
        names = CrawlRecord.model_fields
        return {
            row["url"]: parse(CrawlRecord, {name: _decoded(row)[name] for name in names}, f"crawl_log row {row['id']}")
            for row in rows
        }


def _write(connection: sqlite3.Connection, table: str, key: tuple[str, ...], fields: Row) -> None:
    """Insert a row or change the one with the same key, alive again if it was removed."""
    moment = now()
    row = fields | {"created_at": moment, "updated_at": moment, "removed_at": None}
    changes = ",".join(f"{name} = excluded.{name}" for name in row if name not in (*key, "created_at"))
    connection.execute(
        f"INSERT INTO {table} ({','.join(row)}) VALUES ({','.join('?' * len(row))}) "  # noqa: S608
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


def _entity(model: type[Entity], row: sqlite3.Row) -> Entity:
    fields = _decoded(row)
    key = fields.get("slug") or f"{fields['author']} {fields['url']}"
    return parse(model, {name: fields[name] for name in model.model_fields}, f"{model.__name__.lower()} row {key}")
