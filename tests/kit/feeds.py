"""Feeds for tests, in the forms that publishers really send."""

from collections.abc import Callable
from html import escape
from http.server import BaseHTTPRequestHandler

from tests.kit.webserver import BODY, send

CODE = "def mill(x):\n    if x &lt; 2:\n\treturn  x   # two  spaces\n\n\n    done()"
ARTICLE = f'{BODY}<pre><code class="language-python">{CODE}\n</code></pre><p>Ada.</p>'
"""Its last paragraph is short: page extractors often drop such a paragraph."""
FENCED = "```python\ndef mill(x):\n    if x < 2:\n\treturn  x   # two  spaces\n\n\n    done()\n```"


def rss(*items: str, title: str = "Ada's notes", more: str = "") -> bytes:
    return f"""<?xml version="1.0" encoding="UTF-8"?><rss version="2.0"
 xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:dc="http://purl.org/dc/elements/1.1/"
 xmlns:atom="http://www.w3.org/2005/Atom" xmlns:feedburner="http://rssnamespace.org/feedburner/ext/1.0">
<channel><title>{title}</title><link>https://ada.example</link>{more}{"".join(items)}</channel></rss>""".encode()


def item(
    link: str,
    html: str = ARTICLE,
    *,
    title: str = "On engines",
    summary: str = "",
    guid: str = "",
    author: str = "Ada Lovelace",
    more: str = "",
) -> str:
    content = f"<content:encoded><![CDATA[{html}]]></content:encoded>" if html else ""
    return f"""<item><title>{escape(title)}</title><link>{escape(link)}</link>
<guid isPermaLink="false">{guid or link}</guid><dc:creator>{author}</dc:creator>
<pubDate>Tue, 24 Feb 2026 01:09:00 +0100</pubDate><description><![CDATA[{summary}]]></description>
{content}{more}</item>"""


def answering(body: bytes | str, **headers: str) -> Callable[[BaseHTTPRequestHandler], None]:
    """A handler that answers 304 if the client sends the ETag."""
    content = body.encode() if isinstance(body, str) else body

    def answer(handler: BaseHTTPRequestHandler) -> None:
        if headers.get("ETag") and handler.headers.get("If-None-Match") == headers["ETag"]:
            send(handler, 304, **headers)
        else:
            send(handler, 200, content, **headers)

    return answer
