"""Files on this machine: which are read, in what encoding, and what they say of themselves."""

import os
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.kit.localfiles import ARTICLES, PAGE, POSTS, PROSE, crawled, read, refused
from twin.crawling.pages.decoding import decoded
from twin.crawling.pages.frontmatter import split_front_matter
from twin.crawling.sources import files
from twin.errors import CrawlError

ARABIC = "هذه مقالة قصيرة عن المحركات وعن البطاقات المثقبة التي تقول لها ماذا تفعل. "
JAPANESE = "これはエンジンと穿孔カードについての短い記事です。何をすべきかを教えてくれます。"


def test_folder_without_one_of_the_categories_is_not_a_failure(tmp_path: Path) -> None:
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
            "---\ntitle: T\ndate: 0001-01-01T00:00:00+14:00\n---\nText.\n",  # before any year once it is in UTC
            ("T", None, None, None, None, None),
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
def test_rules_are_not_front_matter(text: str) -> None:
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


def test_what_is_not_text_is_reported_and_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" * 40)
    assert refused(tmp_path, files="a.txt") == (
        "local:a.txt is a binary file, not text: exclude it, or save it as text in UTF-8."
    )
    (tmp_path / "b.txt").write_bytes("\ufeffhalf".encode("utf-16-le") + b"x")
    assert "is damaged UTF-16" in refused(tmp_path, files="b.txt")
    for binary in (b"\xff\xfe" + b"\xfe\xff" * 50, b"\xff\xfe\0\0\0\0" + b"a\0" * 50):
        (tmp_path / "b.txt").write_bytes(binary)
        assert "b.txt is damaged UTF-" in refused(tmp_path, files="b.txt")
    (tmp_path / "c.txt").write_text(PROSE)
    documents, skipped = read(tmp_path)
    assert ([document.text for document in documents], skipped) == ([PROSE], {"unknown_encoding": 2})


@pytest.mark.parametrize("pattern", [".", "*.md", "pipe.md"])
def test_what_is_not_a_regular_file_is_never_opened(tmp_path: Path, pattern: str) -> None:
    """A reader of a pipe waits for its writer, for ever."""
    os.mkfifo(tmp_path / "pipe.md")
    assert "names no .html, .md or .txt file" in refused(tmp_path, files=pattern)
    (tmp_path / "a.md").write_text(PROSE)
    if pattern != "pipe.md":
        documents, skipped = read(tmp_path, files=pattern)
        assert ([document.text for document in documents], skipped) == ([PROSE], {"other_type": 1})


def test_page_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "deep.html").write_text("<div>" * 30_000 + PROSE)
    assert refused(tmp_path, files="deep.html").startswith("local:deep.html: the page has HTML nested too deeply")


def test_file_that_is_too_large_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(files, "MAX_BYTES", 2**20)
    (tmp_path / "a.md").write_text("# One line\n\n" + "كلمة " * 2**18)
    (tmp_path / "b.md").write_text(PROSE)
    documents, skipped = read(tmp_path)
    assert ([document.text for document in documents], skipped) == ([PROSE], {"too_large": 1})
    assert caplog.messages == ["local:a.md is larger than 1 MiB and is not read: split it."]
    (tmp_path / "b.md").unlink()
    assert refused(tmp_path) == "local:. gives no article (1 too_large): check the files."


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


def test_zip_that_is_not_a_known_export_is_named_as_such(tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_bytes(b"PK\3\4 and no end")
    assert "local:x.zip is not a zip archive, or it is damaged" in refused(tmp_path, files="x.zip")
    (tmp_path / "x.zip").write_bytes(b"PK\5\6" + bytes(18))
    assert "is a zip archive but not a known export: unpack it" in refused(tmp_path, files="x.zip")


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


@pytest.mark.parametrize(
    ("language", "text"), [("ar", ARABIC), ("ja", JAPANESE), ("he", "מאמר קצר על מנועים וכרטיסים. ")]
)
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


@pytest.mark.parametrize(
    "date",
    ["2024-05-12", "12 May 2024", "12  may 2024", "May 12, 2024", "Dec 12, 2024", "2024/05/12", "12.05.2024"],
)
def test_a_date_with_one_meaning_is_read(tmp_path: Path, date: str) -> None:
    (tmp_path / "a.md").write_text(f"---\ntitle: T\ndate: {date}\n---\nText.\n")
    ((document,), _) = read(tmp_path, files="*.md")
    assert document.published_at is not None
    assert (document.published_at.year, document.published_at.day) == (2024, 12)


@pytest.mark.parametrize("date", ["03/04/2024", "last May", "31 Feb 2024"])
def test_a_date_that_is_not_read_is_said(tmp_path: Path, date: str, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "a.md").write_text(f"---\ntitle: T\ndate: {date}\n---\nText.\n")
    ((document,), _) = read(tmp_path, files="*.md")
    assert document.published_at is None
    assert f"a.md: its date, {date}, is in no form that is read: write it as 2024-05-12." in caplog.text
