"""Extraction of pages nobody would write, and of those whose main content was checked by hand."""

import contextlib
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twin.crawling.extract import extract_page, fence
from twin.errors import CrawlError

PROSE = "<p>An engine has a mill and a store, and a table of cards that tells it what to do with both of them.</p>"


def page(body: str, head: str = "") -> str:
    article = f"<article>{PROSE}{body}<p>The end of it, at last.</p></article>"
    return f"<html><head><title>On engines</title>{head}</head><body>{article}</body></html>"


def text(body: str, head: str = "") -> str:
    found = extract_page(page(body, head))
    assert found is not None
    return found.text


CODE = st.text(st.sampled_from("ab{}<>&\"'`#*_-= \t\n\\|[]()"), min_size=1, max_size=120).filter(str.strip)


@settings(max_examples=60, deadline=None)
@given(CODE)
def test_code_comes_back_as_it_was(code: str) -> None:
    from html import escape

    # HTML itself drops a line break directly after the tag; those at the end are the fence's.
    expected = code.removeprefix("\n").rstrip("\n")
    assert fence(expected) in text(f"<pre><code>{escape(code)}</code></pre>")


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<pre>a<br>  b<br/>c</pre>", "```\na\n  b\nc\n```"),
        ("<pre><code class='language-rust'>let  x;</code></pre>", "```rust\nlet  x;\n```"),
        ("<div class='highlight-source-go'><pre>go  f()</pre></div>", "```go\ngo  f()\n```"),
        ("<pre><span>x</span> = <span>1</span>\xa0\n</pre>", "```\nx = 1 \n```"),
        ("<pre>```\nfenced\n```</pre>", "````\n```\nfenced\n```\n````"),
    ],
)
def test_forms_of_code_blocks(html: str, expected: str) -> None:
    assert expected in text(html)


def test_text_that_looks_like_a_token_is_text() -> None:
    forged = "Codeblock 0 of this page stands here as it was written, in full and unchanged, xq0qx."
    found = text(f"<p>{forged}</p><pre>real</pre>")
    assert forged in found
    assert found.count("real") == 1


def test_canonical_address_is_a_full_one_or_none() -> None:
    def canonical(href: str) -> str | None:
        found = extract_page(page("", f'<link rel="canonical" href="{href}">'), "https://ada.example/a/b")
        assert found is not None, href
        return found.canonical

    assert canonical("https://ada.example/engines") == "https://ada.example/engines"
    assert canonical("/engines") == "https://ada.example/engines"
    assert canonical("http://[bad") is None
    assert canonical("javascript:alert(1)") is None


FRAGMENTS = st.sampled_from([
    b"<p>", b"</p>", b"<pre>", b"</pre>", b"<br>", b"<div>", b"</div>", b"<title>", b"</title>", b"<!--", b"-->",
    b"&#0;", b"&#xd800;", b"<svg>", b"<table>", b"<td>", b"word word word ", b"<meta charset=utf-7>", b"<article>",
    b"<base href='x:'>", b"<link rel=canonical href='http://[::1'>", b"<html lang='\xff'>",
])  # fmt: skip


@settings(max_examples=100, deadline=None)
@given(st.lists(st.one_of(FRAGMENTS, st.binary(max_size=10)), max_size=25).map(b"".join))
def test_no_bytes_break_the_crawl(html: bytes) -> None:
    """A page gives text, nothing, or the error that is recorded for its link; never another one."""
    with contextlib.suppress(CrawlError):
        found = extract_page(html, "https://ada.example/")
        assert found is None or found.text.strip()


@pytest.mark.parametrize("depth", [20_000, 100_000])
def test_hopelessly_nested_page_is_refused(depth: int) -> None:
    with pytest.raises(CrawlError, match="nested too deeply to be read"):
        extract_page(b"<div>" * depth + PROSE.encode())


@pytest.mark.parametrize("depth", [300, 1000, 2000])
def test_deeply_nested_page_keeps_its_text(depth: int) -> None:
    found = extract_page(b"<html><body>" + b"<div><b>" * (depth // 2) + PROSE.encode() * 2)
    assert found is not None
    assert "An engine has a mill and a store" in found.text


def test_challenge_is_told_from_an_article_about_one() -> None:
    with pytest.raises(CrawlError, match="shows a check for robots"):
        extract_page("<title>Just a moment...</title><p>Verify you are human by completing the action below.</p>")
    essay = "".join(
        f"<p>Paragraph {n} of a long essay on what such a page does to those who read it.</p>" for n in range(20)
    )
    assert extract_page(f"<!doctype html><title>Access denied: a memoir</title><article>{essay}</article>") is not None


def test_saved_pages_of_others_are_extracted_with_their_code(shared_data: Path) -> None:
    """On the ten pages whose main content was checked by hand: words found and code lines verbatim."""
    from lxml import html as parser  # type: ignore[import-untyped, unused-ignore]

    blocks = verbatim = lines = 0
    for folder in sorted((shared_data / "pages").iterdir()):
        found = extract_page((folder / "source.html").read_bytes())
        assert found is not None, folder.name
        assert found.title, folder.name
        expected = parser.fromstring((folder / "expected.html").read_bytes().decode())
        words = set(re.findall(r"\w{4,}", " ".join(expected.itertext())))
        given_words = set(re.findall(r"\w{4,}", found.text))
        assert len(words & given_words) >= 0.85 * len(words), folder.name
        assert len(given_words - words) <= 0.2 * len(given_words), folder.name
        there = {line.rstrip() for line in found.text.split("\n")}
        for pre in expected.iter("pre"):
            code = [line.rstrip() for line in "".join(pre.itertext()).replace("\xa0", " ").split("\n") if line.strip()]
            lines += len(code)
            verbatim += sum(line in there for line in code)
            blocks += 1
    assert blocks > 100
    assert verbatim >= 0.98 * lines
