"""Token counts: exact, whatever the library that makes them, and those of a whole are those of its parts together."""

import json
import random
import unicodedata
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers

from tests.kit.chunked import SIZER, TOKENIZER, model_tokenizer
from twin.chunking import Sizer
from twin.errors import InputError
from twin.tokens.encoder import COMPARED, Encoder
from twin.tokens.scan import Scan

WHOLE = Tokenizer.from_file(str(TOKENIZER))
WHOLE.no_truncation()
WHOLE.no_padding()
CUT = model_tokenizer()
QUICK = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))

NAMED = ["[SEP]", "[sep]", "[S\u0301EP]", "[UN", "K]", "\u200b", "\x00", "\x85", "\x1c", "\ufffd"]
WORDS = ["x" * 99, "y" * 101, "”", "€", " ", "\n", "don’t", "字字", "。"]
TEXTS = st.lists(st.one_of(st.text(max_size=30), st.sampled_from(NAMED + WORDS)), max_size=30)


def expected(texts: list[str]) -> list[list[int]]:
    return [encoding.ids for encoding in WHOLE.encode_batch(texts, add_special_tokens=False)]


class TestWindow:
    def test_ignores_the_truncation_that_the_file_switches_on(self) -> None:
        packaged = Tokenizer.from_file(str(TOKENIZER))
        assert packaged.truncation, "the trap is gone, and so is the point of this test"
        assert SIZER.count("word " * 1000) == 1000
        assert SIZER.tokens(Scan(["word " * 1000])).count(0, 5000) == 1000
        assert SIZER.limit == 254

    def test_does_not_change_the_tokenizer_it_was_given(self) -> None:
        packaged = Tokenizer.from_file(str(TOKENIZER))
        Sizer(packaged, 256)
        assert packaged.truncation

    def test_counts_long_texts_as_short_ones(self) -> None:
        text = "".join(f"line {number} of a long text\n" for number in range(20_000))
        assert SIZER.tokens(Scan([text])).count(0, len(text)) == SIZER.count(text)

    def test_a_bad_file_is_one_sentence(self, tmp_path: Path) -> None:
        (tmp_path / "tokenizer.json").write_text("{}")
        for name in ("tokenizer.json", "none.json"):
            with pytest.raises(InputError, match="is not a readable tokenizer"):
                Sizer.from_file(tmp_path / name, 256)


class TestEquality:
    def test_the_packaged_tokenizer_is_read_by_the_fast_library(self) -> None:
        assert SIZER.backend == "tokie"
        assert SIZER.additive

    @pytest.mark.slow
    def test_every_character_of_the_compared_ranges_is_read_alike(self) -> None:
        for first, last in COMPARED:
            characters = [chr(code) for code in range(first, last + 1)]
            texts = [form.format(each) for each in characters for form in ("ab{0}cd", "{0}", "a {0}{0} b")]
            assert SIZER.counts(texts) == [len(ids) for ids in expected(texts)], f"{first:x}-{last:x}"

    def test_characters_of_every_class_are_read_exactly(self) -> None:
        chosen = random.Random(7)  # noqa: S311
        classes: dict[str, list[str]] = {}
        for code in range(0x110000):
            classes.setdefault(unicodedata.category(chr(code)), []).append(chr(code))
        del classes["Cs"]
        some = [each for found in classes.values() for each in chosen.sample(found, min(60, len(found)))]
        texts = [f"ab{each}cd {each}{each} e" for each in some]
        assert [ids.tolist() for ids in SIZER.ids(texts)] == [encoding.ids for encoding in CUT.encode_batch(texts)]

    @QUICK
    @given(st.lists(TEXTS.map("".join), max_size=4))
    def test_ids_are_those_that_the_model_reads(self, texts: list[str]) -> None:
        found = SIZER.ids(texts)
        assert all(ids.dtype == np.int64 for ids in found)
        assert [ids.tolist() for ids in found] == [encoding.ids for encoding in CUT.encode_batch(texts)]
        assert SIZER.counts(texts) == [len(ids) for ids in expected(texts)]

    def test_long_texts_are_cut_as_the_model_cuts_them(self) -> None:
        texts = ["word " * 1000, "", "x " * 253, "x " * 254, "x " * 255, "\u0378 " * 400]
        assert [ids.tolist() for ids in SIZER.ids(texts)] == [encoding.ids for encoding in CUT.encode_batch(texts)]

    def test_other_kinds_of_tokenizers_are_left_to_their_own_library(self) -> None:
        tokenizer = Tokenizer(models.WordLevel({"a": 0, "b": 1, "[UNK]": 2}, "[UNK]"))
        tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
        sizer = Sizer(tokenizer, 64)
        assert (sizer.backend, sizer.additive) == ("tokenizers", False)
        assert [ids.tolist() for ids in sizer.ids(["a b c", "b " * 100])] == [[0, 1, 2], [1] * 64]

    def test_a_tokenizer_that_the_fast_library_would_read_otherwise_is_left_to_the_slow_one(self) -> None:
        """Its words may have 30 characters, which the fast library does not heed."""
        config = json.loads(TOKENIZER.read_text("utf-8"))
        config["model"]["max_input_chars_per_word"] = 30
        encoder = Encoder(Tokenizer.from_str(json.dumps(config)), 256)
        assert encoder.lengths(["x" * 40]) == [1]

    def test_real_texts_are_read_alike(self, shared_data: Path) -> None:
        articles = json.loads((shared_data / "handbook" / "ArticleDocument.json").read_text("utf-8"))
        texts = [article["content"]["Content"] for article in articles]
        texts += [path.read_text("utf-8") for path in sorted((shared_data / "chunking").glob("*.md"))]
        counts = [len(ids) for ids in expected(texts)]
        assert SIZER.counts(texts) == counts
        assert SIZER.sums(texts) == counts


class TestAdditivity:
    @QUICK
    @given(st.lists(TEXTS.map("".join), min_size=1, max_size=4), st.randoms())
    def test_the_tokens_of_any_range_of_units_are_a_sum(self, texts: list[str], chosen: random.Random) -> None:
        scan = Scan(texts)
        found = SIZER.tokens(scan)
        assert SIZER.sums(texts) == [len(ids) for ids in expected(texts)]
        for start, end in scan.limits.tolist():
            units = [unit for unit in found.starts.tolist() if start <= unit < end]
            cuts = sorted({start, end, *(chosen.sample(units, min(3, len(units))))})
            parts = [scan.text[a:b] for a, b in pairwise(cuts)]
            assert [found.count(a, b) for a, b in pairwise(cuts)] == [len(ids) for ids in expected(parts)]

    @QUICK
    @given(TEXTS.map("".join), TEXTS.map("".join))
    def test_a_context_adds_its_own_tokens(self, context: str, text: str) -> None:
        (both,) = expected([f"{context}\n\n{text}"])
        assert len(both) == sum(SIZER.counts([context, text]))

    def test_the_words_of_a_text_are_those_that_white_space_parts(self) -> None:
        text = "a\u00a0b  c\u3000d\u2003e\t“f”…\r\n ġ🤖 \x85g"
        scan = Scan([text, "", " x"])
        words = [scan.text[a:b] for a, b in zip(scan.starts, scan.ends, strict=True)]
        assert words == ["a", "b", "c", "d", "e", "“f”…", "ġ🤖", "\x85g", "x"]

    @pytest.mark.slow
    def test_what_was_remembered_is_the_same_as_what_was_counted(self) -> None:
        sizer = Sizer.from_file(TOKENIZER, 256)
        chosen = random.Random(3)  # noqa: S311
        for _ in range(4):
            words = ["".join(chosen.choices("abcäé’—→字.-", k=chosen.randint(1, 20))) for _ in range(5000)]
            text = " ".join(words * 2)
            assert sizer.sums([text, text]) == [len(ids) for ids in expected([text])] * 2

    @pytest.mark.parametrize("others", ["ж", "\u4e00", "x" * 40, "\U0001f680"])
    def test_new_words_that_begin_alike_are_told_apart(self, others: str) -> None:
        beginnings = ["qzqz", "qzqzqzq", "qzqzqzqz", "qzqzqzqzq", "qzqzqzqzqzqzqzq", "qzqzqzqzqzqzqzqz"]
        words = [word for beginning in beginnings for word in (beginning, beginning + others)]
        for text in (" ".join(words * 2), " ".join(words[::-1] * 2)):
            assert Sizer.from_file(TOKENIZER, 256).sums([text, *words]) == [
                len(ids) for ids in expected([text, *words])
            ]

    def test_a_mark_among_the_words_does_no_harm(self) -> None:
        texts = ["qzqzж^ж ^ж qzж^", "^ж^", "ж ^ ж"]
        assert Sizer.from_file(TOKENIZER, 256).sums(texts) == [len(ids) for ids in expected(texts)]

    def test_a_head_comes_with_its_tokens(self) -> None:
        texts = ["one two three", "one", "", "字" * 9, "antidisestablishmentarianism one", "a  b"]
        for tokens in (1, 2, 3, 20):
            heads = SIZER.heads(texts, tokens)
            assert [count for _, count in heads] == [len(ids) for ids in expected([head for head, _ in heads])]
            assert all(text.startswith(head) for text, (head, _) in zip(texts, heads, strict=True))
        tokenizer = Tokenizer(models.WordLevel({"a": 0, "[UNK]": 1}, "[UNK]"))
        tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
        assert Sizer(tokenizer, 64).heads(["a b a", "b"], 2) == [("a b", 2), ("b", 1)]

    def test_a_head_is_the_longest_beginning(self) -> None:
        assert SIZER.head("one two three", 2) == "one two"
        assert SIZER.head("one two", 9) == "one two"
        assert SIZER.head("字" * 100, 7) == "字" * 7
        assert SIZER.count(SIZER.head("antidisestablishmentarianism " * 3, 8)) <= 8
