"""JSON-LD as pages write it: in lists and graphs, with and without addresses, and as no program expects it."""

from lxml.html import document_fromstring

from twin.crawling.pages.trees import json_ld, types_of


def things(*scripts: str, nested: bool = False) -> list[set[str]]:
    page = "".join(f'<script type="Application/LD+JSON; charset=utf-8">{script}</script>' for script in scripts)
    return [types_of(thing) for thing in json_ld(document_fromstring(f"<body>{page}<p>x</p></body>"), nested=nested)]


def test_things_stand_alone_in_lists_and_in_graphs() -> None:
    graph = '{"@graph": [{"@type": "https://schema.org/Person"}, {"@type": ["Article", "مقال", 3]}]}'
    assert things('[{"@type": "WebPage"}, 3, null]', graph) == [{"WebPage"}, set(), {"Person"}, {"Article", "مقال"}]


def test_what_is_inside_of_a_thing_comes_after_it_and_only_where_it_is_asked_for() -> None:
    post = '{"@type": "BlogPosting", "comment": [{"@type": "Comment", "author": {"@type": "Person"}}]}'
    assert things(post) == [{"BlogPosting"}]
    assert things(post, nested=True) == [{"BlogPosting"}, {"Comment"}, {"Person"}]


def test_what_is_not_a_description_affects_no_other() -> None:
    found = things("", "{", "[" * 100_000, "7", f'{{"@type": "{"x" * 2**20}"}}', '{"@type": "Article", "name": "a\tb"}')
    assert found == [{"Article"}]
    assert len(things(f"[{','.join(['{}'] * 4000)}]", "{}")) == 4001


def test_a_description_without_end_is_read_in_part() -> None:
    graph = "{}"
    for _ in range(14):
        graph = f'{{"@graph": [{graph}, {graph}]}}'
    assert 2000 < len(things(graph)) < 5002
