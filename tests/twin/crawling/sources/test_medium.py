"""Medium: the export archive as it really is, the feeds, and a story that leaves its feed."""

import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.kit.feeds import ARTICLE, FENCED, answering, item, rss
from tests.kit.webserver import BODY, PAGE, Server, send
from twin.artifacts import ArtifactStore
from twin.authors.declarations import declare_link
from twin.crawling import Fetcher, crawl_author, crawl_tools
from twin.crawling.base import Crawl, Crawler, classify, crawler_of
from twin.crawling.sources.medium import MediumCrawler
from twin.crawling.sources.publication import read_publication
from twin.crawling.tools import Tools
from twin.errors import CrawlError, InputError
from twin.models import Author, Category, Document, Link, State
from twin.warehouse.sqlite import SqliteWarehouse

ARTICLES, POSTS = Category.ARTICLES, Category.POSTS
ID = "0123456789ab"
STORY = f"https://medium.com/p/{ID}"
SECTION = """<section name="1" class="section section--body"><div class="section-divider"><hr class="section-divider">
</div><div class="section-content"><div class="section-inner sectionLayout--insetColumn">{}</div></div></section>"""
FOOTER = """<p>By <a href="https://medium.com/@ada" class="p-author h-card">Ada Lovelace</a> on
<a href="https://medium.com/p/{id}"><time class="dt-published" datetime="2026-02-24T00:09:12.345Z">Today</time></a>.
</p><p><a href="https://medium.com/@ada/on-engines-{id}?source=x" class="p-canonical">Canonical link</a></p>
<p>Exported from <a href="https://medium.com">Medium</a> on March 1, 2026.</p>"""
TAGS = '<p class="p-tags">Tagged in <a href="https://medium.com/tag/mills" class="p-tag">Mills</a></p>'
EMBEDS = """<figure class="graf graf--figure graf--iframe"><script src="https://gist.github.com/ada/1.js"></script></figure>
<figure class="graf graf--figure graf--iframe"><blockquote class="twitter-tweet"><a href="https://twitter.com/ada/status/1">
</a></blockquote></figure><figure class="graf graf--figure"><div class="aspectRatioPlaceholder"><img src="x.png"></div>
<figcaption class="imageCaption">The mill, by <a href="https://ada.example/">Ada</a></figcaption></figure>
<div class="graf graf--mixtapeEmbed"><a href="https://ada.example/m"><strong>Mills</strong><br><em>All of them</em></a>
<a href="https://ada.example/m" class="js-mixtapeImage mixtapeImage"></a></div>"""
PRE = """<pre class="graf graf--pre" data-code-block-lang="python"><span>def mill(x):<br>    if x &lt; 2:<br>
\treturn  x   # two  spaces<br><br><br>    done()</span></pre>"""


def post(
    *sections: str, title: str = "On engines", subtitle: str = "How they turn", story: str = ID, tags: str = TAGS
) -> str:
    summary = f'<section data-field="subtitle" class="p-summary">\n{subtitle}\n</section>' if subtitle else ""
    return f"""<!DOCTYPE html><html><head><meta http-equiv="Content-Type" content="text/html; charset=utf-8">
<title>{title}</title><style>* {{ margin: 0 }}</style></head><body><article class="h-entry"><header>
<h1 class="p-name">{title}</h1></header>{summary}<section data-field="body" class="e-content">
{"".join(SECTION.format(each) for each in sections)}</section><footer>{tags}{FOOTER.format(id=story)}</footer></article>
</body></html>"""


TITLE = (
    '<h3 class="graf graf--h3 graf--title">On engines</h3><h4 class="graf graf--h4 graf--subtitle">How they turn</h4>'
)
RESPONSE = '<p class="graf graf--p graf--leading">I do not think so, and here is why: the store has no mill.</p>'


@pytest.fixture
def export(tmp_path: Path) -> Path:
    path = tmp_path / "medium-export.zip"
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr(f"posts/2026-02-24_On-engines-{ID}.html", post(TITLE + BODY + PRE, EMBEDS + "<p>The end.</p>"))
        packed.writestr("posts/draft_Secret-plans-aaaaaaaaaaaa.html", post(TITLE + BODY, title="Secret plans"))
        packed.writestr(
            "posts/2026-01-02_I-do-not-think-so-bbbbbbbbbbbb.html",
            post(RESPONSE, title="I do not think so, and here is…", subtitle="", story="bbbbbbbbbbbb", tags=""),
        )
        packed.writestr(
            "posts/2026-01-03_على-المحركات-cccccccccccc.html", post("<p>كل الكلمات هنا</p>", title="على المحركات")
        )
        packed.writestr("profile/profile.html", "<html>e-mail</html>")
        packed.writestr("claps/claps-0001.html", "<html></html>")
    return path


def read_export(
    path: Path, category: Category = ARTICLES, also: list[str] | None = None
) -> tuple[Crawl, list[Document]]:
    declared = declare_link("ada", {"medium_export": path.name, "also": also or []}, base=path.parent)
    crawl = crawler_of("medium_export")(Tools(Fetcher())).read(declared, category, {})
    return crawl, list(crawl.documents)


def test_archive_gives_whole_stories(export: Path) -> None:
    crawl, found = read_export(export)
    story = next(each for each in found if each.link == STORY)
    assert (story.title, story.platform, story.source) == ("On engines", "medium", "local:medium-export.zip")
    assert story.published_at == datetime(2026, 2, 24, 0, 9, 12, 345000, tzinfo=UTC)
    assert story.metadata == {
        "author": "Ada Lovelace", "canonical": f"https://medium.com/@ada/on-engines-{ID}",
        "subtitle": "How they turn", "tags": ["Mills"],
    }  # fmt: skip
    assert story.text.startswith("An engine has a mill")  # the title stands in its field alone
    assert FENCED.replace("2:\n", "2:\n\n") in story.text
    assert story.text.endswith(
        "<https://gist.github.com/ada/1>\n\n> <https://twitter.com/ada/status/1>\n\n"
        "The mill, by [Ada](https://ada.example/)\n\n[**Mills** *All of them*](https://ada.example/m)\n\nThe end."
    )
    arabic = next(each for each in found if each is not story)
    assert (arabic.title, arabic.text, arabic.link[-12:]) == ("على المحركات", "كل الكلمات هنا", "cccccccccccc")
    assert crawl.skipped == {"draft": 1, "response": 1}
    again = crawler_of("medium_export")(Tools(Fetcher())).read(
        declare_link("ada", {"medium_export": export.name}, base=export.parent), ARTICLES, crawl.validators
    )
    assert again.status == "unchanged"


def test_responses_are_posts_where_they_are_asked_for(export: Path) -> None:
    declared = declare_link("ada", {"medium_export": export.name, "also": ["responses"]}, base=export.parent)
    assert declared.categories == (ARTICLES, POSTS)
    _, (response,) = read_export(export, POSTS, ["responses"])
    assert response.text == "I do not think so, and here is why: the store has no mill."
    assert (response.title, response.category, response.link) == (None, POSTS, "https://medium.com/p/bbbbbbbbbbbb")


def test_archive_is_recognised_zipped_and_unpacked(export: Path, tmp_path: Path) -> None:
    unpacked = tmp_path / "unpacked"
    zipfile.ZipFile(export).extractall(unpacked)
    other = tmp_path / "other.zip"
    with zipfile.ZipFile(other, "w") as packed:
        packed.writestr("posts/123.on-engines.html", "<p>x</p>")
    assert declare_link("ada", export.name, base=tmp_path).kind == "medium_export"
    assert declare_link("ada", "unpacked", base=tmp_path).kind == "medium_export"
    with pytest.raises(InputError, match=r"'other.zip' is not recognised as an export"):
        declare_link("ada", "other.zip", base=tmp_path)
    _, found = read_export(unpacked)
    assert len(found) == 2
    with pytest.raises(CrawlError, match=r"local:other.zip has no posts/\*.html named as in a Medium export"):
        read_export(other)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://www.medium.com/@ada/?source=x", "https://medium.com/@ada"),
        ("https://medium.com/@ada/about", "https://medium.com/@ada"),
        ("https://ada.medium.com", "https://ada.medium.com/"),
        ("https://medium.com/engines", "https://medium.com/engines"),
        (f"https://m.medium.com/@ada/on-engines-{ID}?source=user_profile", f"https://medium.com/@ada/on-engines-{ID}"),
        (f"https://ada.medium.com/on-engines-{ID}?sk=f00&source=x", f"https://ada.medium.com/on-engines-{ID}?sk=f00"),
        (f"https://medium.com/@ada/list/mills-{ID}", "https://medium.com/@ada"),
        (f"https://medium.com/p/{ID}/", STORY),
    ],
)
def test_addresses(url: str, expected: str) -> None:
    crawler, address = classify(url)
    assert (crawler.kind, address) == ("medium", expected)
    assert classify(address)[1] == address


@pytest.mark.parametrize(
    "url", ["https://medium.com/", "https://medium.com/tag/mills", "https://medium.com/me/stories"]
)
def test_pages_of_mediums_own_are_not_a_source(url: str) -> None:
    with pytest.raises(InputError, match=r"is one of Medium's own pages: give a profile, https://medium.com/@NAME"):
        classify(url)
    assert classify("https://medium.com.evil.example/@ada")[0].kind == "article"
    assert classify("https://medium.com:8443/@ada")[0].kind == "article"


@pytest.fixture
def medium(server: Server) -> type[Crawler]:
    return type("Local", (MediumCrawler,), {"server": server.root})


def feed(*items: str) -> bytes:
    return rss(*items, title="Stories by Ada on Medium", more="<generator>Medium</generator>")


def story(id: str = ID, html: str = ARTICLE, *, summary: str = "", **more: str) -> str:  # noqa: A002
    footer = f"""<img src="https://medium.com/_/stat?event=post.clientViewed&postId={id}" width="1" height="1"><hr>
<p><a href="https://medium.com/engines/on-engines-{id}">On engines</a> was originally published in
<a href="https://medium.com/engines">Engines</a> on Medium, where people are continuing the conversation by highlighting
and responding to this story.</p>"""
    return item(
        f"https://medium.com/@ada/on-engines-{id}?source=rss-1------2", html and html + footer, summary=summary,
        guid=f"https://medium.com/p/{id}", **more,
    )  # fmt: skip


TEASER = """<div class="medium-feed-item"><p class="medium-feed-snippet">An engine has…</p><p class="medium-feed-link">
<a href="https://medium.com/x">Continue reading on Medium »</a></p></div>"""


def read(crawler: type[Crawler], fetcher: Fetcher, url: str, **validators: str) -> tuple[Crawl, list[Document]]:
    link = Link(author="ada", url=url, kind="medium", categories=(ARTICLES,))
    crawl = crawler(Tools(fetcher)).read(link, ARTICLES, validators)
    return crawl, list(crawl.documents)


def test_profile_is_its_feed(server: Server, fetcher: Fetcher, medium: type[Crawler]) -> None:
    server.handlers["/feed/@ada"] = answering(feed(story(), story("cccccccccccc", "", summary=TEASER)), ETag='"1"')
    crawl, (found,) = read(medium, fetcher, "https://medium.com/@ada")
    assert (found.link, found.platform, crawl.complete) == (STORY, "medium", False)
    assert found.metadata["canonical"] == f"https://medium.com/@ada/on-engines-{ID}"
    assert found.metadata["feed"] == "https://medium.com/feed/@ada"
    assert found.text.endswith("\n\nAda.")  # without the footer and the pixel
    assert crawl.skipped == {"members_only": 1}
    assert read(medium, fetcher, "https://medium.com/@ada", etag='"1"')[0].status == "unchanged"
    server.handlers["/feed"] = answering(feed(story()))
    assert read(medium, fetcher, "https://ada.medium.com/")[1] == [
        found.model_copy(
            update={
                "source": "https://ada.medium.com/",
                "metadata": found.metadata | {"feed": "https://ada.medium.com/feed"},
            }
        )
    ]


def test_stories_share_one_request_for_their_feed(server: Server, fetcher: Fetcher, medium: type[Crawler]) -> None:
    server.handlers["/feed/@ada"] = answering(feed(story(), story("cccccccccccc")))
    for identifier in (ID, "cccccccccccc"):
        crawl, (found,) = read(medium, fetcher, f"https://medium.com/@ada/renamed-{identifier}")
        assert found.link == f"https://medium.com/p/{identifier}"
        assert crawl.validators["via"] == "feed"
    assert [path for path, _ in server.asked] == ["/feed/@ada"]


def test_story_for_members_needs_the_archive_or_a_friends_key(
    server: Server, fetcher: Fetcher, medium: type[Crawler]
) -> None:
    server.handlers["/feed/@ada"] = answering(feed(story(ID, "", summary=TEASER)))
    crawl, nothing = read(medium, fetcher, f"https://medium.com/@ada/on-engines-{ID}")
    assert (crawl.status, nothing) == ("skipped", [])
    assert crawl.message
    assert "shown in full only to paying readers: declare your archive with `medium_export:`" in crawl.message
    server.handlers[f"/@ada/on-engines-{ID}?sk=f00"] = answering(PAGE)
    crawl, (found,) = read(medium, fetcher, f"https://medium.com/@ada/on-engines-{ID}?sk=f00")
    assert (found.link, found.platform, crawl.validators["via"]) == (STORY, "medium", "page")
    assert "f00" not in str(found.metadata)


def state(*, locked: bool) -> str:
    key = f'Post:{ID}.content({{\\"postMeteringOptions\\":{{\\"sk\\":null}}}})'
    return (
        f'<script>window.__APOLLO_STATE__ = {{"{key}":{{"isLockedPreviewOnly":{str(locked).lower()}}},'
        '"Post:cccccccccccc":{"isLockedPreviewOnly":true}}</script>'
        '<script type="application/ld+json">{"isAccessibleForFree": false}</script>'
    )


def test_page_that_shows_a_storys_beginning_is_not_stored(
    server: Server, fetcher: Fetcher, medium: type[Crawler]
) -> None:
    server.handlers["/feed/@ada"] = answering(feed())
    server.handlers[f"/@ada/on-engines-{ID}"] = answering(PAGE.replace("<head>", "<head>" + state(locked=True)))
    crawl, nothing = read(medium, fetcher, f"https://medium.com/@ada/on-engines-{ID}")
    assert (crawl.status, nothing) == ("skipped", [])
    server.handlers[f"/@ada/on-engines-{ID}?sk=f00"] = answering(PAGE.replace("<head>", "<head>" + state(locked=False)))
    _, (found,) = read(medium, fetcher, f"https://medium.com/@ada/on-engines-{ID}?sk=f00")
    assert found.title == "On engines"


def test_publication_with_a_host_of_its_own_is_read_as_medium(server: Server, fetcher: Fetcher) -> None:
    tools, story_url = Tools(fetcher), f"{server.root}/on-engines-{ID}"
    server.handlers[f"/on-engines-{ID}"] = server.handlers["/"] = server.handlers["/about"] = answering(PAGE)
    server.handlers["/feed"] = answering(feed(story(), story("cccccccccccc")), ETag='"1"')

    def crawled(url: str, validators: dict[str, str], *, software: str | None = None) -> Crawl | None:
        page = fetcher.get(url) if software else None
        server.asked.clear()
        declared = Link(author="ada", url=url, kind="article", categories=(ARTICLES,))
        return read_publication(declared, ARTICLES, validators, tools, software=software, page=page)

    assert crawled(story_url, {}) is None  # nobody knows yet
    assert crawled(story_url, {}, software="wordpress") is None
    assert crawled(f"{server.root}/about", {}, software="medium") is None
    one = crawled(story_url, {}, software="medium")
    assert one is not None
    assert ([each.link for each in one.documents], one.validators["software"]) == ([STORY], "medium")
    whole = crawled(f"{server.root}/", {}, software="medium")
    assert whole is not None
    assert len(list(whole.documents)) == 2
    again = crawled(f"{server.root}/", whole.validators)
    assert again is not None
    assert (again.status, [path for path, _ in server.asked]) == ("unchanged", ["/feed"])
    del server.handlers["/feed"]
    assert crawled(f"{server.root}/", whole.validators) is None  # it has moved, and its page is asked


def test_page_with_mediums_markup_on_another_host_is_read_by_its_feed(server: Server, fetcher: Fetcher) -> None:
    made_by_medium = PAGE.replace("<head>", '<head><meta property="al:ios:app_name" content="Medium">')
    server.handlers["/"] = answering(made_by_medium, ETag='"page"')
    server.handlers["/feed"] = answering(feed(story(), story("cccccccccccc")), ETag='"feed"')
    declared = Link(author="ada", url=f"{server.root}/", kind="article", categories=(ARTICLES,))
    crawl = crawler_of("article")(Tools(fetcher)).read(declared, ARTICLES, {})
    assert sorted(each.link for each in crawl.documents) == [STORY, "https://medium.com/p/cccccccccccc"]
    server.asked.clear()
    again = crawler_of("article")(Tools(fetcher)).read(declared, ARTICLES, crawl.validators)
    assert (again.status, [path for path, _ in server.asked]) == ("unchanged", ["/feed"])


def test_refusal_says_what_to_do(server: Server, fetcher: Fetcher, medium: type[Crawler]) -> None:
    server.handlers["/feed/@ada"] = lambda handler: send(handler, 403, b"no")
    server.handlers[f"/@ada/on-engines-{ID}"] = lambda handler: send(handler, 403, b"no", cf_mitigated="challenge")
    challenge = "<html><title>Just a moment...</title><body>Verify you are human</body></html>"
    server.handlers[f"/p/{ID}"] = answering(challenge)
    for url in (f"https://medium.com/@ada/on-engines-{ID}", STORY):
        with pytest.raises(CrawlError, match="or declare your archive with `medium_export:`") as caught:
            read(medium, fetcher, url)
        assert str(caught.value).count(". ") == 0
    with pytest.raises(CrawlError, match="404 Not Found: correct or remove the link") as caught:
        read(medium, fetcher, "https://medium.com/@ada/gone-cccccccccccc")
    assert "medium_export" not in str(caught.value)


def page(end: str) -> str:
    return f"<html><body><article><h1>On engines</h1>{ARTICLE.replace('<p>Ada.</p>', end)}</article></body></html>"


def test_story_that_leaves_its_feed_changes_only_where_its_words_do(
    server: Server, fetcher: Fetcher, medium: type[Crawler]
) -> None:
    url, path = f"https://medium.com/@ada/on-engines-{ID}", f"/@ada/on-engines-{ID}"
    long_end = "<p>Whoever tends an engine — by day, or by night — should know what its mill is good for.</p>"

    def fresh() -> Fetcher:  # as the next crawl has one: what was asked once is asked again
        return Fetcher(allow_loopback=True, requests_per_second=1e9, sleep=lambda _: None)

    server.handlers["/feed/@ada"] = answering(feed(story(html=ARTICLE.replace("<p>Ada.</p>", long_end))))
    first, (from_feed,) = read(medium, fresh(), url)
    server.handlers["/feed/@ada"] = answering(feed(story("cccccccccccc")))
    same = page(long_end.replace("—", "-").replace("good for.", "<em>good</em> for"))
    server.handlers[path] = answering(same, ETag='"1"')
    second, nothing = read(medium, fresh(), url, **first.validators)
    assert (second.status, nothing) == ("unchanged", [])
    known = first.validators | second.validators
    assert (known["via"], known["etag"]) == ("feed", '"1"')
    assert read(medium, fresh(), url, **known)[0].status == "unchanged"  # by 304
    server.handlers[path] = answering(same.replace("x &lt; 2", "x &lt;= 2"), ETag='"2"')
    assert read(medium, fresh(), url, **known)[0].status == "ok"  # in code a stroke is another program
    server.handlers[path] = answering(page(long_end.replace("should", "must")), ETag='"3"')
    third, (from_page,) = read(medium, fresh(), url, **known)
    assert from_page.link == from_feed.link
    assert ("must know" in from_page.text, third.validators["via"]) == (True, "page")
    # From then on the page is the source, even if the feed shows the story again.
    server.handlers["/feed/@ada"] = answering(feed(story()))
    server.asked.clear()
    fourth, _ = read(medium, fresh(), url, **third.validators)
    assert (fourth.status, [asked for asked, _ in server.asked]) == ("unchanged", [path])


def test_archive_feed_and_story_are_one_document(
    server: Server, fetcher: Fetcher, medium: type[Crawler], export: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    warehouse = SqliteWarehouse(export.parent / "warehouse.db")
    warehouse.upsert_authors([Author(slug="ada", name="Ada Lovelace")])
    declarations = [export.name, "https://medium.com/@ada", f"https://ada.medium.com/on-engines-{ID}"]
    warehouse.upsert_links([declare_link("ada", each, base=export.parent) for each in declarations])
    monkeypatch.setattr(MediumCrawler, "server", server.root)
    server.handlers["/feed/@ada"] = server.handlers["/feed"] = answering(feed(story(), story("dddddddddddd")))
    tools = crawl_tools(fetcher, ArtifactStore(str(export.parent / "store")), warehouse, "ada")
    report = crawl_author(warehouse, "ada", ARTICLES, tools=tools)
    assert report.failures == []
    assert (report.total, report.skipped_files["given_by_another_link"]) == (3, 2)
    asked = len(server.asked)
    again = crawl_author(warehouse, "ada", ARTICLES, tools=tools, replay=True)
    assert (again.failures, again.written, again.data_version) == ([], 0, report.data_version)
    assert len(server.asked) == asked
    assert {each.link for each in warehouse.documents(State.RAW, "ada", ARTICLES)} == {
        STORY, "https://medium.com/p/cccccccccccc", "https://medium.com/p/dddddddddddd",
    }  # fmt: skip
    warehouse.close()
