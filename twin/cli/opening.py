"""Opens stores for the duration of one command."""

from collections.abc import Iterator
from contextlib import contextmanager

from twin.errors import InputError
from twin.identity import check_slug
from twin.settings import Settings
from twin.warehouse import open_warehouse
from twin.warehouse.base import Warehouse


@contextmanager
def warehouse() -> Iterator[Warehouse]:
    """The warehouse of the environment; it is closed afterwards."""
    opened = open_warehouse(Settings.from_env())
    try:
        yield opened
    finally:
        opened.close()


def known_author(opened: Warehouse, slug: str) -> str:
    """Return `slug`, or raise `InputError` naming the existing authors."""
    if opened.author(check_slug(slug)) is None:
        known = ", ".join(author.slug for author in opened.authors()) or "none yet"
        raise InputError(
            f"There is no author '{slug}' in {opened.address} (existing: {known}): write "
            f"{Settings.from_env().authors_path / slug}.yaml and run `dagster job execute -m twin_jobs.definitions "
            "-j register_links`, or import one with `twin import`."
        )
    return slug
