"""Code of pages in every markup that highlighters, editors and platforms put around it."""

from html import escape

import pytest

from twin.crawling.pages.extract import extract_page

PROSE = "<p>An engine has a mill and a store, and a table of cards that tells it what to do with both of them.</p>"
END = "<p>It is the cards, and they alone, that make one engine different from another one of its kind.</p>"
CODE = 'def f(x: "a<b") -> dict:\n    if x:\n        return  {x}\n\n    return None  # was für ein 数'
LINES = CODE.split("\n")
ZERO_WIDTH = chr(0x200B)


def marked(code: str) -> str:
    """Code as a highlighter writes it: each keyword in an element of its own."""
    return escape(code, quote=False).replace("return", "<span class='k'>return</span>").replace("def", "<b>def</b>")


def kept(code: str) -> str:
    """Code outside a `<pre>`, each of its spaces kept."""
    return escape(code, quote=False).replace(" ", "&nbsp;")


def each(form: str, empty: str = "", between: str = "") -> str:
    """`form` for each line, whose number and text it takes."""
    return between.join(
        form.format(number=number, break_="\n", line=marked(line) or empty, kept=kept(line) or empty, top=19 * number)
        for number, line in enumerate(LINES, 1)
    )


NUMBERS = "\n".join(str(number) for number in range(1, len(LINES) + 1))
PRE = f"<pre>{marked(CODE)}</pre>"
FORMS = {
    "pre": PRE,
    "breaks": f"<figure><div><pre class='graf--pre'>{marked(CODE).replace(chr(10), '<br>')}</pre></div></figure>",
    "carriage returns": f"<pre>{marked(CODE).replace(chr(10), chr(13) + chr(10))}</pre>",
    "a button inside": f"<pre><button class='copy'>Copy</button><code>{marked(CODE)}</code></pre>",
    "a toolbar": f"<div class='code-toolbar'>{PRE}<div class='toolbar'><button>Copy</button></div></div>",
    "rows of numbers": f"<pre class='line-numbers'><code>{marked(CODE)}"
    "<span class='line-numbers-rows'><span></span></span></code></pre>",
    "Hexo": f"<figure class='highlight plain'><table><tr><td class='gutter'><pre>{NUMBERS}</pre></td>"
    f"<td class='code'><pre>" + each("<span class='line'>{line}</span><br>") + "</pre></td></tr></table></figure>",
    "Rouge": "<div class='highlighter-rouge'><div class='highlight'><pre><code><table class='rouge-table'><tbody><tr>"
    f"<td class='rouge-gutter gl'><pre class='lineno'>{NUMBERS}\n</pre></td>"
    f"<td class='rouge-code'><pre>{marked(CODE)}\n</pre></td></tr></tbody></table></code></pre></div></div>",
    "Hugo, a table": "<div class='highlight'><div class='chroma'><table class='lntable'><tr><td class='lntd'>"
    + "<pre><code>"
    + each("<span class='lnt'>{number}{break_}</span>")
    + "</code></pre></td>"
    + f"<td class='lntd'><pre><code>{marked(CODE)}</code></pre></td></tr></table></div></div>",
    "Hugo, inline": "<div class='highlight'><pre class='chroma'><code>"
    + each("<span class='line'><span class='ln'>{number}</span><span class='cl'>{line}{break_}</span></span>")
    + "</code></pre></div>",
    "Pygments": "<table class='highlighttable'><tr>"
    f"<td class='linenos'><div class='linenodiv'><pre>{NUMBERS}</pre></div></td>"
    f"<td class='code'><div class='highlight'><pre><span></span>{marked(CODE)}\n</pre></div></td></tr></table>",
    "a gist": "<div class='gist'><div class='gist-file'><div class='gist-data'><table class='highlight'><tbody>"
    + each("<tr><td class='blob-num' data-line-number='{number}'></td><td class='blob-code'>{line}</td></tr>", "\n")
    + "</tbody></table></div><div class='gist-meta'><a href='/x'>view raw</a> hosted with love</div></div></div>",
    "highlight.js with numbers": "<pre><code class='hljs'><table class='hljs-ln'>"
    + each("<tr><td data-line-number='{number}'></td><td class='hljs-ln-line'>{line}</td></tr>", "\n")
    + "</table></code></pre>",
    "CodeMirror 5": "<div class='CodeMirror'><textarea></textarea><div><div class='CodeMirror-code'>"
    + each(
        "<div><div class='CodeMirror-gutter-wrapper'><div class='CodeMirror-linenumber'>{number}</div></div>"
        "<pre class='CodeMirror-line'><span>{line}</span></pre></div>",
        ZERO_WIDTH,
    )
    + "</div></div></div>",
    "CodeMirror 6": "<div class='cm-editor'><div class='cm-scroller'><div class='cm-content'>"
    + each("<div class='cm-line'>{line}</div>", "<br>")
    + "</div></div></div>",
    "Monaco": "<div class='monaco-editor'><div class='view-lines'>"
    + "".join(each("<div style='top:{top}px' class='view-line'>{kept}</div>", between="\n").split("\n")[::-1])
    + "</div></div>",
    "Ace": "<div class='ace_editor'><textarea></textarea>"
    "<div class='ace_gutter'><div class='ace_gutter-cell'>1</div></div><div class='ace_layer ace_text-layer'>"
    + each("<div class='ace_line'>{line}</div>")
    + "</div></div>",
    "SyntaxHighlighter": "<div class='syntaxhighlighter'><table><tr><td class='gutter'>"
    + each("<div class='line'>{number}</div>")
    + "</td><td class='code'><div class='container'>"
    + each("<div class='line'><code>{kept}</code></div>", "&nbsp;")
    + "</div></td></tr></table></div>",
    "Crayon": f"<div class='crayon-syntax'><textarea class='crayon-plain'>{escape(CODE)}</textarea><table><tr>"
    "<td class='crayon-nums'>1</td><td class='crayon-code'><div class='crayon-line'>x</div></td></tr></table></div>",
    "Docusaurus": "<div class='codeBlockContent'><pre class='prism-code'><code>"
    + each("<span class='token-line'>{line}<br></span>")
    + "</code></pre><button>Copy</button></div>",
    "Shiki": "<pre class='shiki'><code>" + each("<span class='line'>{line}</span>", between=chr(10)) + "</code></pre>",
    "Expressive Code": "<figure class='frame'><pre><code>"
    + each("<div class='ec-line'><div class='code'>{line}</div></div>", "\n")
    + "</code></pre></figure>",
    "boxes": "<div class='code-block'>" + each("<div class='code-line'><span>{kept}</span></div>") + "</div>",
    "code that keeps its spaces": f"<p><code style='white-space: pre-wrap'>{marked(CODE)}</code></p>",
    "code with breaks": f"<p><code>{each('{kept}', between='<br>')}</code></p>",
    "code with boxes": f"<code>{each('<div>{kept}</div>', '<br>')}</code>",
    "style alone": f"<div style='white-space:pre;font-family:monospace'>{marked(CODE)}</div>",
    "a text area": f"<textarea class='code' readonly>{escape(CODE)}</textarea>",
    "a listing": f"<listing>{marked(CODE)}</listing>",
    "in a list": f"<ol><li>First {PRE}</li><li>then this and that</li></ol>",
    "in a quotation": f"<blockquote><p>They wrote this:</p>{PRE}</blockquote>",
    "in a table of a layout": f"<table><tr><td>words of a cell</td><td>{PRE}</td></tr></table>",
    "in details": f"<details><summary>Show me</summary>{PRE}</details>",
    "in a tab": f"<div class='tabs'><div class='tab-content' hidden>{PRE}</div></div>",
}


def text(body: str) -> str:
    found = extract_page(f"<html><title>On it</title><body><article>{PROSE}{body}{END}</article></body></html>")
    assert found is not None
    return found.text


@pytest.mark.parametrize("form", FORMS)
def test_code_stands_once_and_as_it_was(form: str) -> None:
    found = text(FORMS[form])
    assert f"\n\n```\n{CODE}\n```\n\n" in found, found
    assert found.count("return") == CODE.count("return")
    assert found.count("```") == 2
    assert not any(chrome in found for chrome in ("Copy", "view raw", "hosted with love", "Codeblock"))
    assert found.startswith("An engine has")
    assert found.endswith("of its kind.")


@pytest.mark.parametrize(
    ("html", "language"),
    [
        ("<div class='highlight-python notranslate'><div class='highlight'><pre>x = 1</pre></div></div>", "python"),
        ("<div class='highlight-source-go'><pre>x = 1</pre></div>", "go"),
        ("<pre><code class='language-C++'>x = 1</code></pre>", "c++"),
        ("<pre class='brush: java; toolbar: false'>x = 1</pre>", "java"),
        ("<pre data-code-block-lang='rust'>x = 1</pre>", "rust"),
        ("<div class='sourceCode'><pre class='sourceCode haskell'><code>x = 1</code></pre></div>", "haskell"),
        ("<figure class='highlight ruby'><pre>x = 1</pre></figure>", "ruby"),
        ("<pre class='language-plaintext'>x = 1</pre>", ""),
        ("<div class='highlight-wrapper'><pre class='wp-block-code'>x = 1</pre></div>", ""),
    ],
)
def test_language_is_what_the_page_calls_it(html: str, language: str) -> None:
    assert f"```{language}\nx = 1\n```" in text(html)


def test_code_within_a_sentence_stands_between_backticks() -> None:
    body = (
        "<p>Call <code>a_b*c[0] &lt;T&gt;</code>, press <kbd>Ctrl+C</kbd>, see <a href='/x'><code>x|y</code></a>, "
        "<code><span>`t`</span></code> and snake_case or *this* \\_.</p><h2>On <code>__init__</code></h2>"
        "<ul><li><code>-x</code> is one</li><li>two</li></ul>"
        "<table><tr><th>name</th><th>use</th></tr><tr><td><code>a|b</code></td><td>words of it</td></tr></table>"
    )
    found = text(body)
    assert "Call `a_b*c[0] <T>`, press `Ctrl+C`, see [`x|y`](/x), `` `t` `` and snake_case or *this* \\_." in found
    assert "## On `__init__`" in found
    assert "- `-x` is one\n- two" in found
    assert "| `a\\|b` | words of it |" in found


def test_what_is_underlined_is_text_and_exponents_stay() -> None:
    found = text("<p>The <u>mill</u> has 10<sup>6</sup> cards, and is <b>bold</b>.</p>")
    assert "The mill has 10<sup>6</sup> cards, and is **bold**." in found


def test_table_of_numbers_is_a_table() -> None:
    found = text("<table><tr><th>Year</th><th>Cards</th></tr><tr><td>1843</td><td>25</td></tr></table>")
    assert "| Year | Cards |" in found
    assert "| 1843 | 25 |" in found


def test_blank_lines_of_code_do_not_depend_on_the_prose() -> None:
    code = "a\n\n\n\n \n    b\n\n\t\n\tc"
    assert f"```\n{code}\n```" in text(f"<pre>{code}</pre>")


def test_blocks_that_follow_each_other_stay_apart() -> None:
    assert "```\na = 1\n```\n\n```\nb = 2\n```" in text("<pre>a = 1</pre><pre>b = 2</pre>")


@pytest.mark.parametrize(
    "html",
    [
        "<pre>" * 1500 + "x = 1",
        "<div class='gist'>" * 190 + "<pre>x = 1</pre>",
        "<table><tr><td>" * 180 + "<pre>x = 1",
        "<pre class='" + "highlight " * 100_000 + "'>x = 1</pre>",
        "<code>" + "<div>" * 150 + "x = 1",
        "<div class='view-lines monaco-editor'><div class='view-line' style='top:1.2.3px'>x = 1</div></div>",
    ],
    ids=range(6),
)
def test_hostile_markup_of_code_ends(html: str) -> None:
    assert "x = 1" in text(html)
