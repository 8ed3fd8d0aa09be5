"""Opens stores for the duration of one command, and reads the names that a person types."""

from twin.authors.registration import unknown_author
from twin.errors import InputError
from twin.identity import check_slug
from twin.models import Category
from twin.nearest import did_you_mean
from twin.opening import Stores
from twin.settings import Settings


def stores() -> Stores:
    """The stores of the environment, for a `with`."""
    return Stores(Settings.from_env())


def known_author(opened: Stores, slug: str) -> str:
    """Return `slug`, or raise `InputError` naming the nearest authors or all of them."""
    warehouse = opened.warehouse
    if warehouse.author(check_slug(slug)) is None:
        known = [author.slug for author in warehouse.authors()]
        raise unknown_author(slug, opened.settings.authors_path, known, warehouse.address)
    return slug


CHOICES = ", ".join(Category)
"""The categories, for the help of an option."""


def category_named(name: str) -> Category:
    """The category of that name, for an option; raise `InputError` if there is none."""
    if name not in tuple(Category):
        hint = did_you_mean(name, Category, f"choose from {CHOICES}")
        raise InputError(f"There is no category '{name}'{hint}")
    return Category(name)
