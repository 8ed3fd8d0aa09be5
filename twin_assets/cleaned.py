"""Cleaned documents: the author's words without the page around them."""

import dagster as dg

from twin.cleaning import COMPARED, clean_documents
from twin.cleaning.checks import verify_chrome, verify_cleaned, verify_private
from twin.models import Category, State
from twin.warehouse.base import Warehouse
from twin.warehouse.checks import verify_documents
from twin_assets.framing import (
    STORE_RETRY,
    author_asset,
    author_check,
    author_of,
    checked,
    key,
    materialized,
    registered_author,
    sentences,
)


def cleaned_asset(category: Category) -> list[dg.AssetsDefinition | dg.AssetChecksDefinition]:
    """`cleaned/<category>` and its checks."""

    @author_asset(
        key=key("cleaned", category),
        deps=[key("raw", each) for each in (COMPARED if category in COMPARED else (category,))],
        group_name="cleaned",
        kinds={"mongodb", "python"},
        tags={"layer": "clean"},
        retry_policy=STORE_RETRY,
        description=f"The author's {category} cleaned for reading, search and training, in the warehouse's `cleaned`. "
        "Paragraphs, lists, punctuation and code stay as they are; page chrome, repeated paragraphs, secrets and "
        "personal data of others go, each counted. A text that is published twice is one document with several links, "
        f"so {' and '.join(COMPARED)} are looked at together. "
        "Only changed documents are cleaned again, and those whose raw document is gone go too.",
    )
    def cleaned(context: dg.AssetExecutionContext, warehouse: dg.ResourceParam[Warehouse]) -> dg.MaterializeResult:
        with sentences():
            author = registered_author(context, warehouse)
            return materialized(clean_documents(warehouse, author, category))

    @author_check(
        asset=key("cleaned", category),
        blocking=True,
        description="Every cleaned document has text, its own id, and a live raw document behind it.",
    )
    def documents_are_sound(
        context: dg.AssetCheckExecutionContext, warehouse: dg.ResourceParam[Warehouse]
    ) -> dg.AssetCheckResult:
        with sentences():
            return checked(verify_documents(warehouse, State.CLEANED, author_of(context), category))

    @author_check(
        asset=key("cleaned", category),
        blocking=True,
        description="Every raw document has a cleaned one that was made of what it says now, or was dropped for one of "
        "the named reasons.",
    )
    def no_document_is_lost(
        context: dg.AssetCheckExecutionContext, warehouse: dg.ResourceParam[Warehouse]
    ) -> dg.AssetCheckResult:
        with sentences():
            return checked(verify_cleaned(warehouse, author_of(context), category))

    @author_check(
        asset=key("cleaned", category),
        blocking=True,
        description="No cleaned document holds a secret or personal data of others, each read again.",
    )
    def nothing_private_is_left(
        context: dg.AssetCheckExecutionContext, warehouse: dg.ResourceParam[Warehouse]
    ) -> dg.AssetCheckResult:
        with sentences():
            return checked(verify_private(warehouse, author_of(context), category))

    @author_check(
        asset=key("cleaned", category),
        description="No cleaned document holds what only its platform writes, asked by other rules than cleaning's.",
    )
    def no_page_chrome_is_left(
        context: dg.AssetCheckExecutionContext, warehouse: dg.ResourceParam[Warehouse]
    ) -> dg.AssetCheckResult:
        with sentences():
            return checked(verify_chrome(warehouse, author_of(context), category), dg.AssetCheckSeverity.WARN)

    checks = [documents_are_sound, no_document_is_lost, nothing_private_is_left]
    return [cleaned, *checks, *([no_page_chrome_is_left] if category in COMPARED else [])]
