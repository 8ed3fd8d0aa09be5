"""Pages of LinkedIn that were saved: the words of the post alone, and a sentence where they are not in the page."""

import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.kit.localfiles import ARTICLES, PAGE, POSTS, PROSE, read, refused
from twin.crawling.sources.linkedin_pages import post_link

ACTIVITY, SHARE = 7468765250281046016, 7468765248838082560
ADDRESS = f"https://www.linkedin.com/posts/ada_engines-activity-{ACTIVITY}-5CCd"
WORDS = "𝗘𝗻𝗴𝗶𝗻𝗲𝘀 👩🏽‍💻\n\nhave a mill & a <store>.\n\n\n#engines @Babbage"
OTHERS = "What somebody else wrote, at length and with many words, as people do."


def post_page(
    described: object = None, *, card: str | None = None, own: str = ADDRESS, noted: str = "", more: str = ""
) -> str:
    """A guest's page of a post as LinkedIn sends it: the post, comments, and more posts of other people."""
    meta = f'<link rel="canonical" href="{own}"><meta property="og:url" content="{own}">' if own else ""
    ld = f'<script type="application/ld+json">{json.dumps(described)}</script>' if described else ""
    if card is None:
        card = (
            f'<article class="relative main-feed-activity-card main-feed-activity-card-with-comments" '
            f'data-activity-urn="urn:li:activity:{ACTIVITY}" data-attributed-urn="urn:li:share:{SHARE}">'
            '<div data-test-id="main-feed-activity-card__entity-lockup"><a data-tracking-control-name='
            '"public_post_feed-actor-name" href="https://www.linkedin.com/in/ada">\n  Ada Lovelace\n</a></div>'
            '<p class="attributed-text-segment-list__content whitespace-pre-wrap" dir="ltr" '
            'data-test-id="main-feed-activity-card__commentary">𝗘𝗻𝗴𝗶𝗻𝗲𝘀 👩🏽‍💻\n\n'
            "have a mill &amp; a &lt;store&gt;.<br><br>\n"
            '<a href="x">#engines</a> <a href="y">@Babbage</a></p></article>'
        )
    return (
        f'<!DOCTYPE html>\n{noted}<html lang="en"><head><meta name="pageKey" content="d_public_post">{meta}'
        f'<title>Ada on LinkedIn</title>{ld}</head><body><form class="join-form">Sign in to see more</form>{card}'
        '<section class="comment">'
        f'<p class="attributed-text-segment-list__content comment__text">{OTHERS}</p></section>'
        '<section class="related-posts"><h2>More Relevant Posts</h2><article class="main-feed-activity-card" '
        'data-activity-urn="urn:li:activity:7111111111111111111"><p class="attributed-text-segment-list__content" '
        f'data-test-id="main-feed-activity-card__commentary">{OTHERS}</p></article></section>{more}</body></html>'
    )


def posting(**changes: object) -> dict[str, object]:
    return {
        "@context": "http://schema.org",
        "@type": "SocialMediaPosting",
        "@id": ADDRESS,
        "datePublished": "2026-06-05T20:46:38.597Z",
        "headline": "Engines",
        "text": "The title of the article that the post shares",
        "articleBody": WORDS,
        "author": {"@type": "Person", "name": "Ada Lovelace"},
        "comment": [{"@type": "Comment", "text": OTHERS, "author": {"name": "Somebody Else"}}],
    } | changes


def test_saved_post_is_its_authors_words_and_nobody_elses(tmp_path: Path) -> None:
    (tmp_path / "post.html").write_text(post_page(posting()))
    (document,), skipped = read(tmp_path, POSTS)
    assert document.text == WORDS
    # The export knows it by its share, so both are one document.
    assert document.link == post_link(f"https://www.linkedin.com/feed/update/urn%3Ali%3Ashare%3A{SHARE}")
    assert document.published_at == datetime(2026, 6, 5, 20, 46, 38, 597_000, UTC)
    assert (document.category, document.platform, document.title) == (POSTS, "linkedin", None)
    assert document.metadata == {"author": "Ada Lovelace", "file": "local:post.html"}
    assert not skipped
    assert read(tmp_path, ARTICLES) == ([], Counter())


@pytest.mark.parametrize(
    "described",
    [
        None,
        {"@type": "VideoObject", "@id": ADDRESS, "description": "Truncated ..."},
        posting(**{"@id": f"https://www.linkedin.com/posts/bob_x-activity-{ACTIVITY + 1}-x", "articleBody": OTHERS}),
        [{"@type": "BreadcrumbList"}, "nonsense", 7],
        posting(articleBody=None),
    ],
)
def test_without_its_json_ld_a_post_is_read_from_its_own_element(tmp_path: Path, described: object) -> None:
    (tmp_path / "post.html").write_text(post_page(described))
    (document,), _ = read(tmp_path, POSTS)
    assert document.text == WORDS
    assert document.metadata["author"] == "Ada Lovelace"
    assert document.link.endswith(f"urn:li:share:{SHARE}")
    assert document.published_at is not None
    # From its id, which is some milliseconds older or younger than the date that the page gives.
    assert abs((document.published_at - datetime(2026, 6, 5, 20, 46, 38, tzinfo=UTC)).total_seconds()) < 2


def test_graph_of_a_company_gives_the_posting_of_the_page(tmp_path: Path) -> None:
    own = {"@type": "DiscussionForumPosting", "text": WORDS, "mainEntityOfPage": ADDRESS, "datePublished": "2026-06-05"}
    other = own | {"text": OTHERS, "mainEntityOfPage": f"https://www.linkedin.com/posts/x-activity-{ACTIVITY + 5}-x"}
    (tmp_path / "post.html").write_text(post_page({"@graph": [other, own, 3]}, card="<p>nothing</p>"))
    (document,), _ = read(tmp_path, POSTS)
    assert document.text == WORDS
    assert document.link.endswith(f"urn:li:activity:{ACTIVITY}")
    assert document.published_at == datetime(2026, 6, 5, tzinfo=UTC)


def test_post_whose_words_are_missing_takes_nobody_elses(tmp_path: Path) -> None:
    (tmp_path / "post.html").write_text(post_page(None, card="<p>Log in to see it</p>"))
    sentence = refused(tmp_path, POSTS, files="post.html")
    assert refused(tmp_path, POSTS) == sentence  # of one file in a folder, its own sentence is the clearest
    assert sentence.startswith("local:post.html is a LinkedIn page, but the text of its post was not found: open")
    assert OTHERS not in sentence
    (tmp_path / "other.html").write_text(post_page(None, card="<p>Log in to see it</p>"))
    assert refused(tmp_path, POSTS) == "local:. gives no post (2 not_a_post): check the files."


def test_address_noted_by_the_browser_is_the_pages_own(tmp_path: Path) -> None:
    noted = f"<!-- saved from url=(0099)https://www.linkedin.com/feed/update/urn:li:activity:{ACTIVITY}/?utm=x -->\n"
    (tmp_path / "post.html").write_text(post_page(posting(), own="", noted=noted))
    (document,), _ = read(tmp_path, POSTS)
    assert document.text == WORDS
    # A page of another site is no page of LinkedIn, whatever it links to or calls itself.
    elsewhere = "<!-- saved from url=(0026)https://ada.example/engines -->\n"
    (tmp_path / "post.html").write_text(
        elsewhere + PAGE.replace("</head>", f'<link rel="canonical" href="{ADDRESS}"></head>')
    )
    (document,), _ = read(tmp_path, ARTICLES)
    assert document.text.count("mill") == 4


@pytest.mark.parametrize(
    ("noted", "body"),
    [
        ("<!-- saved from url=(0099)https://www.linkedin.com/authwall?trk=bf&sessionRedirect=x -->", "<p>Join</p>"),
        ("<!-- saved from url=(0099)https://www.linkedin.com/uas/login?x=1 -->", "<p>Welcome back</p>"),
        (f"<!-- saved from url=(0099){ADDRESS} -->", '<div class="authwall-join-form__title">Join LinkedIn</div>'),
    ],
)
def test_sign_in_page_is_refused_with_a_way_to_fix_it(tmp_path: Path, noted: str, body: str) -> None:
    (tmp_path / "wall.html").write_text(f"{noted}\n<html><body>{body}<p>{PROSE}</p></body></html>")
    sentence = refused(tmp_path, POSTS, files="wall.html")
    assert sentence.startswith("local:wall.html is LinkedIn's sign-in page, not a post or article: open its address")
    (tmp_path / "post.html").write_text(post_page(posting()))
    documents, skipped = read(tmp_path, POSTS)
    assert ([document.text for document in documents], skipped) == ([WORDS], {"not_a_post": 1})
    assert refused(tmp_path, ARTICLES, files="wall.html", category="articles") == sentence


def test_profile_is_neither_post_nor_article(tmp_path: Path) -> None:
    own = "https://www.linkedin.com/in/ada"
    (tmp_path / "profile.html").write_text(post_page(None, own=own))
    assert "neither one post nor one article" in refused(tmp_path, POSTS, files="profile.html")


def test_saved_article_of_linkedin_is_its_own_words(tmp_path: Path) -> None:
    own = "https://www.linkedin.com/pulse/on-engines-ada?trk=x"
    described = {"@type": "Article", "name": "On engines", "datePublished": "2026-02-24T00:09:00.000+00:00",
                 "author": {"name": "Ada Lovelace"}}  # fmt: skip
    body = (
        '<article class="article-main"><h1 class="pulse-title">On engines</h1>'
        '<div data-test-id="article-content-blocks">'
        f'<div class="article-main__content"><h3>The cards</h3><p>{PROSE}</p></div>'
        f'<div class="inline-articles"><p>{OTHERS}</p></div>'
        '<div class="article-main__content"><pre>for card in cards:\n    mill(card)</pre>'
        "<p>短い。</p></div></div></article>"
    )
    (tmp_path / "pulse.html").write_text(post_page(described, own=own, card=body))
    (document,), _ = read(tmp_path, ARTICLES)
    assert (
        document.text == f"### The cards\n\n{PROSE.strip()}\n\n```\nfor card in cards:\n    mill(card)\n```\n\n短い。"
    )
    assert (document.title, document.link) == ("On engines", "https://www.linkedin.com/pulse/on-engines-ada")
    assert document.published_at == datetime(2026, 2, 24, 0, 9, tzinfo=UTC)
    assert document.metadata["author"] == "Ada Lovelace"
    assert read(tmp_path, POSTS) == ([], Counter())


def test_article_nested_beyond_reading_is_named_by_its_file(tmp_path: Path) -> None:
    body = f'<div data-test-id="article-content-blocks">{"<div>" * 3_000}{PROSE}'
    (tmp_path / "pulse.html").write_text(post_page(own="https://www.linkedin.com/pulse/on-engines-ada", card=body))
    assert refused(tmp_path, files="pulse.html").startswith("local:pulse.html is nested too deeply to be read: open")


def test_declared_category_is_all_files(tmp_path: Path) -> None:
    (tmp_path / "post.html").write_text(post_page(posting()))
    (tmp_path / "essay.md").write_text(f"# Engines\n\n{PROSE}")
    for category in (POSTS, ARTICLES):
        documents, _ = read(tmp_path, category, category=str(category))
        assert [document.category for document in documents] == [category] * 2
        assert WORDS in {document.text for document in documents}
    assert [document.link for document in read(tmp_path, ARTICLES)[0]] == ["local:essay.md"]


@pytest.mark.parametrize(
    "text",
    [
        "اللغة العربية\n\nهذه فقرة قصيرة 🚀 #محركات @عايدة\u200f",
        "机械与穿孔卡片。\n它们很多。\n\n#机械 @王",
        "מנועים וכרטיסים\n\n• ראשון\n• שני",
        "엔진과 카드 🇰🇷\n\n짧은 글입니다.",
    ],
)
def test_posts_in_every_script_stand_as_they_were_written(tmp_path: Path, text: str) -> None:
    (tmp_path / "described.html").write_text(post_page(posting(articleBody=text)))
    card = (
        f'<article data-activity-urn="urn:li:activity:{ACTIVITY}"><p dir="rtl" '
        f'data-test-id="main-feed-activity-card__commentary">{text.replace(chr(10), "<br>")}</p></article>'
    )
    (tmp_path / "shown.html").write_text(post_page(None, card=card))
    documents, _ = read(tmp_path, POSTS)
    assert [document.text for document in documents] == [text] * 2


def test_what_a_post_shares_is_another_authors(tmp_path: Path) -> None:
    inner = '<p data-test-id="{}commentary" class="attributed-text-segment-list__content">' + OTHERS + "</p>"
    named = '<article class="feed-reshare-content" data-test-id="feed-reshare-content">' + inner.format("feed-reshare-")
    # Class names change weekly; a card within the card belongs to somebody else whatever it is called.
    unnamed = f'<div data-activity-urn="urn:li:activity:{ACTIVITY + 9}">' + inner.format("main-feed-activity-card__")
    for shared in (named + "</article>", unnamed + "</div>"):
        card = f'<article data-activity-urn="urn:li:activity:{ACTIVITY}">{{}}{shared}</article>'
        own = '<p class="attributed-text-segment-list__content">My words.</p>'
        (tmp_path / "post.html").write_text(post_page(None, card=card.format(own)))
        (document,), _ = read(tmp_path, POSTS)
        assert document.text == "My words."
        (tmp_path / "post.html").write_text(post_page(None, card=card.format("")))
        assert "the text of its post was not found" in refused(tmp_path, POSTS, files="post.html")


def test_embedded_form_of_a_post_is_that_post(tmp_path: Path) -> None:
    own = f"https://www.linkedin.com/embed/feed/update/urn:li:share:{SHARE}?collapsed=1"
    (tmp_path / "post.html").write_text(post_page(None, own=own))
    (document,), _ = read(tmp_path, POSTS)
    assert (document.text, document.link) == (WORDS, post_link(f"x urn:li:share:{SHARE}"))


@pytest.mark.parametrize("title", ["(2) Post | Feed | LinkedIn", "منشور | LinkedIn", "投稿 | フィード | LinkedIn "])
def test_page_of_a_signed_in_member_is_not_an_article(tmp_path: Path, title: str) -> None:
    """Such a page gives no address of its own, and shows a feed of other people."""
    page = f'<title>{title}</title><body><a href="https://www.linkedin.com/feed/">Home</a><p>{OTHERS * 9}</p>'
    (tmp_path / "post.html").write_text(page)
    assert "it shows what others wrote: save each post separately from a window that is not signed in" in refused(
        tmp_path, POSTS, files="post.html"
    )
    assert read(tmp_path, ARTICLES)[0] == []
    # With an address of another site it is an article about LinkedIn.
    (tmp_path / "post.html").write_text('<link rel="canonical" href="https://ada.example/linkedin">' + page)
    assert [document.link for document in read(tmp_path, ARTICLES)[0]] == ["https://ada.example/linkedin"]


@pytest.mark.parametrize(
    "changes",
    [
        {"datePublished": "0001-01-01T00:00:00+14:00"},
        {"datePublished": "9999-12-31T23:59:59-14:00"},
        {"datePublished": 7, "author": [], "url": {"@id": ["x"]}},
        {"author": {"name": {"first": "Ada"}}, "comment": "[" * 9_000},
    ],
)
def test_odd_descriptions_end_no_reading(tmp_path: Path, changes: dict[str, object]) -> None:
    (tmp_path / "post.html").write_text(post_page(posting(**changes)))
    (document,), _ = read(tmp_path, POSTS)
    assert document.text == WORDS
    assert document.published_at is not None
    assert document.published_at.year == 2026  # from the id


def test_half_a_character_of_json_is_not_text(tmp_path: Path) -> None:
    page = post_page(posting(articleBody="a PLACE b")).replace("PLACE", "\\ud83d")
    (tmp_path / "post.html").write_text(page)
    (document,), _ = read(tmp_path, POSTS)
    assert document.text == "a ? b"


@pytest.mark.parametrize("described", ["[" * 50_000, '{"@type": "SocialMediaPosting", "x": ' + "9" * 9_000 + "}", "{"])
def test_json_that_cannot_be_read_leaves_the_element(tmp_path: Path, described: str) -> None:
    page = post_page(None).replace("</head>", f'<script type="application/ld+json">{described}</script></head>')
    (tmp_path / "post.html").write_text(page)
    (document,), _ = read(tmp_path, POSTS)
    assert document.text == WORDS
