"""Where authors, links, documents and the crawl log are stored: SQLite on a laptop, MongoDB on a server."""

from twin import layout
from twin.settings import Settings
from twin.warehouse.base import Warehouse
from twin.warehouse.mongo import MongoWarehouse
from twin.warehouse.sqlite import SqliteWarehouse

__all__ = ["MongoWarehouse", "SqliteWarehouse", "Warehouse", "open_warehouse"]


def open_warehouse(settings: Settings) -> Warehouse:
    """Return the warehouse that the settings name: MongoDB if `mongo_uri` is set, otherwise SQLite inside the store.

    Nothing is opened before the first call on it, so this is safe without a server or a disk.

    Raises:
        InputError: `mongo_uri` is malformed, or it is unset while the store is remote.
    """
    if settings.mongo_uri is not None:
        return MongoWarehouse(settings.mongo_uri.get_secret_value())
    return SqliteWarehouse(settings.local_store("the SQLite warehouse", "MONGO_URI") / layout.WAREHOUSE)
