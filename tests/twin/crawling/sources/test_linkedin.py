"""The member's own export: what of it is read, on request or never, and what is none."""

import sys
import zipfile
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.kit.linkedin_archives import HEADER, SHARE, link, packed, read
from twin.authors.declarations import declare_link
from twin.crawling.sources import archive
from twin.crawling.sources.linkedin import LinkedInExport, LinkedInPage
from twin.crawling.sources.linkedin_pages import post_link
from twin.crawling.tools import Tools
from twin.crawling.web.fetcher import MAX_BYTES, Fetcher
from twin.errors import CrawlError
from twin.models import Category, Link

ARTICLE = """<html><head><title>T</title></head><body><img src="a.png">
<h1><a href="https://www.linkedin.com/pulse/on-engines-ada?trk=x">On <em>engines</em></a></h1>
<p class="created">Created on 2026-02-24 00:06</p>{published}
<div><p>An engine has a mill and a store, and a table of cards that tells it what to do with both.</p>
<h3>The cards</h3><p>They are punched, they are many, and the order in which they lie is the whole of the art.</p></div>
</body></html>"""
PUBLISHED = '<p class="published">Published on 2026-02-24 00:09</p>'


def test_folder_gives_the_same_documents_as_its_zip(tmp_path: Path) -> None:
    files = {"Shares.csv": HEADER + f"2026-01-05 10:00:00,{SHARE}1,Hello,,,PUBLIC\n", "Articles/Articles/a.html": "x"}
    for name, content in files.items():
        (tmp_path / "folder" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "folder" / name).write_text(content)
    (tmp_path / "folder" / "Shares_2.csv").symlink_to("/etc/passwd")
    zipped = packed(tmp_path / "e.zip", dict(files))
    assert read(tmp_path / "folder") == read(zipped)
    digest = LinkedInExport(Tools(Fetcher())).read(link(zipped), Category.POSTS, {}).validators
    assert (
        LinkedInExport(Tools(Fetcher())).read(link(tmp_path / "folder"), Category.POSTS, digest).status == "unchanged"
    )


def test_reposts_and_private_posts_are_counted_and_dates_come_from_ids(tmp_path: Path) -> None:
    moment = datetime(2026, 3, 1, 12, tzinfo=UTC)
    number = int(moment.timestamp() * 1000) << 22
    rows = [
        f",{SHARE}{number},No date,,,PUBLIC",
        f"2026-01-01 00:00:00,{SHARE}2,,https://x.example,,PUBLIC",
        f"2026-01-01 00:00:00,{SHARE}3,NULL,,,PUBLIC",
        f"2026-01-01 00:00:00,{SHARE}4,For friends,,,CONNECTIONS",
        "2026-01-01 00:00:00,,No link,,,PUBLIC",
    ]
    documents, skipped = read(packed(tmp_path / "e.zip", {"Shares.csv": HEADER + "\n".join(rows) + "\n"}))
    assert [document.text for document in documents] == ["No date", "No link"]
    assert documents[0].published_at == moment
    assert documents[1].link.startswith("local:export.zip#")
    assert skipped == {"repost_without_words": 2, "not_public": 1}


def test_articles_are_read_and_drafts_are_not(tmp_path: Path) -> None:
    export = packed(tmp_path / "e.zip", {
        "Articles/Articles/a.html": ARTICLE.format(published=PUBLISHED),
        "Articles/Articles/b.html": ARTICLE.format(published=""),
    })  # fmt: skip
    (document,), skipped = read(export, Category.ARTICLES)
    assert document.title == "On engines"
    assert document.link == "https://www.linkedin.com/pulse/on-engines-ada"
    assert document.published_at == datetime(2026, 2, 24, 0, 9, tzinfo=UTC)
    assert document.text.startswith("An engine has a mill")
    assert "### The cards" in document.text
    assert "Published on" not in document.text
    assert skipped == {"draft": 1}


def test_names_that_act_as_paths_act_as_nothing(tmp_path: Path) -> None:
    row = HEADER + f"2026-01-01 00:00:00,{SHARE}1,Hello,,,PUBLIC\n"
    documents, _ = read(packed(tmp_path / "e.zip", {"../../Shares.csv": row, "/etc/Shares_1.csv": row}))
    assert {document.text for document in documents} == {"Hello"}
    assert [path.name for path in tmp_path.iterdir()] == ["e.zip"]


def test_bomb_is_refused_before_it_unpacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MAX_MEMBER", 2**20)
    export = packed(tmp_path / "e.zip", {"Shares.csv": b"\0" * 2**24})
    assert export.stat().st_size < 2**17
    with pytest.raises(CrawlError, match=r"local:export\.zip: Shares\.csv in it unpacks to more"):
        read(export)


def test_what_is_not_an_export_gives_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(CrawlError, match=r"local:export\.zip does not exist"):
        read(tmp_path / "none.zip")
    (tmp_path / "page.zip").write_text("<html>")
    with pytest.raises(CrawlError, match="is not a zip archive"):
        read(tmp_path / "page.zip")
    with pytest.raises(CrawlError, match=r"neither Shares\.csv nor an Articles folder"):
        read(packed(tmp_path / "other.zip", {"Connections.csv": "x"}))
    with pytest.raises(CrawlError, match="no column ShareCommentary"):
        read(packed(tmp_path / "table.zip", {"Shares.csv": "a,b\n1,2\n"}))
    whole = packed(tmp_path / "whole.zip", {"Shares.csv": HEADER * 500}).read_bytes()
    damaged = bytearray(whole)
    damaged[60] ^= 0xFF
    (tmp_path / "damaged.zip").write_bytes(damaged)
    with pytest.raises(CrawlError, match="cannot be read"):
        read(tmp_path / "damaged.zip")


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        (SHARE + "12", "https://www.linkedin.com/feed/update/urn:li:share:12"),
        (
            "https://linkedin.com/feed/update/urn:li:ugcPost:3/?x=1",
            "https://www.linkedin.com/feed/update/urn:li:ugcPost:3",
        ),
        (
            "https://www.linkedin.com/posts/ada_on-engines-activity-7448081445065035776-aBcD",
            "https://www.linkedin.com/feed/update/urn:li:activity:7448081445065035776",
        ),
        (SHARE.replace("share", "groupPost") + "9-8", "https://www.linkedin.com/feed/update/urn:li:groupPost:9-8"),
    ],
)
def test_post_link(address: str, expected: str) -> None:
    assert post_link(address) == expected


def test_documents_are_made_while_they_are_consumed(tmp_path: Path) -> None:
    rows = "".join(f"2026-01-01 10:00:00,{SHARE}{n},Post {n},,,PUBLIC\n" for n in range(1, 4))
    export = packed(tmp_path / "e.zip", {"Shares.csv": HEADER + rows})
    crawl = LinkedInExport(Tools(Fetcher())).read(link(export), Category.POSTS, {})
    export.unlink()
    with pytest.raises(CrawlError, match=r"local:export\.zip does not exist"):  # as it would on a drive that is pulled
        list(crawl.documents)


@pytest.mark.parametrize("address", ["javascript:alert(1)", "https://[x", "foo bar", "http://a\tb", ""])
def test_what_is_not_an_address_is_not_a_link(tmp_path: Path, address: str) -> None:
    raw = HEADER + f"2026-01-01 10:00:00,{address},Hello,,,PUBLIC\n"
    (document,), _ = read(packed(tmp_path / "e.zip", {"Shares.csv": raw}))
    assert document.link.startswith("local:export.zip#")
    assert post_link(address) == ""


def test_article_beyond_reading_takes_no_other_with_it(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    heading = f'<h1><a href="javascript:x">T</a></h1>{PUBLISHED}'
    export = packed(tmp_path / "e.zip", {
        "Articles/Articles/a.html": ARTICLE.format(published=PUBLISHED),
        "Articles/Articles/deep.html": f"{heading}{'<div>' * 3_000}words",
        "Articles/Articles/huge.html": f"{heading}<p>words</p>{' ' * (MAX_BYTES + 1)}",
        "Articles/Articles/named.html": f"{heading}<p>words</p>",
    })  # fmt: skip
    documents, skipped = read(export, Category.ARTICLES)
    assert [document.link for document in documents] == [
        "https://www.linkedin.com/pulse/on-engines-ada", "local:export.zip#Articles/Articles/named.html",
    ]  # fmt: skip
    assert skipped == {"unreadable": 1, "too_large": 1}
    assert "local:export.zip: Articles/Articles/deep.html is nested too deeply" in caplog.text
    assert "local:export.zip: Articles/Articles/huge.html is larger than 10 MiB" in caplog.text


def test_same_post_in_several_tables_has_one_link(tmp_path: Path) -> None:
    row = f"2026-01-01 10:00:00,{SHARE}1,Hello,,,PUBLIC\n"
    export = packed(
        tmp_path / "e.zip", {"Complete/Shares.csv": HEADER + row, "Complete/Shares_155814142.csv": HEADER + row}
    )
    documents, _ = read(export)
    assert len(documents) == 2
    assert len({document.id for document in documents}) == 1


def test_non_public_posts_only_on_request(tmp_path: Path) -> None:
    rows = "".join(
        f"2026-01-0{n} 00:00:00,{SHARE}{n},Post {n},,,{who}\n" for n, who in ((1, "CONNECTIONS"), (2, "PUBLIC"))
    )
    export = packed(tmp_path / "e.zip", {"Shares.csv": HEADER + rows})
    documents, skipped = read(export)
    assert ([document.text for document in documents], skipped) == (["Post 2"], {"not_public": 1})
    documents, skipped = read(export, also=("non_public",))
    assert [document.metadata["visibility"] for document in documents] == ["CONNECTIONS", "PUBLIC"]
    assert not skipped


def test_comments_only_on_request_and_each_by_itself(tmp_path: Path) -> None:
    post = "https://www.linkedin.com/feed/update/urn%3Ali%3Aactivity%3A7448081445065035776"
    moment = datetime(2026, 3, 1, 12, tzinfo=UTC)
    number = int(moment.timestamp() * 1000) << 22
    own = f"{post}?commentUrn=urn%3Ali%3Acomment%3A%28activity%3A7448081445065035776%2C{number}%29"
    raw = "Date,Link,Message\n" + (
        f'2026-01-05 10:00:00,{post},"She wrote \\"great post\\" in C:\\new.\n\n📌 A second, longer paragraph."\n'
        f"2026-01-05 10:00:00,{post},Another\n"
        f'2026-01-06 10:00:00,{post},Plain with ""doubled"" quotes\n'
        f',{own},"Ends with a backslash \\\\"\n'
        f"2026-01-07 10:00:00,{post},\n"
        ",,No link\n"
    )
    files = {"Shares_1.csv": HEADER, "Comments_1.csv": raw}
    export = packed(tmp_path / "e.zip", dict(files))
    assert read(export) == ([], Counter())
    documents, skipped = read(export, also=("comments",))
    assert [document.text for document in documents] == [
        'She wrote "great post" in C:\\new.\n\n📌 A second, longer paragraph.',
        "Another",
        'Plain with "doubled" quotes',
        "Ends with a backslash \\",
        "No link",
    ]
    assert skipped == {"comment_without_words": 1}
    parent = "https://www.linkedin.com/feed/update/urn:li:activity:7448081445065035776"
    assert all(document.link.startswith(f"{parent}#comment-") for document in documents[:4])
    assert len({document.id for document in documents}) == 5
    assert [document.metadata for document in documents[3:]] == [{"comment_on": parent}, {}]
    # The time of a comment is its own, never that of the post it answers.
    assert [document.published_at for document in documents[3:]] == [moment, None]
    only = packed(tmp_path / "only.zip", {"Comments.csv": raw})
    assert len(read(only, also=("comments",))[0]) == 5
    assert read(export, Category.ARTICLES, also=("comments",)) == ([], Counter())


def test_declaration_asks_for_more(tmp_path: Path) -> None:
    declared = declare_link("ada", {"linkedin_export": "e.zip", "also": ["comments", "non_public"]}, base=tmp_path)
    assert (declared.also, declared.categories) == (("comments", "non_public"), (Category.POSTS, Category.ARTICLES))


def test_date_that_contradicts_its_id_is_kept_and_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    number = int(datetime(2026, 3, 1, 12, tzinfo=UTC).timestamp() * 1000) << 22
    rows = [f"2026-03-01 12:00:00,{SHARE}{number},Right,,,", f"2021-03-01 12:00:00,{SHARE}{number + 1},Wrong,,,"]
    rows += [f"2026-02-30 10:00:00,{SHARE}{number + 2},No such day,,,", f"x,{SHARE}12345,Neither,,,"]
    documents, _ = read(packed(tmp_path / "e.zip", {"Shares.csv": HEADER + "\n".join(rows)}))
    assert [document.published_at and document.published_at.year for document in documents] == [2026, 2021, 2026, None]
    assert "1 posts have a date that is more than 2 days away" in caplog.text


PRIVATE = ("messages.csv", "Connections.csv", "Email Addresses.csv", "PhoneNumbers.csv", "Contacts.csv")


def test_private_files_are_not_even_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {
        "Shares.csv": HEADER + f"2026-01-01 10:00:00,{SHARE}1,Hello,,,PUBLIC\n",
        "Comments.csv": "Date,Link,Message\n",
    }
    files |= dict.fromkeys(PRIVATE, "private")
    for name, content in files.items():
        (tmp_path / "folder").mkdir(exist_ok=True)
        (tmp_path / "folder" / name).write_text(content)
    export = packed(tmp_path / "e.zip", dict(files))
    seen: set[str] = set()
    watch = {"on": True}

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if watch["on"] and event == "open":
            seen.add(Path(str(arguments[0])).name)

    opening = zipfile.ZipFile.open

    def spied(self: zipfile.ZipFile, name: zipfile.ZipInfo, *rest: object) -> object:
        seen.add(name.filename)
        return opening(self, name, *rest)  # type: ignore[call-overload]

    monkeypatch.setattr(zipfile.ZipFile, "open", spied)
    sys.addaudithook(hook)  # of the interpreter itself: no way of opening a file gets past it
    try:
        for location in (tmp_path / "folder", export):
            seen.clear()
            assert LinkedInExport.recognises(location)
            for category in (Category.POSTS, Category.ARTICLES):
                read(location, category, also=("comments", "non_public"))
            assert {"Shares.csv", "Comments.csv"} <= seen
            assert seen.isdisjoint(PRIVATE)
    finally:
        watch["on"] = False


def test_damaged_table_takes_no_other_with_it(tmp_path: Path) -> None:
    rows = [HEADER + f"2026-01-01 10:00:00,{SHARE}{n},{'words ' * 50},,,PUBLIC\n" for n in (1, 2)]
    export = packed(tmp_path / "e.zip", {"Shares_1.csv": rows[0], "Shares_2.csv": rows[1]})
    content = bytearray(export.read_bytes())
    content[80] ^= 0xFF
    export.write_bytes(content)
    crawl = LinkedInExport(Tools(Fetcher())).read(link(export), Category.POSTS, {})
    assert [document.link[-1] for document in crawl.documents] == ["2"]
    assert (crawl.skipped, crawl.complete) == ({"damaged": 1}, False)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"Complete_LinkedInDataExport/Shares_1.csv": "x"}, True),
        ({"Articles/Articles/a.html": "x"}, True),
        ({"Profile.csv": "x", "Connections.csv": "x"}, True),
        ({"Profile.csv": "x"}, False),
        ({"finance/shares.csv": "symbol,count"}, False),
        ({"shares.csv": "x", "comments_1.csv": "x"}, True),
        ({"posts/2020-01-01_Title-0123456789ab.html": "x", "profile/profile.html": "x"}, False),  # Medium
        ({"posts.csv": "x", "posts/1.title.html": "x"}, False),  # Substack
        ({"articles/a.html": "x", "table.csv": "x"}, False),
    ],
)
def test_archive_is_recognised_by_its_members(tmp_path: Path, files: dict[str, str], expected: bool) -> None:
    export = packed(tmp_path / "renamed (1).zip", dict(files))
    assert LinkedInExport.recognises(export) is expected
    with zipfile.ZipFile(export) as whole:
        whole.extractall(tmp_path / "folder")
    assert LinkedInExport.recognises(tmp_path / "folder") is expected
    (tmp_path / "damaged.zip").write_bytes(export.read_bytes()[:-30])
    assert not LinkedInExport.recognises(tmp_path / "damaged.zip")


def test_code_and_every_script_of_an_article_survive(tmp_path: Path) -> None:
    code = 'def mill(cards):\n    for card in cards:\n        print("<", card & 1)\n\n\n    return {}'
    body = (
        f"<p>短い記事です。</p><pre><code>{code.replace('&', '&amp;').replace('<', '&lt;')}</code></pre>"
        "<p>هذه فقرة <strong>قصيرة</strong>.</p><ul><li>one</li><li>two</li></ul>"
    )
    page = f'<h1><a href="https://www.linkedin.com/pulse/x-ada">機械</a></h1>{PUBLISHED}<div>{body}</div>'
    (document,), _ = read(packed(tmp_path / "e.zip", {"Articles/Articles/a.html": page}), Category.ARTICLES)
    assert document.text == f"短い記事です。\n\n```\n{code}\n```\n\nهذه فقرة **قصيرة**.\n\n- one\n- two"
    assert document.title == "機械"


def test_entities_of_an_article_are_neither_expanded_nor_fetched(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("the secret")
    lol = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
    dtd = f'<!DOCTYPE html [<!ENTITY x SYSTEM "file://{tmp_path}/secret.txt"><!ENTITY l0 "lol">{lol}]>'
    page = f"<?xml version='1.0'?>{dtd}<html><body><h1>T</h1>{PUBLISHED}<p>Words &x; and &l11; here.</p></body></html>"
    (document,), _ = read(packed(tmp_path / "e.zip", {"Articles/Articles/a.html": page}), Category.ARTICLES)
    assert "Words" in document.text
    assert "secret" not in document.text.replace("secret.txt", "")
    assert len(document.text) < 2_000


def test_address_is_skipped_with_numbered_steps() -> None:
    address = "https://www.linkedin.com/posts/ada_engines-activity-7448081445065035776-aBcD"
    page = Link(author="ada", url=address, kind="linkedin", categories=(Category.POSTS,))
    crawl = LinkedInPage(Tools(Fetcher())).read(page, Category.POSTS, {})
    assert (crawl.status, list(crawl.documents)) == ("skipped", [])
    assert crawl.message is not None
    assert crawl.message.startswith(address)
    for step in ("use an export", "(1)", "Data privacy > Get a copy of your data", "(2)", "(3)", "72 hours", "(4)"):
        assert step in crawl.message
