"""Function-sized spans of source files, so that the twin learns how the author writes code.

Python is cut with its own parser. Languages with braces are cut from a declaration in the first column to the closing
brace in the first column, as formatted code looks; anything else gives no span.
"""

import ast
import re
import warnings
from collections.abc import Iterator
from pathlib import PurePosixPath

from twin.dataset.spans import MAX_WORDS, MIN_WORDS, Span, count_words

LANGUAGES = {
    ".py": "Python", ".js": "JavaScript", ".jsx": "JavaScript", ".mjs": "JavaScript", ".ts": "TypeScript",
    ".tsx": "TypeScript", ".go": "Go", ".rs": "Rust", ".java": "Java", ".kt": "Kotlin", ".c": "C", ".h": "C",
    ".cc": "C++", ".cpp": "C++", ".hpp": "C++", ".cs": "C#", ".php": "PHP", ".swift": "Swift", ".scala": "Scala",
    ".sh": "shell", ".sql": "SQL", ".rb": "Ruby", ".lua": "Lua", ".jl": "Julia", ".r": "R",
}  # fmt: skip
PROSE = {".md", ".markdown", ".mdx", ".rst", ".txt", ""}
_NOT_OWN_WORDS = {"LICENSE", "LICENCE", "COPYING", "NOTICE", "CODE_OF_CONDUCT", "REQUIREMENTS", "CONSTRAINTS"}
"""Files that look like prose but were written by lawyers, committees or tools."""

_WHOLE_FILE = {"shell", "SQL", "Ruby", "Lua", "Julia", "R"}
"""Languages without braces: a short file is used as a whole."""

_DECLARATION = re.compile(
    r"^(?:(?:export|default|public|private|protected|pub(?:\([a-z]+\))?|async|static|final|abstract|unsafe|inline)\s+)*"
    r"(?:func(?:tion)?\*?|fn|class|interface|struct|enum|trait|impl|object|namespace|type|def|const|void|int|double|"
    r"[A-Za-z_][\w:<>]*[\s*&]+[A-Za-z_]\w*\()[^\n;]*\{[^\n]*$",
    re.MULTILINE,
)
_NAME = re.compile(
    r"(?:func(?:tion)?\*?|fn|class|interface|struct|enum|trait|impl|object|namespace|type|def|const)\s+"
    r"(?:\([^)]*\)\s*)?([A-Za-z_]\w*)|([A-Za-z_]\w*)\s*\("
)


def language_of(path: str) -> str | None:
    """Programming language of a repository file, by its name; None for prose and data."""
    return LANGUAGES.get(PurePosixPath(path).suffix.lower())


def is_prose(path: str | None) -> bool:
    """Whether a document is prose: an article, a post, or a repository's Markdown or text file."""
    if path is None:
        return True
    file = PurePosixPath(path)
    if file.stem.upper().replace("-", "_") in _NOT_OWN_WORDS:
        return False
    return file.suffix.lower() in PROSE and (bool(file.suffix) or file.name.isupper())


def code_spans(text: str, path: str) -> Iterator[Span]:
    """Spans of whole functions and classes of 40 to 400 words; none if the file cannot be parsed."""
    language = language_of(path)
    if language == "Python":
        parts = _python(text)
    elif language in _WHOLE_FILE:
        parts = iter([(0, len(text.rstrip()), PurePosixPath(path).name)])
    else:
        parts = _braces(text)
    for start, end, name in parts:
        words = count_words(text[start:end])
        if MIN_WORDS <= words <= MAX_WORDS:
            yield Span(start, end, words, "code", name=name)


def _python(text: str) -> Iterator[tuple[int, int, str]]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it is not our task to report an invalid escape in the author's file
            tree = ast.parse(text.removeprefix("\ufeff"))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    starts = [0, *(match.end() for match in re.finditer(r"\r\n|\r|\n", text))]
    yield from _definitions(tree.body, text, starts)


def _definitions(body: list[ast.stmt], text: str, starts: list[int]) -> Iterator[tuple[int, int, str]]:
    for node in body:
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        line = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
        last = node.end_lineno or line
        stop = starts[last] if last < len(starts) else len(text)
        start, end = starts[line - 1], starts[line - 1] + len(text[starts[line - 1] : stop].rstrip())
        if isinstance(node, ast.ClassDef) and count_words(text[start:end]) > MAX_WORDS:
            yield from _definitions(node.body, text, starts)
        else:
            yield start, end, node.name


def _braces(text: str) -> Iterator[tuple[int, int, str]]:
    position = 0
    while found := _DECLARATION.search(text, position):
        if found.group().rstrip().endswith("}"):
            position = found.end()
            continue
        close = re.compile(r"^\}[;)]*", re.MULTILINE).search(text, found.end())
        if close is None:
            return
        name = _NAME.search(found.group())
        yield found.start(), close.end(), (name.group(1) or name.group(2)) if name else ""
        position = close.end()
