"""The sensors: the planner, which is pure, and cursors and events from an older installation."""

import os
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.partitions.context import partition_loading_context
from dagster._core.definitions.sensor_definition import SensorExecutionData
from dagster._core.utils import make_new_run_id
from hypothesis import given
from hypothesis import strategies as st

from twin.models import Author, Category, Link
from twin.settings import Settings
from twin.warehouse.sqlite import SqliteWarehouse
from twin_assets.columns import LINKS, Stage, key
from twin_jobs.definitions import build_defs
from twin_jobs.sensors import (
    CATEGORIES,
    LinkEvent,
    _builds_downstream,
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
    for cursor, reported in ((OLD_CURSOR, False), *((each, True) for each in changed)):
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
        context = dg.build_sensor_context(
            instance, cursor=str(before), resources={"warehouse": ada}, definitions=build_defs({"warehouse": ada})
        )
        with partition_loading_context(dynamic_partitions_store=instance):
            tick = update_on_links.evaluate_tick(context)
    (request,) = tick.run_requests or []
    assert request.run_key == f"links:{newest}:ada"
    assert request.asset_selection == column_assets([Category.ARTICLES])


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
