"""Source code: cut where its syntax parts it, whatever the language, the line ends and the errors in it."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.kit.chunked import SIZER, check, cut, document
from twin.chunking import Chunker
from twin.chunking.syntax import parse
from twin.models import Category, Chunk

CODE = Category.REPOSITORIES


def code(text: str, path: str) -> list[Chunk]:
    chunks = cut(text, CODE, path=path)
    check(text, chunks)
    return chunks


def lines(count: int, indent: str = "    ", form: str = "value_{0} = compute({0}, other)") -> str:
    return "".join(f"{indent}{form.format(number)}\n" for number in range(count))


PYTHON = (
    "import os\n\n\n"
    + "# What stands above a function\n# belongs to it.\n@decorated\n@twice\ndef first(a):\n"
    + '    """Its docstring,\n\n    in two paragraphs.\n    """\n'
    + lines(12)
    + "\n\nclass Shape(Base):\n"
    + '    """A class."""\n\n'
    + "".join(f"    @property\n    def side_{number}(self):\n{lines(11, '        ')}\n" for number in range(4))
)


def test_definitions_keep_what_stands_above_them_and_are_named_in_the_context_of_their_parts() -> None:
    chunks = code(PYTHON, "src/shapes.py")
    starts = [chunk.text.splitlines()[0].strip() for chunk in chunks]
    assert "# What stands above a function" in starts or starts[0] == "import os"
    assert not any(start.startswith(("def ", "belongs", "@twice", '"""', "in two")) for start in starts)
    methods = [chunk for chunk in chunks if "def side_3" in chunk.text]
    assert [chunk.context for chunk in methods] == ["src/shapes.py > class Shape"]
    assert methods[0].text.startswith("    @property\n")


def test_a_long_function_is_cut_between_statements_and_its_parts_say_whose_they_are() -> None:
    text = f"class Shape:\n    def area(self):\n        if self.ready:\n{lines(60, ' ' * 12)}        return 1\n"
    chunks = code(text, "a.py")
    assert len(chunks) > 2
    assert chunks[0].text.startswith("class Shape:\n    def area(self):\n        if self.ready:\n")
    assert {chunk.context for chunk in chunks[1:]} == {"a.py > class Shape > def area"}
    assert all(chunk.text.startswith("            value_") for chunk in chunks[1:])


BODY = lines(16, "        ", "compute({0}, other, {0});")
LANGUAGES = {
    "a.c": ("int first(int a) {\n", "}\n"),
    "a.cc": ("int first(int a) {\n", "}\n"),
    "A.cs": ("class A { void First(int a) {\n", "} }\n"),
    "a.go": ("package a\n\nfunc First(a int) {\n", "}\n"),
    "A.java": ("class A { void first(int a) {\n", "} }\n"),
    "a.js": ("function first(a) {\n", "}\n"),
    "a.kt": ("fun first(a: Int) {\n", "}\n"),
    "a.php": ("<?php\nfunction first($a) {\n", "}\n"),
    "a.rb": ("def first(a)\n", "end\n"),
    "a.rs": ("fn first(a: i32) {\n", "}\n"),
    "a.scala": ("def first(a: Int) = {\n", "}\n"),
    "a.swift": ("func first(a: Int) {\n", "}\n"),
    "a.ts": ("function first(a: number) {\n", "}\n"),
    "a.tsx": ("function first(a: number) {\n", "}\n"),
}


@pytest.mark.parametrize("path", LANGUAGES)
def test_every_language_is_cut_before_definitions_and_names_them(path: str) -> None:
    head, tail = LANGUAGES[path]
    text = head + BODY + tail + "\n" + head.replace("irst", "irst2").replace("class A ", "class B ") + BODY * 3 + tail
    assert parse(text, path) is not None
    chunks = code(text, path)
    second = next(number for number, chunk in enumerate(chunks) if "irst2" in chunk.text)
    assert chunks[second].text.splitlines()[0].replace("irst2", "irst") in head.replace("class A ", "class B ")
    assert "irst2" in chunks[second + 1].context
    assert chunks[second + 1].text.startswith("        compute(")


def test_a_shell_script_is_cut_before_its_functions() -> None:
    body = lines(30, "  ", 'echo "value {0}" >> out.txt')
    chunks = code(f"#!/bin/bash\n\nfirst() {{\n{body}}}\n\nsecond() {{\n{body}}}\n", "a.sh")
    assert any(chunk.text.startswith("second()") for chunk in chunks)


def test_syntax_errors_do_no_harm() -> None:
    broken = PYTHON.replace("def side_1(self):", "def side_1(self:").replace("class Shape(Base):", "class Shape(Base:")
    chunks = code(broken + "\n}}}} ((((\n" + PYTHON, "a.py")
    assert any(chunk.text.lstrip().startswith("@property\n    def side_3") for chunk in chunks)


def test_a_language_without_a_grammar_is_cut_by_its_layout() -> None:
    text = "".join(f"procedure p{number} is\nbegin\n{lines(15)}end;\n\n" for number in range(5))
    assert parse(text, "a.adb") is None
    assert [chunk.text[:11] for chunk in code(text, "a.adb")] == ["procedure p"] * 5


@pytest.mark.parametrize("newline", ["\r\n", "\r"])
@pytest.mark.parametrize("letters", ["", "é", "字🤖"])
def test_offsets_are_of_characters_whatever_the_line_ends(newline: str, letters: str) -> None:
    text = "\ufeff" + PYTHON.replace("other", f"other + '{letters}'").replace("\n", newline)
    chunks = code(text, "src/shapes.py")
    assert any(chunk.text.startswith(f"    @property{newline}    def side_3") for chunk in chunks)


@pytest.mark.parametrize(
    "text",
    [
        "(" * 20_000 + ")" * 20_000,
        "x = " + "[" * 3000 + "1" + "]" * 3000,
        "if a:\n" + "".join(" " * depth + "if a:\n" for depth in range(1, 300)) + " " * 300 + "pass\n",
        "f(" * 2000,
        "x = [" + ", ".join(map(str, range(20_000))) + "]\n",
        "x = '" + "a " * 20_000 + "'\n",
        "\x00\x01" * 2000,
    ],
    ids=["parentheses", "lists", "blocks", "calls", "array", "string", "control"],
)
def test_no_nesting_and_no_size_exhausts_anything(text: str) -> None:
    assert code(text, "a.py") or not text.strip()


def test_minified_code_is_cut_between_statements() -> None:
    text = "".join(f"function f{number}(a){{return a+{number}}}var v{number}=f{number}(2);" for number in range(200))
    chunks = code(text, "a.min.js")
    assert all(chunk.text.startswith(("function f", "var v")) for chunk in chunks)


PIECES = [
    "def f(a):\n",
    "    x = 1\n",
    "class A:\n",
    "\n",
    "# note\n",
    "@d\n",
    "    '''é🤖'''\n",
    "((",
    "}",
    "x" * 300,
    "\r\n",
]
SUFFIXES = st.sampled_from([".py", ".js", ".c", ".rs", ".rb", ".go", ".java", ".kt", ".sh", ".php", ".swift", ".cs"])


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=12)), max_size=120).map("".join), SUFFIXES)
def test_every_text_is_covered_exactly_once(text: str, suffix: str) -> None:
    code(text, f"src/a{suffix}")


def test_the_code_of_this_project_is_covered_and_its_functions_stay_whole(repository: Path) -> None:
    texts = {str(path.relative_to(repository)): path.read_text("utf-8") for path in (repository / "twin").rglob("*.py")}
    documents = [document(text, CODE, path=path) for path, text in sorted(texts.items())]
    whole = total = 0
    for found, chunks in Chunker(SIZER).chunks(documents):
        check(found.text, chunks)
        for line in found.text.split("\n"):
            if line.startswith("def "):
                total += 1
                whole += any(f"\n{line}" in f"\n{chunk.text}" for chunk in chunks)
    assert total > 500
    assert whole == total
