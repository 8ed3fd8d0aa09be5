"""The schema of the MongoDB warehouse as the list of its versions; the collection `schema` stores the current one.

To change the schema, append a function to `MIGRATIONS`; never change one that was released. Migrations run without a
transaction: one may be killed anywhere and run again, even in two processes at once, so everything in it must be safe
to repeat. A field that a row lacks reads as its default, so a new field needs no migration.
"""

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from twin.batching import batches
from twin.errors import StoreError
from twin.models import State
from twin.warehouse.rows import WRITE_BATCH, Row, horizon, stamp
from twin.warehouse.tables import FUTURE, TABLE

if TYPE_CHECKING:
    from pymongo.collection import Collection
    from pymongo.database import Database

_SCHEMA = "schema"


def prepare(database: "Database[Row]") -> None:
    """Bring a database to the newest version; an empty one goes through all of them.

    Raises:
        StoreError: a newer version of LLM Twin wrote it.
    """
    from pymongo.errors import DuplicateKeyError

    found = database[_SCHEMA].find_one({"_id": _SCHEMA}) or {}
    version = int(found.get("version", 0))
    if version > len(MIGRATIONS):
        raise StoreError(
            f"The MongoDB database {database.name!r} has schema {version} of a newer LLM Twin (this one supports "
            f"{len(MIGRATIONS)}): install that version, or name another server in MONGO_URI."
        )
    for number, migration in enumerate(MIGRATIONS[version:], version + 1):
        migration(database)
        reached = ({"_id": _SCHEMA}, {"$max": {"version": number}})
        try:
            database[_SCHEMA].update_one(*reached, upsert=True)
        except DuplicateKeyError:  # two processes insert it at once
            database[_SCHEMA].update_one(*reached)


def _first(database: "Database[Row]") -> None:
    """Version 1, for databases older than the version number: the indexes."""
    for state in State:
        # The id is made of these three, so this only refuses duplicates that somebody adds by hand.
        database[state].create_index([("author", 1), ("link", 1), ("path", 1)], unique=True)
    database["links"].create_index([("author", 1), ("url", 1)], unique=True)
    database["crawl_log"].create_index([("author", 1), ("category", 1), ("url", 1), ("checked_at", 1)])


def _captures(database: "Database[Row]") -> None:
    """Version 2: captures; documents by their source; times as text with all their digits, as in every store."""
    for state in State:
        database[state].create_index([("author", 1), ("category", 1), ("source", 1)])
        if "author_1_category_1" in database[state].index_information():  # the new one begins with it
            _drop_index(database[state], "author_1_category_1")
    database["captures"].create_index([("author", 1), ("link", 1), ("url", 1), ("fetched_at", 1)])
    for name in ("authors", "links", *State):
        _times_as_text(database[name])


def _numbers(database: "Database[Row]") -> None:
    """Version 3: attempts and captures in the order in which they were written."""
    for name in ("crawl_log", "captures"):
        series, moment = TABLE[name].series, TABLE[name].moment
        index = [(field, 1) for field in series]
        database[name].create_index([*index, ("number", 1), (moment, 1)])
        database[name].create_index([("number", 1)])
        old = "_".join(f"{field}_1" for field in (*series, moment))
        if old in database[name].index_information():
            _drop_index(database[name], old)
        # In this order: whatever has no number after the first step is not of the future.
        database[name].update_many({"number": None, moment: {"$gt": horizon()}}, {"$set": {"number": FUTURE}})
        database[name].update_many({"number": None}, {"$set": {"number": 0}})


def _times_as_text(collection: "Collection[Row]") -> None:
    from pymongo import UpdateOne

    times = {"created_at": 1, "updated_at": 1, "removed_at": 1}
    for batch in batches(collection.find({}, times), WRITE_BATCH):
        changes = []
        for row in batch:
            texts = {name: stamp(row[name]) for name in times if isinstance(row.get(name), datetime)}
            if texts:
                changes.append(UpdateOne({"_id": row["_id"]}, {"$set": texts}))
        if changes:
            collection.bulk_write(changes, ordered=False)


def _drop_index(collection: "Collection[Row]", name: str) -> None:
    from pymongo.errors import OperationFailure

    try:
        collection.drop_index(name)
    except OperationFailure as error:
        if error.code != _INDEX_NOT_FOUND:  # otherwise another process was first
            raise


_INDEX_NOT_FOUND = 27

MIGRATIONS: "tuple[Callable[[Database[Row]], None], ...]" = (_first, _captures, _numbers)
