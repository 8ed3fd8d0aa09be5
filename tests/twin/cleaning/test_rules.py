"""Cleaning takes out what is not the author's and nothing else, and does it once."""

from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from twin.cleaning import clean_documents
from twin.cleaning.chrome import byline, chrome_left
from twin.cleaning.lines import marked, split_lines
from twin.cleaning.posts import clean_post, hashtags, mentions
from twin.cleaning.rules import clean_prose
from twin.cleaning.stage import clean
from twin.cleaning.tidying import plain_letters, tidy
from twin.models import Category, Document, State
from twin.warehouse.sqlite import SqliteWarehouse


def document(text: str, category: Category = Category.ARTICLES, name: str = "x", platform: str = "web") -> Document:
    link = f"https://ada.example/{name}"
    return Document(author="ada", category=category, link=link, source=link, platform=platform, text=text)


def store(warehouse: SqliteWarehouse, *documents: Document) -> None:
    warehouse.upsert_documents(State.RAW, documents)


def cleaned(warehouse: SqliteWarehouse, category: Category = Category.ARTICLES) -> dict[str, str]:
    return {each.link: each.text for each in warehouse.documents(State.CLEANED, "ada", category)}


def test_prose_keeps_everything_that_was_written() -> None:
    text = (
        "# Title: it’s “here” — really…\n\n1. one\n2. two\n   - nested\n\n> quote\n\n| a | b |\n|---|---|\n\n"
        "Ünïcode, 漢字, العربية, 👩‍👩‍👧 and x² ≠ ﬁ; tab\there. [a](https://b.example) `code  x`\n\n    indented code\n"
    )
    assert clean_prose(text) == (text.rstrip("\n"), {})


def test_prose_loses_what_nobody_sees() -> None:
    text = "\ufeffa\u200bb\x00c  \r\ne\u0301 \x85x\u2028y\n\n\n\n\n\nlast\u00a0\n\n"
    assert clean_prose(text)[0] == "abc\né  x y\n\n\nlast"


def test_chrome_goes_as_whole_lines_with_its_reason() -> None:
    text = (
        "# Engines\n\nShare this post\n\n[Subscribe now](https://a.example)\n\nSubscribe now, or don't: it is free.\n\n"
        "#### Leave a comment\n\nSubscribe\n\nShare\n\n## Status\n\n© 2024 Ada Lovelace\n\nThe end."
    )
    plain, removed = clean_prose(text)
    assert plain.count("\n\n\n\n") == 0
    assert "Share this post" not in plain
    assert "Subscribe now, or don't: it is free." in plain
    assert "\nSubscribe\n" in plain
    assert removed == {"share": 1, "subscribe": 1, "comments": 1}
    hosted, removed = clean_prose(text, platform="substack")
    assert "\nSubscribe\n" not in hosted
    assert "## Status" in hosted
    assert removed == {"share": 2, "subscribe": 2, "comments": 1, "legal": 1}


@pytest.mark.parametrize("fence", ["```", "~~~", "````python", "  ```"])
def test_fenced_code_keeps_every_character(fence: str) -> None:
    code = "Subscribe\nShare this post\n\n\n\n\nx = 1   \n\ty = e\u0301\u200b \u2028\n``"
    text = f"a\n{fence}\n{code}\n{fence.rstrip('python')}\nShare this post\nb"
    plain, removed = clean_prose(text, platform="substack")
    assert code in plain
    assert removed == {"share": 1}


def test_fence_that_is_never_closed_puts_nothing_out_of_reach() -> None:
    assert clean_prose("```\nx\n\nShare this post\nend  ")[0] == "```\nx\n\nend"


def test_posts_keep_their_line_breaks_and_emoji() -> None:
    text = "First line 🚀\r\n\r\n→ a\u2028→ b\n\nSubscribe\n\nabout #tag and #other  "
    assert clean_post(text) == ("First line 🚀\n\n→ a\n→ b\n\nSubscribe\n\nabout #tag and #other", {})


@pytest.mark.parametrize(
    ("text", "plain", "removed"),
    [
        ("Hello\n\n#AI #ml\n#数据 , #تعلم_الآلة", "Hello", 2),
        ("Hello #AI\n#ml is fun", "Hello #AI\n#ml is fun", 0),
        ("#AI #ml", "#AI #ml", 0),
        ("नमस्ते\n\n#हिन्दी • #मशीन_लर्निंग", "नमस्ते", 1),
        ("Fixed #12\n\n#12", "Fixed #12\n\n#12", 0),
        ("hashtag#AI matters {hashtag|\\#|Python}", "#AI matters #Python", 0),
        ("Thanks @[Ada Lovelace](urn:li:person:x1)!", "Thanks Ada Lovelace!", 0),
        ("Text\n```\n#tag\n```", "Text\n```\n#tag\n```", 0),
        ("It ends here\n…see more", "It ends here", None),
    ],
)
def test_closing_block_of_hashtags_leaves_a_post(text: str, plain: str, removed: int | None) -> None:
    cleaned_text, counts = clean_post(text)
    assert cleaned_text == plain
    assert counts == ({"navigation": 1} if removed is None else {"hashtags": removed} if removed else {})


def test_hashtags_and_mentions_are_found_in_any_script() -> None:
    text = (
        "#AI with @ada.l, not a@b.example nor https://m.example/@user/#frag; C# and #1 stay. "
        "#ai again, "
        "#数据, #تعلم_الآلة! (#हिन्दी) #ไทยแลนด์ @दादी @名前。 `#code @code`\n```\n#no @no\n```\n"
        "@[Grace Hopper](urn:li:person:1)"
    )
    assert hashtags(text) == ["AI", "数据", "تعلم_الآلة", "हिन्दी", "ไทยแลนด์"]
    assert mentions(text) == ["ada.l", "दादी", "名前", "Grace Hopper"]


def test_styled_letters_of_a_post_become_plain_and_nothing_else_does() -> None:
    text = "𝗕𝗼𝗹𝗱 𝘪𝘵𝘢𝘭𝘪𝘤 𝙢𝙞𝙭 𝓈𝒸𝓇𝒾ℊ𝓉 𝟭𝟮 𝚖𝚘𝚗𝚘 𝐱 s̶t̶r̶u̶c̶k̶ u̲n̲d̲e̲r̲ — ﬁne x² Ｗｉｄｅ ℕ ½ ™ é ≠ 👩‍👩‍👧 Ⓐ"
    assert clean_post(text)[0] == "Bold italic mix scrigt 12 mono x struck under — ﬁne x² Ｗｉｄｅ ℕ ½ ™ é ≠ 👩‍👩‍👧 Ⓐ"


def test_article_keeps_its_mathematics_and_loses_fake_bold() -> None:
    text = "Let 𝐱 ∈ ℝ and 𝑓(𝑥).\n\n𝗧𝗵𝗲 𝟯 𝘀𝘁𝗲𝗽𝘀: `𝗰𝗼𝗱𝗲`\n\n    𝗰𝗼𝗱𝗲"
    assert clean_prose(text)[0] == "Let 𝐱 ∈ ℝ and 𝑓(𝑥).\n\nThe 3 steps: `𝗰𝗼𝗱𝗲`\n\n    𝗰𝗼𝗱𝗲"
    assert plain_letters("ﬁ") == "ﬁ"


@pytest.mark.parametrize(
    ("broken", "mended"),
    [
        ("itâ€™s a cafÃ©", "it’s a café"),
        ("schÃ¶n und grÃ¼n", "schön und grün"),
        ("Ð¿Ñ€Ð¸Ð²ÐµÑ‚", "привет"),
        ("“curly” ‘quotes’ ﬁ ＡＢ ｶﾞ", "“curly” ‘quotes’ ﬁ ＡＢ ｶﾞ"),
        ("a&nbsp;b &amp;nbsp; c &amp;amp;lt; &quot;x&quot; &rsquo; &#8217; &copy;", 'a b   c < "x" ’ ’ ©'),
        ("`&amp; cafÃ©` stays, &amp; goes", "`&amp; cafÃ©` stays, & goes"),
        ("&grave;&grave;&grave; &#96; &num; &bogus; AT&T; R&D", "&grave;&grave;&grave; &#96; &num; &bogus; AT&T; R&D"),
        ("می\u200cخواهم \u200fשלום क\u094d\u200dष", "می\u200cخواهم \u200fשלום क\u094d\u200dष"),
        ("A Ă Â B; SÃO PAULO, L’Été, Ångström, ÄÖÜ", "A Ă Â B; SÃO PAULO, L’Été, Ångström, ÄÖÜ"),
    ],
)
def test_mojibake_and_entities_are_mended_in_prose_only(broken: str, mended: str) -> None:
    assert clean_prose(broken)[0] == mended
    assert clean_prose(f"x\n\n    {broken}\n\n```\n{broken}\n```")[0] == f"x\n\n    {broken}\n\n```\n{broken}\n```"


def test_comments_of_other_people_go_to_the_end_of_the_page() -> None:
    text = (
        "My words.\n\n#### Discussion about this post\n\n| BobJan 23Great!Expand full commentReplyShare\n\n"
        "A long comment of somebody.\n\n```\ntheir code\n```\n\nSubscribe"
    )
    plain, removed = clean_prose(text)
    assert plain == "My words."
    assert removed == {"comments": 7}
    assert clean_prose("The discussion about this post was long.\n\nMore.")[0].endswith("More.")


def test_whole_page_of_substack_keeps_title_subtitle_and_text() -> None:
    box = (
        "Share this post\n\n#### Engines and\nlooms\n\nada.substack.com\n\nCopy link\n\nFacebook\n\nEmail\n\nNotes\n\n"
    )
    page = (
        f"# Ada\n\nSubscribeSign in\n\n{box}# Engines and\nlooms\n\n### What they\nweave\n\nGrace Hopper\n\n"
        f"Jun 12, 2024\n\n7\n\n{box}2\n\nShare\n\nEngines weave.\n\n2\n\nis a number of mine.\n\n12\n\n{box}"
        "Share\n\nPreviousNext\n\n#### Discussion about this post\n\nNo posts"
    )
    plain, removed = clean_prose(page, platform="substack")
    assert plain == "# Engines and\nlooms\n\n### What they\nweave\n\n\nEngines weave.\n\n2\n\nis a number of mine."
    assert removed.keys() == {"share", "navigation", "byline", "counts", "comments"}
    assert byline(page, "substack") == "Grace Hopper"
    assert byline(page, "web") is None
    assert byline(plain, "substack") is None


def test_page_of_medium_that_is_one_line_loses_what_is_around_the_article() -> None:
    body = "Engines weave algebraical patterns. I always listen, share and follow: 5 min read at most. " * 20
    page = (
        "Engines | by Ada | MediumOpen in appSign upSign inWriteSign upSign inEnginesAda·FollowPublished inLooms·"
        f"16 min read·Mar 16, 20242.1K13ListenShare{body.strip()}Sign up to discover human stories that deepen your "
        "understanding of the world.FreeFollowWritten by Ada5.1K FollowersRecommended from MediumBobGreat wordsHelp\n\n"
        "To make Medium work, we log user data. By using Medium, you agree to our Privacy Policy."
    )
    plain, removed = clean_prose(page, platform="medium")
    assert plain == body.strip()
    assert removed == {"navigation": 1, "recommendations": 1, "legal": 1}
    assert chrome_left(page, "medium")
    assert chrome_left(plain, "medium") == []


def test_end_of_a_page_of_medium_goes_only_where_it_is_sure() -> None:
    text = "Text.\n\nMore from less and less\n\n3 responses\n\nWritten by hand\n\nText."
    assert clean_prose(text, platform="medium") == (text, {})
    foot = "Written by Ada\n\n5.1K Followers\n\nMore from Ada and Looms\n\nHers\n\nRecommended from Medium\n\nTheirs"
    assert clean_prose(f"{text}\n\n{foot}", platform="medium") == (text, {"recommendations": 6})


def test_list_of_names_with_underscores_is_no_menu() -> None:
    text = "* __slots\n* __dict__ is one\n* two __\n* three"
    assert clean_prose(text) == (text, {})


def test_menu_above_the_title_goes_and_an_epigraph_stays() -> None:
    page = "Ada\n\n  * __Course\n\n  * About\n\n# Engines\n\n  * a list\n\n  * of mine"
    assert clean_prose(page, title="Ada - Engines")[0] == "# Engines\n\n  * a list\n\n  * of mine"
    epigraph = "To Charles\n\n# Engines\n\nText"
    assert clean_prose(epigraph, title="Engines")[0] == epigraph


def test_chrome_that_is_wrapped_goes_as_a_paragraph() -> None:
    text = (
        "A\n\n**Ada** is a reader-supported publication. If you enjoy it,\nplease consider becoming a subscriber.\n\nB"
    )
    assert clean_prose(text) == ("A\n\n\nB", {"subscribe": 2})


def test_card_of_a_guest_goes_with_its_last_row() -> None:
    card = (
        "| A guest post by| LiAuthor of AdalFlow, founder of a company, and a researcher\n"
        "at another one. Code: li| Subscribe to Li\n---|---"
    )
    assert chrome_left(card, "substack") == ["| Subscribe to Li"]
    assert clean_prose(f"A\n\n{card}\n\nB", platform="substack") == ("A\n\n\nB", {"navigation": 3})


@pytest.mark.parametrize(
    "text",
    [
        "# 订阅\n\n分享\n\n评论\n\n关注我,一起学习。\n\n阅读全文",
        "# مشاركة\n\nاشترك الآن\n\nتعليقات\n\nتابعني\n\n٣",
        "# שתפו\n\nהירשמו עכשיו\n\nתגובות\n\nעקבו אחריי",
        "# Teilen\n\nAbonnieren\n\nKommentare\n\nTeile diesen Beitrag\n\nFacebook ist ein Netzwerk.\n\n1 Kommentar",
        "# Compartir\n\nSuscribirse\n\nComentarios\n\n---|---\n\nSobre\n\nNo posts hoy",
        "# シェア\n\n購読する\n\nコメント\n\n・\n\n12",
    ],
)
@pytest.mark.parametrize("platform", ["substack", "medium"])
def test_short_lines_in_other_languages_stay(text: str, platform: str) -> None:
    assert clean_prose(text, platform=platform) == (text, {})
    assert chrome_left(text, platform) == []


@pytest.mark.parametrize("platform", ["substack", "medium"])
def test_single_words_stay_unless_the_page_was_saved_with_its_frame(platform: str) -> None:
    words = "Email\n\nHelp\n\nOther\n\nTop\n\n·\n\nPublished in 1843, it was read by few."
    text = f"Three things that I fear:\n\n{words}\n\nThe end."
    text += "\n\n```\nCopy link\n```"
    assert clean_prose(text, platform=platform) == (text, {})
    plain, removed = clean_prose(f"Open in app\n\n{text}\n\nCopy link", platform=platform)
    assert plain == "Three things that I fear:\n\n\nThe end.\n\n```\nCopy link\n```"
    assert removed == {"share": 3, "navigation": 4, "comments": 1}


def test_chrome_in_english_goes_from_between_any_language() -> None:
    text = "# 引擎\n\n引擎编织代数图案。\n\nShare this post\n\nהמנוע אורג\n\nSubscribe\n\nالمحرك ينسج"
    plain, removed = clean_prose(text, platform="substack")
    assert plain.split() == ["#", "引擎", "引擎编织代数图案。", "המנוע", "אורג", "المحرك", "ينسج"]
    assert removed == {"share": 1, "subscribe": 1}


def test_last_word_of_a_wrapped_paragraph_is_no_chrome() -> None:
    text = "There is a great deal more that all of us who work with engines like to\nshare\n\n"
    text += "What a word is it that so many of the people here like to talk\nabout"
    assert clean_prose(text, platform="substack") == (text, {})
    apart = "It ends here.\nShare\nCopy link\nAnd goes on."
    assert clean_prose(apart, platform="substack") == ("It ends here.\nAnd goes on.", {"share": 2})


def test_code_is_told_from_prose() -> None:
    text = "a\n\n    code  \n\n    more\n\n- item\n\n    - nested  \n\n1. x\n   ```py\n   y  \n   ```\n\tnot code"
    lines = split_lines(text)
    assert [line.text for line in marked(lines, lines) if line.code] == [
        "    code  ", "", "    more", "   ```py", "   y  ", "   ```",
    ]  # fmt: skip
    assert not any(line.code for line in marked(lines[:4], lines[:4], indented=False))


def test_many_marks_that_are_never_closed_take_no_time() -> None:
    lines = [f"{'`' * 3}a{number}" for number in range(50_000)]
    assert not any(line.code for line in marked(lines, lines))


LINES = st.sampled_from([
    "", " ", "a", "```", "```py", "~~~", "# x", "Share", "Subscribe now", "\u200b```", "e\u0301", "`\u1fef`",
    "\t", "\x00", "    x", "\tx", "    - x", "- x", "Discussion about this post", "Copy link", "Facebook", "3",
    "# Engines", "SubscribeSign in", "Share this post", "&amp;amp;", "Ã©", "â€™", "&nbsp;", "__", "  * __x", "𝗯𝗼𝗹𝗱",
    "s̶t̶r̶", "#tag", "Ada is a reader-supported publication.", "`x", "``", "\u1fef\u1fef\u1fef", "&#96;&#96;&#96;",
    "Read full story", "·",
])  # fmt: skip
ANY_TEXT = st.one_of(st.text(), st.lists(st.one_of(LINES, st.text(max_size=8)), max_size=12).map("\n".join))


@given(text=ANY_TEXT, platform=st.sampled_from(["web", "substack"]))
def test_cleaning_twice_changes_nothing_more(text: str, platform: str) -> None:
    once, _ = clean_prose(text, platform=platform, title="Engines")
    assert clean_prose(once, platform=platform, title="Engines") == (once, {})
    post, _ = clean_post(text)
    assert clean_post(post)[0] == post


@given(line=st.one_of(LINES, st.text(), st.text("aÃ©â€™“&;#x9naps`𝗯̶ ")), post=st.booleans())
def test_tidying_twice_changes_nothing_more(line: str, post: bool) -> None:
    once = tidy(line.replace("\n", " ").replace("\r", " "), post=post)
    assert tidy(once, post=post) == once


@given(st.lists(st.text(st.characters(exclude_characters="\r")).filter(lambda line: "```" not in line), max_size=6))
def test_code_fences_are_byte_identical(code: list[str]) -> None:
    block = "\n".join(["```", *code, "```"])
    assert clean_prose(f"before\n{block}\nafter", platform="substack")[0] == f"before\n{block}\nafter"
    assert clean_post(f"before\n{block}\nafter")[0] == f"before\n{block}\nafter"


@given(ANY_TEXT)
def test_no_letter_of_a_kept_line_is_lost(text: str) -> None:
    """Every line of the result is a line of the text, tidied, in its order: cleaning takes whole lines or none."""
    tidied = iter(tidy(line) for line in split_lines(text))
    for line in split_lines(clean_prose(text, platform="substack")[0]):
        assert line == "" or any(line in (each, each.rstrip()) or tidy(line) == each for each in tidied)


@given(st.text(st.characters(categories=("L", "M", "N", "P", "S"))))
def test_no_letter_digit_or_mark_is_ever_lost(word: str) -> None:
    import unicodedata

    from ftfy.badness import is_bad

    assume(not is_bad(f"x {word} x") and "&" not in word and plain_letters(word) == word)
    assert clean_prose(f"x {word} x")[0] == unicodedata.normalize("NFC", f"x {word} x")


def test_code_is_byte_identical() -> None:
    text = "\ufeffif x:\r\n\tpass  \r\n\n\n\n\n\n# Share this post\n\x00e\u0301\n\n"
    assert clean(document(text, Category.REPOSITORIES)).text == text


def test_second_cleaning_writes_nothing_and_a_change_writes_one(warehouse: SqliteWarehouse) -> None:
    store(warehouse, document("One  \n\nShare this post", name="1"), document("Two", name="2"), document(" ", name="3"))
    store(warehouse, document("Share this post\n", name="4"))
    first = clean_documents(warehouse, "ada", Category.ARTICLES)
    assert (first.total, first.new, first.written) == (2, 2, 2)
    assert first.dropped == {"empty": 1, "only_page_chrome": 1}
    assert first.removed_lines == {"share": 1}
    assert cleaned(warehouse) == {"https://ada.example/1": "One", "https://ada.example/2": "Two"}
    assert (first.chars_raw, first.chars_cleaned) == (42, 6)
    second = clean_documents(warehouse, "ada", Category.ARTICLES)
    assert second == first.model_copy(update={"written": 0, "new": 0, "unchanged": 2})
    store(warehouse, document("Two, changed", name="2"))
    third = clean_documents(warehouse, "ada", Category.ARTICLES)
    assert (third.written, third.changed, third.unchanged) == (1, 1, 1)
    assert third.data_version != first.data_version
    store(warehouse, document("Two", name="2"))
    assert clean_documents(warehouse, "ada", Category.ARTICLES).data_version == first.data_version


def test_what_is_gone_or_became_empty_is_tombstoned(warehouse: SqliteWarehouse) -> None:
    one, two = document("One", name="1"), document("Two", name="2")
    store(warehouse, one, two, document("Three", name="3"))
    clean_documents(warehouse, "ada", Category.ARTICLES)
    warehouse.remove_documents(State.RAW, [one.id])
    store(warehouse, document("", name="2"))
    report = clean_documents(warehouse, "ada", Category.ARTICLES)
    assert (report.total, report.removed, report.dropped) == (1, 2, {"empty": 1})
    assert list(cleaned(warehouse)) == ["https://ada.example/3"]


def test_edit_made_in_the_store_itself_flows_through(warehouse: SqliteWarehouse, tmp_path: Path) -> None:
    import sqlite3

    store(warehouse, document("One", name="1"), document("Two", name="2"))
    first = clean_documents(warehouse, "ada", Category.ARTICLES)
    with sqlite3.connect(tmp_path / "warehouse.sqlite") as connection:
        connection.execute("UPDATE raw SET text = 'One, mended' WHERE link LIKE '%/1'")
    connection.close()
    report = clean_documents(warehouse, "ada", Category.ARTICLES)
    assert (report.changed, report.unchanged) == (1, 1)
    assert report.data_version != first.data_version
    assert cleaned(warehouse)["https://ada.example/1"] == "One, mended"


def test_other_rules_clean_everything_again(warehouse: SqliteWarehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    store(warehouse, document("One", name="1"))
    before = clean_documents(warehouse, "ada", Category.ARTICLES)
    monkeypatch.setattr("twin.cleaning.stage.VERSION", "other")
    after = clean_documents(warehouse, "ada", Category.ARTICLES)
    assert after.changed == 1
    assert after.data_version != before.data_version
