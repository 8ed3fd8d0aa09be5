"""The sensors: the planner, which is pure, and cursors and events from an older installation."""

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.partitions.context import partition_loading_context
from dagster._core.definitions.sensor_definition import SensorExecutionData
from dagster._core.utils import make_new_run_id
from hypothesis import given
from hypothesis import strategies as st

from tests.kit.authorfiles import write_broken_files
from twin.models import Author, Category, Link
from twin.settings import Settings
from twin.warehouse.sqlite import SqliteWarehouse
from twin_assets.columns import LINKS, Stage, key
from twin_jobs.definitions import build_defs
from twin_jobs.jobs import look_again
from twin_jobs.sensors import (
    CATEGORIES,
    LinkEvent,
    _builds_downstream,
    _no_run,
    column_assets,
    discover_links,
    plan_runs,
    update_on_links,
)

KNOWN = frozenset({"ada", "grace"})


def test_events_of_one_author_become_one_run_over_the_union_of_their_categories() -> None:
    plan = plan_runs(
        [
            LinkEvent(1, "ada", ("articles",), False),
            LinkEvent(2, "grace", ("posts",), False),
            LinkEvent(3, "ada", ("repositories",), False),
        ],
        KNOWN,
    )
    assert [(run.author, run.categories, run.storage_id) for run in plan.runs] == [
        ("ada", (Category.ARTICLES, Category.REPOSITORIES), 3),
        ("grace", (Category.POSTS,), 2),
    ]
    assert plan.rejected == []


def test_a_run_crawls_what_changed_and_cleans_what_is_compared_with_it() -> None:
    columns = ["cleaned", "chunks", "embeddings", "collection"]
    both = [f"{category}/{stage}" for stage in columns for category in ("posts", "articles")]

    def selected(*categories: Category) -> list[str]:
        return [asset.to_user_string() for asset in column_assets(categories)]

    assert selected(Category.ARTICLES) == ["articles/raw", *both]
    assert selected(Category.POSTS) == ["posts/raw", *both]
    assert selected(Category.POSTS, Category.ARTICLES) == ["posts/raw", "articles/raw", *both]
    assert selected(Category.REPOSITORIES) == [f"repositories/{stage}" for stage in ("raw", *columns)]
    assert len(selected(*Category)) == len(set(selected(*Category))) == 15


def test_an_event_without_categories_means_all_of_them() -> None:
    assert plan_runs([LinkEvent(1, "ada", (), False)], KNOWN).runs[0].categories == tuple(Category)
    assert plan_runs([LinkEvent(1, "ada", ("nonsense",), False)], KNOWN).runs[0].categories == tuple(Category)


def test_a_hostile_or_unknown_partition_is_refused_and_poisons_nobody() -> None:
    plan = plan_runs(
        [
            LinkEvent(1, "https://www.linkedin.com/in/x|y", (), False),
            LinkEvent(2, None, (), False),
            LinkEvent(3, "nobody", (), False),
            LinkEvent(4, "ada", ("posts",), False),
        ],
        KNOWN,
    )
    assert [run.author for run in plan.runs] == ["ada"]
    assert len(plan.rejected) == 3
    assert "'nobody' is not registered" in plan.rejected[2]


def test_an_event_of_a_run_that_builds_the_columns_itself_asks_for_nothing() -> None:
    assert plan_runs([LinkEvent(1, "ada", ("posts",), True)], KNOWN).runs == []


@given(
    st.lists(
        st.builds(
            LinkEvent,
            st.integers(1, 10**6),
            st.sampled_from(["ada", "grace", "nobody", "B A D", None]),
            st.lists(st.sampled_from([*Category, "other"]), max_size=3).map(lambda found: tuple(map(str, found))),
            st.booleans(),
        ),
        unique_by=lambda event: event.storage_id,
    )
)
def test_no_event_is_lost_and_none_is_answered_twice(events: list[LinkEvent]) -> None:
    events.sort()
    plan = plan_runs(events, KNOWN)
    asked = {event.author for event in events if not event.downstream_in_run and event.author in KNOWN}
    assert [run.author for run in plan.runs] == sorted(author for author in asked if author)
    for run in plan.runs:
        mine = [event for event in events if event.author == run.author and not event.downstream_in_run]
        assert run.storage_id == mine[-1].storage_id
        for event in mine:
            assert {name for name in event.categories if name in set(Category)} <= set(run.categories)


@pytest.fixture
def ada(tmp_path: Path) -> Iterator[SqliteWarehouse]:
    """A warehouse with one author who has one article."""
    opened = SqliteWarehouse(tmp_path / "warehouse.sqlite")
    opened.upsert_authors([Author(slug="ada", name="Ada")])
    opened.upsert_links([
        Link(
            author="ada",
            url="https://ada.example/looms",
            kind="article",
            categories=(Category.ARTICLES,),
            origin="added",
        )
    ])  # fmt: skip
    yield opened
    opened.close()


ARTICLES = "5296f2351d926c7931bf11db846f646f34f63e9d0149243714f77135312aa37f"
NOTHING = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
OLD_CURSOR = f'{{"ada": {{"articles": "{ARTICLES}", "posts": "{NOTHING}", "repositories": "{NOTHING}"}}}}'
"""What the sensor stored before assets were called `<category>/<stage>`."""


def test_a_cursor_of_an_older_installation_reports_nothing_again(tmp_path: Path, ada: SqliteWarehouse) -> None:
    settings = Settings(store=str(tmp_path), authors=str(tmp_path / "authors"))
    by_hand = ["{", "[1]", '{"ada": 7}', '{"ada": {"articles": [1]}}']
    changed = [OLD_CURSOR.replace(ARTICLES, "0" * 64), *by_hand]
    without = json.dumps({"ada": {"articles": ARTICLES, "posts": NOTHING}})  # as before a category was added
    for cursor, reported in ((OLD_CURSOR, False), (without, False), *((each, True) for each in changed)):
        with dg.DagsterInstance.ephemeral() as instance:
            context = dg.build_sensor_context(
                instance, cursor=cursor, resources={"warehouse": ada, "settings": settings}
            )
            assert isinstance(discover_links(context), dg.SensorResult) is reported


def test_a_tick_reports_changes_and_one_without_changes_says_what_is_wrong(
    tmp_path: Path, ada: SqliteWarehouse
) -> None:
    settings = Settings(store=str(tmp_path), authors=str(tmp_path / "authors"))
    (tmp_path / "authors").mkdir()
    file = tmp_path / "authors" / "grace.yaml"
    file.write_text("name: Grace\nlinks: [https://grace.example/compilers]\n")
    cursor: str | None = OLD_CURSOR
    with dg.DagsterInstance.ephemeral() as instance:

        def tick() -> SensorExecutionData:
            nonlocal cursor
            context = dg.build_sensor_context(
                instance, cursor=cursor, resources={"warehouse": ada, "settings": settings}
            )
            result = discover_links.evaluate_tick(context)
            cursor = result.cursor
            return result

        (event,) = tick().asset_events
        assert isinstance(event, dg.AssetMaterialization)
        assert event.partition == "grace"
        assert event.metadata[CATEGORIES].value == [category.value for category in Category]
        for _ in range(3):
            assert (tick().asset_events, tick().skip_message) == ([], "No author's links changed.")
        file.unlink()
        for _ in range(3):
            result = tick()
            assert result.asset_events == []
            assert f"No author's links changed.\n{file} is missing" in (result.skip_message or "")
        (tmp_path / "authors" / os.fsdecode(b"\xff.yaml")).write_text("name: Ada\n")  # a name that is not Unicode
        result = tick()
        assert "\\udcff.yaml" in (result.skip_message or "")
        assert (result.skip_message or "").encode()
        for name in ("alan", "edsger", "grace", "john", "niklaus", "tony"):
            (tmp_path / "authors" / f"{name}.yaml").write_text("links: []\n")
        assert (tick().skip_message or "").endswith("\nAnd 2 more: see `twin authors`.")


def tick_of_links(instance: dg.DagsterInstance, warehouse: SqliteWarehouse, cursor: str) -> list[dg.RunRequest]:
    """What `update_on_links` requests for the events after a cursor."""
    definitions = build_defs({"warehouse": warehouse})
    context = dg.build_sensor_context(
        instance, cursor=cursor, resources={"warehouse": warehouse}, definitions=definitions
    )
    with partition_loading_context(dynamic_partitions_store=instance):
        return list(update_on_links.evaluate_tick(context).run_requests or [])


def discovered(
    instance: dg.DagsterInstance, warehouse: SqliteWarehouse, settings: Settings, cursor: str | None = None
) -> dg.SensorResult | dg.SkipReason:
    context = dg.build_sensor_context(instance, cursor=cursor, resources={"warehouse": warehouse, "settings": settings})
    found = discover_links(context)
    assert isinstance(found, (dg.SensorResult, dg.SkipReason))
    return found


def register(instance: dg.DagsterInstance, warehouse: SqliteWarehouse, settings: Settings) -> None:
    resources = {"warehouse": warehouse, "settings": settings}
    job = build_defs(resources).resolve_job_def("register_links")
    assert job.execute_in_process(instance=instance).success


def test_the_first_look_after_a_build_reports_and_requests_nothing(tmp_path: Path, ada: SqliteWarehouse) -> None:
    """`make demo` registers and builds; then `make ui` starts with empty cursors and finds everything as it is."""
    settings = Settings(store=str(tmp_path), authors=str(tmp_path / "authors"))
    (tmp_path / "authors").mkdir()
    declared = tmp_path / "authors" / "ada.yaml"
    declared.write_text("name: Ada\nlinks: [https://ada.example/cards]\n", encoding="utf-8")
    with dg.DagsterInstance.ephemeral() as instance:
        register(instance, ada, settings)
        for asset in column_assets(list(Category)):
            instance.report_runless_asset_event(dg.AssetMaterialization(asset, partition="ada"))
        first = discovered(instance, ada, settings)
        assert isinstance(first, dg.SensorResult)
        assert not first.asset_events
        assert first.skip_reason
        assert isinstance(discovered(instance, ada, settings, first.cursor), dg.SkipReason)
        assert tick_of_links(instance, ada, "0") == []

        declared.write_text("name: Ada\nlinks: [https://ada.example/punched]\n", encoding="utf-8")
        for cursor in (None, first.cursor):  # an empty cursor misses no change either
            second = discovered(instance, ada, settings, cursor)
            assert isinstance(second, dg.SensorResult)
            (event,) = second.asset_events
            assert isinstance(event, dg.AssetMaterialization)
            assert event.partition == "ada"
            ada.remove_links("ada", ["https://ada.example/punched"])
        instance.report_runless_asset_event(event)
        (request,) = tick_of_links(instance, ada, "0")
        assert request.partition_key == "ada"


def test_what_was_registered_and_not_built_is_requested(tmp_path: Path, ada: SqliteWarehouse) -> None:
    settings = Settings(store=str(tmp_path), authors=str(tmp_path / "authors"))
    (tmp_path / "authors").mkdir()
    (tmp_path / "authors" / "ada.yaml").write_text("name: Ada\n", encoding="utf-8")
    with dg.DagsterInstance.ephemeral() as instance:
        register(instance, ada, settings)
        *built, missing = column_assets(list(Category))
        for asset in built:
            instance.report_runless_asset_event(dg.AssetMaterialization(asset, partition="ada"))
        instance.report_runless_asset_event(dg.AssetMaterialization(missing, partition="grace"))
        (request,) = tick_of_links(instance, ada, "0")
        assert request.asset_selection == column_assets(list(Category))


def test_an_author_who_is_no_partition_is_reported(tmp_path: Path, ada: SqliteWarehouse) -> None:
    settings = Settings(store=str(tmp_path), authors=str(tmp_path / "authors"))
    with dg.DagsterInstance.ephemeral() as instance:
        register(instance, ada, settings)
        instance.delete_dynamic_partition("author", "ada")
        found = discovered(instance, ada, settings)
        assert isinstance(found, dg.SensorResult)
        assert len(found.asset_events) == 1


def test_the_daily_look_is_off_and_asks_for_every_author(tmp_path: Path, ada: SqliteWarehouse) -> None:
    assert look_again.default_status is dg.DefaultScheduleStatus.STOPPED
    ada.upsert_authors([Author(slug="grace", name="Grace")])
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        definitions = build_defs({"warehouse": ada})
        context = dg.build_schedule_context(
            instance,
            scheduled_execution_time=datetime(2026, 12, 1, 4, tzinfo=UTC),
            resources={"warehouse": ada},
            repository_def=definitions.get_repository_def(),
        )
        with partition_loading_context(dynamic_partitions_store=instance):
            requests = look_again.evaluate_tick(context).run_requests or []
        assert [(request.run_key, request.partition_key) for request in requests] == [
            ("2026-12-01:ada", "ada"),
            ("2026-12-01:grace", "grace"),
        ]
        assert set(instance.get_dynamic_partitions("author")) == {"ada", "grace"}
    assert look_again.job_name == "update_columns"


def test_what_a_run_leaves_as_it_was_is_said() -> None:
    said = {job.name: job.description or "" for job in build_defs().resolve_all_job_defs()}
    assert "leaves the dataset, the adapter and the evaluation as they were" in said["update_columns"]
    assert "`build_twin`" in said["update_columns"]
    assert "It brings everything up to date" in said["build_twin"]
    for sensor in (discover_links, update_on_links):
        assert sensor.description
    graph = build_defs().resolve_asset_graph()
    assert all(graph.get(key(category, Stage.RAW)).freshness_policy for category in Category)


def test_events_after_an_older_cursor_request_assets_by_their_new_keys(ada: SqliteWarehouse) -> None:
    """An older run built its columns under keys that no longer exist, so they are requested again."""
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions("author", ["ada"])
        for categories in (["repositories"], ["articles"]):
            instance.report_runless_asset_event(
                dg.AssetMaterialization(
                    LINKS, partition="ada", metadata={CATEGORIES: dg.MetadataValue.json(categories)}
                )
            )
        records = instance.fetch_materializations(LINKS, limit=10, ascending=True).records
        before, newest = (record.storage_id for record in records)
        (request,) = tick_of_links(instance, ada, str(before))
    assert request.run_key == f"links:{newest}:ada"
    assert request.asset_selection == column_assets([Category.ARTICLES])
    assert {name: value for name, value in request.tags.items() if name.startswith("twin/")} == {
        "twin/trigger": "links",
        "twin/categories": "articles",
        "twin/author": "ada",
    }


def test_events_that_need_no_run_say_so() -> None:
    events = [LinkEvent(1, "ada", (), True), LinkEvent(2, "nobody", (), False)]
    said = _no_run(events, plan_runs(events, KNOWN)).splitlines()
    assert said[0] == "1 of 2 new materializations of links came from a run that builds the rest as well."
    assert "'nobody' is not registered" in said[1]
    assert _no_run([], plan_runs([], KNOWN)) == "Nobody's links changed."


@pytest.mark.parametrize("job", ["build_twin", "update_columns"])
def test_a_run_that_a_person_starts_in_the_ui_is_tagged_and_needs_no_config(job: str) -> None:
    found = build_defs().resolve_job_def(job)
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions("author", ["ada"])
        with partition_loading_context(dynamic_partitions_store=instance):
            tags = found.run_tags | found.get_tags_for_partition_key("ada", None)
            assert found.get_run_config_for_partition_key("ada") == {}
    assert {name: value for name, value in tags.items() if name.startswith("twin/")} == {
        "twin/trigger": "person",
        "twin/categories": "all",
        "twin/author": "ada",
    }


def test_every_sensor_and_job_says_what_it_does() -> None:
    repository = build_defs().get_repository_def()
    assert {sensor.name for sensor in repository.sensor_defs if len(sensor.description or "") < 60} == set()
    jobs = [found for found in repository.get_all_jobs() if not found.name.startswith("__")]
    assert {found.name for found in jobs if len(found.description or "") < 60} == set()


def test_a_run_builds_downstream_where_it_selects_raw_documents() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        for selection, builds in (
            ([key(Category.POSTS, Stage.RAW), LINKS], True),
            ([LINKS], False),
            ([key(Category.POSTS, Stage.CLEANED)], False),
            ([dg.AssetKey(["raw", "posts"])], False),
        ):
            run = instance.add_run(
                dg.DagsterRun(job_name="update_columns", run_id=make_new_run_id(), asset_selection=frozenset(selection))
            )
            assert _builds_downstream(instance, run.run_id) is builds


@pytest.fixture
def broken(tmp_path: Path) -> Settings:
    """Author files that cannot be used, each in its own way, beside a good one."""
    folder = tmp_path / "authors"
    folder.mkdir()
    (folder / "grace.yaml").write_text("name: Grace\nlinks:\n- https://grace.example/compilers\n")
    write_broken_files(folder)
    return Settings(store=str(tmp_path), authors=str(folder))


def test_broken_files_do_not_keep_a_tick_from_reporting_the_others(ada: SqliteWarehouse, broken: Settings) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        context = dg.build_sensor_context(instance, resources={"warehouse": ada, "settings": broken})
        tick = discover_links(context)
    assert isinstance(tick, dg.SensorResult)
    assert [event.partition for event in tick.asset_events] == ["ada", "grace"]


def test_broken_files_do_not_keep_the_others_from_being_registered(ada: SqliteWarehouse, broken: Settings) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        done = (
            build_defs({"warehouse": ada, "settings": broken})
            .resolve_job_def("register_links")
            .execute_in_process(instance=instance, raise_on_error=False)
        )
        assert instance.get_dynamic_partitions("author") == ["ada", "grace"]
    assert not done.success
    assert [link.url for link in ada.links("grace")] == ["https://grace.example/compilers"]
    (failed,) = [event for event in done.all_events if event.is_step_failure]
    assert "tag.yaml line 1, field 'name': it has the tag !!bool" in str(failed.step_failure_data)


def test_broken_files_do_not_keep_the_links_of_another_author_from_being_made(
    ada: SqliteWarehouse, broken: Settings
) -> None:
    job = dg.define_asset_job("links_alone", selection=[LINKS])
    with dg.DagsterInstance.ephemeral() as instance:
        definitions = dg.Definitions.merge(
            build_defs({"warehouse": ada, "settings": broken}), dg.Definitions(jobs=[job])
        )
        done = definitions.resolve_job_def("links_alone").execute_in_process(
            instance=instance, tags={"dagster/partition": "ada"}
        )
    assert done.success
