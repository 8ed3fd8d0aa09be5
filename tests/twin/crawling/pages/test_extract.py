"""Extraction of pages nobody would write, and of those whose main content was checked by hand."""

import contextlib
import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twin.crawling.pages.codeblocks import fence
from twin.crawling.pages.extract import Page, extract_page
from twin.crawling.pages.metadata import moment
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


def test_title_alone_makes_no_challenge_of_an_essay() -> None:
    found = extract_page(f"<!doctype html><title>Access denied</title><article>{PROSE}</article>")
    assert found is not None
    assert found.title == "Access denied"


@pytest.mark.parametrize("text", [
    "او می\u200cگوید که کتاب\u200cها خوب\u200cاند و برنامه می\u200cنویسد.",
    "क्\u200dष और र्\u200dय अलग अलग तरह से लिखे जाते हैं।",
    "The 👩\u200d💻 writes an engine for the 👨\u200d👩\u200d👧 family.",
    "המחיר \u200f₪100\u200e (C++\u200e) לכל מי שמבקש אותן כאן.",
])  # fmt: skip
def test_joiners_and_marks_of_direction_stay(text: str) -> None:
    body = "".join(f"<p>{n}: {text} <b>{text}</b></p>" for n in range(4)) + f"<pre>{text}</pre>"
    for head in (f"<title>{text}</title>", f'<meta property="og:title" content="{text}">', ""):
        found = extract_page(f"<html><head>{head}</head><body><article><h1>{text}</h1>{body}</article></body></html>")
        assert found is not None
        assert found.text.count(text) >= 9
        assert found.title == text


SHORT = "An engine has a mill and a store, and a table of cards."
JAPANESE = "これは短い記事です。何をすべきかを教えてくれます。"
THAI = "นี่คือบทความสั้นเกี่ยวกับเครื่องจักร"
HEBREW = "<p>המנוע קורא כרטיסים, שׁוֹמֵר מספרים ומדפיס תוצאות לכל מי שמבקש אותן.</p>"
ARABIC = "<p>هذه مقالة قصيرة عن المحركات وعن البطاقات المثقبة التي تقول لها ماذا تفعل، وهي تكفي.</p>"


@pytest.mark.parametrize(
    "body",
    [
        "{}", "<table><tr><td>{}</table>", "<form>{}</form>", "<footer>{}</footer>", "<aside>{}</aside>", "<li>{}</li>",
        "<figure><figcaption>{}</figcaption></figure>", "<font><center>{}</center></font>", "<noscript>{}</noscript>",
        "<div class='comments'>{}</div>", "<time>{}</time>", "<h1>{}</h1>",
    ],
)  # fmt: skip
def test_page_with_text_is_never_empty(body: str) -> None:
    found = extract_page(f"<html><title>t</title><body>{body.format(SHORT)}</body></html>")
    assert found is not None
    assert SHORT in found.text


@pytest.mark.parametrize(
    "body",
    ["", "<p>Too short a text</p>", "<p>短い。</p>", "<script>var a = 1, b = 2, c = 3, d = 4, e = 5;</script>",
     "<nav><ul>" + "<li><a href='/x'>Another page</a></li>" * 9 + "</ul></nav>",
     "<div>" + "<p><a href='/x'>A title of another page of many words</a></p>" * 9 + "</div>"],
)  # fmt: skip
def test_page_without_text_of_its_own_has_no_article(body: str) -> None:
    assert extract_page(f"<html><title>A title of five words here</title><body>{body}</body></html>") is None


@pytest.mark.parametrize("words", [JAPANESE, THAI, "一二三四五六七八九十"])
def test_short_text_without_spaces_is_a_text(words: str) -> None:
    found = extract_page(f"<html><body><p>{words}</p></body></html>")
    assert found is not None
    assert found.text == words


def test_right_to_left_text_keeps_letters_points_and_marks() -> None:
    found = extract_page(f"<html lang='he-IL' dir='rtl'><body><article>{HEBREW * 2}{ARABIC}</article></body></html>")
    assert found is not None
    assert HEBREW[3:-4] in found.text
    assert ARABIC[3:-4] in found.text
    assert found.language == "he"


@pytest.mark.parametrize(
    ("declared", "encoding", "words"),
    [("shift_jis", "shift_jis", JAPANESE), ("windows-1251", "cp1251", "Короткая статья о машинах и картах, не более."),
     ("utf-8", "latin-1", "Über die Maschine und ihre Größe, die schön ist für alle."), ("", "utf-16", SHORT),
     ("iso-8859-1", "utf-8", "Über “die Maschine” – und ihre Größe, für alle hier."), ("utf-7", "utf-8", SHORT),
     ("gb2312", "gb18030", "这是一篇关于机器和卡片的短文，它告诉你该做什么。")],
)  # fmt: skip
def test_encodings(declared: str, encoding: str, words: str) -> None:
    meta = f"<meta charset={declared}>" if declared else ""
    found = extract_page(f"<html><head>{meta}</head><body><p>{words}</p></body></html>".encode(encoding))
    assert found is not None
    assert found.text == words


def described(head: str, html: str = "<html>") -> Page:
    found = extract_page(f"{html}<head>{head}</head><body><article>{PROSE * 2}</article></body></html>")
    assert found is not None
    return found


def test_metadata_of_json_ld_comes_first() -> None:
    graph = {
        "@context": "https://schema.org",
        "@graph": [
            {"@type": "WebSite", "name": "A site"},
            {"@type": ["BlogPosting"], "headline": "On &amp; about Engines", "alternativeHeadline": "A subtitle",
             "datePublished": "2026-02-24T00:09:00+02:00", "dateModified": "2026-03-01", "inLanguage": "de-DE",
             "author": [{"@type": "Person", "name": "Ada Lovelace"}, {"@type": "Person", "name": "ادا"}],
             "publisher": {"@type": "Organization", "name": "The Press"}},
        ],
    }  # fmt: skip
    head = (
        f'<title>Other</title><script type="application/ld+json">{json.dumps(graph)}</script>'
        '<meta property="og:title" content="Another"><meta name="author" content="Somebody Else">'
    )
    found = described(head)
    assert (found.title, found.subtitle, found.author) == ("On & about Engines", "A subtitle", "Ada Lovelace; ادا")
    assert found.published_at == datetime(2026, 2, 23, 22, 9, tzinfo=UTC)
    assert (found.language, found.site) == ("de", "The Press")


def test_metadata_of_meta_tags() -> None:
    found = described(
        '<title>Engines - A site</title><meta property="og:title" content="Engines"><meta name="author" content="Ada">'
        '<meta property="article:published_time" content="2026-02-24T10:11:12Z">'
        '<meta property="og:locale" content="fr_CA">'
        '<meta property="og:site_name" content="A site"><meta property="og:url" content="https://ada.example/engines">'
    )
    assert (found.title, found.author, found.language, found.site) == ("Engines", "Ada", "fr", "A site")
    assert found.published_at == datetime(2026, 2, 24, 10, 11, 12, tzinfo=UTC)
    assert found.canonical == "https://ada.example/engines"
    assert found.subtitle is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [("2026-02-24", (2026, 2, 24)), ("2026-02-24 10:11", (2026, 2, 24, 10, 11)),
     ("2026-02-24T23:30:00-0500", (2026, 2, 25, 4, 30)), ("Tue, 24 Feb 2026 00:09:00 GMT", (2026, 2, 24, 0, 9)),
     ("0001-01-01T00:00:00+14:00", None), ("9999-12-31T23:59:59-12:00", None), ("yesterday", None),
     ("2026-13-45", None), (1771891740, None), (None, None), ("9" * 5000, None)],
)  # fmt: skip
def test_moments_are_in_utc(text: object, expected: tuple[int, ...] | None) -> None:
    assert moment(text) == (datetime(*expected, tzinfo=UTC) if expected else None)  # type: ignore[arg-type, misc, unused-ignore]


@pytest.mark.parametrize(
    "script",
    [
        "[" * 100_000,
        '{"@type": "Article", "headline": {"a": 1}, "author": [[["x"]]], "datePublished": []}',
        "null",
        "{",
        '{"@type": "Article", "headline": "' + "x" * 5000 + '", "author": 7}',
        "[" + '{"@type":"Article"},' * 20_000 + "1]",
    ],
    ids=range(6),
)
def test_hostile_json_ld_says_nothing(script: str) -> None:
    found = described(f'<title>On engines</title><script type="application/ld+json">{script}</script>')
    assert (found.title, found.author, found.published_at) == ("On engines", None, None)


@pytest.mark.slow
def test_hostile_pages_end_in_a_text_or_one_sentence() -> None:
    entities = (
        '<?xml version="1.0" encoding="utf-8"?><!DOCTYPE x [<!ENTITY a "boom boom"><!ENTITY b "&a;&a;&a;">'
        f'<!ENTITY f SYSTEM "file:///etc/passwd">]><html><body>{PROSE * 3}<p>&b;&f; and some words</p></body></html>'
    )
    found = extract_page(entities)
    assert found is not None
    assert "boom" not in found.text
    assert "root:" not in found.text
    found = extract_page(f"<html><body><p title='{'a' * 3_000_000}'>one</p>{PROSE * 3}</body></html>")
    assert found is not None
    assert len(found.text) < 1000
    found = extract_page(f"<html><body>{PROSE * 3}</body></html>".encode().replace(b"mill", b"mi\0ll"))
    assert found is not None
    assert "a mill and a store" in found.text
    with pytest.raises(CrawlError, match="is a binary file, not text"):
        extract_page(b"<html>" + b"\0\0\0\1" * 400)
    with pytest.raises(CrawlError, match=r"has more than 250,000 tags.*declare the pages of its articles"):
        extract_page("<b>" * 250_001)


def test_saved_pages_of_others_are_extracted_with_their_code(shared_data: Path) -> None:
    """On the ten pages whose main content was checked by hand: words found and code lines verbatim."""
    from lxml import html as parser  # type: ignore[import-untyped, unused-ignore]

    blocks = whole = verbatim = lines = 0
    for folder in sorted((shared_data / "pages").iterdir()):
        found = extract_page((folder / "source.html").read_bytes())
        assert found is not None, folder.name
        assert found.title, folder.name
        expected = parser.fromstring((folder / "expected.html").read_bytes().decode())
        words = set(re.findall(r"\w{4,}", " ".join(expected.itertext())))
        given_words = set(re.findall(r"\w{4,}", found.text))
        assert len(words & given_words) >= 0.85 * len(words), folder.name
        assert len(given_words - words) <= 0.2 * len(given_words), folder.name
        there = [line.rstrip() for line in found.text.split("\n")]
        for pre in expected.iter("pre"):
            code = [line.rstrip() for line in "".join(pre.itertext()).replace("\xa0", " ").strip("\n").split("\n")]
            lines += sum(map(bool, code))
            verbatim += sum(line in there for line in code if line)
            blocks += 1
            whole += "\n".join(["", *code, ""]) in "\n".join(there)
    assert blocks > 100
    assert verbatim >= 0.98 * lines
    assert whole >= 0.95 * blocks
