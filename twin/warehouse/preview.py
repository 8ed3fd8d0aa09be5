"""A few documents of a warehouse, to look at."""

from twin.inspection.preview import Row, document_rows
from twin.models import Category, State
from twin.warehouse.base import Warehouse


def preview_documents(warehouse: Warehouse, state: State, author: str, category: Category) -> list[Row]:
    """The first few documents, each as one row; the beginning of the text only if it is cleaned.

    Raises:
        StoreError: the warehouse cannot be used.
    """
    return document_rows(warehouse.documents(state, author, category), text=state is State.CLEANED)
