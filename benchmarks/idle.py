"""What a build costs in which nothing changed, and one in which one document changed, as a share of the first build.

`python -m benchmarks.idle`, or with `--documents 500`. An author with 3,000 posts in local files goes through every
stage up to the dataset with all checks, always in a new process; embedding is done by a fast stand-in, so the share is
that of everything else. Seconds are CPU seconds of this process and its children.
"""

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from twin.authors.files import load_authors
from twin.authors.registration import sync_author
from twin.chunking import chunk_documents
from twin.chunking.checks import check_chunks
from twin.chunking.inspection import inspect_chunks
from twin.cleaning import clean_documents
from twin.cleaning.checks import check_cleaned
from twin.crawling import crawl_author
from twin.crawling.checks import check_raw
from twin.dataset.checks import check_dataset
from twin.dataset.stage import build_dataset
from twin.embedding import SentenceTransformerEmbedder, embed_chunks
from twin.embedding.base import Vectors
from twin.embedding.checks import check_embeddings
from twin.embedding.inspection import inspect_embeddings
from twin.identity import sha256
from twin.models import Category
from twin.opening import Stores
from twin.settings import Settings
from twin.tokens.sizer import Sizer
from twin.vectors import load_points
from twin.vectors.checks import check_collection

DOCUMENTS = 3_000
AUTHOR, POSTS = "ada", Category.POSTS

WHO = "the team, a reviewer, my first manager, every engineer, our customer, a careful reader, a new hire, one founder"
DID = "measured, rewrote, doubted, shipped, explained, deleted, tested, sketched, refused, repaired, simplified, sold"
WHAT = "the search index, a small dataset, the slow query, our release, the old parser, a chat window, the price list"
HOW = "on a Friday, without a meeting, in two hours, before the launch, with plain tests, by hand, after long talks"
WHY = "because nobody could read it, so that users wait less, and it held, which surprised us all, to learn one thing"


class StandIn:
    """An embedder without a model: a vector is random, with a hash of the text as its seed."""

    fingerprint = "stand-in@1/64"
    dimension, max_tokens, backend = 64, 256, "stand-in"

    def __init__(self) -> None:
        self._model = SentenceTransformerEmbedder()

    @property
    def sizer(self) -> Sizer:
        return self._model.sizer

    def embed(self, texts: Sequence[str]) -> Vectors:
        rows = [np.random.default_rng(int(sha256(text)[:12], 16)).normal(size=self.dimension) for text in texts]
        vectors = np.array(rows, dtype=np.float32).reshape(len(texts), self.dimension)
        return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)

    embed_queries = embed


def text(number: int) -> str:
    """A post that nothing else repeats, of about 130 words."""
    chance = random.Random(number)
    parts = [words.split(", ") for words in (WHO, DID, WHAT, HOW, WHY)]
    sentences = []
    for place in range(9):
        sentence = " ".join(chance.choice(words) for words in parts)
        sentences.append(f"{sentence[0].upper()}{sentence[1:]}, case {number}.{place}.")
    return "\n\n".join(" ".join(sentences[start : start + 3]) for start in (0, 3, 6)) + "\n"


def build(root: Path) -> dict[str, float]:
    """Every stage with its checks; CPU seconds by stage, and what was written."""
    spent: dict[str, float] = {}
    written = 0

    def timed(name: str, work: Callable[[], Any]) -> Any:
        begun = _cpu_s()
        result = work()
        spent[name] = round(spent.get(name, 0.0) + _cpu_s() - begun, 3)
        return result

    def checked(name: str, work: Callable[[], Any]) -> None:
        for check, verdict in timed(f"{name}, checks", work).items():
            if verdict.problems:
                raise SystemExit(f"{name}: {check} fails: {verdict.problems[:3]}")

    settings = Settings(store=str(root / "store"), authors=str(root / "authors"))
    embedder = StandIn()
    with Stores(settings) as stores:
        warehouse, artifacts, vectors = stores.warehouse, stores.artifacts, stores.vectors
        where = (AUTHOR, POSTS)
        timed("links", lambda: sync_author(warehouse, AUTHOR, load_authors(root / "authors")))
        written += timed("raw", lambda: crawl_author(warehouse, *where, tools=stores.crawl_tools(AUTHOR))).written
        checked("raw", lambda: check_raw(warehouse, *where))
        written += timed("cleaned", lambda: clean_documents(warehouse, *where)).written
        checked("cleaned", lambda: check_cleaned(warehouse, *where))
        report = timed("chunks", lambda: chunk_documents(warehouse, artifacts, embedder, *where))
        written += report.written
        timed("chunks", lambda: inspect_chunks(warehouse, artifacts, embedder, *where, cleaned=report.cleaned))
        checked("chunks", lambda: check_chunks(warehouse, artifacts, embedder, *where))
        written += timed("embeddings", lambda: embed_chunks(artifacts, embedder, *where)).written
        timed("embeddings", lambda: inspect_embeddings(artifacts, *where))
        checked("embeddings", lambda: check_embeddings(artifacts, embedder, *where))
        written += timed("collection", lambda: load_points(artifacts, vectors, embedder, *where)).written
        checked("collection", lambda: check_collection(artifacts, vectors, embedder, *where))
        written += timed("dataset", lambda: build_dataset(warehouse, artifacts, AUTHOR)).written
        checked("dataset", lambda: check_dataset(warehouse, artifacts, AUTHOR))
    return {**spent, "written": written}


def _cpu_s() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def in_new_process(root: Path) -> dict[str, float]:
    """`build` in a new process.

    Raises:
        SystemExit: it failed; its own message went to stderr.
    """
    command = [sys.executable, "-m", "benchmarks.idle", "--build", str(root)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"A build failed with exit status {done.returncode}: see above.")
    return dict(json.loads(done.stdout.splitlines()[-1]))


def main(documents: int) -> None:
    """Build, build again, change one post, build again; print the shares as one JSON object."""
    with tempfile.TemporaryDirectory(prefix="bench-idle-") as folder:
        root = Path(folder)
        posts = root / "authors" / "posts"
        posts.mkdir(parents=True)
        (root / "authors" / f"{AUTHOR}.yaml").write_text(
            "name: Ada\nlinks:\n  - files: posts/*.md\n    category: posts\n", encoding="utf-8"
        )
        for number in range(documents):
            (posts / f"{number:05d}.md").write_text(text(number), encoding="utf-8")
        builds = {}
        for name in ("full", "idle", "one_changed"):
            if name == "one_changed":
                (posts / "00007.md").write_text(text(7) + "\nOne more line.\n", encoding="utf-8")
            builds[name] = in_new_process(root)
            print(f"{name}: {json.dumps(builds[name])}", flush=True)
    if builds["idle"]["written"]:
        raise SystemExit(f"The idle build wrote {builds['idle']['written']:.0f} items, not 0.")
    seconds = {name: sum(spent for part, spent in found.items() if part != "written") for name, found in builds.items()}
    shares = {f"{name}_build_share": round(seconds[name] / seconds["full"], 3) for name in ("idle", "one_changed")}
    print(json.dumps({"documents": documents, "full_build_cpu_s": round(seconds["full"], 2), **shares}))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=DOCUMENTS)
    parser.add_argument("--build", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.build:
        print(json.dumps(build(arguments.build)))
    else:
        main(arguments.documents)
