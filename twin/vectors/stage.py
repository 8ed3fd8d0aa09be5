"""The stage embeddings -> collection: the author's points become exactly the author's chunks."""

import logging
from collections.abc import Iterator

from pydantic import Field

from twin.artifacts import ArtifactStore
from twin.batching import batches
from twin.chunking.stage import Text, read_chunks, read_texts
from twin.embedding.base import Embedder
from twin.embedding.stage import embeddings_model, read_embeddings
from twin.errors import ConsistencyError
from twin.identity import data_version, sha256
from twin.models import Category, Chunk, StageReport
from twin.progress import progress
from twin.terms.bm25 import encode_chunks
from twin.vectors.base import Point, Vector, VectorStore, points_model
from twin.vectors.payload import BATCH

logger = logging.getLogger("twin")


class CollectionReport(StageReport):
    """What `load_points` did; `total` and `written` count points."""

    points_written: int = Field(description="points that are new or were replaced")
    points_deleted: int = Field(description="points that are gone")
    searchable: int = Field(
        description="the author's points that a search sees; fewer than all only until a new model's collection is "
        "complete"
    )
    model: str = Field(description="what made the vectors of both kinds")
    dimension: int = Field(description="numbers in a vector")
    collection: str = Field(description="name of the collection for searches")
    address: str = Field(description="the vector store")


def load_points(
    artifacts: ArtifactStore, vectors: VectorStore, embedder: Embedder, author: str, category: Category
) -> CollectionReport:
    """Make the collection equal to the stored chunks: new and changed points are written, the author's others deleted.

    Args:
        artifacts: read: chunks and embeddings.
        vectors: written; unchanged if it already has the chunks.
        embedder: the embedder of the stored embeddings; only its fingerprint is needed, not the model.
        author: slug.
        category: of the chunks.

    Raises:
        ConsistencyError: chunks and embeddings do not belong together, or the store does not contain what was written.
        StoreError: a store cannot be used.
    """
    label = f"loading {category.value} of {author}"
    model = points_model(embedder)
    _check_model(artifacts, embedder.fingerprint, author, category)
    wanted = {chunk.id: chunk.content_hash for chunk in _verified(artifacts, author, category)}
    stored = vectors.hashes(category, author, model)
    upserts = {identifier for identifier, content in wanted.items() if stored.get(identifier) != content}
    deletes = stored.keys() - wanted.keys()
    points = _points(artifacts, author, category, upserts) if upserts else iter(())
    vectors.apply(
        category,
        author,
        model,
        dimension=embedder.dimension,
        upserts=progress(points, label, len(upserts)),
        deletes=deletes,
    )
    if (upserts or deletes) and vectors.hashes(category, author, model) != wanted:
        raise ConsistencyError(
            f"The {category.value} collection does not contain the {len(wanted)} points of {author} that were written: "
            "run this stage again."
        )
    searchable = vectors.count(category, author)
    logger.info("%s: %d points, %d written, %d deleted", label, len(wanted), len(upserts), len(deletes))
    return CollectionReport(
        data_version=data_version(wanted.items(), model),
        total=len(wanted),
        written=len(upserts) + len(deletes),
        points_written=len(upserts),
        points_deleted=len(deletes),
        searchable=searchable,
        model=model,
        dimension=embedder.dimension,
        collection=category.value,
        address=vectors.address,
    )


def _check_model(artifacts: ArtifactStore, model: str, author: str, category: Category) -> None:
    found = embeddings_model(artifacts, author, category)
    if found is None:
        raise ConsistencyError(f"The {category.value} of {author} have no embeddings yet: run that stage first.")
    if found != model:
        raise ConsistencyError(
            f"The {category.value} of {author} were embedded with {found} and not with {model}: "
            "run the embeddings stage again."
        )


def _verified(artifacts: ArtifactStore, author: str, category: Category) -> Iterator[Text]:
    """Yield the chunks' texts and hashes; raise an error if they are not exactly those with a vector."""
    embeddings = read_embeddings(artifacts, author, category, vectors=False)
    for chunk in read_texts(artifacts, author, category):
        row = next(embeddings, None)
        if row is None or row.chunk_id != chunk.id or row.text_hash != sha256(chunk.text):
            raise _stale(author, category)
        yield chunk
    if next(embeddings, None) is not None:
        raise _stale(author, category)


def _points(artifacts: ArtifactStore, author: str, category: Category, wanted: set[str]) -> Iterator[Point]:
    for batch in batches(_rows(artifacts, author, category, wanted), BATCH):
        terms = encode_chunks([chunk for chunk, _ in batch])
        yield from (Point(chunk, vector, sparse) for (chunk, vector), sparse in zip(batch, terms, strict=True))


def _rows(
    artifacts: ArtifactStore, author: str, category: Category, wanted: set[str]
) -> Iterator[tuple[Chunk, Vector]]:
    chunks = read_chunks(artifacts, author, category)
    for chunk, row in zip(chunks, read_embeddings(artifacts, author, category), strict=True):
        if row.chunk_id != chunk.id:
            raise _stale(author, category)
        if chunk.id in wanted:
            yield chunk, row.vector


def _stale(author: str, category: Category) -> ConsistencyError:
    return ConsistencyError(
        f"The embeddings of {author}'s {category.value} do not belong to the stored chunks: "
        "run the embeddings stage again."
    )
