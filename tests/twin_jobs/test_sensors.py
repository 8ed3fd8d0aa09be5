"""The planner of the sensor on links: pure, so it is tested without an instance."""

from hypothesis import given
from hypothesis import strategies as st

from twin.models import Category
from twin_jobs.sensors import LinkEvent, column_assets, plan_runs

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
    columns = ["cleaned", "chunks", "embeddings", "collections"]
    both = [f"{stage}/{category}" for stage in columns for category in ("posts", "articles")]

    def selected(*categories: Category) -> list[str]:
        return [asset.to_user_string() for asset in column_assets(categories)]

    assert selected(Category.ARTICLES) == ["raw/articles", *both]
    assert selected(Category.POSTS) == ["raw/posts", *both]
    assert selected(Category.POSTS, Category.ARTICLES) == ["raw/posts", "raw/articles", *both]
    assert selected(Category.REPOSITORIES) == [f"{stage}/repositories" for stage in ("raw", *columns)]
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
