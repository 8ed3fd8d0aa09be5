"""Sparse vectors: which terms a text is found under, and with which weights."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.kit.makers import made_chunk
from twin.models import Category, Chunk
from twin.terms import analysis
from twin.terms.analysis import Analyzer, Vocabulary, analyzer, term_id, words
from twin.terms.bm25 import AVERAGE_TERMS, K1, B, SparseVector, encode_chunk, encode_chunks, encode_query, encode_texts


def terms(text: str, language: str | None = "en", *, code: bool = False) -> list[str]:
    found = analyzer(language, code=code)
    return [term for word in words(text) for term in found.terms(word)]


def chunk(text: str, category: Category = Category.ARTICLES, language: str | None = "en", context: str = "") -> Chunk:
    return made_chunk(text, category=category, language=language, context=context)


def overlap(query: SparseVector, document: SparseVector) -> int:
    return len(np.intersect1d(query.indices, document.indices))


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("The engines were running; an ENGINE runs.", "en", ["engin", "run", "engin", "run"]),
        ("don’t you see Ada's notes?", "en", ["see", "ada", "note"]),
        ("“state-of-the-art”", "en", ["state", "art"]),
        ("C++, C# and .NET 3.14 of the U.S.", "en", ["c++", "c#", "net", "3.14", "us"]),
        ("GitHub calls max_retries or maxRetries", "en", ["github", "call", *["maxretries", "max", "retri"] * 2]),
        ("Die Häuser der Müllerin", "de", ["haus", "mull"]),
        ("L’histoire qu'il raconte aujourd’hui", "fr", ["histoir", "racont", "aujourhui"]),
        ("хорошие собаки", "ru", ["хорош", "собак"]),
        ("كتابٌ عن البرمجيات", "ar", ["كتاب", "عن", "برمج"]),
        ("İstanbul'da", "tr", ["istanbu"]),
        ("लड़कियों", "hi", ["लड़क"]),
        ("ＦＵＬＬ ｗｉｄｔｈ ﬁles re\u00adsumé", "en", ["full", "width", "file", "resum"]),
        ("用Python写", "zh", ["用", "python", "写"]),
        ("东京塔", "zh", ["东京", "京塔", "东", "京", "塔"]),
        ("タワー", "ja", ["タワ", "ワー"]),
        ("검색을", "ko", ["검색", "색을"]),
        ("ภาษา", "th", ["ภา", "าษ", "ษา"]),
        ("hello🎉world", "en", ["hello", "world"]),
        ("the 'of' ... --- __ ''' +", "en", []),
        ("a" * 65, "en", []),
        ("東" * 65, "zh", [*["東東"] * 64, *["東"] * 65]),
    ],
)
def test_what_a_text_is_found_under(text: str, language: str, expected: list[str]) -> None:
    assert terms(text, language) == expected


def test_code_is_found_by_identifiers_and_by_their_parts() -> None:
    assert terms("getHTTPResponse(self.max_retries)", None, code=True) == [
        "gethttpresponse", "get", "http", "respons", "self.maxretries", "self", "max", "retri",
    ]  # fmt: skip
    assert terms("HTTPServer", code=True)[1:] == ["http", "server"]
    assert terms("HTTPServer") == terms("httpserver")  # a name, in prose
    assert terms("__init__ sha256 x[0]", code=True) == ["init", "sha256", "sha", "256", "x", "0"]


def test_a_word_of_another_script_is_stemmed_in_its_own() -> None:
    assert terms("собаки бегают", "en") == terms("собаки бегают", "ru") == terms("собаки бегают", None)
    assert terms("engines", "ru") == ["engin"]


@pytest.mark.parametrize(("language", "text", "query"), [
    ("en", "Retrieval of documents", "retrieving a document"),
    ("de", "Die Häuser wurden gebaut", "wie baut man ein Haus"),
    ("de", "Größe", "grösse"),
    ("fr", "résumés des naïfs", "resume naif"),
    ("es", "las canciones", "canción"),
    ("ru", "собаки", "собака"),
    ("zh", "我使用编程语言", "语言"),
    ("zh", "一只猫在这里", "猫"),
    ("th", "ภาษาไทยสวยมาก", "ภาษาไทย"),
])  # fmt: skip
def test_a_query_finds_texts_of_every_language_that_may_occur(language: str, text: str, query: str) -> None:
    document = encode_chunk(chunk(text, language=language))
    assert overlap(encode_query(query, ["de", "en", "es", "fr", "ru"]), document)


def test_texts_of_unknown_language_are_found_too() -> None:
    document = encode_chunk(chunk("Engines are running", language=None))
    assert overlap(encode_query("running engine", ["de"]), document) == 2
    assert overlap(encode_query("running engine"), document) == 2


def test_a_query_weighs_every_distinct_term_once() -> None:
    query = encode_query("engine engines Engine oil", ["en"])
    assert query.indices.tolist() == sorted(map(term_id, ("engin", "oil")))
    assert query.values.tolist() == [1, 1]
    assert encode_query("of the").indices.size == 0


def test_weights_are_those_of_the_paper() -> None:
    vector = encode_chunk(chunk("engine engine oil the", context="Engines"))
    weights = dict(zip(vector.indices.tolist(), vector.values.tolist(), strict=True))
    norm = K1 * (1 - B + B * 4 / AVERAGE_TERMS[Category.ARTICLES])
    assert weights == pytest.approx(
        {term_id("engin"): 3 * (K1 + 1) / (3 + norm), term_id("oil"): (K1 + 1) / (1 + norm)}, rel=1e-6
    )
    assert (vector.indices.dtype, vector.values.dtype) == (np.uint32, np.float32)


def test_many_chunks_give_what_each_gives_alone() -> None:
    languages = ["en", "de", None, "zh"]
    texts = ["Engines of the world", "Häuser und Engines", "", "我使用Python", "the", "maxRetries x 3.5"]
    chunks = [
        chunk(text, category, language)
        for text in texts
        for category in (Category.POSTS, Category.REPOSITORIES)
        for language in languages
    ]
    together = encode_chunks(chunks)
    for one, expected in zip(chunks, together, strict=True):
        alone = encode_chunk(one)
        assert alone.indices.tolist() == expected.indices.tolist()
        assert alone.values.tolist() == expected.values.tolist()
    assert encode_chunks([]) == []


@given(st.text(max_size=200), st.sampled_from(["en", "de", "zh", "ar", "hi", "tr", None, "xx"]), st.booleans())
def test_any_text_can_be_encoded(text: str, language: str | None, code: bool) -> None:
    category = Category.REPOSITORIES if code else Category.POSTS
    (vector,) = encode_texts([text], language, category)
    assert np.all(np.diff(vector.indices.astype(np.int64)) > 0)
    assert np.all((vector.values > 0) & (vector.values < K1 + 1))
    query = encode_query(text, [language] if language else [], category)
    assert set(vector.indices.tolist()) <= set(query.indices.tolist())


def test_ids_are_the_same_on_every_machine() -> None:
    assert term_id("engin") == 1338660162
    assert term_id("猫") == 1190431910


def test_what_is_remembered_is_bounded_and_forgetting_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(analysis, "_REMEMBERED", 50)
    reader = Analyzer("en", code=False)
    first = reader.vocabulary()
    number = first["engines"]
    for each in range(2000):
        first[f"word{each} is w{each}_x"]
    assert first.ids[first.starts[number] : first.starts[number + 1]].tolist() == [term_id("engin")]
    second = reader.vocabulary()
    assert second is not first
    assert second is reader.vocabulary()
    assert second["engines"] == 0


def test_threads_share_a_vocabulary() -> None:
    vocabulary = Vocabulary(analyzer("en").terms)
    wanted = [f"word{number}" for number in range(3000)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda shift: [vocabulary[each] for each in wanted[shift:] + wanted[:shift]], range(4)))
    assert len(vocabulary) == 3000
    for shift, numbers in enumerate(found):
        assert sorted(numbers) == list(range(3000))
        word, number = wanted[shift], numbers[0]
        ids = vocabulary.ids[vocabulary.starts[number] : vocabulary.starts[number + 1]]
        assert ids.tolist()[0] == term_id(word)
