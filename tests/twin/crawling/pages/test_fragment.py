"""Pieces of HTML to Markdown: everything in its order, code verbatim, and no harm from what is hostile."""

import pytest

from twin.crawling.pages.fragment import fragment_markdown
from twin.errors import CrawlError

BASE = "https://ada.example/p/1"


@pytest.mark.parametrize(
    ("html", "markdown"),
    [
        ("Hello <b> bold </b>world<br>next", "Hello **bold** world\nnext"),
        ("<h2><a href='#x'></a>A  head</h2><p>text", "## A head\n\ntext"),
        ("<p>a <a href='/x?b=1&utm_source=y#z'>link</a>", "a [link](https://ada.example/x?b=1#z)"),
        ("<p><a href='javascript:x'>js</a> <a href='//[bad'>bad</a> <a>none</a>", "js bad none"),
        ("<p><code>a `b`</code> <em>c</em> <s>d</s></p>", "`` a `b` `` *c* ~~d~~"),
        ("<ul><li>one<ul><li>two</li></ul></li><li><p>three</p></li></ul>", "- one\n  - two\n- three"),
        ("<ol start=3><li>a<li>b<p>c</ol>", "3. a\n4. b\n\n   c"),
        ("<ol><li>a<pre>x\n  y</pre>z<li>b</ol>", "1. a\n\n```\nx\n  y\n```\n\nz\n2. b"),
        ("<blockquote><p>q<p>r</blockquote>", "> q\n>\n> r"),
        ("<table><tr><th>a<th>b|c<tr><td>1</table>", "| a | b\\|c |\n| --- | --- |\n| 1 |  |"),
        ("<table><tr><td><pre>1\n2</pre><td><pre>a\n b</pre></table>", "```\n1\n2\n```\n\n```\na\n b\n```"),
        ("<pre>a<br>b   c\n\n\td</pre>", "```\na\nb   c\n\n\td\n```"),
        ("<div class='highlight-source-shell'><pre>```</pre></div>", "````shell\n```\n````"),
        ("<table class=hljs-ln><tr><td class=lineno>1<td class=line>a<tr><td class=lineno>2<td class=line>  b</table>",
         "```\na\n  b\n```"),
        ("<ol start=10><li>a<pre>x</pre>z</ol><ul><li>b<ul><li>c<pre>  y</pre></ul></ul>",
         "10. a\n\n```\nx\n```\n\nz\n\n- b\n  - c\n\n```\n  y\n```"),
        ("<code><pre>a\n  b</pre></code><p><code>c<pre>d</pre></code>", "```\na\n  b\n```\n\nc\n\n```\nd\n```"),
        ("<p>a</p><hr><p>b</p>", "a\n\n---\n\nb"),
        ("<video><source src='/v.mp4'></video><iframe src='https://x.example/y'></iframe>",
         "<https://ada.example/v.mp4>\n\n<https://x.example/y>"),
        ("<script>steal()</script><script src='https://x.example/a.js'></script><style>p{}</style><p>a</p>", "a"),
        ("<p>Posted 3 days ago</p><p>yesterday</p><p>a year ago I saw a mill</p>", "a year ago I saw a mill"),
        ("<p dir=rtl>مرحبا <strong>بالعالم</strong></p><p>磨坊<br>仓库</p>", "مرحبا **بالعالم**\n\n磨坊\n仓库"),
        ("<?xml version='1.0' encoding='latin-1'?><p>ä", "ä"),
        ("</div></div><p>a\x00\x1b\ud800b", "ab"),
        ("<!-- c --><![CDATA[x]]>", ""),
        ("a & b &lt; c", "a & b < c"),
        (" ", ""),
    ],
)  # fmt: skip
def test_every_element(html: str, markdown: str) -> None:
    assert fragment_markdown(html, BASE) == markdown


def test_nesting_is_read_deep_and_refused_deeper() -> None:
    assert fragment_markdown("<div>" * 200 + "x", BASE) == "x"
    with pytest.raises(CrawlError, match=r"https://ada.example/p/1 has HTML nested too deeply"):
        fragment_markdown("<b>" * 20_000 + "x", BASE)
