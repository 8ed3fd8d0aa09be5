"""A separate installation in a folder (store, Dagster home, authors), used from outside like a person does."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from twin.artifacts import ArtifactStore
from twin.chunking import read_chunks
from twin.dataset.stage import read_samples
from twin.embedding import SentenceTransformerEmbedder, read_embeddings
from twin.models import Category, State
from twin.settings import Settings
from twin.vectors import open_vector_store
from twin.vectors.base import points_model
from twin.warehouse import open_warehouse

REPOSITORY = Path(__file__).parents[2]
SCRIPTS = Path(sys.executable).parent
QUICK = {"ops": {"lora_adapter": {"config": {"max_steps": 6}}}, "loggers": {"twin": {}}}
"""Run configuration that trains for a few seconds; the training is real."""

KEPT = ("PATH", "HOME", "LANG", "TMPDIR", "PYTHONPATH")
"""Variables of the developer that commands keep; PYTHONPATH chooses the checkout that is tested."""


class Installation:
    """Commands here use this folder's store, home and authors, and nothing from the developer's environment."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.authors = root / "authors"
        self.authors.mkdir(parents=True, exist_ok=True)
        self.home = root / "dagster"
        self.home.mkdir(exist_ok=True)
        shutil.copy(REPOSITORY / "dagster.yaml", self.home / "dagster.yaml")
        self.environment = {
            **{name: value for name, value in os.environ.items() if name in KEPT},
            "TWIN_STORE": str(root / "store"),
            "TWIN_AUTHORS": str(self.authors),
            "DAGSTER_HOME": str(self.home),
        }

    @property
    def settings(self) -> Settings:
        return Settings.from_env(self.environment)

    def declare(self, slug: str, text: str) -> Path:
        """Write an author file."""
        path = self.authors / f"{slug}.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    def command(self, job: str, author: str | None = None, config: dict[str, Any] | None = None) -> list[str]:
        """The command line of `dagster job execute`."""
        command = [str(SCRIPTS / "dagster"), "job", "execute", "-m", "twin_jobs.definitions", "-j", job]
        if author is not None:
            command += ["--tags", json.dumps({"dagster/partition": author})]
        if config is not None:
            path = self.root / f"{job}.yaml"
            path.write_text(json.dumps(config), encoding="utf-8")
            command += ["-c", str(path)]
        return command

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, cwd=REPOSITORY, env=self.environment, capture_output=True, text=True, check=False, timeout=600
        )

    def twin(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the `twin` command."""
        return self.run(str(SCRIPTS / "twin"), *arguments)

    def job(self, job: str, author: str | None = None, config: dict[str, Any] | None = None) -> str:
        """Run a job that must succeed; return what it printed."""
        done = self.run(*self.command(job, author, config))
        assert done.returncode == 0, done.stderr[-4000:]
        return done.stderr

    def register(self) -> None:
        self.job("register_links")

    def build(self, author: str) -> str:
        return self.job("build_twin", author, QUICK)

    def kill_in(self, author: str, stage: str, delay: float) -> None:
        """Start a build and SIGKILL it, with its child processes, `delay` seconds after `stage` begins."""
        process = subprocess.Popen(
            self.command("build_twin", author, QUICK),
            cwd=REPOSITORY,
            env=self.environment,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        seen = []
        assert process.stderr is not None
        for line in process.stderr:
            seen.append(line)
            if line.strip() == f"▸ {stage}":
                break
        else:
            raise AssertionError(f"{stage} never began:\n{''.join(seen)}")
        time.sleep(delay)
        assert process.poll() is None, f"the build ended within {delay} s of {stage}, so nothing was killed"
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        process.stderr.close()

    def state(self, author: str) -> dict[str, Any]:
        """Everything that an author has, without times and places: equal states are equal installations."""
        settings = self.settings
        artifacts = ArtifactStore(settings.store_path)
        embedder = SentenceTransformerEmbedder(settings.embedding_model)
        warehouse, vectors = open_warehouse(settings), open_vector_store(settings)
        try:
            found: dict[str, Any] = {"links": sorted(link.content_hash for link in warehouse.links(author))}
            for category in Category:
                for state in State:
                    found[f"{state}/{category}"] = {
                        document.id: document.content_hash for document in warehouse.documents(state, author, category)
                    }
                found[f"chunks/{category}"] = {
                    chunk.id: chunk.content_hash for chunk in read_chunks(artifacts, author, category)
                }
                found[f"embeddings/{category}"] = {
                    row.chunk_id for row in read_embeddings(artifacts, author, category, vectors=False)
                }
                found[f"collections/{category}"] = vectors.hashes(category, author, points_model(embedder))
                assert vectors.count(category, author) == len(found[f"collections/{category}"])
            found["samples"] = {sample.id: sample.content_hash for sample in read_samples(artifacts, author)}
        finally:
            vectors.close()
            warehouse.close()
        folder = Path(settings.store) / "adapters" / author
        found["adapter"] = {
            str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(folder.rglob("*"))
            if path.is_file() and path.suffix == ".safetensors"
        }
        return found

    def leftovers(self) -> list[str]:
        """Files that a killed writer left and nobody removed."""
        return sorted(
            str(path) for path in (self.root / "store").rglob("*") if path.name.endswith((".tmp", ".partial"))
        )
