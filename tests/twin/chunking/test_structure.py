"""Where a text may be cut: headings, code, lists and sentences of many scripts."""

from itertools import pairwise

import pytest

from tests.kit.chunked import SIZER, check, cut
from twin.chunking.sentences import sentences
from twin.chunking.structure import Layout, layout
from twin.text.kinds import Kind
from twin.tokens.scan import Scan

FILL = "This sentence has exactly nine words in it, dear. " * 12


def of(text: str, kind: Kind = Kind.MARKDOWN) -> Layout:
    return layout(Scan([text]), [kind])


def begun(text: str, offsets: object) -> list[str]:
    return [text[offset:].split("\n", 1)[0] for offset in offsets.tolist()]  # type: ignore[attr-defined]


class TestHeadings:
    @pytest.mark.parametrize(
        ("text", "paths"),
        [
            ("# A\n\n## B ##\n\n# C", [["A"], ["A", "B"], ["C"]]),
            ("Title\n=====\n\ntext\n\nPart\n----\n\ntext", [["Title"], ["Title", "Part"]]),
            ("A heading of\ntwo lines\n===", [["A heading of two lines"]]),
            ("### *Deep*\n\n# `High`", [["Deep"], ["High"]]),
            ("#no\n\n    # no\n\n####### no\n\n\\# no", []),
            ("text\n\n---\n\ntext\n\n- item\n---\n", []),
            ("---\ntitle: no\n---\n\n# Yes", [["Yes"]]),
            ("```\n# no\n```\n# Yes", [["Yes"]]),
            ("~~~ python\n# no\n```\n# no\n~~~\n# Yes", [["Yes"]]),
            ("<pre>\n# no\n\n# no\n</pre>\n# Yes", [["Yes"]]),
            ("<!-- # no\n\n# no -->\n\n# Yes", [["Yes"]]),
            ("```\n# never closed", []),
            ("| a | b |\n|---|---|\n", []),
            ("# A\r\n\r\nB\r\n===\r\n", [["A"], ["B"]]),
            ("# A\rtext\rB\r---\r", [["A"], ["A", "text B"]]),
            ("A\n===\nB\n===\n# C\nD\n---", [["A"], ["B"], ["C"], ["C", "D"]]),
        ],
    )
    def test_are_those_of_commonmark(self, text: str, paths: list[list[str]]) -> None:
        assert [list(heading.path) for heading in of(text).headings] == paths

    def test_a_heading_is_never_the_last_of_its_chunk(self) -> None:
        chunks = cut(f"# A\n\n{FILL}\n\n# B\n\n## C\n\n### D\n\n{FILL}\n\nE\n=\n\n{FILL}", title="T")
        assert not any(chunk.text.rstrip().split("\n")[-1].startswith("#") for chunk in chunks)
        assert [chunk.text[:3] for chunk in chunks if chunk.text.startswith("#")] == ["# A", "# B"]

    def test_of_one_text_say_nothing_of_the_next(self) -> None:
        found = layout(Scan(["# A\n\n```\n", "# B\n\ntext", "- a\n", "- b"]), [Kind.MARKDOWN] * 4)
        assert [tuple(heading) for heading in found.headings] == [((1,), ("A",)), ((1,), ("B",))]
        assert len(found.blocks) == 4


class TestBlocks:
    def test_of_one_list_are_one(self) -> None:
        text = "Intro.\n\n- a\n- b\n\n- c\n\n    - d\n\nOutro."
        found = of(text)
        assert begun(text, found.blocks) == ["Intro.", "- a", "Outro."]
        assert begun(text, found.lines) == ["- b", "- c", "    - d"]

    def test_what_a_colon_announces_stays_with_it(self) -> None:
        text = "One.\n\nAs follows:\n\n1. a\n2. b\n\nTwo."
        assert begun(text, of(text).blocks) == ["One.", "As follows:", "Two."]

    def test_of_indented_code_are_one(self) -> None:
        text = "One.\n\n    a = 1\n\n    b = 2\n\nTwo."
        assert begun(text, of(text).blocks) == ["One.", "    a = 1", "Two."]

    def test_rows_and_quotes_stand_for_themselves_and_wrapped_lines_do_not(self) -> None:
        text = "| a |\n|---|\n| b |\n\n> one\n> two\n\nA line\nthat goes on.\nAnother"
        found = of(text)
        assert begun(text, found.lines) == ["|---|", "| b |", "> two", "Another"]
        assert begun(text, found.wraps) == ["that goes on."]

    def test_of_code_without_a_grammar_begin_without_an_indent(self) -> None:
        text = "a:\n  b: 1\n\n  c: 2\n\n}\n\nd: 3\n"
        found = of(text, Kind.CODE)
        assert begun(text, found.blocks) == ["a:", "d: 3"]
        assert begun(text, found.lines) == ["  c: 2", "}"]


@pytest.mark.parametrize(
    "parts",
    [
        ["One. ", "Two! ", "Three? ", "“Four.” ", "(Five.) ", "Six… ", "Seven"],
        [
            "He paid 3.14 dollars, e.g. for v1.2. ",
            "Dr. Smith and J. Doe agree. ",
            "See Fig. 3 and No. 5. ",
            "Yes.",
        ],
        ["No. ", "I saw it, i.e. Mr. and Mrs. Jones did. ", "So did the U.S. Navy. ", "Then"],
        ["Wait... ", "What? ", "Übung. ", "Das gilt z.B. für alle. ", "Ende."],
        ["1. an item\n2. another. ", "End"],
        ["你好。", "再见！", "「真的？」", "是的"],
        ["ہاں۔ ", "کیا؟ ", "جی"],
        ["مرحبا؟ ", "نعم"],
        ["यह वाक्य है। ", "दूसरा॥ ", "तीसरा"],
        ["lower. case goes on. ", "Here it ends."],
    ],
)
def test_sentences_begin(parts: list[str]) -> None:
    text = "".join(parts)
    cuts = [0, *sentences(text, 0, len(text)), len(text)]
    assert [text[a:b] for a, b in pairwise(cuts)] == parts


@pytest.mark.parametrize("sentence", ["这是一个很长的句子。", "これは長い文。", "یہ ایک جملہ ہے۔ ", "यह एक वाक्य। "])
def test_chunks_of_every_script_end_with_sentences(sentence: str) -> None:
    text = sentence * 120
    chunks = cut(text)
    check(text, chunks)
    assert len(chunks) > 3
    assert all(chunk.text.endswith(sentence.strip()) and len(chunk.text) > 60 for chunk in chunks)
    assert max(SIZER.count(chunk.text) for chunk in chunks) <= 227
