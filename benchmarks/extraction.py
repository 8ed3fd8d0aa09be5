"""Main content and code of saved pages: ours, trafilatura, readability-lxml and html2text, all on the same pages.

Text is scored like in the public article extraction benchmark of scrapinghub: precision and recall of 4-word shingles
on each page, their means over the pages, and F1 of the two means. Code is scored by what is in the output exactly as in
the page, including indentation: each line of a `<pre>`, and each `<pre>` as a whole.
"""

import gzip
import json
import os
import re
import statistics
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

OURS = "ours"
_SHINGLE = 4
_TARGET = re.compile(
    r"!?\[((?:[^\[\]]|\[[^\[\]]*\])*)\]\((?:<[^>]*>|[^()\s]*(?:\([^()\s]*\)[^()\s]*)*)(?:\s+\"[^\"]*\")?\)"
)
_ESCAPE = re.compile(r"\\([^\w\s])")
_MARKER = re.compile(r"^(?:[>\s]*(?:```+\S*[ \t]*$|\d+\.[ \t]))", re.M)
"""A fence with its language, and the number of a list item."""


@dataclass(frozen=True)
class Sample:
    """A saved page, the words of its article, and its code blocks."""

    name: str
    html: bytes
    text: str
    blocks: tuple[str, ...] = ()


def run(pages: Path) -> dict[str, float]:
    """Compare them on `pages`, whose folders hold `source.html` and the hand-checked `expected.html`.

    If `TWIN_BENCH_PAGES` names a checkout of scrapinghub/article-extraction-benchmark, its pages are scored as well, as
    `public_f1`, `public_precision` and `public_empty`. `extraction_f1` and all other names always mean `pages`
    alone, so they mean the same in every run.
    """
    results = _compared(f"extraction: {pages.name}, checked by hand", checked(pages))
    f1, precision, recall = results[OURS].score()
    numbers = {
        "extraction_f1": f1,
        "extraction_precision": precision,
        "extraction_recall": recall,
        "extraction_empty": float(results[OURS].empty),
        "extraction_ms_per_page": results[OURS].milliseconds(),
        "extraction_f1_trafilatura": results["trafilatura, text"].score()[0],
        "code_lines_verbatim": results[OURS].code_lines(),
        "code_blocks_whole": results[OURS].code_blocks(),
        "code_lines_verbatim_trafilatura": results["trafilatura, Markdown"].code_lines(),
        "code_blocks_whole_trafilatura": results["trafilatura, Markdown"].code_blocks(),
    }
    public = os.environ.get("TWIN_BENCH_PAGES")
    if not public:
        print("  the public benchmark was not run: set TWIN_BENCH_PAGES to a checkout of it")
        return numbers
    found = _compared("extraction: scrapinghub/article-extraction-benchmark", _public(Path(public)))
    f1, precision, _ = found[OURS].score()
    return numbers | {
        "public_f1": f1,
        "public_precision": precision,
        "public_empty": float(found[OURS].empty),
        "public_f1_trafilatura": found["trafilatura, text"].score()[0],
    }


@dataclass
class Result:
    """The results of one extractor on some pages."""

    seconds: list[float]
    precisions: list[float]
    recalls: list[float]
    empty: int = 0
    lines: int = 0
    lines_verbatim: int = 0
    blocks: int = 0
    blocks_whole: int = 0

    def score(self) -> tuple[float, float, float]:
        """F1, precision and recall."""
        precision, recall = statistics.mean(self.precisions), statistics.mean(self.recalls)
        return 2 * precision * recall / (precision + recall or 1), precision, recall

    def code_lines(self) -> float:
        return self.lines_verbatim / self.lines if self.lines else 0.0

    def code_blocks(self) -> float:
        return self.blocks_whole / self.blocks if self.blocks else 0.0

    def milliseconds(self) -> float:
        return 1000 * statistics.mean(self.seconds)

    def add(self, sample: Sample, output: str) -> None:
        """Score one page: its words without markup, its code unchanged."""
        expected, found = _shingles(_MARKER.sub("", sample.text)), _shingles(_plain(output))
        common = (expected & found).total()
        if found:
            self.precisions.append(common / found.total())
        self.recalls.append(common / expected.total())
        self.empty += not found
        lines = [line.rstrip() for line in output.split("\n")]
        there, whole = set(lines), "\n".join(["", *lines, ""])
        for block in sample.blocks:
            code = [line.rstrip() for line in block.strip("\n").split("\n")]
            written = [line for line in code if line]
            self.lines += len(written)
            self.lines_verbatim += sum(line in there for line in written)
            self.blocks += 1
            self.blocks_whole += "\n".join(["", *code, ""]) in whole


def scored(samples: list[Sample], extract: Callable[[bytes], str]) -> Result:
    """Score one extractor on some pages."""
    result = Result([], [], [])
    for sample in samples:
        begun = time.perf_counter()
        output = extract(sample.html)
        result.seconds.append(time.perf_counter() - begun)
        result.add(sample, output)
    return result


def _compared(title: str, samples: list[Sample]) -> dict[str, Result]:
    has_code = any(sample.blocks for sample in samples)
    print(f"{title}: {len(samples)} pages, {sum(len(sample.blocks) for sample in samples)} code blocks")
    print(f"  {'':<24}{'F1':>6}{'precision':>11}{'recall':>8}{'empty':>7}{'lines':>9}{'blocks':>9}{'ms/page':>9}")
    results = {}
    for name, extract in _EXTRACTORS.items():
        extract(samples[0].html)  # one-time loading must not count for a page
        result = results[name] = scored(samples, extract)
        f1, precision, recall = result.score()
        code = f"{result.code_lines():9.1%}{result.code_blocks():9.1%}" if has_code else f"{'-':>9}{'-':>9}"
        print(
            f"  {name:<24}{f1:6.3f}{precision:11.3f}{recall:8.3f}{result.empty:7d}{code}{result.milliseconds():9.1f}",
            flush=True,
        )
    return results


def ours(html: bytes) -> str:
    """The text of a page as the product extracts it; empty if it finds no article."""
    from twin.crawling.pages.extract import extract_page

    page = extract_page(html)
    return page.text if page else ""


def _trafilatura(html: bytes) -> str:
    from trafilatura import extract

    return extract(html, include_comments=False) or ""


def _trafilatura_markdown(html: bytes) -> str:
    from trafilatura import extract

    return extract(html, include_comments=False, output_format="markdown", include_links=True) or ""


def _readability(html: bytes) -> str:
    from readability import Document  # type: ignore[import-not-found, import-untyped, unused-ignore]

    return _as_markdown(Document(html.decode("utf-8", "replace")).summary())


def _html2text(html: bytes) -> str:
    return _as_markdown(html.decode("utf-8", "replace"))


def _as_markdown(html: str) -> str:
    from html2text import HTML2Text  # type: ignore[import-not-found, import-untyped, unused-ignore]

    converter: Any = HTML2Text(bodywidth=0)
    converter.ignore_images = True
    converter.emphasis_mark = "*"  # an underscore would count as a letter of the word
    return str(converter.handle(html))


_EXTRACTORS: dict[str, Callable[[bytes], str]] = {
    OURS: ours,
    "trafilatura, text": _trafilatura,
    "trafilatura, Markdown": _trafilatura_markdown,
    "readability-lxml": _readability,
    "html2text": _html2text,
}


def checked(folder: Path) -> list[Sample]:
    """The pages in a folder, each with `source.html` and the hand-checked `expected.html`."""
    from lxml.html import fromstring  # type: ignore[import-untyped, unused-ignore]

    samples = []
    for page in sorted(path for path in folder.iterdir() if (path / "expected.html").exists()):
        html = (page / "source.html").read_bytes()
        tree = fromstring((page / "expected.html").read_text(encoding="utf-8"))
        text = " ".join(tree.itertext())
        # The hand-checked copy says which blocks belong to the article. Some of its blocks lost their empty lines, so
        # the text of a block is taken from the page itself.
        originals = {"".join(code.split()): code for code in code_blocks(fromstring(html.decode("utf-8")))}
        blocks = tuple(originals.get("".join(code.split()), code) for code in code_blocks(tree))
        samples.append(Sample(page.name, html, text, blocks))
    if not samples:
        raise SystemExit(f"{folder} has no pages: each page is a folder with source.html and expected.html.")
    return samples


def code_blocks(tree: Any) -> list[str]:
    """The text of each `<pre>` of a parsed page that is not empty."""
    for broken in tree.iter("br"):
        broken.tail = "\n" + (broken.tail or "")
    blocks = ("".join(pre.itertext()).replace("\xa0", " ").replace("\r\n", "\n") for pre in tree.iter("pre"))
    return [code for code in blocks if code.strip()]


def _public(folder: Path) -> list[Sample]:
    truth = folder / "ground-truth.json"
    if not truth.is_file():
        raise SystemExit(f"TWIN_BENCH_PAGES names {folder}, but it has no ground-truth.json: check it out again.")
    return [
        Sample(name, gzip.decompress((folder / "html" / f"{name}.html.gz").read_bytes()), entry["articleBody"])
        for name, entry in sorted(json.loads(truth.read_text(encoding="utf-8")).items())
    ]


def _plain(markdown: str) -> str:
    """Markdown without what is not a word of the page: link targets, markers, and backslashes before punctuation."""
    return _ESCAPE.sub(r"\1", _MARKER.sub("", _TARGET.sub(r"\1", _TARGET.sub(r"\1", markdown))))


def _shingles(text: str) -> Counter[tuple[str, ...]]:
    words = re.findall(r"\w+", text)
    if not words:
        return Counter()
    return Counter(tuple(words[start : start + _SHINGLE]) for start in range(max(1, len(words) - _SHINGLE + 1)))


if __name__ == "__main__":
    from benchmarks.record import data_folder

    run(data_folder() / "pages")
