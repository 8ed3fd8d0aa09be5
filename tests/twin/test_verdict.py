"""Every check behind the graph's blocking checks, on what the stages store: none finds a problem."""

from tests.kit.staged import ADA, ARTICLES, Stores
from twin.cleaning.checks import verify_chrome, verify_cleaned, verify_private
from twin.models import State


def test_what_the_stages_store_is_sound(stores: Stores) -> None:
    for verdict in (
        stores.documents(State.RAW),
        stores.documents(State.CLEANED),
        verify_cleaned(stores.warehouse, ADA, ARTICLES),
        verify_private(stores.warehouse, ADA, ARTICLES),
        verify_chrome(stores.warehouse, ADA, ARTICLES),
        stores.chunks(),
        stores.embeddings(),
        stores.collection(),
        stores.dataset(),
    ):
        assert verdict.problems == []
    assert stores.documents(State.RAW).facts["documents"] == 2
    assert stores.chunks().facts["chunks"] == stores.collection().facts["points"] > 4
    assert stores.dataset().facts["samples"] > 4
