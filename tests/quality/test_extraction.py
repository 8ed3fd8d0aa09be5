"""Extraction keeps its quality: the words of an article, and its code exactly."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from lxml.html import fromstring  # type: ignore[import-untyped, unused-ignore]

from benchmarks.extraction import Sample, checked, code_blocks, ours, scored
from tests.kit.pins import lost, worse

pytestmark = pytest.mark.slow

Extract = Callable[[bytes], str]


@pytest.fixture(scope="module")
def bundled(repository: Path) -> list[Sample]:
    """The bundled author's pages; an essay is the text in its body, below the title and the byline."""
    samples = []
    for page in sorted((repository / "examples" / "pages").glob("*.html")):
        html = page.read_bytes()
        (body,) = fromstring(html.decode("utf-8")).find_class("essay-body")
        samples.append(Sample(page.name, html, " ".join(body.itertext()), tuple(code_blocks(body))))
    return samples


@pytest.fixture(scope="module")
def saved(shared_data: Path) -> list[Sample]:
    """Ten pages of other authors whose main content was checked by hand."""
    return checked(shared_data / "pages")


def figures(samples: list[Sample], extract: Extract) -> dict[str, float]:
    result = scored(samples, extract)
    f1, precision, recall = result.score()
    return {
        "f1": f1,
        "precision": precision,
        "recall": recall,
        "code_blocks": result.blocks_whole,
        "code_lines": result.code_lines(),
    }


def without_code(html: bytes) -> str:
    """An extractor that drops code."""
    return re.sub(r"^```.*?^```", "", ours(html), flags=re.M | re.S)


def indented_otherwise(html: bytes) -> str:
    """One that strips the spaces from the lines of code."""
    return re.sub(r"^[ \t]+", "", ours(html), flags=re.M)


def whole_page(html: bytes) -> str:
    """One that treats the frame of the page as the article."""
    return str(fromstring(html.decode("utf-8", "replace")).text_content())


def first_half(html: bytes) -> str:
    """One that stops in the middle."""
    text = ours(html)
    return text[: len(text) // 2]


DAMAGES = [
    (without_code, {"code_blocks", "code_lines"}),
    (indented_otherwise, {"code_blocks", "code_lines"}),
    (whole_page, {"f1", "precision"}),
    (first_half, {"f1", "recall"}),
]


def test_the_bundled_pages_are_extracted_as_well_as_before(bundled: list[Sample]) -> None:
    assert lost("pages", figures(bundled, ours)) == []


def test_the_saved_pages_are_extracted_as_well_as_before(saved: list[Sample]) -> None:
    assert lost("saved_pages", figures(saved, ours)) == []


@pytest.mark.parametrize(("extract", "named"), DAMAGES)
def test_an_extractor_that_is_worse_on_the_bundled_pages_is_noticed(
    bundled: list[Sample], extract: Extract, named: set[str]
) -> None:
    assert named <= {
        sentence.split()[0].removeprefix("pages.") for sentence in lost("pages", figures(bundled, extract))
    }


@pytest.mark.parametrize(("extract", "named"), DAMAGES)
def test_an_extractor_that_is_worse_on_the_saved_pages_is_noticed(
    saved: list[Sample], extract: Extract, named: set[str]
) -> None:
    assert named <= worse("saved_pages", figures(saved, extract))
