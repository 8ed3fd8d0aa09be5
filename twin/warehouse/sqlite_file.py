"""One SQLite file, opened and migrated at the first use; SQLite's errors become one sentence that says what to do."""

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from twin.errors import InputError, StoreError

Migration = Callable[[sqlite3.Connection], None]


class SqliteFile:
    """A database file that several processes and threads may use at once.

    Args:
        path: the file; its folder is created if it is missing.
        migrations: each brings the schema from one version to the next, the first one from an empty file. The file
            stores the number of applied migrations as `user_version`.
        busy_timeout_s: how long a call waits for another process that is writing.
    """

    def __init__(self, path: Path, migrations: Sequence[Migration], busy_timeout_s: float) -> None:
        self.path = path
        self._migrations, self._busy_timeout_s = migrations, busy_timeout_s
        self._connection: sqlite3.Connection | None = None
        # One connection per object: a call takes milliseconds, so threads can queue for it.
        self._lock = threading.RLock()

    def close(self) -> None:
        """Close the file; the next call opens it again."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def select(self, statement: str, values: Sequence[Any] | Mapping[str, Any] = ()) -> list[sqlite3.Row]:
        """All rows of a query."""
        with self._lock, self._explained():
            return self._connected().execute(statement, values).fetchall()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """One short write transaction. It takes the write lock at once, so two writers queue instead of colliding."""
        with self._lock, self._explained():
            connection = self._connected()
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                # SQLite itself has rolled back if the disk is full or the file damaged.
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    def _connected(self) -> sqlite3.Connection:
        if self._connection is None:
            try:
                self.path.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise StoreError(
                    f"The folder of the warehouse, {self.path.parent}, cannot be created ({error.strerror}): "
                    "make it writable or set TWIN_STORE to another folder."
                ) from error
            connection = sqlite3.connect(
                self._address(), timeout=self._busy_timeout_s, isolation_level=None, check_same_thread=False, uri=True
            )
            try:
                connection.row_factory = sqlite3.Row
                # A damaged text must not keep the other rows from being read; its hash says that it is damaged.
                connection.text_factory = partial(str, encoding="utf-8", errors="backslashreplace")
                # Removed data is overwritten: otherwise the texts of a removed author stay in free pages of the file.
                connection.execute("PRAGMA secure_delete = ON")
                self._prepare(connection)
            except BaseException:
                connection.close()
                raise
            self._connection = connection
        return self._connection

    def _address(self) -> str:
        """The file as a URI. Where nothing may be written, such as in a backup, SQLite must not create its files beside
        it; without a journal it then takes the file as one that nobody changes."""
        address = self.path.absolute().as_uri()
        if not self.path.exists() or os.access(self.path.parent, os.W_OK):
            return address
        journal = self.path.with_name(f"{self.path.name}-wal")
        return f"{address}?mode=ro" + ("" if journal.exists() and journal.stat().st_size else "&immutable=1")

    def _prepare(self, connection: sqlite3.Connection) -> None:
        """Set up the journal and bring the schema to the newest version."""
        if self._version(connection) == len(self._migrations):
            return
        # The file remembers the switch to WAL. Unlike other statements, it does not wait for other processes.
        self._patiently(lambda: connection.execute("PRAGMA journal_mode = WAL"))
        connection.execute("BEGIN IMMEDIATE")
        try:
            # Another process may have done it in the meantime. The version is part of the transaction, like the tables.
            for migration in self._migrations[self._version(connection) :]:
                migration(connection)
            connection.execute(f"PRAGMA user_version = {len(self._migrations)}")
            connection.execute("COMMIT")
        except sqlite3.IntegrityError as error:
            raise StoreError(
                f"The warehouse {self.path} cannot be upgraded to schema {len(self._migrations)} ({error}): two rows "
                "describe the same thing, so delete the one that was added by hand and run this again."
            ) from error

    def _version(self, connection: sqlite3.Connection) -> int:
        version = int(connection.execute("PRAGMA user_version").fetchone()[0])
        if version > len(self._migrations):
            raise StoreError(
                f"The warehouse {self.path} has schema {version} of a newer LLM Twin (this one supports "
                f"{len(self._migrations)}): install that version, or set TWIN_STORE to another folder."
            )
        return version

    def _patiently(self, action: Callable[[], object]) -> None:
        deadline = time.monotonic() + self._busy_timeout_s
        while True:
            try:
                action()
                return
            except sqlite3.OperationalError as error:
                if _code(error) != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                    raise
                time.sleep(0.02)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn SQLite's errors into one sentence that says what to do."""
        try:
            yield
        except UnicodeEncodeError:
            raise InputError(
                "The text contains an invalid character (a lone surrogate): save it again as UTF-8."
            ) from None
        except UnicodeDecodeError as error:  # in a message of SQLite that quotes what is damaged
            raise StoreError(f"The warehouse {self.path} {_FIX_HINTS[sqlite3.SQLITE_CORRUPT]}") from error
        except sqlite3.Error as error:
            said = _FIX_HINTS.get(_code(error), f"failed ({error}): check it with `PRAGMA integrity_check`.")
            raise StoreError(f"The warehouse {self.path} {said}") from error


_FIX_HINTS = {
    sqlite3.SQLITE_BUSY: "is locked: another process is writing to it, so wait for it or stop it and run this again.",
    sqlite3.SQLITE_FULL: "cannot grow because its disk is full: free up disk space and run this again.",
    sqlite3.SQLITE_READONLY: "is read-only: make the file and its folder writable, or change TWIN_STORE.",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened: make its folder readable and writable, or change TWIN_STORE.",
    sqlite3.SQLITE_PERM: "cannot be opened: make its folder readable and writable, or change TWIN_STORE.",
    sqlite3.SQLITE_IOERR: "cannot be read or written (disk error): check the disk, then run this again.",
    sqlite3.SQLITE_CORRUPT: "is damaged: restore a copy, or move it away and run again to rebuild it.",
    sqlite3.SQLITE_NOTADB: "is not an SQLite database: move that file away, or change TWIN_STORE.",
}


def _code(error: sqlite3.Error) -> int:
    """The primary result code: the low byte of the extended one. Errors of Python's own layer have none."""
    return int(getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)) & 0xFF
