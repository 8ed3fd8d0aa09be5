"""All stores and models of the settings; each is opened when first used, and all are closed together."""

import logging
from collections.abc import Sequence
from contextlib import ExitStack, closing
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING

from twin.artifacts import ArtifactStore
from twin.errors import RemovedError, StoreError
from twin.models import Author
from twin.settings import Settings

if TYPE_CHECKING:
    from twin.crawling import Fetcher, Tools
    from twin.embedding import Embedder
    from twin.retrieval import Retriever
    from twin.vectors import VectorStore
    from twin.warehouse import Warehouse

logger = logging.getLogger("twin")


class Stores:
    """What the settings name, as attributes: `with Stores(settings) as stores: stores.warehouse.authors()`.

    Each is opened when first used, so a command opens only what it needs. All are closed at the end of the `with`, in
    reverse order, also after an exception. Nothing may be used after that.

    Args:
        settings: which implementations to use, and where they are.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._opened = ExitStack()

    def __enter__(self) -> "Stores":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._opened.__exit__(kind, error, trace)

    @cached_property
    def warehouse(self) -> "Warehouse":
        """See `twin.warehouse.open_warehouse`."""
        from twin.warehouse import open_warehouse

        return self._opened.enter_context(closing(open_warehouse(self.settings)))

    @cached_property
    def vectors(self) -> "VectorStore":
        """See `twin.vectors.open_vector_store`."""
        from twin.vectors import open_vector_store

        return self._opened.enter_context(closing(open_vector_store(self.settings, self._refuse_removed)))

    @cached_property
    def artifacts(self) -> ArtifactStore:
        """Tables and files under TWIN_STORE."""
        return ArtifactStore(self.settings.store_path, self._refuse_removed)

    def _refuse_removed(self, author: str) -> None:
        """The guard of both stores: the warehouse knows who was removed."""
        if self.warehouse.removal(author) is not None:
            raise RemovedError(author)

    @cached_property
    def embedder(self) -> "Embedder":
        """See `twin.embedding.open_embedder`: no weights are loaded before the first text."""
        from twin.embedding import open_embedder

        return open_embedder(self.settings, self.artifacts)

    @cached_property
    def fetcher(self) -> "Fetcher":
        """The only access to the web."""
        from twin.crawling import Fetcher

        return Fetcher.from_settings(self.settings)

    def crawl_tools(self, author: str, *, keep: int | None = None) -> "Tools":
        """What a crawl of an author works with.

        Args:
            author: slug.
            keep: number of versions to keep of each address; None: the number in the settings.
        """
        from twin.crawling import crawl_tools

        keep = self.settings.keep_captures if keep is None else keep
        return crawl_tools(self.fetcher, self.artifacts, self.warehouse, author, keep=keep)

    def retriever(self, authors: Sequence[Author] = ()) -> "Retriever":
        """See `twin.retrieval.open_retriever`.

        Args:
            authors: people to recognise by name in a question, such as `people()`.
        """
        from twin.retrieval import open_retriever

        return open_retriever(self.settings, self.vectors, self.embedder, authors)

    def people(self) -> list[Author]:
        """The authors to recognise by name; none if the warehouse cannot be read."""
        try:
            return list(self.warehouse.authors())
        except StoreError as error:
            logger.warning("author names in questions are not recognised: the warehouse cannot be read (%s)", error)
            return []
