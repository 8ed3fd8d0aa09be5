"""One database of a MongoDB server, connected and migrated at the first use; errors become one sentence each."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from twin.errors import InputError, StoreError
from twin.warehouse.rows import Row, first_line

if TYPE_CHECKING:
    from pymongo import MongoClient
    from pymongo.database import Database

DUPLICATE_KEY = 11000
_OUT_OF_DISK = 14031
_UNAUTHORISED = frozenset({13, 18})  # not allowed, login refused


class MongoServer:
    """A database that several processes and threads may use at once; it is not contacted before the first call.

    Args:
        uri: `mongodb://` or `mongodb+srv://`; its credentials never appear in messages.
        name: name of the database.
        timeout_s: how long a call looks for a server that answers.
        prepare: called once with the database, before anything else is done with it.

    Raises:
        InputError: `uri` is malformed.
    """

    def __init__(self, uri: str, name: str, timeout_s: float, prepare: "Callable[[Database[Row]], None]") -> None:
        scheme, separator, rest = uri.strip().partition("://")
        if scheme not in ("mongodb", "mongodb+srv") or not separator:
            raise InputError("MONGO_URI is not a MongoDB address: write mongodb://HOST:27017.")
        hosts = rest.rpartition("@")[2].partition("/")[0].partition("?")[0]
        self.address = f"{scheme}://{hosts}/{name}"
        self._uri, self._name, self._timeout_s, self._prepare = uri.strip(), name, timeout_s, prepare
        self._client: MongoClient[Row] | None = None
        self._prepared = False
        self._lock = threading.Lock()

    def close(self) -> None:
        """Close the connections; the next call opens new ones."""
        if self._client is not None:
            self._client.close()
            self._client, self._prepared = None, False

    @contextmanager
    def database(self) -> Iterator["Database[Row]"]:
        """The database, ready for use; errors of pymongo become one sentence that says how to fix them."""
        from pymongo.errors import PyMongoError

        try:
            yield self._connected()
        except UnicodeEncodeError:
            raise InputError("The text contains half a character (a lone surrogate): save it again as UTF-8.") from None
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
                        retryWrites=True,
                        appname="llm-twin",
                    )
                except (InvalidURI, ConfigurationError, ValueError):
                    # Its own message may quote the address with the password, so neither is shown.
                    raise InputError(
                        f"MONGO_URI ({self.address}) cannot be used: write mongodb://USER:PASSWORD@HOST:27017, with "
                        "every special character of USER and PASSWORD percent-encoded."
                    ) from None
            database = self._client[self._name]
            if not self._prepared:
                self._prepare(database)
                self._prepared = True
            return database

    def _explain(self, error: Exception) -> StoreError:
        from pymongo.errors import ConnectionFailure, OperationFailure

        codes = {getattr(error, "code", None)}
        codes |= {problem["code"] for problem in (getattr(error, "details", None) or {}).get("writeErrors", ())}
        if isinstance(error, ConnectionFailure):
            said = "does not answer: start it, correct MONGO_URI, or unset it to use a local file."
        elif codes & _UNAUTHORISED:
            said = "rejected the login: correct the user, password and authSource in MONGO_URI, and the user's roles."
        elif _OUT_OF_DISK in codes:
            said = "has no disk space left: free up some and run this again."
        elif DUPLICATE_KEY in codes:
            said = "has another row with the same author, link and path: delete the one that was added by hand."
        elif isinstance(error, OperationFailure):
            said = f"refused the operation ({first_line(error)[:200]}): fix that on the server and run this again."
        else:
            said = f"failed ({type(error).__name__}): check its log and run this again."
        return StoreError(f"MongoDB at {self.address} {said}")
