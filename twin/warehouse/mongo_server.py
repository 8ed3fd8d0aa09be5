"""One database of a MongoDB server, connected and migrated at the first use; errors become one sentence each."""

import logging
import re
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from twin import masking
from twin.errors import InputError, StoreError
from twin.warehouse.rows import Row, first_line

if TYPE_CHECKING:
    from pymongo import MongoClient
    from pymongo.database import Database

logger = logging.getLogger("twin")

DUPLICATE_KEY = 11000
_OUT_OF_DISK = 14031
_HOST = r"(?:[\w.-]+(?::\d{1,5})?|\[[0-9a-fA-F:.]+\](?::\d{1,5})?|(?:%2[fF][\w.-]+)+)"
_HOSTS = re.compile(rf"{_HOST}(?:,{_HOST})*")
"""Names, addresses or sockets, separated by commas."""

_MALFORMED = (
    "MONGO_URI cannot be used: write mongodb://USER:PASSWORD@HOST:27017, with every special character of USER and "
    "PASSWORD percent-encoded."
)
_UNAUTHORISED = frozenset({13, 18})  # not allowed, login refused


class MongoServer:
    """A database that several processes and threads may use at once; it is not contacted before the first call.

    Args:
        uri: `mongodb://` or `mongodb+srv://`; its credentials never appear in messages.
        name: name of the database.
        timeout_s: how long a call looks for a server that answers.
        prepare: called once with the database, before anything else is done with it.

    Raises:
        InputError: `uri` is malformed, or a file that it names cannot be read.
    """

    def __init__(self, uri: str, name: str, timeout_s: float, prepare: "Callable[[Database[Row]], None]") -> None:
        masking.remember_address(uri)
        scheme, separator, rest = uri.strip().partition("://")
        if scheme not in ("mongodb", "mongodb+srv") or not separator:
            raise InputError("MONGO_URI is not a MongoDB address: write mongodb://HOST:27017.")
        hosts = re.split("[/?]", rest, maxsplit=1)[0].rpartition("@")[2]
        if not _HOSTS.fullmatch(hosts):  # it is not shown: a part of it may be the password
            raise InputError(_MALFORMED)
        self.address = f"{scheme}://{hosts}/{name}"
        self._uri, self._name, self._timeout_s, self._prepare = uri.strip(), name, timeout_s, prepare
        self._client: MongoClient[Row] | None = None
        self._prepared = False
        self._lock = threading.Lock()
        if scheme == "mongodb":  # the hosts of mongodb+srv are looked up in DNS, which waits until they are needed
            self._opened(announced=False, connect=False).close()

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
            raise InputError(
                "The text contains an invalid character (a lone surrogate): save it again as UTF-8."
            ) from None
        except PyMongoError as error:
            raise self._explain(error) from error

    def _connected(self) -> "Database[Row]":
        with self._lock:
            if self._client is None:
                self._client = self._opened()
            database = self._client[self._name]
            if not self._prepared:
                self._prepare(database)
                self._prepared = True
            return database

    def _opened(self, *, announced: bool = True, **options: Any) -> "MongoClient[Row]":
        """A new client.

        Args:
            announced: whether options that the driver does not know are logged.
            options: of `MongoClient`.
        """
        from pymongo import MongoClient
        from pymongo.errors import ConfigurationError, InvalidURI

        # The messages of the driver may quote any part of the address, so none of them is shown.
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            try:
                client: MongoClient[Row] = MongoClient(
                    self._uri,
                    serverSelectionTimeoutMS=int(self._timeout_s * 1000),
                    tz_aware=True,
                    w="majority",
                    retryWrites=True,
                    appname="llm-twin",
                    **options,
                )
            except OSError as error:
                problem: InputError | StoreError = InputError(
                    f"MONGO_URI names a file that cannot be used ({error.strerror or type(error).__name__}): correct "
                    "its tlsCAFile or tlsCertificateKeyFile."
                )
            except (InvalidURI, ValueError):
                problem = InputError(_MALFORMED)
            except ConfigurationError:
                problem = self._misconfigured()
            else:
                if warned and announced:
                    logger.warning("MONGO_URI has an option that is unknown or has no usable value: it is ignored.")
                return client
        raise problem

    def _misconfigured(self) -> InputError | StoreError:
        if self.address.startswith("mongodb+srv:"):
            return StoreError(
                f"{self.address} cannot be looked up in DNS: check the host in MONGO_URI and the network, or write "
                "mongodb://HOST:27017 instead."
            )
        return InputError(
            "MONGO_URI has an option that cannot be used, such as a TLS file or a mechanism of login: correct it."
        )

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
            detail = masking.masked(first_line(error))[:200]
            said = f"refused the operation ({detail}): fix that on the server and run this again."
        else:
            said = f"failed ({type(error).__name__}): check its log and run this again."
        return StoreError(f"MongoDB at {self.address} {said}")
