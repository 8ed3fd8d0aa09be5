"""Opens the stores for documents, artifacts and points; the environment chooses them when a run starts.

The resources have no configuration on purpose: without fields, no password can leak into the run configuration or the
repository snapshot, and the definitions load without any environment variable.
"""

from collections.abc import Iterator

import dagster as dg

from twin.artifacts import ArtifactStore
from twin.crawling import Fetcher
from twin.embedding import Embedder
from twin.masking import no_secrets
from twin.opening import Stores
from twin.settings import Settings
from twin.vectors.base import VectorStore
from twin.warehouse.base import Warehouse


@dg.resource(description="The settings, read from the environment when the run starts.")
def settings() -> Settings:
    return Settings.from_env()


@dg.resource(description="Documents: MongoDB if MONGO_URI is set, else SQLite inside TWIN_STORE.")
def warehouse() -> Iterator[Warehouse]:
    with no_secrets(), Stores(Settings.from_env()) as opened:
        yield opened.warehouse


@dg.resource(description="Points: Qdrant at QDRANT_URL, else Qdrant Edge inside TWIN_STORE.")
def vectors() -> Iterator[VectorStore]:
    with no_secrets(), Stores(Settings.from_env()) as opened:
        yield opened.vectors


@dg.resource(description="Parquet files and folders under TWIN_STORE, a folder or any fsspec URL.")
def artifacts() -> Iterator[ArtifactStore]:
    with no_secrets(), Stores(Settings.from_env()) as opened:
        yield opened.artifacts


@dg.resource(description="Access to the web: guarded, polite, with TWIN_CONTACT in its User-Agent.")
def fetcher() -> Iterator[Fetcher]:
    with no_secrets(), Stores(Settings.from_env()) as opened:
        yield opened.fetcher


@dg.resource(
    description="The model of TWIN_EMBEDDING_MODEL, or of the endpoint TWIN_EMBEDDING_URL; its weights are loaded when "
    "the first text is embedded."
)
def embedder() -> Iterator[Embedder]:
    with no_secrets(), Stores(Settings.from_env()) as opened:
        yield opened.embedder
