"""The schema of the SQLite warehouse as the list of its versions.

A new file goes through all of them, an old one through those that it lacks, so both end up the same.

To change the schema, append a function to `MIGRATIONS`; never change one that was released. It runs inside the one
transaction that also increases the version, so it may be killed anywhere.
"""

import sqlite3

from twin.models import State
from twin.warehouse.rows import horizon
from twin.warehouse.sqlite_file import Migration
from twin.warehouse.tables import FUTURE


def _first(connection: sqlite3.Connection) -> None:
    """Version 1: authors, links, documents and the crawl log."""
    _run(
        connection,
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
""",
    )
    for state in State:
        _run(
            connection,
            f"""
CREATE TABLE {state} (
  id TEXT PRIMARY KEY, author TEXT NOT NULL, category TEXT NOT NULL, link TEXT NOT NULL, path TEXT,
  source TEXT NOT NULL, platform TEXT NOT NULL, title TEXT, text TEXT NOT NULL, language TEXT, published_at TEXT,
  metadata TEXT NOT NULL, content_hash TEXT NOT NULL,
  created_at TEXT NOT NULL, updated_at TEXT NOT NULL, removed_at TEXT);
CREATE UNIQUE INDEX {state}_identity ON {state} (author, link, path);
CREATE INDEX {state}_column ON {state} (author, category, id) WHERE removed_at IS NULL;
""",
        )


def _captures(connection: sqlite3.Connection) -> None:
    """Version 2: captures, when a document was last checked, aliases, and what a link reads in addition."""
    _run(
        connection,
        """
ALTER TABLE authors ADD COLUMN aliases TEXT NOT NULL DEFAULT '[]';
ALTER TABLE links ADD COLUMN also TEXT NOT NULL DEFAULT '[]';
CREATE TABLE captures (
  id TEXT PRIMARY KEY, author TEXT NOT NULL, link TEXT NOT NULL, url TEXT NOT NULL, final_url TEXT NOT NULL,
  sha256 TEXT NOT NULL, size INTEGER NOT NULL, content_type TEXT NOT NULL, headers TEXT NOT NULL,
  fetched_at TEXT NOT NULL);
CREATE INDEX captures_newest ON captures (author, link, url, fetched_at);
""",
    )
    for state in State:
        # NULLs differ from each other in a unique index, so the first index allowed two documents without a path.
        _run(
            connection,
            f"""
ALTER TABLE {state} ADD COLUMN capture TEXT;
ALTER TABLE {state} ADD COLUMN checked_at TEXT;
DROP INDEX {state}_identity;
CREATE UNIQUE INDEX {state}_identity ON {state} (author, link, path IS NULL, ifnull(path, ''));
CREATE INDEX {state}_source ON {state} (author, category, source) WHERE removed_at IS NULL;
""",
        )


def _removals(connection: sqlite3.Connection) -> None:
    """Version 3: tombstones of removed authors, and marks of what was made of an author's documents."""
    _run(
        connection,
        """
CREATE TABLE removals (id TEXT PRIMARY KEY, token TEXT NOT NULL);
CREATE TABLE marks (author TEXT NOT NULL, name TEXT NOT NULL, content TEXT NOT NULL, PRIMARY KEY (author, name));
""",
    )


def _numbers(connection: sqlite3.Connection) -> None:
    """Version 4: attempts and captures in the order in which they were written, and a mark of each author's links."""
    for table, key, moment in (("crawl_log", "category, url", "checked_at"), ("captures", "link, url", "fetched_at")):
        _run(
            connection,
            f"""
ALTER TABLE {table} ADD COLUMN number INTEGER NOT NULL DEFAULT 0;
DROP INDEX {table}_newest;
CREATE INDEX {table}_newest ON {table} (author, {key}, number, {moment});
CREATE INDEX {table}_number ON {table} (number);
""",
        )
        update = f"UPDATE {table} SET number = ? WHERE {moment} > ?"  # noqa: S608 (names of ours)
        connection.execute(update, (FUTURE, horizon()))
    _run(
        connection,
        """
CREATE TABLE link_marks (author TEXT PRIMARY KEY, mark INTEGER NOT NULL);
INSERT INTO link_marks SELECT slug, random() FROM authors;
INSERT OR IGNORE INTO link_marks SELECT DISTINCT author, random() FROM links;
""",
    )
    # Triggers, so that a change by any tool counts; random marks, so that no two states of a file have the same one.
    for table, owner in (("authors", "slug"), ("links", "author")):
        for event, rows in (("INSERT", ("NEW",)), ("UPDATE", ("OLD", "NEW")), ("DELETE", ("OLD",))):
            changes = "".join(
                f"DELETE FROM link_marks WHERE author = {row}.{owner}; "  # noqa: S608
                f"INSERT INTO link_marks VALUES ({row}.{owner}, random()); "
                for row in rows
            )
            connection.execute(f"CREATE TRIGGER {table}_{event.lower()} AFTER {event} ON {table} BEGIN {changes}END")


MIGRATIONS: tuple[Migration, ...] = (_first, _captures, _removals, _numbers)


def _run(connection: sqlite3.Connection, statements: str) -> None:
    """Execute statements one by one: `executescript` would commit the transaction that they are part of."""
    for statement in filter(str.strip, statements.split(";")):
        connection.execute(statement)
