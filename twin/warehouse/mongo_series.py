"""Numbers of the rows of a series in MongoDB, see `twin.warehouse.tables.number_of_import`."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from twin.errors import InputError
from twin.warehouse.rows import Row, bson_size
from twin.warehouse.tables import TABLE, checked_row, number_of_import

if TYPE_CHECKING:
    from pymongo.collection import Collection


def written(collection: "Collection[Row]", rows: Iterable[Row]) -> tuple[list[Row], list[str]]:
    """Rows that a crawl wrote, each with a number higher than any in the table; and those that are refused.

    Another process may take the same number at the same time: then the time decides between them.
    """
    newest = collection.find_one({}, {"number": 1}, sort=[("number", -1)]) or {}
    number, numbered, refused = max(newest.get("number") or 0, 0), list[Row](), list[str]()
    for row in rows:
        try:
            bson_size(checked_row(collection.name, row), f"The {collection.name} row {row['id']}")
        except InputError as error:
            refused.append(str(error))
            continue
        number += 1
        numbered.append(row | {"number": number})
    return numbered, refused


def imported(collection: "Collection[Row]", rows: Sequence[Row]) -> list[Row]:
    """Rows of an import, each with its number."""
    spec = TABLE[collection.name]
    stages: list[Row] = [
        {"$match": {name: {"$in": sorted({row[name] for row in rows})} for name in spec.series}},
        {"$sort": {"number": 1, spec.moment: 1}},
        {
            "$group": {
                "_id": {"$concat": [part for name in spec.series for part in (f"${name}", "\n")]},
                "number": {"$last": "$number"},
                "moment": {"$last": f"${spec.moment}"},
            }
        },
    ]
    found = collection.aggregate(stages, allowDiskUse=True)
    newest = {row["_id"]: (row["number"] or 0, row["moment"]) for row in found}
    return [
        row
        | {"number": number_of_import(row[spec.moment], newest.get("".join(f"{row[name]}\n" for name in spec.series)))}
        for row in rows
    ]
