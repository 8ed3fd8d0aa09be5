"""What all assets share; a blocking check blocks."""

from pathlib import Path

import dagster as dg
import pytest

from twin import masking
from twin.errors import CrawlError, InputError, StoreError
from twin.models import IMPORT, Author, Category, Document, Link, StageReport, State
from twin.settings import Settings
from twin.verdict import Verdict
from twin.warehouse.sqlite import SqliteWarehouse
from twin_assets.framing import checked, materialized, metadata_of, sentences
from twin_assets.showing import SAMPLE_ROWS, Page, sample_rows
from twin_jobs.definitions import build_defs


def test_metadata_has_the_type_of_each_field_and_leaves_out_what_says_nothing() -> None:
    values = metadata_of(
        {
            "flag": False,
            "count": 0,
            "share": 0.5,
            "failures": ["a", "b"],
            "reasons": {"x": 1},
            "name": "ada",
            "none": None,
            "no_failures": [],
            "no_text": "",
        }
    )
    assert {name: type(value) for name, value in values.items()} == {
        "flag": dg.BoolMetadataValue,
        "count": dg.IntMetadataValue,
        "share": dg.FloatMetadataValue,
        "failures": dg.MarkdownMetadataValue,
        "reasons": dg.JsonMetadataValue,
        "name": dg.TextMetadataValue,
    }
    assert values["failures"].value == "* a\n* b"


@pytest.mark.parametrize(("own_table", "count"), [(True, "dagster/row_count"), (False, "total")])
def test_a_materialisation_carries_version_and_count_once(own_table: bool, count: str) -> None:
    page = Page(report=StageReport, counts="things", own_table=own_table)
    made = materialized(StageReport(data_version="abc", total=3, written=1), page=page, address="things.parquet")
    assert made.data_version == dg.DataVersion("abc")
    assert made.metadata == {
        "path": dg.MetadataValue.path(str(Path.cwd() / "things.parquet")),
        count: dg.MetadataValue.int(3),
        "written": dg.MetadataValue.int(1),
    }


def test_a_verdict_becomes_a_result_of_the_given_severity() -> None:
    assert checked(Verdict({"points": 3}, [])).passed
    failed = checked(Verdict({}, ["one is lost", "one is stale"]), dg.AssetCheckSeverity.WARN)
    assert not failed.passed
    assert failed.severity is dg.AssetCheckSeverity.WARN
    assert failed.description == "one is lost; one is stale"
    many = checked(Verdict({}, [f"{number} is lost: find it." for number in range(7)]))
    assert many.description is not None
    assert many.description.startswith("0 is lost: find it; 1 is lost")
    assert many.description.endswith("4 is lost: find it; and 2 more")


@pytest.mark.parametrize(
    ("error", "retried"), [(InputError("bad"), False), (StoreError("away"), True), (CrawlError("gone"), False)]
)
def test_a_users_error_is_a_failure_of_one_sentence(error: Exception, retried: bool) -> None:
    with pytest.raises(dg.Failure) as caught, sentences():
        raise error
    assert caught.value.description == str(error)
    assert caught.value.allow_retries is retried


def test_a_bug_is_not_turned_into_a_sentence() -> None:
    with pytest.raises(ZeroDivisionError), sentences():
        raise ZeroDivisionError


@pytest.mark.parametrize(("text", "stopped"), [("A text.", False), (" \n", True)])
def test_a_failed_blocking_check_stops_what_is_downstream(
    tmp_path: Path, warehouse: SqliteWarehouse, text: str, stopped: bool
) -> None:
    link = Link(
        author="ada",
        url="https://example.org/a",
        kind=IMPORT,
        categories=(Category.ARTICLES,),
        origin="import",
    )
    warehouse.upsert_authors([Author(slug="ada", name="Ada")])
    warehouse.upsert_links([link])
    document = Document(
        author="ada", category=Category.ARTICLES, link=link.url, source=link.url, platform="web", text=text
    )
    warehouse.upsert_documents(State.RAW, [document])
    defs = build_defs(
        {"warehouse": warehouse, "settings": Settings(store=str(tmp_path), authors=str(tmp_path / "authors"))}
    )
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions("author", ["ada"])
        result = defs.resolve_job_def("update_columns").execute_in_process(
            partition_key="ada",
            instance=instance,
            asset_selection=[dg.AssetKey(["articles", "raw"]), dg.AssetKey(["articles", "cleaned"])],
            raise_on_error=False,
        )
    assert result.success is not stopped
    made = {event.asset_key.to_user_string() for event in result.get_asset_materialization_events() if event.asset_key}
    assert made == ({"articles/raw"} if stopped else {"articles/raw", "articles/cleaned"})


def test_a_secret_that_is_a_name_of_ours_hides_no_name() -> None:
    """A password may be any word, even `total`; then values are masked, and names stay."""
    masking.remember("total")
    found = metadata_of({"total": 3, "note": "total of all"})
    assert found.keys() == {"total", "note"}
    assert found["note"].value == "*** of all"
    shown = sample_rows([{"total": "a title", "note": "total"}])[SAMPLE_ROWS]
    assert isinstance(shown, dg.TableMetadataValue)
    assert [record.data for record in shown.records] == [{"total": "a title", "note": "***"}]
