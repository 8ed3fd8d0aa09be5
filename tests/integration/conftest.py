"""A small real author: articles and code of this repository, and an archive in LinkedIn's format, made on the spot."""

import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from tests.integration.installation import REPOSITORY, Installation

ADA = """\
name: Ada Sample
headline: Writes about machines.
links:
  - files: ../sources/*.html
  - repository: ../sources/code
  - linkedin_export: ../sources/export.zip
"""

SHARES = """Date,ShareLink,ShareCommentary,SharedUrl,MediaUrl,Visibility
2026-03-01 09:00:00,https://www.linkedin.com/feed/update/urn%3Ali%3Ashare%3A7170000000000000001,\
An id says which thing it is, a hash what it contains. Keep them apart: a second run writes nothing.,,,MEMBER_NETWORK
2026-03-08 09:00:00,https://www.linkedin.com/feed/update/urn%3Ali%3Ashare%3A7170000000000000002,\
A test that cannot fail is a comment that costs electricity.,,,PUBLIC
"""


def write_sources(folder: Path) -> None:
    """Two of the bundled article pages, a git repository of three files, and an export of two posts."""
    code = folder / "code"
    code.mkdir(parents=True)
    for page in sorted((REPOSITORY / "examples" / "pages").glob("*.html"))[:2]:
        shutil.copy(page, folder)
    for module in ("identity.py", "progress.py", "errors.py"):
        shutil.copy(REPOSITORY / "twin" / module, code)
    commit(code)
    with zipfile.ZipFile(folder / "export.zip", "w") as archive:
        archive.writestr("Shares.csv", SHARES)


def commit(repository: Path) -> None:
    """Commit everything in a folder; if it is not a repository, it becomes one."""
    git = ["git", "-C", str(repository), "-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    for arguments in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "state"]):
        subprocess.run([*git, *arguments], check=True)


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    """An empty installation."""
    return Installation(tmp_path / "installation")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """An installation in which Ada is registered and built. The tests of a module share it if they only read it or undo
    their changes."""
    installation = Installation(tmp_path_factory.mktemp("built"))
    write_sources(installation.root / "sources")
    installation.declare("ada", ADA)
    installation.register()
    installation.build("ada")
    return installation
