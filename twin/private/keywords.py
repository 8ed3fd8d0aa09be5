"""Search for many words at once, so that an expression is tried only near one of its words."""

import re
from collections.abc import Iterable, Iterator
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Keywords(Generic[T]):
    """Finds many words in a text in one pass; case is ignored.

    Args:
        pairs: a lower-case word, and the value to return where it occurs.
    """

    def __init__(self, pairs: Iterable[tuple[str, T]]) -> None:
        listed = list(pairs)
        words = {word for word, _ in listed}
        # The expression reports only the longest word at a place, so a word also returns the values of its prefixes.
        self._wanted = {word: tuple(item for begin, item in listed if word.startswith(begin)) for word in words}
        trie: dict[str, Any] = {}
        for word in words:
            node = trie
            for char in word:
                node = node.setdefault(char, {})
            node[""] = {}
        self._pattern = re.compile(_alternatives(trie))

    def hits(self, text: str) -> Iterator[tuple[int, T]]:
        """Each offset and its value, in the order of the text."""
        # "İ" is the one letter whose lower-case form is longer, which would shift every offset after it.
        lowered = text.replace("İ", "I").lower()
        search, wanted = self._pattern.search, self._wanted
        found = search(lowered)
        while found:
            offset = found.start()
            for item in wanted[found[0]]:
                yield offset, item
            found = search(lowered, offset + 1)


def _alternatives(node: dict[str, Any]) -> str:
    """The words of a trie as an expression that looks at each character once."""
    branches = [re.escape(char) + _alternatives(child) for char, child in sorted(node.items()) if char]
    if not branches:
        return ""
    joined = branches[0] if len(branches) == 1 else f"(?:{'|'.join(branches)})"
    return f"(?:{joined})?" if "" in node else joined
