"""Source code cut at the nodes of its syntax tree, as in cAST: a node that is too big is replaced by its children, and
neighbours are joined while they fit (Zhang et al., "cAST: Enhancing Code Retrieval-Augmented Generation
with Structural Chunking via Abstract Syntax Tree", findings of EMNLP 2025).

A comment, decorator or annotation stays with the code below it, and a docstring with its definition. Syntax errors do
no harm: the parser continues after them. If a text has no grammar, or a node cannot be cut, its layout is used.
"""

import re
from bisect import bisect_left
from collections.abc import Callable
from functools import cache
from importlib import import_module
from itertools import pairwise
from pathlib import PurePosixPath
from typing import NamedTuple

import numpy as np
from tree_sitter import Language, Node, Parser, Tree

from twin.chunking.splitter import Part, Splitter

_GRAMMARS = {
    "bash": ("tree_sitter_bash", "language", ".sh .bash .zsh"),
    "c": ("tree_sitter_c", "language", ".c .h"),
    "c#": ("tree_sitter_c_sharp", "language", ".cs"),
    "c++": ("tree_sitter_cpp", "language", ".cc .cpp .cxx .hpp .hh .hxx .cu .cuh .ino"),
    "go": ("tree_sitter_go", "language", ".go"),
    "java": ("tree_sitter_java", "language", ".java"),
    "javascript": ("tree_sitter_javascript", "language", ".js .jsx .mjs .cjs"),
    "kotlin": ("tree_sitter_kotlin", "language", ".kt .kts"),
    "php": ("tree_sitter_php", "language_php", ".php"),
    "python": ("tree_sitter_python", "language", ".py .pyi .pyw"),
    "ruby": ("tree_sitter_ruby", "language", ".rb .rake .gemspec"),
    "rust": ("tree_sitter_rust", "language", ".rs"),
    "scala": ("tree_sitter_scala", "language", ".scala .sc"),
    "swift": ("tree_sitter_swift", "language", ".swift"),
    "typescript": ("tree_sitter_typescript", "language_typescript", ".ts .mts .cts"),
    "tsx": ("tree_sitter_typescript", "language_tsx", ".tsx"),
}
_LANGUAGES = {suffix: name for name, (_, _, suffixes) in _GRAMMARS.items() for suffix in suffixes.split()}

_LARGEST = 2_000_000
"""A file with more characters is data or generated, and only its layout is used."""

_DEEPEST = 100
"""Depth of nodes to look into; below it the layout is used, so deep nesting cannot exhaust anything."""

_DEFINITION = re.compile(
    r"(?:.*_)?(?:function|method|constructor|class|interface|struct|enum|trait|impl|mod|module|namespace|object"
    r"|protocol|extension|record|type_spec)(?:_definition|_declaration|_item|_specifier)?"
)
_STATEMENT = re.compile(r".*(?:statement|declaration|definition|_item)")
_ABOVE = re.compile(r".*(?:comment|decorator|attribute|annotation).*")  # stands above the code it describes
_BODIES = frozenset({"body", "consequence", "parameters", "name", "declarator", "type"})
_BREAK = re.compile(r"\r\n|\n|\r")
_LONGEST_NAME = 80


class Definition(NamedTuple):
    """A class, function or similar: its first and last character, and its name."""

    start: int
    end: int
    name: str


def parse(text: str, path: str | None) -> Tree | None:
    """The syntax tree of a file; None if there is no grammar for its name or it is too large to be hand-written.

    The offsets of the tree refer to the UTF-8 bytes of `text`.
    """
    language = _LANGUAGES.get(PurePosixPath((path or "").lower()).suffix)
    if language is None or len(text) > _LARGEST:
        return None
    return Parser(_language(language)).parse(text.encode("utf-8", "replace"))


@cache
def _language(name: str) -> Language:
    module, function, _ = _GRAMMARS[name]
    return Language(getattr(import_module(module), function)())


class CodeSplitter(Splitter):
    """Cuts one source file of some texts.

    Args:
        others: the splitter of these texts; its layout is used if the tree has no place to cut.
        tree: of the file.
        source: its text.
        base: where the file begins in the joined texts.
    """

    def __init__(self, others: Splitter, tree: Tree, source: str, base: int) -> None:
        self.__dict__.update(others.__dict__)
        self._nodes = [tree.root_node]
        self._offset = _characters(source, base)
        self._definitions: list[Definition] = []

    def split(self, whole: Part, target: int, limit: int, *, prose: bool = False) -> list[Part]:
        """See `Splitter.split`. Call it once only: it releases the tree, so the next file can use its memory."""
        self._aim(target, limit, prose=prose)
        nodes, self._nodes = self._nodes, []
        return self._within(whole, nodes, 0)

    def names(self) -> set[str]:
        """See `Splitter.names`."""
        return {found.name for found in self._definitions}

    def paths(self, floor: int, ranges: list[list[int]]) -> list[tuple[str, ...]]:
        """The definitions in which each range begins, the outermost first; others may follow after their ends."""
        found = sorted(self._definitions)
        if not found:
            return [()] * len(ranges)
        return [
            tuple([name for begin, stop, name in found if floor <= begin < start < stop and start < end])
            for start, end in ranges
        ]

    def _within(self, part: Part, nodes: list[Node], depth: int) -> list[Part]:
        """Cut a part that consists of these nodes into pieces within the target."""
        start, end, before, until = part
        while until - before > self._target and depth < _DEEPEST:
            depth += 1
            largest = max(range(len(nodes)), key=lambda number: _length(nodes[number]), default=-1)
            if largest < 0 or not nodes[largest].child_count:
                break
            node = nodes[largest]
            self._define(node)
            nodes = [*nodes[:largest], *node.children, *nodes[largest + 1 :]]
            if places := [place for place in self._places_between(node) if start < place < end]:
                return self._in_places(part, nodes, places, depth)
        return self._split(part, 1)

    def _in_places(self, part: Part, nodes: list[Node], places: list[int], depth: int) -> list[Part]:
        level = self._places(np.array(places, dtype=np.int64))
        offsets, sizes = [part[0], *level.offsets, part[1]], [part[2], *level.sizes, part[3]]
        starts = [self._offset(node.start_byte) for node in nodes]
        joined: list[Part] = []
        done = 0
        for (start, end), (before, until) in zip(pairwise(offsets), pairwise(sizes), strict=True):
            last = bisect_left(starts, end, done)
            for piece in self._within((start, end, before, until), nodes[done:last], depth):
                self._join(joined, piece, free=True)
            done = last
        return joined

    def _places_between(self, node: Node) -> list[int]:
        """Where the children of a node may be separated, ascending: at the start of a line, or before a statement."""
        found: list[tuple[int, bool]] = []
        previous: Node | None = None
        stands = True  # the previous child begins its line
        for number, child in enumerate(node.children):
            if not child.is_named:
                continue
            if previous is not None:
                start = self._offset(child.start_byte)
                gap_start = max(self._offset(previous.end_byte) - 1, 0)  # some comments end with their line break
                gap = self._text[gap_start:start]
                after_break = max(gap.rfind("\n"), gap.rfind("\r")) + 1
                above = stands and _ABOVE.fullmatch(previous.type) is not None and len(_BREAK.findall(gap)) <= 1
                stands = after_break > 0 and not gap[after_break:].strip()
                free = stands or (_STATEMENT.fullmatch(child.type) is not None and start > gap_start)
                if free and not above and node.field_name_for_child(number) not in _BODIES:
                    found.append((gap_start + after_break if stands else start, stands))
            previous = child
        inner = [place for place, stands in found if not stands]
        if inner:
            self.torn |= set(inner) - set(self._aligned(inner).tolist())
        return [place for place, _ in found]

    def _define(self, node: Node) -> None:
        """Remember a definition that is about to be cut inside."""
        if _DEFINITION.fullmatch(node.type) is None:
            return
        if (named := _named(node)) is not None:
            start = self._offset(node.start_byte)
            head = self._text[start : self._offset(named.end_byte)].splitlines()[-1]
            name = " ".join(head.split())[-_LONGEST_NAME:]
            self._definitions.append(Definition(start, self._offset(node.end_byte), name))


def _named(node: Node) -> Node | None:
    """The name of a definition; in C it is inside declarators, and an `impl` of Rust has a type instead."""
    if (name := node.child_by_field_name("name")) is not None:
        return name
    inner = node.child_by_field_name("declarator")
    while inner is not None and (deeper := inner.child_by_field_name("declarator")) is not None:
        inner = deeper
    return inner or node.child_by_field_name("type")


def _length(node: Node) -> int:
    return node.end_byte - node.start_byte


def _characters(text: str, base: int) -> Callable[[int], int]:
    """Convert offsets of UTF-8 bytes to offsets of characters, which start at `base`."""
    if text.isascii():
        return base.__add__
    encoded = np.frombuffer(text.encode("utf-8", "replace"), np.uint8)
    offsets = np.full(len(encoded) + 1, base, dtype=np.int64)
    offsets[1:] += np.cumsum((encoded & 0xC0) != 0x80)
    return lambda place: int(offsets[place])
