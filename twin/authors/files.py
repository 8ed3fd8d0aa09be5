"""Author files: `authors/<slug>.yaml` declares an author and the links of their writing.

    name: Ada Lovelace
    headline: writes about engines      # optional, and so are `language` and `aliases`
    aliases: [ada.l, "@countess"]       # other names that pages give for the author
    links:
      - https://github.com/ada/engine
      - linkedin_export: exports/ada.zip
      - files: notes/*.md
        category: posts

Paths are relative to the folder of the file. A file with a mistake is refused as a whole, with one sentence per mistake
that says file, line, field and correction; whatever is wrong with it, the other files still load. YAML's tags and merge
keys are refused: no author file needs them, and they can make a value of any kind and size.
"""

import logging
import os
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from twin.authors.declarations import OPTIONS, declare_link, shown
from twin.errors import InputError, printable
from twin.identity import SLUG_PATTERN
from twin.models import Author, Link
from twin.nearest import did_you_mean, listed
from twin.regular import NotRegularError, read_regular

logger = logging.getLogger("twin")

_ENDINGS = (".yaml", ".yml", ".YAML", ".YML")
"""How the name of an author file ends; only the first is right."""

FIELDS = ("name", "headline", "language", "aliases", "links")
MAX_BYTES = 2**20
"""Size limit of an author file: about 15,000 links."""

_YAML = "tag:yaml.org,2002:"
_MERGE = f"{_YAML}merge"
_NO_TEXT = re.compile("[\x00\ud800-\udfff]")
_MOST_SAID, _MOST_NAME = 1000, 60
_MOST_MISTAKES = 50

_TEXT = {
    "name": (re.compile(r"\S.{0,199}", re.DOTALL), "the author's name, such as Ada Lovelace"),
    "headline": (re.compile(r"\S[^\r\n]{0,499}"), "one line about the author"),
    "language": (re.compile(r"[a-z]{2,3}"), "an ISO 639 code such as en"),
}
"""What each text field must look like, and how to say so."""


@dataclass(frozen=True)
class AuthorFile:
    """One author with the links that the file declares."""

    author: Author
    links: tuple[Link, ...] = ()


@dataclass(frozen=True)
class AuthorFiles:
    """The author files of a folder. `broken` maps the slug of a refused file to its first mistake."""

    folder: Path
    authors: list[AuthorFile] = field(default_factory=list)
    errors: list[InputError] = field(default_factory=list)
    broken: dict[str, InputError] = field(default_factory=dict)

    def get(self, slug: str) -> AuthorFile | None:
        """The author of that slug, if a file declares one."""
        return next((each for each in self.authors if each.author.slug == slug), None)


def file_names(folder: Path) -> list[str]:
    """The names of the author files of a folder, in order, also of those with the wrong ending.

    Raises:
        OSError: the folder does not exist or cannot be read.
    """
    return sorted(name for name in os.listdir(folder) if name.endswith(_ENDINGS) and not name.startswith("."))  # noqa: PTH208


def load_authors(folder: Path, only: Collection[str] | None = None) -> AuthorFiles:
    """Read every author file of a folder, by name. A missing folder contains no authors.

    Args:
        only: read only the files of these slugs.
    """
    files = AuthorFiles(folder)
    try:
        paths = [folder / name for name in file_names(folder) if only is None or name.rpartition(".")[0] in only]
    except FileNotFoundError:
        return files
    except OSError as error:
        files.errors.append(InputError(f"The folder {folder} cannot be read ({error.strerror}): fix its permissions."))
        return files
    for path in paths:
        if path.suffix != ".yaml":
            mistakes = [mistake(path, f"an author file ends in .yaml: rename it to {path.stem}.yaml")]
        else:
            loaded, mistakes = _read(path)
            if loaded is not None and not mistakes:
                files.authors.append(loaded)
        if mistakes:
            files.errors.extend(mistakes)
            files.broken[path.stem] = mistakes[0]
    return files


def mistake(path: Path, said: str, *, line: int | None = None, name: str = "") -> InputError:
    """The error for a mistake in an author file: one printable line, whatever the file contains.

    Args:
        line: counted from 1, if it is known.
        name: of the field, if it is in one.
    """
    field_name = f", field {_short(name, _MOST_NAME)!r}" if name else ""
    where = f"{path}{f' line {line}' if line is not None else ''}{field_name}"
    end = "" if said.endswith(("?", ".")) else "."
    return InputError(printable(f"{where}: {_short(said, _MOST_SAID)}{end}"))


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]}..."


def _read(path: Path) -> tuple[AuthorFile | None, list[InputError]]:
    """What a file declares, and its mistakes. Anything that goes wrong in it is its own mistake."""
    reader = _Reader(path)
    try:
        loaded = reader.read()
        more = len(reader.mistakes) - _MOST_MISTAKES
        if more > 0:
            reader.mistakes[_MOST_MISTAKES:] = [mistake(path, f"it has {more} more mistakes: correct these first")]
        return loaded, reader.mistakes
    except Exception as error:  # the files of the other authors must load
        logger.debug("%s cannot be read", path, exc_info=True)
        said = f"it cannot be read ({type(error).__name__}: {error}): correct it, or move it away"
        return None, [*reader.mistakes, mistake(path, said)]


class _Composer(yaml.SafeLoader):
    """Makes nodes, and notes which of them have a tag that was written in the file."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.tagged: dict[int, str] = {}  # id of the node -> its tag

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        tag = getattr(self.peek_event(), "tag", None)  # type: ignore[no-untyped-call]
        node = super().compose_node(parent, index)
        if tag and node is not None:
            self.tagged[id(node)] = str(tag)
        return node


def _mend(text: str, mark: yaml.Mark | None) -> str:
    """How to correct YAML that cannot be read, by its line."""
    lines = text.splitlines()
    line = lines[mark.line] if mark is not None and mark.line < len(lines) else ""
    before = lines[mark.line - 1].strip() if mark is not None and 0 < mark.line <= len(lines) else ""
    option = re.match(rf"\s+({'|'.join(OPTIONS)})\s*:", line)
    if option and (bare := re.fullmatch(r"-\s+(\S.*)", before)):
        return f"a link with '{option[1]}' needs the name of a field before its address: write '- url: {bare[1]}'"
    return "check indentation and quotes there"


class _Reader:
    """Reads one file and collects its mistakes."""

    def __init__(self, path: Path) -> None:
        self.path, self.mistakes = path, list[InputError]()

    def read(self) -> AuthorFile | None:
        slug = self.path.stem
        if not re.fullmatch(SLUG_PATTERN, slug):
            self._mistake(
                None, "", "its name is the author's slug, so rename it: 1 to 63 lower-case letters, digits and hyphens"
            )
            return None
        fields = self._fields()
        if fields is None:
            return None
        for name, (key, _) in fields.items():
            if name not in FIELDS:
                hint = did_you_mean(name, FIELDS, f"it has {listed(FIELDS)}")
                self._mistake(key, name, f"an author file has no such field{hint}")
        texts = {name: self._text(name, fields[name][1]) for name in _TEXT if name in fields}
        aliases = self._aliases(fields["aliases"][1]) if "aliases" in fields else ()
        if "name" not in fields:
            self._mistake(None, "name", f"it is missing: add a line 'name: ' with {_TEXT['name'][1]}")
        links = tuple(self._links(slug, fields["links"][1])) if "links" in fields else ()
        if self.mistakes:
            return None
        return AuthorFile(Author(slug=slug, aliases=aliases, **texts), links)  # type: ignore[arg-type]

    def _fields(self) -> dict[str, tuple[yaml.Node, yaml.Node]] | None:
        """Field -> its key and value nodes; only nodes know their lines."""
        try:
            content = read_regular(self.path, MAX_BYTES + 1)
            if len(content) > MAX_BYTES:
                limit = f"{MAX_BYTES // 2**20} MiB"
                self._mistake(None, "", f"it is larger than {limit}, so it is not an author file: move it away")
                return None
            text = content.decode("utf-8-sig")
            composer = _Composer(text)
            node = composer.get_single_node()
        except NotRegularError as error:
            self._mistake(None, "", f"{error.strerror}: move it away")
        except UnicodeDecodeError as error:
            self._mistake(None, "", f"it is not UTF-8 text (byte {error.start}): save it as UTF-8")
        except OSError as error:
            self._mistake(None, "", f"it cannot be read ({error.strerror}): make it a readable file")
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
            problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "a character is not allowed"
            self._mistake(mark, "", f"it is not valid YAML ({problem}): {_mend(text, mark)}")
        except RecursionError:
            self._mistake(None, "", "it is nested too deeply: an author file has two levels")
        else:
            if isinstance(node, yaml.MappingNode):
                if self._is_plain(node, composer.tagged) and not self._repeats(node, ""):
                    return {str(key.value): (key, value) for key, value in node.value}
            else:
                what = "it is empty" if node is None else "it is not a mapping"
                self._mistake(node, "", f"{what}: start with a line 'name: ' with {_TEXT['name'][1]}")
        return None

    def _is_plain(self, root: yaml.MappingNode, tagged: dict[int, str]) -> bool:
        """Whether a file has only texts, lists and mappings with texts as keys; each node of it is looked at once."""
        before = len(self.mistakes)
        seen = set[int]()
        todo: list[tuple[str, yaml.Node]] = [("", root)]
        while todo:
            name, node = todo.pop()
            if id(node) in seen:  # an alias
                continue
            seen.add(id(node))
            if tag := tagged.get(id(node)):
                written = _short(tag.replace(_YAML, "!!"), _MOST_NAME)
                self._mistake(node, name, f"it has the tag {written}: remove the tag, and put the value in quotes")
            elif isinstance(node, yaml.ScalarNode):
                if found := _NO_TEXT.search(node.value):
                    self._mistake(node, name, f"it contains {printable(found[0])}, which is not text: remove it")
            elif isinstance(node, yaml.MappingNode):
                todo += self._values(node, name)
            else:
                todo += [(f"{name}[{number}]", each) for number, each in enumerate(node.value, start=1)][::-1]
        return len(self.mistakes) == before

    def _values(self, node: yaml.MappingNode, name: str) -> list[tuple[str, yaml.Node]]:
        """The keys and values of a mapping with the names of their fields, the last ones first."""
        found: list[tuple[str, yaml.Node]] = []
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self._mistake(key, name, "it has a list or a mapping as a key: write the name of a field")
            elif key.tag == _MERGE:
                self._mistake(key, name, "it has the merge key <<: write the fields themselves")
            else:
                inner = f"{name}.{key.value}" if name else str(key.value)
                found += [(inner, key), (inner, value)]
        return found[::-1]

    def _text(self, name: str, node: yaml.Node) -> str | None:
        pattern, expected = _TEXT[name]
        before = len(self.mistakes)
        value = self._value(node, name)
        if len(self.mistakes) > before or (value is None and name != "name"):
            return None
        if isinstance(value, str) and pattern.fullmatch(value.strip()):
            return value.strip()
        quote = " in quotes" if isinstance(value, bool | int | float) or type(value).__name__ == "date" else ""
        self._mistake(node, name, f"it must be {expected}{quote}, not {shown(value)}")
        return None

    def _aliases(self, node: yaml.Node) -> tuple[str, ...]:
        before = len(self.mistakes)
        value = self._value(node, "aliases")
        if len(self.mistakes) > before or value is None:
            return ()
        names = [value] if isinstance(value, str) else value
        if isinstance(names, list) and all(isinstance(name, str) and name.strip() for name in names):
            return tuple(dict.fromkeys(name.strip() for name in names))
        self._mistake(node, "aliases", f"it must be a list of names in quotes, not {shown(value)}")
        return ()

    def _links(self, slug: str, node: yaml.Node) -> Iterator[Link]:
        if isinstance(node, yaml.ScalarNode) and not node.value:
            return
        if not isinstance(node, yaml.SequenceNode):
            self._mistake(node, "links", "it must be a list: write each link on its own line, beginning with '- '")
            return
        first: dict[str, int] = {}
        for number, item in enumerate(node.value, start=1):
            name = f"links[{number}]"
            if isinstance(item, yaml.MappingNode) and self._repeats(item, name):
                continue
            before = len(self.mistakes)
            declaration = self._value(item, name)
            if len(self.mistakes) > before:
                continue
            try:
                link = declare_link(slug, declaration, base=self.path.parent)
            except InputError as error:
                self._mistake(item, name, str(error).rstrip("."))
                continue
            except Exception as error:  # one link must not take the other mistakes of the file with it
                self._mistake(item, name, f"it cannot be read ({type(error).__name__}: {error}): correct it")
                continue
            line = item.start_mark.line + 1
            if link.url in first:
                self._mistake(item, name, f"{link.url} is already on line {first[link.url]}: remove one of the two")
            else:
                first[link.url] = line
                yield link

    def _repeats(self, node: yaml.MappingNode, name: str) -> bool:
        """Whether a key occurs twice; YAML itself would silently drop the first."""
        seen: dict[str, int] = {}
        before = len(self.mistakes)
        for key, _ in node.value:
            text, line = str(key.value), key.start_mark.line + 1
            if text in seen:
                where = f"{name}.{text}" if name else text
                self._mistake(key, where, f"it is already on line {seen[text]}: remove one of the two")
            seen[text] = line
        return len(self.mistakes) > before

    def _value(self, node: yaml.Node, name: str) -> Any:
        """The plain value of a node; the safe constructor refuses tags that make objects."""
        try:
            return yaml.constructor.SafeConstructor().construct_document(node)
        except Exception as error:  # the constructors of PyYAML raise whatever a value makes fail
            problem = getattr(error, "problem", None) or str(error)
            self._mistake(node, name, f"its value cannot be read ({problem}): put it in quotes")
            return None

    def _mistake(self, where: yaml.Node | yaml.Mark | None, name: str, said: str) -> None:
        mark = where.start_mark if isinstance(where, yaml.Node) else where
        self.mistakes.append(mistake(self.path, said, line=None if mark is None else mark.line + 1, name=name))
