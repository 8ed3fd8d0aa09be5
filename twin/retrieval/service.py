"""Search in one author's collections."""

import json
from collections.abc import Sequence

from twin.embedding.base import Embedder
from twin.errors import InputError
from twin.identity import check_slug
from twin.models import Category
from twin.vectors.base import Hit, VectorStore


def search(
    vectors: VectorStore,
    embedder: Embedder,
    author: str,
    query: str,
    *,
    limit: int = 5,
    categories: Sequence[Category] = tuple(Category),
) -> list[Hit]:
    """The author's chunks that are nearest in meaning to the query, best first, over all given categories.

    Args:
        vectors: where the points are.
        embedder: the one that the points were made with.
        author: slug.
        query: in the author's language or the model's.
        limit: number of hits at most.
        categories: searched together; scores of all categories compare.

    Raises:
        InputError: the query is empty, the limit not positive, no category is given, the author has no points, or
            they are of another model: distances between the vectors of two models mean nothing, even where their
            dimensions agree.
        StoreError: the vector store cannot be used.
    """
    check_slug(author)
    if not query.strip():
        raise InputError("The query is empty: say what to search for.")
    if limit < 1:
        raise InputError(f"The number of results must be 1 or more, not {limit}.")
    if not categories:
        raise InputError(f"No category is given: choose of {', '.join(Category)}.")
    if not any(vectors.count(category, author) for category in categories):
        names = ", ".join(category.value for category in categories)
        job = "dagster job execute -m twin_jobs.definitions -j build_twin"
        tags = json.dumps({"dagster/partition": author})
        raise InputError(f"{author} has no points in {names}: build the twin first ({job} --tags '{tags}').")
    for category in categories:
        if not vectors.serves(category, author, embedder.fingerprint):
            raise InputError(
                f"The {category.value} of {author} are searched with another embedding model than "
                f"{embedder.fingerprint}: build the collections again, or set TWIN_EMBEDDING_MODEL back."
            )
    (vector,) = embedder.embed([query.strip()])
    return vectors.search(categories, author, vector, limit=limit)
