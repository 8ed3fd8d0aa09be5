"""What must be true of stored documents, raw or cleaned.

Each function reads what is *stored*, not what the stage returned, and lists what is wrong with it. The asset graph
blocks on the result.
"""

from twin.models import Category, State
from twin.verdict import Verdict, name_of
from twin.warehouse.base import Warehouse


def verify_documents(warehouse: Warehouse, state: State, author: str, category: Category) -> Verdict:
    """Documents have text and are stored under their own author and category; cleaned ones have a live raw document."""
    problems, count, characters = [], 0, 0
    raw = warehouse.hashes(State.RAW, author, category) if state is State.CLEANED else None
    for document in warehouse.documents(state, author, category):
        count += 1
        characters += len(document.text)
        if not document.text.strip():
            problems.append(f"{name_of(document)} has no text")
        if (document.author, document.category) != (author, category):
            problems.append(f"{name_of(document)} belongs to {document.author}/{document.category}")
        if raw is not None and document.id not in raw:
            problems.append(f"{name_of(document)} has no raw document")
    stored = warehouse.hashes(state, author, category)
    if len(stored) != count:
        problems.append(f"{len(stored)} ids are stored for {count} documents")
    return Verdict({"documents": count, "characters": characters}, problems)
