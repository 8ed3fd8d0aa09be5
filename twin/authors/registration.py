"""From declarations to the warehouse: which links an author has, and what would change.

The author files decide about the links that they declare (origin `file`). Links added by hand (`added`) and imported
ones (`import`) exist only in the warehouse and are never removed by a file.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import Field

from twin.authors.declarations import declare_link
from twin.authors.files import AuthorFile, AuthorFiles
from twin.authors.missing import missing_files
from twin.commands import build
from twin.errors import InputError
from twin.identity import check_slug, data_version
from twin.links import ends_with, spellings
from twin.models import Author, Category, Link, Model, StageReport
from twin.nearest import did_you_mean, listed
from twin.warehouse.base import Warehouse

LINKS_VERSION = "1"
"""Changes whenever the same declarations would give other links."""


class LinksReport(StageReport):
    """What the registration of one author's links did."""

    author: str = Field(description="slug of the author")
    added: int = Field(description="links that are new")
    changed: int = Field(description="links whose declaration changed")
    removed: int = Field(description="links that are no longer declared")
    categories: list[str] = Field(description="categories with a link that was added, changed or removed")
    kinds: dict[str, int] = Field(description="links by what reads them")
    missing_file: str | None = Field(default=None, description="what to do if the author's file is gone")


class PendingLinks(Model):
    """What the next registration of an author would do."""

    new_author: bool = False
    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    categories: tuple[Category, ...] = ()


def register_author(
    warehouse: Warehouse, author_file: AuthorFile, *, known: Mapping[str, str | None] | None = None
) -> LinksReport:
    """Write one declared author and the declared links to the warehouse; an unchanged declaration writes nothing.

    Args:
        known: see `Warehouse.upsert_authors`.

    Raises:
        RemovedError: the author was removed meanwhile.
        StoreError: the warehouse cannot be used.
    """
    slug = author_file.author.slug
    changes = _changes(warehouse.links(slug), author_file)
    # The author first: a run killed in between leaves an author whose links come with the next run.
    authors = warehouse.upsert_authors([author_file.author], known=known)
    # All links, not only the changed ones: the location of a local source may differ without a change of the link.
    links = warehouse.upsert_links(author_file.links)
    removed = warehouse.remove_links(slug, changes.removed)
    return _report(warehouse, slug, changes, written=authors.written + links.written + removed)


def sync_author(warehouse: Warehouse, slug: str, files: AuthorFiles) -> LinksReport:
    """Make the warehouse hold the links of one author; this is what the `links` asset does.

    An author without a file keeps the links in the warehouse. A missing author file does not mean that the author
    should be forgotten: a wrong working folder looks the same.

    Raises:
        InputError: the author's file is broken, or there is no such author.
        StoreError: the warehouse cannot be used.
    """
    check_slug(slug)
    if slug in files.broken:
        raise files.broken[slug]
    removal = {slug: warehouse.removal(slug)}
    # The files may have been read long ago: an author who was removed since has no file any more.
    if (author_file := files.get(slug)) and (files.folder / f"{slug}.yaml").exists():
        return register_author(warehouse, author_file, known=removal)
    if warehouse.author(slug) is None:
        known = [author.slug for author in warehouse.authors()] + [each.author.slug for each in files.authors]
        raise unknown_author(slug, files.folder, known)
    missing = missing_files(warehouse, files.folder, [slug]).get(slug)
    return _report(warehouse, slug, PendingLinks(), written=0).model_copy(update={"missing_file": missing})


def pending_links(warehouse: Warehouse, files: AuthorFiles) -> dict[str, PendingLinks]:
    """Say what `register_author` would change, by author, without writing; authors without changes are left out.

    Raises:
        StoreError: the warehouse cannot be used.
    """
    known = {author.slug: author for author in warehouse.authors()}
    pending = {}
    for author_file in files.authors:
        slug = author_file.author.slug
        changes = _changes(warehouse.links(slug), author_file)
        changes = changes.model_copy(update={"new_author": slug not in known})
        if changes != PendingLinks() or known[slug] != author_file.author:
            pending[slug] = changes
    return pending


def category_versions(warehouse: Warehouse, slug: str, author_file: AuthorFile | None) -> dict[str, str]:
    """Version of an author's links by category, as they will be after registration; nothing is written.

    A sensor that compares this with the versions it saw last misses nothing: neither a link that another process wrote
    to the warehouse, nor one whose run was killed before it could report.

    Args:
        author_file: the author's file, if there is one.

    Raises:
        StoreError: the warehouse cannot be used.
    """
    links = _after(warehouse.links(slug), author_file) if author_file else warehouse.links(slug)
    return {category.value: _version(link for link in links if category in link.categories) for category in Category}


def add_link(
    warehouse: Warehouse, slug: str, declaration: str | Mapping[str, Any], base: Path, *, name: str | None = None
) -> Link:
    """Add one link to an author in the warehouse, for `twin links add`; an existing link stays as it is.

    Args:
        slug: the author's slug.
        declaration: as in an author file, see `twin.authors.declarations.declare_link`.
        base: the folder that a relative path starts from.
        name: creates an author of that name if there is none.

    Raises:
        InputError: the declaration is invalid, or there is no such author and no name.
        StoreError: the warehouse cannot be used.
    """
    check_slug(slug)
    removal = {slug: warehouse.removal(slug)}
    link = declare_link(slug, declaration, base=base, origin="added")
    if warehouse.author(slug) is None:
        if not (name and name.strip()):
            known = [author.slug for author in warehouse.authors()]
            otherwise = "to create one, give --name as well"
            raise InputError(f"There is no author '{slug}' yet{did_you_mean(slug, known, otherwise)}")
        warehouse.upsert_authors([Author(slug=slug, name=name.strip())], known=removal)
    there = next((each for each in warehouse.links(slug) if each.url == link.url), None)
    if there is not None and there.origin == "file":
        return there  # the author file declares it and decides about it
    if there is not None and there.location != link.location:
        raise InputError(
            f"{slug} has another source of that name, at {there.location}: give the whole path of the new one, or "
            f"remove the old one with `twin links remove {slug} {there.url}`."
        )
    warehouse.upsert_links([link])
    return link


def drop_link(warehouse: Warehouse, slug: str, link: str) -> str:
    """Remove one link from the warehouse, for `twin links remove`, and return its url.

    Args:
        link: the url in any spelling, the path as it was declared, or the end of one if no other link ends like it.

    Raises:
        InputError: the author has no such link, or the author file declares it, so it would come back.
        StoreError: the warehouse cannot be used.
    """
    live = {each.url: each for each in warehouse.links(slug)}
    found = [live[url] for url in spellings(link) if url in live][:1]
    found = found or [each for url, each in live.items() if ends_with(url, link)]
    if not found:
        hint = did_you_mean(link, live, f"list them with `twin links list {slug}`")
        raise InputError(f"{slug} has no link {link}{hint}")
    if len(found) > 1:
        raise InputError(f"{link} may be {listed((each.url for each in found), 3)}: give the whole link.")
    (chosen,) = found
    if chosen.origin == "file":
        raise InputError(f"{chosen.url} is in the author file of {slug}: remove it there and run `{build(slug)}`.")
    warehouse.remove_links(slug, [chosen.url])
    return chosen.url


def unknown_author(slug: str, folder: Path, known: Iterable[str] = (), place: str = "") -> InputError:
    """The error for an author who is neither in a file nor in the warehouse.

    Args:
        slug: what was typed.
        folder: the folder of author files.
        known: slugs of the authors that exist.
        place: the address of the warehouse, if it is part of the sentence.
    """
    missing = "" if folder.is_dir() else f" (the folder {folder} does not exist)"
    otherwise = (
        f"write {folder / f'{slug}.yaml'}{missing} and run `{build(slug)}`, or import authors with `twin import DIR`"
    )
    existing = sorted(known)
    there = f" in {place} (existing: {listed(existing) or 'none yet'})" if place else ""
    return InputError(f"There is no author '{slug}'{there}{did_you_mean(slug, existing, otherwise)}")


def _changes(live: list[Link], author_file: AuthorFile) -> PendingLinks:
    before = {link.url: link for link in live}
    declared = {link.url: link for link in author_file.links}
    added = [link for url, link in declared.items() if url not in before]
    changed = [
        link for url, link in declared.items() if url in before and before[url].content_hash != link.content_hash
    ]
    removed = [link for url, link in before.items() if link.origin == "file" and url not in declared]
    # A changed link may have left a category, so its old categories count too.
    touched = {each for link in (*added, *changed, *removed) for each in link.categories}
    touched |= {each for link in changed for each in before[link.url].categories}
    return PendingLinks(
        added=_urls(added),
        changed=_urls(changed),
        removed=_urls(removed),
        categories=tuple(category for category in Category if category in touched),
    )


def _after(live: list[Link], author_file: AuthorFile) -> list[Link]:
    """The links that `register_author` will leave."""
    kept = {link.url: link for link in live if link.origin != "file"}
    return list((kept | {link.url: link for link in author_file.links}).values())


def _urls(links: Iterable[Link]) -> tuple[str, ...]:
    return tuple(sorted(link.url for link in links))


def _version(links: Iterable[Link]) -> str:
    return data_version((link.url, link.content_hash) for link in links)


def _report(warehouse: Warehouse, slug: str, changes: PendingLinks, written: int) -> LinksReport:
    links = warehouse.links(slug)
    return LinksReport(
        author=slug,
        data_version=_version(links),
        total=len(links),
        written=written,
        added=len(changes.added),
        changed=len(changes.changed),
        removed=len(changes.removed),
        categories=[category.value for category in changes.categories],
        kinds=dict(sorted(Counter(link.kind for link in links).items())),
    )
