"""What must be true after a crawl.

Each function reads what is *stored*, not what the stage returned, and lists what is wrong with it. The asset graph
blocks on the result.
"""

from twin.models import Category, State
from twin.verdict import Verdict
from twin.warehouse.base import Warehouse
from twin.warehouse.checks import verify_documents
from twin.warehouse.marks import Marks, kept_verdicts


def check_raw(warehouse: Warehouse, author: str, category: Category) -> dict[str, Verdict]:
    """Every check of an author's raw documents: name -> verdict."""
    return {
        **kept_verdicts(
            Marks(warehouse, author, f"checks of raw {category}", [(State.RAW, category)], {}),
            lambda: {"documents_are_sound": verify_documents(warehouse, State.RAW, author, category)},
        ),
        "links_are_readable": verify_crawl(warehouse, author, category),
    }


def verify_crawl(warehouse: Warehouse, author: str, category: Category) -> Verdict:
    """The newest attempt at every live link succeeded, or was skipped for a reason that is not a failure."""
    live = {link.url for link in warehouse.links(author) if category in link.categories}
    crawls = {url: crawl for url, crawl in warehouse.last_crawls(author, category).items() if url in live}
    problems = [crawl.message or f"{url} failed" for url, crawl in sorted(crawls.items()) if crawl.status == "failed"]
    needs = [crawl.message or url for url, crawl in sorted(crawls.items()) if crawl.status == "skipped"]
    return Verdict({"links": len(live), "links_failed": len(problems), "links_skipped": len(needs)}, problems + needs)
