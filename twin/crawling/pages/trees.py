"""Trees of HTML, and what a page describes in them as JSON-LD.

Everything in a page is written by anybody: what has not the form that it should have is passed over.
"""

import json
from collections.abc import Iterable, Iterator
from typing import Any

Element = Any
"""An element of lxml, which comes without types."""

MOST_TAGS = 250_000
"""More than any page that somebody reads has; a tree of them takes a few hundred MB."""

_MOST_JSON = 2**20
_MOST_NODES = 5000


def json_ld(tree: Element, *, nested: bool = False) -> Iterator[dict[str, Any]]:
    """The things that a page describes in JSON-LD (schema.org), script for script, the outer ones first.

    Args:
        nested: also what stands inside of another thing, such as the comments of a post.
    """
    for script in tree.iter("script"):
        text = script.text or ""
        if "ld+json" in (script.get("type") or "").lower() and len(text) <= _MOST_JSON:
            try:
                value = json.loads(text, strict=False)
            except (ValueError, RecursionError):
                continue
            yield from _things(value, nested)


def types_of(thing: dict[str, Any]) -> set[str]:
    """The types of a thing, without the address of schema.org before them."""
    named = thing.get("@type")
    return {
        each.rsplit("/", 1)[-1] for each in (named if isinstance(named, list) else [named]) if isinstance(each, str)
    }


def _things(value: object, nested: bool) -> Iterator[dict[str, Any]]:
    todo = [value]
    for each in todo:  # grows as it goes
        inner: Iterable[object]
        if isinstance(each, dict):
            yield each
            inner = each.values() if nested else [each.get("@graph")]
        else:
            inner = each if isinstance(each, list) else ()
        if len(todo) < _MOST_NODES:
            todo += [one for one in inner if isinstance(one, dict | list)]
