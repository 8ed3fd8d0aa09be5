"""Contents of a warehouse, for tests; the warehouses themselves are fixtures in `warehouse_fixtures`."""

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

from twin.identity import sha256
from twin.models import Author, Capture, Category, CrawlRecord, Document, Link, State
from twin.warehouse import SqliteWarehouse, Warehouse
from twin.warehouse.base import TABLES

Opener = Callable[[], Warehouse]


def document(number: int = 0, **fields: object) -> Document:
    given = {
        "author": "ada",
        "category": Category.ARTICLES,
        "link": f"https://ada.example/{number}",
        "source": "https://ada.example/feed",
        "platform": "web",
        "title": f"Note {number}",
        "text": f"Text {number} of Ada.",
    }
    return Document.model_validate(given | fields)


NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
FEED = "https://ada.example/feed"


def crawl(url: str, minute: int = 0, **fields: object) -> CrawlRecord:
    base = {"author": "ada", "url": url, "category": Category.ARTICLES, "status": "ok"}
    return CrawlRecord.model_validate(base | {"checked_at": NOW + timedelta(minutes=minute)} | fields)


def capture(content: bytes = b"<p>One</p>", minute: int = 0, **fields: object) -> Capture:
    base = {"author": "ada", "link": FEED, "url": FEED, "final_url": f"{FEED}/", "content_type": "text/html"}
    made = {"sha256": sha256(content), "size": len(content), "fetched_at": NOW + timedelta(minutes=minute)}
    return Capture.model_validate(base | made | fields)


def fill(warehouse: Warehouse) -> None:
    """Everything that a warehouse can contain, for two authors: tombstones, an edit, checks, unusual texts."""
    ada = Author(slug="ada", name="Ada Löve 🧮", headline="counts", language="en", aliases=("Countess", "@ada"))
    warehouse.upsert_authors([ada, Author(slug="ada-li", name="李白")])
    feed = Link(author="ada", url=FEED, kind="feed", categories=(Category.ARTICLES,), also=("comments",))
    gone = feed.model_copy(update={"url": "local:posts/*.md", "kind": "files", "location": "/somewhere/posts"})
    warehouse.upsert_links([feed, gone, feed.model_copy(update={"author": "ada-li"})])
    warehouse.remove_links("ada", [gone.url])
    odd = document(
        2,
        path="src/häß lich.py",
        text="\ufeffline\r\nNUL:\x00 \u2028 e\u0301 \U0001f468\u200d👩 مرحبا 你好 \t\n",
        published_at=datetime(2024, 5, 6, 7, 8, 9, 123456, tzinfo=timezone(timedelta(hours=2))),
        metadata={"a.b": {"$c": [1, 2.5, 1.0, None, True, "ü", 2**40]}, "": []},
        capture="f" * 64,
    )
    documents = [odd, *(document(number) for number in range(3, 9)), document(9, author="ada-li", text="床前明月光")]
    for state in State:
        warehouse.upsert_documents(state, documents)
    warehouse.edit_document(State.RAW, documents[1].id, "edited")
    warehouse.remove_documents(State.RAW, [documents[2].id])
    warehouse.check_documents(State.RAW, "ada", Category.ARTICLES, source=FEED, moment=NOW)
    warehouse.log_crawl(
        [
            crawl(FEED, 1, validators={"etag": '"x.y"'}, skipped_files={"big": 1}),
            crawl(FEED, 2, status="failed", message="It is gone."),
            crawl(FEED, author="ada-li"),
        ]
    )
    warehouse.upsert_captures([capture(), capture(b"two", 1, headers={"etag": '"1"'}), capture(author="ada-li")])


def contents(warehouse: Warehouse) -> dict[str, list[dict[str, object]]]:
    """Every row of every table."""
    return {table: list(warehouse.dump(table)) for table in TABLES}


def stored(warehouse: Warehouse, category: Category = Category.ARTICLES) -> list[Document]:
    return list(warehouse.documents(State.RAW, "ada", category))


def raw_row(warehouse: Warehouse, identifier: str) -> dict[str, object]:
    """The row as the store's own tools show it."""
    if isinstance(warehouse, SqliteWarehouse):
        with sqlite3.connect(warehouse.address) as connection:
            connection.row_factory = sqlite3.Row
            return dict(connection.execute("SELECT * FROM raw WHERE id = ?", (identifier,)).fetchone())
    row = mongo_database(warehouse)["raw"].find_one({"_id": identifier})
    assert row is not None
    return dict(row)


def mongo_database(warehouse: Warehouse):  # type: ignore[no-untyped-def]
    from pymongo import MongoClient

    server, _, name = warehouse.address.rpartition("/")
    return MongoClient(server)[name]


def edit_row(warehouse: Warehouse, identifier: str, field: str, value: object) -> None:
    """Change a field like a person, with the store's own tools."""
    if isinstance(warehouse, SqliteWarehouse):
        with sqlite3.connect(warehouse.address) as connection:
            connection.execute(f"UPDATE raw SET {field} = ? WHERE id = ?", (value, identifier))  # noqa: S608
    else:
        mongo_database(warehouse)["raw"].update_one({"_id": identifier}, {"$set": {field: value}})


def edit_link(warehouse: Warehouse, link: Link, field: str, value: object) -> None:
    """Change a field of a link like a person, with the store's own tools."""
    if isinstance(warehouse, SqliteWarehouse):
        with sqlite3.connect(warehouse.address) as connection:
            update = f"UPDATE links SET {field} = ? WHERE author = ? AND url = ?"  # noqa: S608
            connection.execute(update, (value, link.author, link.url))
    else:
        mongo_database(warehouse)["links"].update_one(
            {"author": link.author, "url": link.url}, {"$set": {field: value}}
        )


def delete_link(warehouse: Warehouse, link: Link) -> None:
    """Delete the row of a link like a person, with the store's own tools."""
    if isinstance(warehouse, SqliteWarehouse):
        with sqlite3.connect(warehouse.address) as connection:
            connection.execute("DELETE FROM links WHERE author = ? AND url = ?", (link.author, link.url))
    else:
        mongo_database(warehouse)["links"].delete_one({"author": link.author, "url": link.url})


WRITER = """
import sys
from pathlib import Path
from twin.models import Category, Link, State
from twin.warehouse import MongoWarehouse, SqliteWarehouse
from tests.kit.warehouses import document

kind, where, name, count, go = sys.argv[1:]
warehouse = SqliteWarehouse(Path(where)) if kind == "sqlite" else MongoWarehouse(where, name)
print("ready", flush=True)
sys.stdin.readline()
for start in range(0, int(count), 200):
    batch = [document(number, text="x" * 2000) for number in range(start, start + 200)]
    warehouse.upsert_links(
        Link(author="ada", url=each.link, kind="article", categories=(Category.ARTICLES,)) for each in batch
    )
    print(warehouse.upsert_documents(State.RAW, batch), flush=True)
"""


def start_writer(warehouse: Warehouse, count: int) -> subprocess.Popen[str]:
    if isinstance(warehouse, SqliteWarehouse):
        where = ["sqlite", warehouse.address, "-"]
    else:
        server, _, name = warehouse.address.rpartition("/")
        where = ["mongo", server, name]
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, *where, str(count), "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n", process.stderr and process.stderr.read()
    return process
