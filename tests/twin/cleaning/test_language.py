"""The language of a text is found offline, from its prose alone."""

import pytest

from twin.cleaning.language import detect_language

TEXTS = {
    "en": "I have spent the last years building systems that learn, and this is what I would tell myself on day one: "
    "measure everything before you change anything.",
    "de": "In den letzten Jahren habe ich lernende Systeme gebaut, und das würde ich mir am ersten Tag selbst sagen: "
    "miss alles, bevor du etwas änderst.",
    "fr": "Ces dernières années, j’ai construit des systèmes qui apprennent, et voici ce que je me dirais le premier "
    "jour : mesure tout avant de changer quoi que ce soit.",
    "ar": "قضيت السنوات الأخيرة في بناء أنظمة تتعلم، وهذا ما كنت سأقوله لنفسي في اليوم الأول: قم بقياس كل شيء قبل أن "
    "تغير أي شيء، ولا تثق في الأرقام التي لم تقسها بنفسك.",
    "he": "ביליתי את השנים האחרונות בבניית מערכות לומדות, וזה מה שהייתי אומר לעצמי ביום הראשון: מדוד הכול לפני שאתה "
    "משנה משהו, ואל תאמין למספרים שלא מדדת בעצמך בשום מקרה.",
    "hi": "मैंने पिछले कुछ साल सीखने वाली प्रणालियाँ बनाने में बिताए हैं और पहले दिन मैं खुद से यही कहता कि कुछ भी बदलने से पहले सब "
    "कुछ माप लो और उन संख्याओं पर भरोसा मत करो जिन्हें तुमने खुद नहीं मापा और न ही देखा है।",
    "th": "ฉันใช้เวลาหลายปีที่ผ่านมาสร้างระบบที่เรียนรู้ได้ และนี่คือสิ่งที่ฉันจะบอกตัวเองในวันแรก วัดทุกอย่างก่อนที่จะเปลี่ยนอะไร "
    "และอย่าเชื่อตัวเลขที่คุณไม่ได้วัดเอง",
    "zh": "过去几年我一直在构建学习系统,如果能回到第一天,我会告诉自己:在改变任何东西之前先测量一切。",
    "ja": "ここ数年、私は学習するシステムを作ってきました。初日の自分には、何かを変える前にすべてを測れと言います。",
}


@pytest.mark.parametrize("code", TEXTS)
def test_languages_are_told_apart(code: str) -> None:
    found = detect_language(TEXTS[code])
    assert found is not None
    assert (found.code, found.enough) == (code, True)
    assert 0.5 < found.score <= 1


def test_code_and_addresses_have_no_say() -> None:
    code = (
        "for item in items:\n    print(item)  # every single item of the list is printed here, one after another\n" * 20
    )
    text = f"{TEXTS['de']}\n\n```python\n{code}```\n\n    " + code.replace("\n", "\n    ")
    text += f"\n\n[hier](https://example.org/{'all-the-things-that-you-should-know' * 20})"
    found = detect_language(text)
    assert found is not None
    assert found.code == "de"


@pytest.mark.parametrize(("text", "enough"), [("Guten Morgen", False), ("早上好", False), ("a" * 99, False)])
def test_short_texts_say_so(text: str, enough: bool) -> None:
    found = detect_language(text)
    assert found is not None
    assert found.enough is enough


@pytest.mark.parametrize("text", ["", "123 456", "```\ncode\n```", "🚀🚀"])
def test_what_has_no_letters_has_no_language(text: str) -> None:
    assert detect_language(text) is None
