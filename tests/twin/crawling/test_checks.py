"""The check of crawls: it names the links that failed or were skipped."""

from datetime import UTC, datetime

from tests.kit.staged import ADA, ARTICLES, Stores
from twin.crawling.checks import verify_crawl
from twin.models import CrawlRecord, Link


def test_failed_and_skipped_links_are_named(stores: Stores) -> None:
    for url, status in (("https://example.org/a", "failed"), ("https://example.org/b", "ok")):
        stores.warehouse.upsert_links([Link(author=ADA, url=url, kind="article", categories=(ARTICLES,))])
        stores.warehouse.log_crawl(
            [
                CrawlRecord.model_validate(
                    {
                        "author": ADA,
                        "url": url,
                        "category": ARTICLES,
                        "status": status,
                        "message": f"{url} answered 404 Not Found",
                        "checked_at": datetime.now(UTC),
                    }
                )
            ]
        )
    verdict = verify_crawl(stores.warehouse, ADA, ARTICLES)
    assert verdict.problems == ["https://example.org/a answered 404 Not Found"]
    assert verdict.facts == {"links": 2, "links_failed": 1, "links_skipped": 0}
    stores.warehouse.remove_links(ADA, ["https://example.org/a"])
    assert verify_crawl(stores.warehouse, ADA, ARTICLES).problems == []
