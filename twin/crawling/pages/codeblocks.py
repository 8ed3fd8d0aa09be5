"""Code on a page: found in every kind of markup, taken out before the article is extracted, put back verbatim.

Extractors of prose re-indent code, drop it or join its lines. So each block is replaced by a short paragraph that
survives them, and each piece of code within a sentence by a word. Afterwards both are put back, between fences or
backticks.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from twin.crawling.pages.trees import Element

_TOKEN = "Codeblock {index} of this page stands here as it was written, in full and unchanged, {key}n{index}n."  # noqa: S105

_WRAPPERS = frozenset({
    "ace_editor", "cm-editor", "CodeMirror", "crayon-syntax", "gist", "highlighttable", "hljs-ln", "lntable",
    "monaco-editor", "rouge-table", "syntaxhighlighter",
})  # fmt: skip
"""Classes that highlighters and editors put around one block of code."""
_LINE_CLASSES = frozenset({
    "ace_line", "blob-code", "cm-line", "code-line", "CodeMirror-line", "crayon-line", "ec-line", "hljs-ln-line",
    "line", "token-line", "view-line",
})  # fmt: skip
"""Classes of elements that hold one line, with or without a line break in their text."""
_LINE_TAGS = frozenset({"div", "li", "ol", "p", "pre", "table", "tr", "ul"})
_LAYOUT_TAGS = frozenset({"ol", "table", "tbody", "tfoot", "thead", "tr", "ul"})
_LAYOUT_CLASSES = frozenset({"ace_text-layer", "cm-content", "CodeMirror-code", "view-lines"})
_SKIPPED = frozenset({"button", "noscript", "script", "select", "style", "svg", "template"})
_SPAN_TAGS = ("code", "kbd", "samp", "tt")
_BOXES = frozenset({"div", "figure", "p", "span"})
_SKIPPED_CLASS = re.compile(
    r"(?:^|[\s_-])(?:copy|clipboard|shcb-language|sr-only|gist-meta|toolbar|toolbar-item)(?:$|[\s_-])"
)
_CODE_AREA = re.compile(r"(?:^|[\s_-])(?:code|crayon|enlighter|highlight|prettyprint)(?:$|[\s_-])", re.I)
_GUTTER = re.compile(r"lineno|line-?num|line_num|ln-num|blob-num|gutter|crayon-num|(?:^|[\s_-])lnt?(?:$|\s)", re.I)
_MARKUP_ALONE = re.compile(r"[\s>*_#|-]*(?:\d+[.)])?[\s*_]*")
"""What remains of a list item, a quotation or emphasis that contained only a code block."""
_NUMBERS = re.compile(r"[\s\d.:|]*")
_PRESERVED = re.compile(r"white-space\s*:\s*(?:pre|break-spaces)", re.I)
_MONOSPACED = re.compile(r"monospace|courier|consolas|menlo|monaco", re.I)
_VERBATIM_TAGS = frozenset({"code", "listing", "pre", "xmp"})
_SOURCE_BREAK = re.compile(r"[ \t]*[\r\n]\s*")
_EMPTY_LINE = re.compile("^[\u200b\xa0]$", re.M)
_TOP = re.compile(r"\btop\s*:\s*(-?[\d.]{1,12})px")

_LANGUAGE = re.compile(
    r"(?:^|[\s_-])(?:lang(?:uage)?[-:]|brush:\s*|highlight-(?:source-|text-)?|(?:sourceCode|hljs|prettyprint)\s+)"
    r"([A-Za-z][A-Za-z0-9+#]*)"
)
_HEXO = re.compile(r"(?:^|\s)highlight\s+([a-z][a-z0-9+#]*)")
_LANGUAGE_ATTRIBUTES = (
    "data-lang", "data-language", "data-code-block-lang", "data-enlighter-language", "data-code-block-language",
)  # fmt: skip
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9+#]{0,19}")
_NO_LANGUAGE = frozenset({
    "auto", "block", "body", "box", "caption", "code", "container", "content", "copy", "dark", "default", "false",
    "inner", "lang", "light", "line", "lines", "none", "notranslate", "null", "numberlines", "plain", "plaintext",
    "pre", "raw", "table", "text", "title", "true", "txt", "undefined", "wrap", "wrapper",
})  # fmt: skip


def fence(code: str, language: str = "") -> str:
    """`code` between fences that are longer than any run of backticks inside it."""
    longest = max((len(run) for run in re.findall(r"`+", code)), default=0)
    marks = "`" * max(3, longest + 1)
    return f"{marks}{language}\n{code.rstrip(chr(10))}\n{marks}"


@dataclass(frozen=True)
class Block:
    """One code block: its text, and its language as the page names it ("" if it does not)."""

    code: str
    language: str


class Shield:
    """The code that was taken out of one page.

    Args:
        key: part of every token, so it must not occur anywhere else on the page.
    """

    def __init__(self, key: str) -> None:
        self.key = key
        self.blocks: list[Block] = []
        self.spans: list[str] = []
        self._block = re.compile(rf"(?:Codeblock \d+ [a-z ,]*)?{key}n(\d+)n\.?")
        self._span = re.compile(rf"{key}s(\d+)s")

    def take(self, tree: Element) -> None:
        """Replace the code blocks of `tree` with paragraphs, the outermost ones first, and other code with words."""
        root = tree.getroottree().getroot()
        for element in list(_candidates(tree)):
            if element.getparent() is not None and element.getroottree().getroot() is root:
                self._take_block(element)
        for element in list(tree.iter(*_SPAN_TAGS)):
            if element.getparent() is not None and element.getroottree().getroot() is root:
                self._take_span(element)

    def put_back(self, markdown: str) -> str:
        """The text with its code: fenced blocks between blank lines, even if a token was joined with other text."""
        lines: list[str] = []
        after_block = False
        for line in markdown.split("\n"):
            first, *rest = self._block.split(line) if self.key in line else (line,)
            for piece, number in zip([first, *rest[1::2]], [*rest[::2], None], strict=True):
                is_text = bool(piece.strip()) if not rest else not _MARKUP_ALONE.fullmatch(piece)
                if after_block and is_text:
                    lines.append("")
                    after_block = False
                if is_text or not (rest or after_block):
                    lines.append(self._with_spans(piece) if self.key in piece else piece)
                if number is not None:
                    block = self.blocks[int(number)]
                    if after_block or (lines and lines[-1].strip()):
                        lines.append("")
                    lines.append(fence(block.code, block.language))
                    after_block = True
        return "\n".join(lines)

    def _with_spans(self, line: str) -> str:
        def written(match: re.Match[str]) -> str:
            code = self.spans[int(match[1])]
            # A vertical bar would end the cell of a table, even within backticks (GFM 4.10).
            return _span(code.replace("|", "\\|") if line.startswith("|") else code)

        return self._span.sub(written, line)

    def _take_block(self, element: Element) -> None:
        code = _block_text(element)
        paragraph = element.makeelement("p")
        if code.strip():
            language = _language(element)
            element = _alone_in(element)
            paragraph.text = _TOKEN.format(index=len(self.blocks), key=self.key)
            self.blocks.append(Block(code, language or _language(element)))
            _free_of_tables(element)
        paragraph.tail = element.tail
        element.getparent().replace(element, paragraph)

    def _take_span(self, element: Element) -> None:
        code = " ".join(_text(element).replace("\xa0", " ").split())
        if not code or next(element.iter("img"), None) is not None:
            return
        if self.key in code:  # it contains a block
            element.drop_tag()
            return
        word = element.makeelement("span")
        word.text, word.tail = f"{self.key}s{len(self.spans)}s", element.tail
        self.spans.append(code)
        element.getparent().replace(element, word)


def _span(code: str) -> str:
    marks = "`" * (max((len(run) for run in re.findall("`+", code)), default=0) + 1)
    pad = " " if code.startswith("`") or code.endswith("`") else ""
    return f"{marks}{pad}{code}{pad}{marks}"


def _alone_in(element: Element) -> Element:
    """The outermost box that shows only this block: an extractor may drop a box for its name or class."""
    while (parent := element.getparent()) is not None and parent.tag in _BOXES and parent.getparent() is not None:
        if (parent.text or "").strip() or any((child.tail or "").strip() for child in parent):
            break
        if any(_shows(child) for child in parent if child is not element):
            break
        element = parent
    for ancestor in element.iterancestors("figure"):
        ancestor.tag = "div"
    return element


def _shows(element: Element) -> bool:
    return isinstance(element.tag, str) and not _is_skipped(element) and any(map(str.strip, element.itertext()))


def _block_text(element: Element) -> str:
    """The text of a code block, line by line, without line numbers and without buttons."""
    for area in element.iter("textarea"):
        if _text(area).strip() and "inputarea" not in _classes(area):
            return _finished(_text(area))  # a highlighter renders its output from the text that it keeps beside it
    for lines in element.iter("div"):
        if "view-lines" in _classes(lines):  # Monaco adds its lines in the order in which they scroll into view
            lines[:] = sorted(lines, key=_place)
    pieces: list[str] = []
    # Outside a `<pre>`, line breaks in the source are spaces, and line breaks of the text are elements.
    folds = element.tag == "code" and next(element.iter("br", "div", "li", "p"), None) is not None
    _write(element, pieces, kept=element.tag == "code" or _is_styled(element), folds=folds)
    return _finished("".join(pieces))


def _finished(code: str) -> str:
    code = code.replace("\r\n", "\n").replace("\r", "\n")
    # Editors put a zero-width or non-breaking space on an empty line to give it a height.
    return _EMPTY_LINE.sub("", code).replace("\xa0", " ").removeprefix("\n").rstrip("\n")


def _write(element: Element, pieces: list[str], *, kept: bool, folds: bool) -> None:
    """Append the text of `element`; `kept` says whether white space counts there."""
    classes = _classes(element)
    kept = kept or element.tag in _VERBATIM_TAGS or not _LINE_CLASSES.isdisjoint(classes)
    is_layout = element.tag in _LAYOUT_TAGS or not _LAYOUT_CLASSES.isdisjoint(classes)

    def add(text: str | None) -> None:
        if text and ((kept and not is_layout) or text.strip()):
            if folds:
                text = _SOURCE_BREAK.sub("" if _at_line_start(pieces) else " ", text)
            pieces.append(text)

    add(element.text)
    for child in element:
        if isinstance(child.tag, str) and not _is_skipped(child):
            if child.tag == "br":
                pieces.append("\n")
            elif child.tag in _LINE_TAGS or not _LINE_CLASSES.isdisjoint(_classes(child)):
                _write_line(child, pieces, kept=kept, folds=folds)
            else:
                _write(child, pieces, kept=kept, folds=folds)
        add(child.tail)


def _write_line(element: Element, pieces: list[str], *, kept: bool, folds: bool) -> None:
    """Append an element that has one or several lines of its own; without text it is an empty line."""
    if not _at_line_start(pieces):
        pieces.append("\n")
    inner: list[str] = []
    _write(element, inner, kept=kept, folds=folds)
    text = "".join(inner)
    pieces.append(text)
    is_container = element.tag in _LAYOUT_TAGS - {"tr"}
    after, follower = element.tail or "", element.getnext()
    breaks = after.startswith("\n") or (not after and follower is not None and follower.tag == "br")
    if not text.endswith("\n") and not breaks and (text or not is_container):
        pieces.append("\n")


def _at_line_start(pieces: list[str]) -> bool:
    return next((piece.endswith("\n") for piece in reversed(pieces) if piece), True)


def _candidates(tree: Element) -> Iterator[Element]:
    """Elements that hold a block of code, in document order; some are inside others."""
    for element in tree.iter("pre", "listing", "xmp", "code", "textarea", "table", "div"):
        match element.tag:
            case "pre" | "listing" | "xmp":
                yield element
            case "code" if _is_block(element):
                yield element
            case "textarea" if _CODE_AREA.search(_class(element)):
                yield element
            case "table" if _is_listing(element):
                yield element
            case "div" if not _WRAPPERS.isdisjoint(_classes(element)) and _holds_code(element):
                yield element
            case "div" if _is_styled(element) or _is_lines(element):
                yield element


def _holds_code(wrapper: Element) -> bool:
    return any(
        each.tag in ("pre", "textarea") or not _LINE_CLASSES.isdisjoint(_classes(each))
        for each in wrapper.iter("pre", "textarea", "td", "div", "span")
        if each is not wrapper
    )


def _is_block(code: Element) -> bool:
    """Whether a `<code>` is a block without a `<pre>`: it contains line breaks itself, or its style keeps them."""
    if next(code.iter("br", "div", "li", "p"), None) is not None:
        return True
    around = [each for each in (code, code.getparent()) if each is not None]
    styled = any(_PRESERVED.search(each.get("style") or "") or _LANGUAGE.search(_class(each)) for each in around)
    return styled and "\n" in _text(code).strip()


def _is_styled(box: Element) -> bool:
    """Whether a `<div>` is a block of code only by its style."""
    style = (box.get("style") or "")[:1000]
    if box.tag != "div" or not (_PRESERVED.search(style) and _MONOSPACED.search(style)):
        return False
    return "\n" in _text(box).strip() and next(box.iter("p", "ul", "ol", "table", "pre"), None) is None


def _is_lines(box: Element) -> bool:
    """Whether a `<div>` says that it is code, and contains only boxes, one for each line."""
    if not _CODE_AREA.search(_class(box)) or len(box) == 0 or (box.text or "").strip():
        return False
    return all(not _LINE_CLASSES.isdisjoint(_classes(line)) and not (line.tail or "").strip() for line in box)


def _is_listing(table: Element) -> bool:
    """Whether a table lays out one block of code: line numbers next to it, or one row for each line."""
    if table.find(".//table") is not None:
        return False
    cells = [cell for cell in table.iter("td", "th") if _text(cell).strip() or _is_gutter(cell)]
    numbers = {cell for cell in cells if _NUMBERS.fullmatch(_text(cell))}
    code = [
        cell
        for cell in cells
        if cell not in numbers
        and (next(cell.iter("pre", "code"), None) is not None or not _LINE_CLASSES.isdisjoint(_classes(cell)))
    ]
    if not code or len(code) + len(numbers) < len(cells):
        return False
    return not _WRAPPERS.isdisjoint(_classes(table)) or any(_is_gutter(cell) for cell in cells)


def _is_gutter(element: Element) -> bool:
    """Whether an element contains only line numbers."""
    is_named = element.get("data-line-number") is not None or _GUTTER.search(_class(element))
    return bool(is_named and _NUMBERS.fullmatch(_text(element)))


def _is_skipped(element: Element) -> bool:
    if element.tag in _SKIPPED or _is_gutter(element):
        return True
    return bool(_SKIPPED_CLASS.search(_class(element))) and next(element.iter("pre", "code"), None) is None


def _place(line: Element) -> float:
    match = _TOP.search((line.get("style") or "")[:500])
    return float(match[1]) if match and match[1].count(".") < 2 else 0.0


def _language(element: Element) -> str:
    for each in (element, *element.iter("code", "pre"), *list(element.iterancestors())[:2]):
        named = next(filter(None, (each.get(name) for name in _LANGUAGE_ATTRIBUTES)), "").strip()
        if not _NAME.fullmatch(named):
            match = _LANGUAGE.search(_class(each)) or (_HEXO.search(_class(each)) if each.tag == "figure" else None)
            named = match[1] if match else ""
        if named and named.lower() not in _NO_LANGUAGE:
            return named.lower()
    return ""


def _free_of_tables(element: Element) -> None:
    """Turn the tables around a block into plain boxes: a cell of a Markdown table is one line and cannot hold it."""
    for ancestor in element.iterancestors("table"):
        for each in (ancestor, *ancestor.iter("tbody", "thead", "tfoot", "tr", "td", "th")):
            each.tag = "div"


def _text(element: Element) -> str:
    return "".join(element.itertext())


def _class(element: Element) -> str:
    return (element.get("class") or "")[:1000]


def _classes(element: Element) -> set[str]:
    return set(_class(element).split())
