"""What should be true of an author's links.

It reads what is *stored* and the author files, not what the stage returned.
"""

from twin.authors.missing import missing_files
from twin.settings import Settings
from twin.verdict import Verdict
from twin.warehouse.base import Warehouse


def check_links(warehouse: Warehouse, settings: Settings, author: str) -> dict[str, Verdict]:
    """Every check of an author's links: name -> verdict."""
    links = len(warehouse.links(author))
    missing = missing_files(warehouse, settings.authors_path, [author])
    return {"author_file_is_there": Verdict({"links": links}, list(missing.values()))}
