"""The README and the pages of docs/: their links lead somewhere, and their commands exist."""

import re
import shlex
import textwrap
from pathlib import Path

import pytest
import typer

from twin.authors.files import load_authors
from twin.cli.main import app

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def anchors(page: Path) -> set[str]:
    """The names of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if target.startswith("https://"):
            continue
        name, _, anchor = target.partition("#")
        other = page.parent / name if name else page
        assert other.exists(), f"{page.name} links to {target}"
        assert not anchor or anchor in anchors(other), f"{page.name} links to {target}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_author_files_in_examples_can_be_used(page: Path, tmp_path: Path) -> None:
    for number, block in enumerate(re.findall(r"^( *)```yaml\n(.*?)```", page.read_text("utf-8"), re.DOTALL | re.M)):
        (tmp_path / f"example-{number}.yaml").write_text(textwrap.dedent(block[1]), encoding="utf-8")
    files = load_authors(tmp_path)
    assert files.errors == []
    assert page.name not in ("README.md", "declarations.md") or len(files.authors[0].links) >= 6


def test_the_readme_leads_to_every_page() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [page.name for page in PAGES[2:] if f"(docs/{page.name})" not in text] == []
    assert len(text.splitlines()) < 120


def commands() -> list[tuple[str, list[str]]]:
    """Every `twin ...` in the shell examples, with the name of its page."""
    found = []
    for page in PAGES:
        for block in re.findall(r"```sh\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
            for line in block.replace("\\\n", " ").splitlines():
                words = shlex.split(line, comments=True)
                if "twin" in words:
                    found.append((page.name, words[words.index("twin") + 1 :]))
    return found


def test_every_example_of_a_command_can_be_parsed() -> None:
    examples = commands()
    assert len(examples) > 20
    root = typer.main.get_command(app)
    for page, words in examples:
        assert parsed(root, list(words)), f"{page}: twin {shlex.join(words)}"


def parsed(command: object, words: list[str]) -> bool:
    """Whether a command line names a command that exists, with options and arguments that it takes."""
    inside = getattr(command, "commands", None)
    if inside:
        return words[0] in inside and parsed(inside[words[0]], words[1:])
    command.make_context("twin", words)  # type: ignore[attr-defined] # raises for what it does not take
    return True


def test_examples_use_the_author_of_the_demo() -> None:
    for page, words in commands():
        authors = [word for word in words if re.fullmatch(r"[a-z]+-[a-z]+", word)]
        assert set(authors) <= {"llm-twin"}, f"{page}: twin {shlex.join(words)}"
