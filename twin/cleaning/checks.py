"""What must be true of cleaned documents.

Each function reads what is *stored*, not what the stage returned, and lists what is wrong with it; the asset graph
blocks on the answer.
"""

from collections import Counter

from twin.cleaning.chrome import chrome_left
from twin.cleaning.corpus import ALONE, COMPARED, places, platform_of
from twin.cleaning.stage import private_left, why_dropped
from twin.models import Category, State
from twin.verdict import Verdict, name_of
from twin.warehouse.base import Warehouse
from twin.warehouse.checks import verify_documents


def check_cleaned(warehouse: Warehouse, author: str, category: Category) -> dict[str, Verdict]:
    """Every check of an author's cleaned documents: name -> verdict. Only what is compared has page chrome."""
    verdicts = {
        "documents_are_sound": verify_documents(warehouse, State.CLEANED, author, category),
        "no_document_is_lost": verify_cleaned(warehouse, author, category),
        "nothing_private_is_left": verify_private(warehouse, author, category),
    }
    if category in COMPARED:
        verdicts["no_page_chrome_is_left"] = verify_chrome(warehouse, author, category)
    return verdicts


def verify_cleaned(warehouse: Warehouse, author: str, category: Category) -> Verdict:
    """Every raw document has a cleaned one that was made of what it says now, or a reason to have none."""
    raw = warehouse.hashes(State.RAW, author, category)
    made_of = {
        document.id: document.metadata.get("raw_hash")
        for document in warehouse.documents(State.CLEANED, author, category)
        if document.id in raw  # one without is a problem of its own, see `verify_documents`
    }
    found = places(warehouse, author) if category in COMPARED and raw.keys() - made_of.keys() else {}
    person = warehouse.author(author)
    problems, dropped = [], Counter[str]()
    for identifier, content in raw.items():
        if made_of.get(identifier) == content:
            continue
        document = warehouse.document(State.RAW, identifier)
        if document is None:
            continue  # removed in between
        if identifier in made_of:
            problems.append(f"{name_of(document)} changed after it was cleaned")
        elif reason := why_dropped(document, found.get(identifier, ALONE), person):
            dropped[reason] += 1
        else:
            problems.append(f"{name_of(document)} has no cleaned document and no reason to have none")
    facts = {"raw": len(raw), "cleaned": len(made_of), "dropped": dict(sorted(dropped.items()))}
    return Verdict(facts, problems)


def verify_private(warehouse: Warehouse, author: str, category: Category) -> Verdict:
    """Redaction finds nothing in what is stored as cleaned. What it finds is counted and never said."""
    person = warehouse.author(author)
    problems, count = [], 0
    for document in warehouse.documents(State.CLEANED, author, category):
        count += 1
        if left := private_left(document, person):
            kinds = ", ".join(f"{number} {name}" for name, number in sorted(left.items()))
            problems.append(f"{name_of(document)} holds what must not be passed on: {kinds}")
    return Verdict({"documents": count, "documents_private": len(problems)}, problems)


def verify_chrome(warehouse: Warehouse, author: str, category: Category) -> Verdict:
    """No cleaned post or article holds what only a platform writes."""
    problems, count = [], 0
    for document in warehouse.documents(State.CLEANED, author, category):
        count += 1
        if left := chrome_left(document.text, platform_of(document)):
            problems.append(f"{name_of(document)} holds page chrome in {len(left)} places: “{left[0][:80]}”")
    return Verdict({"documents": count, "documents_with_chrome": len(problems)}, problems)
