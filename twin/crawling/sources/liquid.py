"""Convert dev.to's Markdown to plain Markdown: without front matter, with links in place of its Liquid tags."""

import re

from twin.crawling.pages.frontmatter import split_front_matter

_CODE = re.compile(
    r"^(?P<fence> {0,3}(?P<marks>`{3,}|~{3,})[^\n]*\n.*?(?:^ {0,3}(?P=marks)[`~]*[ \t]*$|\Z))"
    r"|(?P<span>(?<!`)(?P<ticks>`+)(?!`)[^\n]*?(?<!`)(?P=ticks)(?!`))",
    re.S | re.M,
)
_TAG = re.compile(r"\{%-?[ \t]*(?P<name>\w+)[ \t]*(?P<rest>[^\n]{0,500}?)[ \t]*-?%\}")
_ADDRESS = re.compile(r"https?://[^\s\"'%}]+")
_BY_ARGUMENT: dict[str, str] = {
    "codepen": "https://codepen.io/{}",
    "gist": "https://gist.github.com/{}",
    "github": "https://github.com/{}",
    "link": "https://dev.to/{}",
    "post": "https://dev.to/{}",
    "tweet": "https://twitter.com/i/status/{}",
    "twitter": "https://twitter.com/i/status/{}",
    "vimeo": "https://vimeo.com/{}",
    "youtube": "https://www.youtube.com/watch?v={}",
}
"""Tags whose argument is a name within a site."""

_WITH_WORDS = frozenset({"details", "collapsible", "spoiler"})


def plain_markdown(text: str) -> str:
    """The Markdown of an article without front matter and Liquid tags.

    A tag becomes the link that it embeds, or its words, or nothing. In code, tags are shown as text and stay.
    """
    body = split_front_matter(text.removeprefix("\ufeff").replace("\r\n", "\n")).rest
    pieces, end = [], 0
    for code in _CODE.finditer(body):
        pieces += [_TAG.sub(_plain, body[end : code.start()]), code[0]]
        end = code.end()
    pieces.append(_TAG.sub(_plain, body[end:]))
    return re.sub(r"\A(?:[ \t]*\n)+", "", "".join(pieces)).rstrip()


def _plain(tag: re.Match[str]) -> str:
    name, rest = tag["name"].lower(), tag["rest"].strip()
    if name in _WITH_WORDS:
        return rest
    if found := _ADDRESS.search(rest):
        return f"<{found[0]}>"
    argument = rest.split()[0].strip("/@") if rest else ""
    form = _BY_ARGUMENT.get(name)
    return f"<{form.format(argument)}>" if form and re.fullmatch(r"[\w./-]+", argument) else ""
