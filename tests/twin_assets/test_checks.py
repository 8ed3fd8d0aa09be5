"""The checks of a stage: one pass over the stored data, and a separate result for each check."""

from collections.abc import Mapping
from pathlib import Path

import dagster as dg
import pytest

from twin.models import IMPORT, Author, Category, Document, Link, State
from twin.verdict import Verdict
from twin.warehouse.sqlite import SqliteWarehouse
from twin_assets.checks import Check, stage_check
from twin_assets.columns import Stage, key
from twin_assets.framing import AUTHORS, column_asset
from twin_jobs.definitions import build_defs

RAW, CLEANED = key(Category.POSTS, Stage.RAW), key(Category.POSTS, Stage.CLEANED)
ROWS = (
    Check("first", "The first is true.", blocking=True),
    Check("second", "The second is true.", blocking=True),
    Check("hint", "The third would be good."),
)


class Column:
    """Two assets of a column; the first has three checks that read a store and return the given results."""

    def __init__(self, *wrong: str) -> None:
        self.reads: list[tuple[str, str]] = []

        @column_asset(Category.POSTS, Stage.RAW)
        def raw(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
            return dg.MaterializeResult()

        @column_asset(Category.POSTS, Stage.CLEANED, deps=[RAW])
        def cleaned(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
            return dg.MaterializeResult()

        def verdicts(warehouse: str, author: str, category: Category = Category.POSTS) -> Mapping[str, Verdict]:
            self.reads.append((warehouse, author))
            return {
                row.name: Verdict({"category": category}, [f"{row.name} is wrong"] * (row.name in wrong))
                for row in ROWS
            }

        self.instance = dg.DagsterInstance.ephemeral()
        self.instance.add_dynamic_partitions("author", ["ada"])
        self.defs = dg.Definitions(
            assets=[raw, cleaned, stage_check(RAW, ROWS, verdicts)],
            jobs=[dg.define_asset_job("all", "*")],
            executor=dg.in_process_executor,
            resources={"warehouse": dg.ResourceDefinition.hardcoded_resource("the store")},
        )

    def build(self) -> dg.ExecuteInProcessResult:
        return self.defs.resolve_job_def("all").execute_in_process(
            partition_key="ada", instance=self.instance, raise_on_error=False
        )


def built(result: dg.ExecuteInProcessResult) -> list[dg.AssetKey | None]:
    return [event.asset_key for event in result.get_asset_materialization_events()]


def answers(result: dg.ExecuteInProcessResult) -> dict[str, tuple[bool, dg.AssetCheckSeverity, str | None]]:
    return {
        found.check_name: (found.passed, found.severity, found.partition)
        for found in result.get_asset_check_evaluations()
    }


ERROR, WARN = dg.AssetCheckSeverity.ERROR, dg.AssetCheckSeverity.WARN


def test_checks_read_once_and_run_between_the_asset_and_what_is_made_of_it() -> None:
    column = Column()
    result = column.build()
    assert result.success
    assert column.reads == [("the store", "ada")]
    started = sorted(
        (record.timestamp, record.dagster_event.step_key)
        for record in column.instance.all_logs(result.run_id, of_type=dg.DagsterEventType.STEP_START)
        if record.dagster_event is not None
    )
    assert [step for _, step in started] == ["posts__raw", "posts__raw__checks", "posts__cleaned"]
    assert answers(result) == {
        "first": (True, ERROR, "ada"),
        "second": (True, ERROR, "ada"),
        "hint": (True, WARN, "ada"),
    }


@pytest.mark.parametrize("wrong", ["first", "second"])
def test_a_blocking_check_stops_what_is_downstream_and_all_answers_are_recorded(wrong: str) -> None:
    result = Column(wrong).build()
    assert not result.success
    assert built(result) == [RAW]
    assert answers(result) == {
        "first": (wrong != "first", ERROR, "ada"),
        "second": (wrong != "second", ERROR, "ada"),
        "hint": (True, WARN, "ada"),
    }


def test_a_warning_stops_nothing() -> None:
    result = Column("hint").build()
    assert result.success
    assert built(result) == [RAW, CLEANED]
    assert answers(result)["hint"] == (False, WARN, "ada")


def test_one_check_can_be_run_alone() -> None:
    """Like the UI: the asset job, limited to the check, with the partition as a tag."""
    column = Column("first", "hint")
    alone = column.defs.resolve_implicit_global_asset_job_def().get_subset(
        asset_selection=set(), asset_check_selection={dg.AssetCheckKey(RAW, "hint")}
    )
    result = alone.execute_in_process(instance=column.instance, tags={"dagster/partition": "ada"})
    assert result.success
    assert answers(result) == {"hint": (False, WARN, "ada")}


def test_a_verdict_without_a_row_and_a_row_without_a_verdict_are_refused() -> None:
    def verdicts(author: str) -> dict[str, Verdict]:
        return {"first": Verdict({"author": author}, []), "forgotten": Verdict({}, [])}

    @column_asset(Category.POSTS, Stage.RAW)
    def raw(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        return dg.MaterializeResult()

    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions(AUTHORS.name or "", ["ada"])
        with pytest.raises(KeyError, match=r"\['first', 'hint', 'second'\], but the stage returned .*'forgotten'"):
            dg.materialize([raw, stage_check(RAW, ROWS, verdicts)], partition_key="ada", instance=instance)


def test_the_stages_answer_exactly_the_checks_of_their_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All but the adapter's own, on real stores with one document of each category."""
    monkeypatch.setenv("TWIN_STORE", str(tmp_path))
    monkeypatch.setenv("TWIN_AUTHORS", str(tmp_path / "authors"))
    for name in ("MONGO_URI", "QDRANT_URL", "TWIN_EMBEDDING_URL"):
        monkeypatch.delenv(name, raising=False)
    warehouse = SqliteWarehouse(tmp_path / "warehouse.sqlite")
    url = "https://ada.example/all"
    warehouse.upsert_authors([Author(slug="ada", name="Ada")])
    warehouse.upsert_links([Link(author="ada", url=url, kind=IMPORT, categories=tuple(Category), origin="import")])
    documents = [
        Document(
            author="ada", category=category, link=url, source=url, platform="web", text=f"On my {category}: looms."
        )
        for category in Category
    ]
    warehouse.upsert_documents(State.RAW, documents)
    warehouse.close()
    defs = build_defs()
    graph = defs.resolve_asset_graph()
    trained = {dg.AssetKey("lora_adapter"), dg.AssetKey("twin_evaluation")}
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions("author", ["ada"])
        result = defs.resolve_job_def("build_twin").execute_in_process(
            partition_key="ada",
            instance=instance,
            asset_selection=[*(graph.get_all_asset_keys() - trained)],
        )
    answered = [found.asset_check_key for found in result.get_asset_check_evaluations()]
    assert sorted(answered) == sorted(check for check in graph.asset_check_keys if check.asset_key not in trained)
    assert len(answered) == 41
