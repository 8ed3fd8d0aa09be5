"""A few rows of what a stage stores, to look at: cells are short, in one line, and hold no secret."""

from collections.abc import Collection, Iterable, Iterator
from itertools import islice
from typing import Any

from twin.artifacts import ArtifactStore
from twin.models import Document
from twin.private.redaction import redact

ROWS = 5
"""Number of rows in a preview."""

_LONGEST = 70  # characters of a cell
_READ = 2000  # characters of a text that are looked at for a cell

Row = dict[str, str | int | float | bool | None]
"""Column -> cell."""


def document_rows(documents: Iterable[Document], *, text: bool) -> list[Row]:
    """The first documents. They come in the order of their ids, which are hashes, so these are a fair sample.

    Args:
        documents: raw or cleaned documents of one category; no more than `ROWS` are taken.
        text: whether to show how each text begins, and not its link. Raw texts are not shown: they may hold what
            cleaning removes.
    """
    rows: list[Row] = []
    for document in islice(documents, ROWS):
        # An address may hold a secret, because cleaning cannot replace anything in an address.
        row = {"title": cell(document.title, private=True), "path": cell(document.path, private=True)}
        shown = {"text": cell(document.text)} if text else {"link": cell(document.link, private=True)}
        published = document.published_at.date().isoformat() if document.published_at else None
        rows.append({**row, **shown, "characters": len(document.text), "published_at": published})
    return rows


def table_rows(artifacts: ArtifactStore, *name: str, columns: list[str], private: Collection[str] = ()) -> list[Row]:
    """Rows of a Parquet table, evenly spaced in its first batch, so that they are not all from one document.

    Args:
        artifacts: where the table is.
        name: of the table.
        columns: the columns to show, in this order.
        private: those of them that may hold a secret, such as a path.

    Raises:
        StoreError: the table cannot be read.
    """
    batch = next(iter(artifacts.read_table(*name, columns=columns)), None)
    if batch is None or not batch.num_rows:
        return []
    rows = batch.take(list(_spaced(batch.num_rows))).to_pylist()
    return [{column: cell(row[column], private=column in private) for column in columns} for row in rows]


def cell(value: Any, *, private: bool = False) -> Any:
    """A text in one short line; any other value as it is.

    Args:
        value: of a column.
        private: whether it may hold secrets or personal data, which are then replaced.
    """
    if not isinstance(value, str):
        return value
    line = " ".join((redact(value, code=False).text if private else value)[:_READ].split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1].rstrip()}…"


def _spaced(total: int) -> Iterator[int]:
    """Up to `ROWS` different positions below `total`, in order."""
    count = min(ROWS, total)
    yield from ((2 * number + 1) * total // (2 * count) for number in range(count))
