"""Reading a repository: our way, the reference's way (clone with a work tree, walk, decode with errors ignored, spaces
removed) and GitPython blob by blob, on one repository that is made for the run."""

import os
import random
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

FILES = 2300
_ROUNDS = 3
_WORDS = [
    "value", "result", "items", "for", "in", "return", "if", "not", "self", "index", "count", "name", "path", "config",
    "model", "batch", "text", "token", "data",
]  # fmt: skip
_COMMENTS = ("# grüße an alle", "# 你好，世界", "# שלום עולם", "# todo: simplify")


def run() -> dict[str, float]:
    """Compare them; returns our `repo_files_per_s` and `repo_seconds`, the best of several rounds."""
    with tempfile.TemporaryDirectory(prefix="bench-repositories-") as folder:
        committed = _committed(Path(folder) / "engine")
        repository = Path(folder) / "engine"
        size = sum(map(len, committed.values())) / 2**20
        print(f"repository: {len(committed)} files, {size:.1f} MiB")
        chosen = _ours(repository)
        results = {
            "ours: ls-tree, cat-file, rules, documents": _best(_ours, repository),
            "reference: clone, walk, decode": _best(_reference, repository),
            "GitPython, blob by blob, no rules": _best(_gitpython, repository),
        }
    for name, (seconds, found) in results.items():
        # Share of all files that should be read, so a file that a way leaves out counts against it.
        same = sum(found.get(path) == committed[path] for path in chosen) / len(chosen)
        more = len(found.keys() - chosen.keys())
        print(
            f"  {name:<44}{seconds:6.2f} s  {len(committed) / seconds:8,.0f} files/s  "
            f"bytes identical {same:7.2%}  binary, lock, vendored ... kept {more:4d}"
        )
    seconds, found = results["ours: ls-tree, cat-file, rules, documents"]
    return {
        "repo_files_per_s": round(len(committed) / seconds),
        "repo_seconds": round(seconds, 3),
        "repo_files": len(committed),
        "repo_bytes_identical": sum(found[path] == committed[path] for path in found) / len(found),
        "repo_reference_seconds": round(results["reference: clone, walk, decode"][0], 3),
        "repo_gitpython_seconds": round(results["GitPython, blob by blob, no rules"][0], 3),
    }


def _committed(folder: Path) -> dict[str, bytes]:
    """A repository with code, prose and other files, of realistic sizes; its files by path."""
    files = _files(random.Random(7))
    folder.mkdir()
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    for command in (["init", "-q", "-b", "main"], ["add", "-f", "-A"], ["commit", "-q", "-m", "x"], ["gc", "-q"]):
        _git(folder, *command)
    return files


def _files(chance: random.Random) -> dict[str, bytes]:
    files = {
        ".gitignore": "\n".join(["*.log", "/cache/", "!keep.log", "__pycache__/", *(f"*.tmp{n}" for n in range(80))]),
        ".gitattributes": "api/** linguist-generated\n*.py diff=python\n",
        "README.md": "# Engine\n\nA mill and a store.\n",
    }
    kinds = [(".py", 0.62), (".md", 0.1), (".ts", 0.12), (".yaml", 0.06), (".png", 0.05), (".min.js", 0.03), ("", 0.02)]
    while len(files) < FILES - 1:
        suffix = chance.choices([kind for kind, _ in kinds], [share for _, share in kinds])[0]
        part = chance.choice(["src/core", "src/models", "tests", "docs", "api", "vendor/lib", "scripts", "cache"])
        path = f"{part}/{chance.choice(_WORDS)}/{chance.choice(_WORDS)}_{len(files)}{suffix}"
        target = min(int(chance.lognormvariate(8.1, 1.1)), 200_000)
        files[path] = _text(chance, target, suffix)
    contents = {path: text.encode() for path, text in files.items()}
    pictures = [path for path in contents if path.endswith(".png")]
    return {
        **contents,
        **{path: b"\x89PNG\r\n\x1a\n\0" + chance.randbytes(8000) for path in pictures},
        "poetry.lock": b"x" * 300_000,
    }


def _text(chance: random.Random, size: int, suffix: str) -> str:
    if suffix == ".min.js":
        return "var a=1;" * (size // 8 + 1)
    lines, length = [], 0
    while length < size:
        words = " ".join(chance.choices(_WORDS, k=chance.randint(2, 9)))
        lines.append("    " * chance.randint(0, 3) + words if chance.random() > 0.04 else chance.choice(_COMMENTS))
        length += len(lines[-1]) + 1
    return "\r\n".join(lines) if chance.random() < 0.02 else "\n".join([*lines, ""])


def _best(way: Callable[[Path], dict[str, bytes]], repository: Path) -> tuple[float, dict[str, bytes]]:
    seconds, found = float("inf"), {}
    for _ in range(_ROUNDS):
        start = time.perf_counter()
        found = way(repository)
        seconds = min(seconds, time.perf_counter() - start)
    return seconds, found


def _ours(repository: Path) -> dict[str, bytes]:
    from twin.crawling.sources.repository import RepositoryCrawler
    from twin.crawling.tools import Tools
    from twin.crawling.web.fetcher import Fetcher
    from twin.models import Category, Link

    link = Link(
        author="bench", url="local:engine", kind="repository", categories=(Category.REPOSITORIES,),
        location=str(repository),
    )  # fmt: skip
    crawl = RepositoryCrawler(Tools(Fetcher())).read(link, Category.REPOSITORIES, {})
    return {document.path or "": document.text.encode() for document in crawl.documents}


def _reference(repository: Path) -> dict[str, bytes]:
    """Like the crawler of the LLM Engineer's Handbook: a full clone, a walk, some suffixes left out, spaces removed."""
    ignored = (".git", ".toml", ".lock", ".png")
    target = Path(tempfile.mkdtemp())
    try:
        subprocess.run(["git", "clone", "-q", f"file://{repository}", target / "c"], check=True, capture_output=True)
        tree: dict[str, bytes] = {}
        for root, _, names in os.walk(target / "c"):
            inside = root.replace(str(target / "c"), "").lstrip("/")
            if inside.startswith(ignored):
                continue
            for name in names:
                if not name.endswith(ignored):
                    with (Path(root) / name).open(errors="ignore") as file:
                        tree[os.path.join(inside, name)] = file.read().replace(" ", "").encode()  # noqa: PTH118
        return tree
    finally:
        shutil.rmtree(target)


def _gitpython(repository: Path) -> dict[str, bytes]:
    from git import Repo

    with Repo(repository) as opened:
        return {
            str(item.path): item.data_stream.read()
            for item in opened.head.commit.tree.traverse()
            if item.type == "blob"
        }


def _git(folder: Path, *arguments: str) -> None:
    environment = os.environ | {
        "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b",
        "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b",
    }  # fmt: skip
    subprocess.run(["git", *arguments], cwd=folder, env=environment, check=True, capture_output=True)


if __name__ == "__main__":
    print(run())
