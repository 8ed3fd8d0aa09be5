"""What the page of an asset shows: columns, sample rows, places, meanings, and links to the source."""

import functools
from pathlib import Path

import dagster as dg
import pytest
from pydantic import Field

from twin.inspection.columns import Column
from twin.models import IMPORT, Author, Category, Document, Link, StageReport, State
from twin.settings import Settings
from twin.warehouse.sqlite import SqliteWarehouse
from twin_assets.columns import Stage, keys
from twin_assets.showing import ROW_COUNT, Page, column_schema, counted, place, sample_rows, sources
from twin_jobs.definitions import build_defs, defs

DATASET = dg.AssetKey("instruction_dataset")
TRAINED = {dg.AssetKey("lora_adapter"), dg.AssetKey("twin_evaluation")}
TABLES = [*keys(Stage.CHUNKS), *keys(Stage.EMBEDDINGS), DATASET]
"""Assets whose partition is one table."""

WITH_COLUMNS = [*keys(Stage.RAW), *keys(Stage.CLEANED), *TABLES]
WITH_ROWS = [*keys(Stage.RAW), *keys(Stage.CLEANED), *keys(Stage.CHUNKS), DATASET]


class LetterReport(StageReport):
    """The report of a stage."""

    opened: int = Field(description="letters that were opened")
    folder: str = Field(default="", description="where they are")


def test_the_meanings_are_those_of_the_report_and_of_what_else_is_shown() -> None:
    page = Page(report=LetterReport, counts="letters", more={"map": "picture"}, omitted=frozenset({"folder"}))
    assert page.meanings == {
        "total": "letters that there are now, after this run",
        "written": "letters that this run added, changed or removed",
        "opened": "letters that were opened",
        "map": "picture",
    }
    table = Page(report=LetterReport, counts="letters", own_table=True, more={"written": "1 if it is new"})
    assert table.meanings == {
        "written": "1 if it is new",
        "opened": "letters that were opened",
        "folder": "where they are",
    }


def test_the_entries_are_the_fields_of_the_report_by_the_names_that_have_a_meaning() -> None:
    report = LetterReport(data_version="abc", total=2, written=1, opened=1, folder="here")
    page = Page(report=LetterReport, counts="letters", omitted=frozenset({"folder"}))
    assert page.entries(report) == {"total": 2, "written": 1, "opened": 1}
    own = Page(report=LetterReport, counts="letters", own_table=True)
    assert own.entries(report) == {ROW_COUNT: 2, "written": 1, "opened": 1, "folder": "here"}
    assert [counted(shown.entries(report)) for shown in (page, own)] == [2, 2]
    assert counted({}) is None


def test_columns_become_a_schema_with_descriptions() -> None:
    schema = column_schema([Column("id", "string", "which one", nullable=False), Column("n", "integer", "", True)])
    assert [(each.name, each.type, each.description, each.constraints.nullable) for each in schema.columns] == [
        ("id", "string", "which one", False),
        ("n", "integer", None, True),
    ]


def test_rows_become_a_table_without_its_empty_columns() -> None:
    shown = sample_rows([{"title": "A", "path": None, "n": 1}, {"title": None, "path": "", "n": 2}])
    table = shown["sample_rows"]
    assert isinstance(table, dg.TableMetadataValue)
    assert [dict(record.data) for record in table.records] == [{"title": "A", "n": 1}, {"title": "", "n": 2}]
    assert [(each.name, each.type) for each in table.schema.columns] == [("title", "string"), ("n", "number")]
    assert sample_rows([]) == {}


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("/store/chunks/ada", {"path": dg.MetadataValue.path("/store/chunks/ada")}),
        ("data/chunks", {"path": dg.MetadataValue.path(str(Path.cwd() / "data/chunks"))}),
        ("s3://bucket/chunks", {"dagster/uri": dg.MetadataValue.text("s3://bucket/chunks")}),
        ("https://me:secret@host/x?sig=secret", {"dagster/uri": dg.MetadataValue.text("https://host/x")}),
        ("mongodb://host:27017/twin", {"dagster/uri": dg.MetadataValue.text("mongodb://host:27017/twin")}),
    ],
)
def test_a_place_is_a_path_or_an_address_without_credentials(address: str, shown: dict[str, object]) -> None:
    assert place(address) == shown


def test_a_source_is_the_written_function_and_not_its_wrapper() -> None:
    def written() -> None: ...

    @functools.wraps(written)
    def wrapper() -> None: ...

    (reference,) = sources(wrapper).code_references
    assert isinstance(reference, dg.LocalFileCodeReference)
    assert (reference.file_path, reference.label) == (str(Path(__file__)), "written")
    assert (
        Path(__file__).read_text().splitlines()[(reference.line_number or 0) - 1].strip()
        == "def written() -> None: ..."
    )


def test_every_table_has_described_columns_before_it_is_built() -> None:
    graph = defs.resolve_asset_graph()
    schemas = {each: graph.get(each).metadata.get("dagster/column_schema") for each in graph.get_all_asset_keys()}
    assert {each for each, schema in schemas.items() if schema is not None} == set(WITH_COLUMNS)
    for asset in WITH_COLUMNS:
        assert [each.name for each in schemas[asset].columns if not each.description] == [], asset


def test_every_asset_links_to_its_body_and_to_its_stage() -> None:
    graph = defs.resolve_asset_graph()
    for asset in graph.get_all_asset_keys():
        body, *made_by = graph.get(asset).metadata["dagster/code_references"].code_references
        assert Path(body.file_path).parent.name == "twin_assets", asset
        assert Path(body.file_path).read_text().splitlines()[body.line_number - 1].lstrip().startswith(("@", "def "))
        assert made_by, asset
        assert {Path(each.file_path).parent.parent.name for each in made_by} == {"twin"}, asset


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> dict[dg.AssetKey, dict[str, dg.MetadataValue]]:
    """The metadata of a build of all assets but the trained ones, from six documents of each category."""
    root = tmp_path_factory.mktemp("shown")
    warehouse = SqliteWarehouse(root / "warehouse.sqlite")
    warehouse.upsert_authors([Author(slug="ada", name="Ada")])
    links = [f"https://ada.example/{category}/{number}" for category in Category for number in range(6)]
    categories = [category for category in Category for _ in range(6)]
    warehouse.upsert_links(
        Link(author="ada", url=url, kind=IMPORT, categories=(category,), origin="import")
        for url, category in zip(links, categories, strict=True)
    )
    warehouse.upsert_documents(
        State.RAW,
        [
            Document(
                author="ada",
                category=category,
                link=url,
                source=url,
                path="notes.md" if category is Category.REPOSITORIES else None,
                platform="web",
                title=f"On {url[-1]}",
                text="\n\n".join(f"Thought {number} of {url}: looms are {'very ' * 30}old." for number in range(3)),
            )
            for url, category in zip(links, categories, strict=True)
        ],
    )
    settings = Settings(store=str(root), authors=str(root / "authors"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TWIN_STORE", str(root))
        for name in ("MONGO_URI", "QDRANT_URL", "TWIN_EMBEDDING_URL"):
            patch.delenv(name, raising=False)
        made = build_defs({"warehouse": warehouse, "settings": settings})
        assets = [*(made.resolve_asset_graph().get_all_asset_keys() - TRAINED)]
        with dg.DagsterInstance.ephemeral() as instance:
            instance.add_dynamic_partitions("author", ["ada"])
            result = made.resolve_job_def("build_twin").execute_in_process(
                partition_key="ada", instance=instance, asset_selection=assets
            )
    warehouse.close()
    events = result.get_asset_materialization_events()
    return {event.asset_key: dict(event.materialization.metadata) for event in events if event.asset_key}


@pytest.mark.slow
@pytest.mark.parametrize("asset", WITH_ROWS, ids=dg.AssetKey.to_user_string)
def test_a_build_shows_five_short_rows(
    shown: dict[dg.AssetKey, dict[str, dg.MetadataValue]], asset: dg.AssetKey
) -> None:
    table = shown[asset]["sample_rows"]
    assert isinstance(table, dg.TableMetadataValue)
    assert len(table.records) == 5
    cells = [cell for record in table.records for cell in record.data.values()]
    assert max(len(str(cell)) for cell in cells) <= 70
    assert "text" not in table.records[0].data or asset not in keys(Stage.RAW)


@pytest.mark.slow
def test_every_asset_says_where_it_is(shown: dict[dg.AssetKey, dict[str, dg.MetadataValue]]) -> None:
    for asset, metadata in shown.items():
        assert isinstance(metadata["path"], dg.PathMetadataValue), asset
        assert Path(str(metadata["path"].value)).exists(), asset


@pytest.mark.slow
def test_the_number_of_rows_is_shown_once(shown: dict[dg.AssetKey, dict[str, dg.MetadataValue]]) -> None:
    for asset, metadata in shown.items():
        expected = {ROW_COUNT} if asset in TABLES else {"total"}
        assert metadata.keys() & {ROW_COUNT, "total", "dagster/partition_row_count"} == expected, asset


@pytest.mark.slow
def test_every_number_is_explained_on_the_page_of_its_asset(
    shown: dict[dg.AssetKey, dict[str, dg.MetadataValue]],
) -> None:
    graph = defs.resolve_asset_graph()
    for asset, metadata in shown.items():
        unexplained = {
            name
            for name in metadata
            if f"\n* `{name}`: " not in (graph.get(asset).description or "")
            and name not in ("path", "sample_rows")
            and not name.startswith("dagster/")
        }
        assert unexplained == set(), asset


def test_the_trained_assets_explain_their_reports() -> None:
    graph = defs.resolve_asset_graph()
    for asset, names in (("lora_adapter", ["last_loss", "loss_curve"]), ("twin_evaluation", ["gain", "base_loss"])):
        said = graph.get(dg.AssetKey(asset)).description or ""
        assert all(f"\n* `{name}`: " in said for name in ["total", "written", *names]), asset
