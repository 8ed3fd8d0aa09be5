"""Trees of HTML, and what a page describes in them as JSON-LD.

Anybody can write anything in a page: values of the wrong form are skipped.
"""

import json
from collections.abc import Iterable, Iterator
from typing import Any

Element = Any
"""An element of lxml, which has no type hints."""

MOST_TAGS = 250_000
"""More than any page for readers has; a tree with this many takes a few hundred MB."""

_MOST_JSON = 2**20
_MOST_NODES = 5000


def json_ld(tree: Element, *, nested: bool = False) -> Iterator[dict[str, Any]]:
    """The things that a page describes in JSON-LD (schema.org), script by script, the outer ones first.

    Args:
        nested: include things inside other things, such as the comments of a post.
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
    """The types of a thing, without the address of schema.org in front of them."""
    named = thing.get("@type")
    return {
        each.rsplit("/", 1)[-1] for each in (named if isinstance(named, list) else [named]) if isinstance(each, str)
    }


def _things(value: object, nested: bool) -> Iterator[dict[str, Any]]:
    todo = [value]
    for each in todo:  # grows during the loop
        inner: Iterable[object]
        if isinstance(each, dict):
            yield each
            inner = each.values() if nested else [each.get("@graph")]
        else:
            inner = each if isinstance(each, list) else ()
        if len(todo) < _MOST_NODES:
            todo += [one for one in inner if isinstance(one, dict | list)]
