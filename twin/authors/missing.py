"""Authors whose file is gone: they stay, with everything they have, until somebody removes them, so it must be said."""

from collections.abc import Iterable
from pathlib import Path

from twin.authors.files import file_names
from twin.warehouse.base import Warehouse


def missing_files(warehouse: Warehouse, folder: Path, slugs: Iterable[str] | None = None) -> dict[str, str]:
    """One sentence for each author in the warehouse who was declared in a file of `folder` that is no longer there.

    Authors whose links were all imported or added need no file.

    Args:
        folder: the folder of author files. If it cannot be read, nothing is known about its files.
        slugs: the authors to look at; default: all.

    Raises:
        StoreError: the warehouse cannot be used.
    """
    try:
        stems = {name.rpartition(".")[0] for name in file_names(folder)}
    except FileNotFoundError:
        stems = set()
    except OSError:
        return {}
    asked = (author.slug for author in warehouse.authors()) if slugs is None else slugs
    declared = {slug: _declared(warehouse, slug) for slug in asked if slug not in stems}
    gone = {slug: urls for slug, urls in declared.items() if urls and warehouse.author(slug) is not None}
    if not gone:
        return {}
    heirs = {_declared(warehouse, author.slug): author.slug for author in warehouse.authors() if author.slug in stems}
    return {slug: _sentence(folder, slug, heirs.get(urls)) for slug, urls in gone.items()}


def _declared(warehouse: Warehouse, slug: str) -> frozenset[str]:
    return frozenset(link.url for link in warehouse.links(slug) if link.origin == "file")


def _sentence(folder: Path, slug: str, heir: str | None) -> str:
    path, remove = folder / f"{slug}.yaml", f"`twin authors remove {slug}`"
    if heir is not None:
        return (
            f"{path} is missing, and {folder / f'{heir}.yaml'} declares the same links. If it was renamed, everything "
            f"of {slug} is there twice: run {remove}. If not, put the file back."
        )
    if not folder.is_dir():
        return (
            f"{path} is missing, because the folder {folder} does not exist: create it or set TWIN_AUTHORS to the "
            f"folder of author files, or run {remove} to remove the author for good."
        )
    return (
        f"{path} is missing, but {slug} and everything of theirs is still there: put the file back, or run {remove} to "
        "remove the author for good."
    )
