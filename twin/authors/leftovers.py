"""What the stores contain of authors whom the warehouse does not list.

A run that is killed in the moment in which its author is removed may leave something behind, and so may a person who
deletes an author's row by hand.
"""

from pydantic import Field

from twin import layout
from twin.artifacts import ArtifactStore
from twin.models import Category, Model
from twin.vectors.base import VectorStore
from twin.warehouse.base import Warehouse


class Leftovers(Model):
    """What is stored of one unknown author."""

    rows: int = 0  # in the warehouse
    points: int = 0  # in the vector store
    files: dict[str, int] = Field(default_factory=dict)  # in the artifact store, by folder


def find_leftovers(warehouse: Warehouse, artifacts: ArtifactStore, vectors: VectorStore) -> dict[str, Leftovers]:
    """Slug -> what is stored of an author who is not in the warehouse; `remove_author` removes it.

    Raises:
        StoreError: a store cannot be used.
    """
    known = {author.slug for author in warehouse.authors()}
    rows = warehouse.owners()
    files: dict[str, dict[str, int]] = {}
    for folder in layout.PER_AUTHOR:
        for slug in artifacts.folders(folder):
            files.setdefault(slug, {})[folder] = artifacts.count_files(folder, slug)
    points: dict[str, int] = {}
    for category in Category:
        for slug in vectors.authors(category):
            points[slug] = points.get(slug, 0) + vectors.count(category, slug)
    return {
        slug: Leftovers(rows=rows.get(slug, 0), points=points.get(slug, 0), files=files.get(slug, {}))
        for slug in sorted((rows.keys() | files.keys() | points.keys()) - known)
    }
