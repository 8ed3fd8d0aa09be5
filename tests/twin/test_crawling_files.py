"""Files on this machine: which are read, in what encoding, and what a saved page of LinkedIn is."""

import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from twin.crawling.base import Crawl, Tools
from twin.crawling.decoding import decoded
from twin.crawling.files import FilesCrawler
from twin.crawling.frontmatter import split_front_matter
from twin.crawling.linkedin_pages import post_link
from twin.crawling.web import Fetcher
from twin.declarations import declare_link
from twin.errors import CrawlError
from twin.models import Category, Document

POSTS, ARTICLES = Category.POSTS, Category.ARTICLES
PROSE = "An engine has a mill and a store, and a table of cards that tells it what to do with both of them. " * 4
PAGE = f"<html><head><title>Engines</title></head><body><article><h1>Engines</h1><p>{PROSE}</p></article></body></html>"
ARABIC = "هذه مقالة قصيرة عن المحركات وعن البطاقات المثقبة التي تقول لها ماذا تفعل. "
JAPANESE = "これはエンジンと穿孔カードについての短い記事です。何をすべきかを教えてくれます。"

ACTIVITY, SHARE = 7468765250281046016, 7468765248838082560
ADDRESS = f"https://www.linkedin.com/posts/ada_engines-activity-{ACTIVITY}-5CCd"
WORDS = "𝗘𝗻𝗴𝗶𝗻𝗲𝘀 👩🏽‍💻\n\nhave a mill & a <store>.\n\n\n#engines @Babbage"
OTHERS = "What somebody else wrote, at length and with many words, as people do."


def crawled(base: Path, category: Category = ARTICLES, /, **declaration: object) -> Crawl:
    link = declare_link("ada", {"files": ".", **declaration}, base=base)
    return FilesCrawler(Tools(Fetcher())).read(link, category, {})


def read(base: Path, category: Category = ARTICLES, /, **declaration: object) -> tuple[list[Document], Counter[str]]:
    crawl = crawled(base, category, **declaration)
    return list(crawl.documents), crawl.skipped


def refused(base: Path, category: Category = ARTICLES, /, **declaration: object) -> str:
    with pytest.raises(CrawlError) as caught:
        read(base, category, **declaration)
    return str(caught.value)


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
    assert sentence.startswith("local:post.html is a page of LinkedIn in which the text of its post is not found: open")
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
def test_sign_in_page_is_refused_with_the_mend(tmp_path: Path, noted: str, body: str) -> None:
    (tmp_path / "wall.html").write_text(f"{noted}\n<html><body>{body}<p>{PROSE}</p></body></html>")
    sentence = refused(tmp_path, POSTS, files="wall.html")
    assert sentence.startswith(
        "local:wall.html is LinkedIn's sign-in page and not what it stands for: open its address"
    )
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


def test_declared_category_is_all_files(tmp_path: Path) -> None:
    (tmp_path / "post.html").write_text(post_page(posting()))
    (tmp_path / "essay.md").write_text(f"# Engines\n\n{PROSE}")
    for category in (POSTS, ARTICLES):
        documents, _ = read(tmp_path, category, category=str(category))
        assert [document.category for document in documents] == [category] * 2
        assert WORDS in {document.text for document in documents}
    assert [document.link for document in read(tmp_path, ARTICLES)[0]] == ["local:essay.md"]


def test_folder_without_one_of_the_categories_is_no_failure(tmp_path: Path) -> None:
    (tmp_path / "essay.md").write_text(PROSE)
    first = crawled(tmp_path, POSTS)
    assert (list(first.documents), first.status, first.skipped) == ([], "ok", {})
    (tmp_path / "essay.md").write_text(" \n")
    assert refused(tmp_path, ARTICLES) == "local:. gives no article (1 empty): check the files."
    assert read(tmp_path, POSTS) == ([], Counter())


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        (
            "---\ntitle: 'On: engines'\ndate: 2024-05-01 10:00:00 +0200\nlang: de-AT\nauthors:\n- Ada\n- name: Bob\n"
            "canonical_url: https://ada.example/e?utm_source=x\ntags: [a, b]\ndescription: A mill.\n---\n\nText.\n",
            ("On: engines", datetime(2024, 5, 1, 8, tzinfo=UTC), "de", "Ada, Bob", "https://ada.example/e", ["a", "b"]),
        ),
        (
            '+++\ntitle = "On engines"\ndate = 2024-05-01T10:00:00Z\nauthor = "Ada"\ntags = ["a"]\n+++\nText.\n',
            ("On engines", datetime(2024, 5, 1, 10, tzinfo=UTC), None, "Ada", None, ["a"]),
        ),
        (
            "---\r\ntitle: Engines: a history\r\nlang: no\r\ndate: soon\r\n---\r\nText.\r\n",
            ("Engines: a history", None, "no", None, None, None),
        ),
        (
            "---\ntitle: عن المحركات\nlang: ar\n...\nText.\n",
            ("عن المحركات", None, "ar", None, None, None),
        ),
    ],
)
def test_front_matter_goes_into_the_fields(tmp_path: Path, text: str, fields: tuple[object, ...]) -> None:
    (tmp_path / "essay.md").write_bytes(text.encode())
    (document,), _ = read(tmp_path)
    assert document.text.strip() == "Text."
    metadata = document.metadata
    link = None if document.link.startswith("local:") else document.link
    named = (
        document.title,
        document.published_at,
        document.language,
        metadata.get("author"),
        link,
        metadata.get("tags"),
    )
    assert named == fields


@pytest.mark.parametrize(
    "text", ["---\nA rule above.\n\n---\nAnd one below.\n", "----\ntitle: x\n----\n", "---\ntitle: x\n"]
)
def test_rules_are_no_front_matter(text: str) -> None:
    assert split_front_matter(text).rest == text


def test_front_matter_that_means_harm_is_read_in_bounded_space() -> None:
    layers = "".join(f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}\n" for n in range(1, 30))
    for harm in (f"a0: &a0 {{x: y}}\n{layers}", "[" * 5000, "a: !!python/object/apply:os.getcwd []\n"):
        matter = split_front_matter(f"---\ntitle: T\n{harm}\n---\nText.\n")
        assert (matter.rest, matter.title) == ("Text.\n", "T")


def test_drafts_are_left_out_and_counted(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text(f"---\ntitle: A\ndraft: true\n---\n{PROSE}")
    (tmp_path / "b.md").write_text(f"---\ntitle: B\npublished: false\n---\n{PROSE}")
    (tmp_path / "c.md").write_text(f"---\ntitle: C\npublished: 2024-05-01\n---\n{PROSE}")
    documents, skipped = read(tmp_path)
    assert ([document.title for document in documents], skipped) == (["C"], {"draft": 2})


@pytest.mark.parametrize(
    ("name", "text", "title"),
    [
        ("a.md", "```\n# a comment\n```\n\n# The *title* #\n\nText", "The *title*"),
        ("a.mdx", "# Title\nText", "Title"),
        ("a.rst", "Title\n=====\n\nText", "Title"),
        ("a.org", "#+TITLE: Title\n\nText", "Title"),
        ("a.adoc", "= Title\n\nText", "Title"),
        ("a note.txt", "# Text", "a note"),
        ("機械.markdown", "短い記事です。", "機械"),
    ],
)
def test_titles(tmp_path: Path, name: str, text: str, title: str) -> None:
    (tmp_path / name).write_text(text)
    (document,), _ = read(tmp_path)
    assert (document.title, document.text, document.link) == (title, text, f"local:{name}")


@pytest.mark.parametrize(
    ("encoding", "text", "said"),
    [
        ("utf-8", ARABIC, None),
        ("utf-8-sig", JAPANESE, None),
        ("utf-16", ARABIC, None),
        ("utf-32", JAPANESE, None),
        ("utf-16-le", "Plain words without a mark.", "utf-16-le, by its zero bytes"),
        ("cp1256", ARABIC, "cp1256, by a guess"),
        ("cp1255", "זהו מאמר קצר על מנועים ועל כרטיסים מנוקבים שאומרים להם מה לעשות.", "cp1255, by a guess"),
        ("cp932", JAPANESE, "cp932, by a guess"),
        ("gb18030", "这是一篇关于引擎和穿孔卡片的短文，它告诉引擎该做什么。", "gb18030, by a guess"),
        ("cp949", "이것은 엔진과 천공 카드에 관한 짧은 글입니다. 무엇을 할지 알려줍니다.", "cp949, by a guess"),
        ("cp1251", "Съешь ещё этих мягких французских булок, да выпей чаю. Это был долгий день.", "cp1251, by a guess"),
        ("cp1252", "Grüße – “naïve” façade, œuvre: Dürfen wir später darüber reden?", "cp1252, by a guess"),
        ("cp1252", "Smörgåsbord på älven är gött, sa Åke.", "cp1252, by a guess"),
        ("cp1252", "L’été dernier, j’ai vu « le château » où nous étions allés.", "cp1252, by a guess"),
        ("cp1250", "Szczęście w nieszczęściu – tak się mówi. Łódź, Kraków.", "cp1250, by a guess"),
        ("cp1250", "Dlouho jsme čekali, až přijde jaro a řeka roztaje.", "cp1250, by a guess"),
        ("cp1254", "Bu, motorlar ve delikli kartlar hakkında kısa bir yazıdır; şöyle böyle.", "cp1254, by a guess"),
    ],
)
def test_no_letter_is_lost_to_an_encoding(tmp_path: Path, encoding: str, text: str, said: str | None) -> None:
    (tmp_path / "a.txt").write_bytes(text.encode(encoding))
    (document,), _ = read(tmp_path)
    assert document.text == text
    assert document.metadata.get("encoding") == said


@pytest.mark.parametrize(
    ("declared", "encoding", "text"),
    [
        ("windows-1256", "cp1256", ARABIC),
        ("windows-1252", "cp1252", "Grüße – “naïve” façade, œuvre. "),
        ("iso-8859-1", "cp1252", "Grüße – “naïve” façade, œuvre. "),  # as browsers read it
        ("iso-8859-1", "utf-8", ARABIC),  # what is UTF-8 is UTF-8, whatever it says
        ("utf-8", "cp1252", "Grüße – “naïve” façade, œuvre. "),
        ("unicode_escape", "utf-8", r"A path such as C:\u0041 stays. "),
        ("utf-16", "utf-8", "Plain ASCII words, however it calls them. "),
        ("euc-kr", "cp949", "이것은 엔진과 천공 카드에 관한 짧은 글입니다. "),
    ],
)
def test_pages_are_read_in_what_they_declare_where_that_is_possible(declared: str, encoding: str, text: str) -> None:
    page = f'<html><head><meta charset="{declared}"></head><body>{text * 3}</body></html>'
    assert decoded(page.encode(encoding), "a.html")[0] == page


def test_what_is_no_text_is_said_and_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" * 40)
    assert refused(tmp_path, files="a.txt") == (
        "local:a.txt is binary and no text: exclude it, or save it as text in UTF-8."
    )
    (tmp_path / "b.txt").write_bytes("\ufeffhalf".encode("utf-16-le") + b"x")
    assert "is broken UTF-16" in refused(tmp_path, files="b.txt")
    (tmp_path / "c.txt").write_text(PROSE)
    documents, skipped = read(tmp_path)
    assert ([document.text for document in documents], skipped) == ([PROSE], {"unknown_encoding": 2})


def test_links_of_the_file_system_are_not_followed(tmp_path: Path) -> None:
    outside, inside = tmp_path / "outside", tmp_path / "notes"
    (outside / "deep").mkdir(parents=True)
    (inside / "sub").mkdir(parents=True)
    (outside / "deep" / "secret.md").write_text("secret")
    (inside / "sub" / "a.md").write_text(PROSE)
    (inside / "out").symlink_to(outside, target_is_directory=True)
    (inside / "round").symlink_to(inside, target_is_directory=True)
    (inside / "leak.md").symlink_to(outside / "deep" / "secret.md")
    for declaration in ("notes", "notes/**/*.md", "notes/*/*.md", "notes/*/deep/*.md"):
        try:
            documents, skipped = read(tmp_path, files=declaration)
        except CrawlError as error:
            documents, skipped = [], Counter(symlink=int("symlink" in str(error)))
        assert "secret" not in {document.text for document in documents}
        assert skipped["symlink"] or declaration == "notes/**/*.md"
    (documents, skipped) = read(tmp_path, files="notes")
    assert ([document.link for document in documents], skipped) == (["local:notes/sub/a.md"], {"symlink": 3})
    (tmp_path / "alias").symlink_to(inside, target_is_directory=True)  # what is declared may be a link
    assert [document.link for document in read(tmp_path, files="alias")[0]] == ["local:alias/sub/a.md"]


def test_what_is_left_out_by_name_is_counted(tmp_path: Path) -> None:
    for name in ("a.md", ".hidden.md", ".obsidian/x.md", "node_modules/p/README.md", "credentials.txt", "b.pdf"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(PROSE)
    # A browser saves the frames of a page as pages of their own.
    (tmp_path / "Engines.html").write_text(PAGE)
    (tmp_path / "Engines_files").mkdir()
    (tmp_path / "Engines_files" / "advertisement.html").write_text(PAGE)
    documents, skipped = read(tmp_path)
    assert sorted(document.link for document in documents) == ["local:Engines.html", "local:a.md"]
    assert skipped == {"hidden": 2, "vendored": 1, "credentials": 1, "other_type": 1, "part_of_page": 1}
    documents, skipped = read(tmp_path, files="**/*.*")
    assert sorted(document.link for document in documents) == ["local:Engines.html", "local:a.md"]
    assert skipped["credentials"] == 1
    assert "never read: rename it" in refused(tmp_path, files="credentials.txt")


def test_zip_that_is_no_known_export_is_said_to_be_one(tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_bytes(b"PK\3\4 and no end")
    assert "local:x.zip is not a zip archive, or a damaged one" in refused(tmp_path, files="x.zip")
    (tmp_path / "x.zip").write_bytes(b"PK\5\6" + bytes(18))
    assert "is a zip archive but no export that is known: unpack it" in refused(tmp_path, files="x.zip")


@pytest.mark.parametrize(
    "note",
    [
        "<!-- saved from url=(0031)https://ada.example/e?utm_source=x -->",
        "<!--\n Page saved with SingleFile \n url: https://ada.example/e \n saved date: Mon Mar 02 2026\n-->",
    ],
)
def test_page_without_a_canonical_link_has_the_one_the_browser_noted(tmp_path: Path, note: str) -> None:
    (tmp_path / "a.html").write_text(f"<!DOCTYPE html>\n{note}\n{PAGE}")
    (document,), _ = read(tmp_path)
    assert (document.link, document.platform) == ("https://ada.example/e", "web")
    (tmp_path / "a.html").write_text(f"<!-- saved from url=(0014)about:internet -->\n{PAGE}")
    (document,), _ = read(tmp_path)
    assert (document.link, document.platform) == ("local:a.html", "local")


@pytest.mark.parametrize(("language", "text"), [("ar", ARABIC), ("he", "מאמר קצר על מנועים וכרטיסים. ")])
def test_pages_in_every_script(tmp_path: Path, language: str, text: str) -> None:
    page = f'<html lang="{language}"><head><title>T</title></head><body><article>{"<p>" + text * 6 + "</p>"}</article>'
    (tmp_path / "a.html").write_text(page)
    (document,), _ = read(tmp_path)
    assert document.text.count(text.strip()) == 6
    assert document.language == language


def test_names_give_the_same_ids_on_every_machine(tmp_path: Path) -> None:
    composed, apart = tmp_path / "linux", tmp_path / "mac"
    for folder, name in ((composed, "\u00e9crits.md"), (apart, "e\u0301crits.md")):
        folder.mkdir()
        (folder / name).write_text(PROSE)
    (one,), _ = read(composed)
    (other,), _ = read(apart)
    assert (one.id, one.link) == (other.id, "local:\u00e9crits.md")
    (apart / "\u00e9crits.md").write_text("another")
    documents, _ = read(apart)
    assert len({document.id for document in documents}) == 2
