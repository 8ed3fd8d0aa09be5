"""Where things lie in the store: named in one place, and an author's folders go with the author."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from twin import layout
from twin.artifacts import ArtifactStore

NAMES = {*layout.FOLDERS, layout.WAREHOUSE, layout.CURRENT, layout.TRAINING_RECORD, layout.EVALUATION}
STORE_METHODS = {name for name in vars(ArtifactStore) if not name.startswith("_")} | {"joinpath"}


def spelled(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and name, where a name of the layout is written out as a part of a path.

    The same words are also tables, fields and commands; so what counts is a part of `a / b`, the first argument of a
    method of the artifact store, the first of the parts of a name, and a constant.
    """
    for node in ast.walk(tree):
        parts: list[ast.expr] = []
        match node:
            case ast.BinOp(op=ast.Div()):
                parts = [node.left, node.right]
            case ast.Call(func=ast.Attribute(attr=method), args=[first, *_]) if method in STORE_METHODS:
                parts = [first]
            case ast.Tuple(elts=[first, second, *_]) if not isinstance(second, ast.Constant | ast.Tuple):
                parts = [first]
            case ast.Module(body=statements):
                parts = [each.value for each in statements if isinstance(each, ast.Assign) and _is_constant(each)]
        for part in parts:
            if isinstance(part, ast.Constant) and part.value in NAMES:
                yield part.lineno, str(part.value)


def _is_constant(assigned: ast.Assign) -> bool:
    """Whether a module gives a constant. The members of an enumeration are words and not places."""
    return all(isinstance(target, ast.Name) and target.id.isupper() for target in assigned.targets)


def test_no_other_module_spells_a_name_of_the_store(repository: Path) -> None:
    folders = ("twin", "twin_assets", "twin_jobs", "twin_resources", "benchmarks")
    paths = [path for folder in folders for path in sorted((repository / folder).rglob("*.py"))]
    assert len(paths) > 200
    found = [
        f"{path.relative_to(repository)}:{line}: {name}"
        for path in paths
        if path.relative_to(repository).as_posix() != "twin/layout.py"
        for line, name in spelled(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert found == [], "take the name from twin/layout.py, so that the removal of an author knows it"


@pytest.mark.parametrize(
    "line",
    [
        'artifacts.write_bytes("chunks", author, content=b"")',
        'path = root / "adapters" / author',
        'path = Path(folder) / "warehouse.sqlite"',
        'def name(author): return "embeddings", author, "x.parquet"',
        'FOLDER = "captures"',
    ],
)
def test_that_test_sees_a_name_in_each_form(line: str) -> None:
    assert len(list(spelled(ast.parse(line)))) == 1


def test_the_store_refuses_a_folder_that_is_not_declared(tmp_path: Path) -> None:
    store = ArtifactStore(str(tmp_path))
    with pytest.raises(ValueError, match=r"'preferences' is not a folder of the store: declare it in twin/layout\.py"):
        store.write_bytes("preferences", "ada", "pairs.jsonl", content=b"")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_an_authors_or_everybodys() -> None:
    declared = {value for name, value in vars(layout).items() if name.isupper() and isinstance(value, str)}
    assert {name for name in declared if "." not in name} == layout.FOLDERS
    assert not set(layout.PER_AUTHOR) & set(layout.SHARED)
