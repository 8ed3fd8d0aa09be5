"""Opens stores for the duration of one command."""

from twin.commands import REGISTER
from twin.errors import InputError
from twin.identity import check_slug
from twin.opening import Stores
from twin.settings import Settings


def stores() -> Stores:
    """The stores of the environment, for a `with`."""
    return Stores(Settings.from_env())


def known_author(opened: Stores, slug: str) -> str:
    """Return `slug`, or raise `InputError` naming the existing authors."""
    warehouse = opened.warehouse
    if warehouse.author(check_slug(slug)) is None:
        known = ", ".join(author.slug for author in warehouse.authors()) or "none yet"
        raise InputError(
            f"There is no author '{slug}' in {warehouse.address} (existing: {known}): write "
            f"{opened.settings.authors_path / slug}.yaml and run `{REGISTER}`, "
            "or import one with `twin import`."
        )
    return slug
