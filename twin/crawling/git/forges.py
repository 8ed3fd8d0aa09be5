"""Addresses of git repositories on servers other than GitHub: how to recognise them, and what address git is given.

A table by host lists the forges whose page addresses have fixed forms. Elsewhere an address is a repository if its path
ends in `.git`, or if the author says so.
"""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from twin.errors import CrawlError


@dataclass(frozen=True)
class _Forge:
    """How a forge writes the address of a repository.

    Args:
        depth: how many parts of the path may name it, fewest and most; GitLab has groups within groups.
        suffix: ending of its git addresses; with another ending the server redirects, which git does not follow here.
        owner: what the first part looks like.
    """

    depth: tuple[int, int] = (2, 2)
    suffix: str = ".git"
    owner: re.Pattern[str] = re.compile(r"[\w][\w.-]{0,254}", re.A)


_GITLAB = _Forge(depth=(2, 20))
_FORGES = {
    **dict.fromkeys(
        ["gitlab.com", "gitlab.gnome.org", "gitlab.freedesktop.org", "salsa.debian.org", "framagit.org",
         "invent.kde.org"],
        _GITLAB,
    ),
    **dict.fromkeys(["codeberg.org", "bitbucket.org", "gitea.com", "gitee.com", "notabug.org"], _Forge()),
    "git.sr.ht": _Forge(suffix="", owner=re.compile(r"~[\w][\w.-]{0,254}", re.A)),
}  # fmt: skip
_NOT_OWNERS = frozenset([
    "-", "about", "account", "admin", "api", "assets", "blog", "dashboard", "explore", "features", "groups", "help",
    "login", "org", "organizations", "product", "projects", "public", "repo", "search", "snippets", "topics", "user",
    "users", "workspaces",
])  # fmt: skip
"""First parts of paths that are a forge's own pages."""

_INSIDE = frozenset([
    "-", "tree", "blob", "blame", "raw", "commit", "commits", "src", "branch", "branches", "issues", "merge_requests",
    "wikis", "wiki", "pulls", "pull-requests", "releases", "tags", "log", "refs", "pipelines", "activity", "graphs",
])  # fmt: skip
"""Path parts after which GitLab and similar forges name something inside a repository."""

_PART = re.compile(r"~?[\w][\w.+-]{0,254}", re.A)
_FEED = (".atom", ".rss", ".xml")


def forge_repository(url: str, *, declared: bool = False) -> str | None:
    """The one address of the repository that contains a canonical http(s) URL; None if the URL does not show one.

    Args:
        declared: the author says that it is a repository, so any path may be one.
    """
    parts = urlsplit(url)
    host, path = parts.hostname or "", [part for part in parts.path.split("/") if part]
    if parts.scheme == "http" and parts.port is not None:
        return None  # nothing says where its https version is
    if parts.port is None and host in _FORGES:
        return _of_forge(host, path, _FORGES[host])
    named = bool(path) and path[-1].endswith(".git") and len(path[-1]) > len(".git")
    if not (named or declared) or not path or not all(_PART.fullmatch(part) for part in path):
        return None
    return f"https://{parts.netloc}/{'/'.join(path)}"


def _of_forge(host: str, path: list[str], forge: _Forge) -> str | None:
    least, most = forge.depth
    inside = next((index for index, part in enumerate(path) if index >= least and part in _INSIDE), len(path))
    names = path[: min(inside, most)]
    if len(names) < least or names[0].lower() in _NOT_OWNERS or not forge.owner.fullmatch(names[0]):
        return None
    names[-1] = names[-1].removesuffix(".git")
    if not all(_PART.fullmatch(name) for name in names) or names[-1].lower().endswith(_FEED):
        return None
    return f"https://{host}/{'/'.join(names)}"


def clone_address(url: str) -> str:
    """The address for git, rebuilt from the parts of a repository's address.

    Raises:
        CrawlError: it is not the address of a repository.
    """
    found = forge_repository(url, declared=True)
    if found is None:
        raise CrawlError(f"{url} does not name a repository: write https://HOST/PATH.")
    forge = _FORGES.get(urlsplit(found).netloc)
    return found + forge.suffix if forge else found
