"""Remove an author permanently: every row, capture, chunk, vector, sample, adapter and tokenizer of theirs.

A tombstone comes first, so that nothing comes back, whatever runs: every store looks for it when it writes something of
an author (see `twin.warehouse.removals` and `twin.opening`). The author's row goes last: if a removal is killed,
`twin authors` still lists the author, and running it again finishes.
"""

from pydantic import Field

from twin import layout
from twin.artifacts import ArtifactStore
from twin.authors.files import AuthorFiles
from twin.errors import InputError
from twin.identity import check_slug
from twin.models import Model
from twin.vectors.base import VectorStore
from twin.warehouse.base import Warehouse


class RemovalReport(Model):
    """What a removal removed; all zeros if nothing of the author was left."""

    points: int = 0  # in the vector store
    files: dict[str, int] = Field(default_factory=dict)  # in the artifact store, by folder
    rows: int = 0  # in the warehouse

    @property
    def removed(self) -> int:
        """Number of things removed."""
        return self.points + sum(self.files.values()) + self.rows


def remove_author(
    slug: str, warehouse: Warehouse, artifacts: ArtifactStore, vectors: VectorStore, files: AuthorFiles
) -> RemovalReport:
    """Remove everything of an author. What is missing already is not an error, so it may be killed and run again.

    Args:
        files: the author files; one that still declares the author would bring them back.

    Raises:
        InputError: an author file still declares the author, or the slug is not valid.
        StoreError: a store cannot be used; what was removed before stays removed.
    """
    check_removable(slug, files)
    warehouse.begin_removal(slug)
    points = vectors.remove_author(slug)
    removed = {}
    for folder in layout.PER_AUTHOR:
        removed[folder] = artifacts.count_files(folder, slug)
        artifacts.remove_tree(folder, slug)
    return RemovalReport(
        points=points,
        files={folder: count for folder, count in removed.items() if count},
        rows=warehouse.remove_author(slug),
    )


def check_removable(slug: str, files: AuthorFiles) -> None:
    """Refuse to remove an author whom a file would bring back.

    Raises:
        InputError: an author file still declares the author, or the slug is not valid.
    """
    check_slug(slug)
    path = files.folder / f"{slug}.yaml"
    if files.get(slug) is not None or slug in files.broken:
        raise InputError(f"{path} still declares {slug}, so they would come back: remove that file first.")
    if files.errors and not (files.authors or files.broken):
        raise InputError(f"Cannot tell whether {path} declares {slug}: {files.errors[0]}")
