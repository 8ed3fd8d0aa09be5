"""Cleaned documents: the author's words without the page around them."""

from functools import partial

import dagster as dg

from twin.cleaning import COMPARED, clean_documents
from twin.cleaning.checks import check_cleaned
from twin.cleaning.stage import VERSION, CleanReport
from twin.inspection.columns import model_columns
from twin.models import Category, Document, State
from twin.warehouse.base import Warehouse
from twin.warehouse.preview import preview_documents
from twin_assets.checks import Check, stage_check
from twin_assets.columns import Stage, key, keys
from twin_assets.framing import STORE_RETRY, column_asset, materialized, registered_author
from twin_assets.kinds import WAREHOUSE
from twin_assets.showing import Page

PAGE = Page(report=CleanReport, counts="documents", columns=model_columns(Document), made_by=[clean_documents])

CHECKS = (
    Check(
        "documents_are_sound",
        "Every cleaned document has text, its own id, and a live raw document that it was made from.",
        blocking=True,
    ),
    Check(
        "no_document_is_lost",
        "Every raw document has a cleaned one made from its current text, or was dropped for one of the named reasons.",
        blocking=True,
    ),
    Check(
        "nothing_private_is_left",
        "No cleaned document contains a secret or personal data of others; every document is scanned again.",
        blocking=True,
    ),
)

COMPARED_CHECKS = (
    *CHECKS,
    Check(
        "no_page_chrome_is_left",
        "No cleaned document contains text that only its platform writes. The check uses other rules than cleaning.",
    ),
)


def cleaned_asset(category: Category) -> list[dg.AssetsDefinition | dg.AssetChecksDefinition]:
    """`<category>/cleaned` and its checks."""

    @column_asset(
        category,
        Stage.CLEANED,
        deps=keys(Stage.RAW, COMPARED if category in COMPARED else (category,)),
        code_version=VERSION,
        kinds={WAREHOUSE},
        tags={"layer": "clean"},
        retry_policy=STORE_RETRY,
        page=PAGE,
        description=f"The author's {category} cleaned for reading, search and training, in the warehouse's `cleaned`. "
        "Paragraphs, lists, punctuation and code do not change. Page chrome, repeated paragraphs, secrets and "
        "personal data of others are removed, and each removal is counted. A text that was published twice is one "
        f"document with several links, so {' and '.join(COMPARED)} are compared with each other. Only changed "
        "documents are cleaned again, and documents without a raw document are removed.",
    )
    def cleaned(context: dg.AssetExecutionContext, warehouse: dg.ResourceParam[Warehouse]) -> dg.MaterializeResult:
        author = registered_author(context, warehouse)
        report = clean_documents(warehouse, author, category)
        rows = preview_documents(warehouse, State.CLEANED, author, category)
        return materialized(report, page=PAGE, address=warehouse.address, rows=rows)

    rows = COMPARED_CHECKS if category in COMPARED else CHECKS
    return [cleaned, stage_check(key(category, Stage.CLEANED), rows, partial(check_cleaned, category=category))]
