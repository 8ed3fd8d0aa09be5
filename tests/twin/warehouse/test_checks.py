"""The check of stored documents: it passes on what the stages store, and fails on each damage."""

from tests.kit.staged import ADA, ARTICLES, Stores
from twin.models import State


def test_a_document_without_text(stores: Stores) -> None:
    identifier = next(iter(stores.warehouse.hashes(State.RAW, ADA, ARTICLES)))
    stores.warehouse.edit_document(State.RAW, identifier, " \n ")
    assert [problem.split()[-2:] for problem in stores.documents(State.RAW).problems] == [["no", "text"]]


def test_a_cleaned_document_whose_raw_one_is_gone(stores: Stores) -> None:
    identifier = next(iter(stores.warehouse.hashes(State.RAW, ADA, ARTICLES)))
    stores.warehouse.remove_documents(State.RAW, [identifier])
    assert len(stores.documents(State.CLEANED).problems) == 1
    assert "no raw document" in stores.documents(State.CLEANED).problems[0]
