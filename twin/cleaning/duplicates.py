"""The same text published twice: which documents of one author are copies or parts of others.

Texts are compared as sets of shingles (Broder, "On the resemblance and containment of documents", 1997): five words
each, or five characters in scripts without spaces between words. Two texts are the same if their words are equal, if
most of the shorter one is in the longer one (not counting phrases that many of the author's texts share), or if nearly
all of it is. So a teaser that is part of its article counts, and so does a copy on another platform.

Not all pairs are compared. Rare shingles lead from each text to those that share them and give the exact containment,
so nothing is missed. Texts that consist mostly of common phrases have few rare shingles: among these, copies are found
by MinHash with 14 bands of 8 rows, the setting of FineWeb (arXiv 2406.17557), and then compared exactly. MinHash alone
is not enough: a part of a text resembles the whole too little.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from twin.identity import sha256

Shingles = NDArray[np.uint64]

WORDS = 5
BANDS, ROWS = 14, 8
MOST = 0.6
"""Texts are the same if the longer one has at least this share of the shorter one's own shingles. In the handbook's 76
articles copies have .69 to .95, and the closest other pair has .49."""

NEARLY_ALL = 0.9
FEWEST = 10
"""A text with fewer shingles is the same as another only if every word is the same."""

COMMON = 5
"""A shingle in at least this many texts is a phrase of the author and proves nothing."""

_UNSPACED = (
    "\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
"""Thai, Lao, Tibetan, Burmese, Khmer, kana and Han: every character is a word here."""

_TOKEN = re.compile(rf"[{_UNSPACED}]|[^\W_{_UNSPACED}]+")
_GLUED = re.compile(r"(?<=[a-zß-öø-ÿ0-9])(?=[A-ZÀ-ÖØ-Þ])")
_MIX = tuple(np.uint64(each) for each in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))


@dataclass(frozen=True)
class Fingerprint:
    """What is compared for a document.

    Args:
        id: id of the document.
        link: link and path of the document; the last criterion for which of two equal ones is kept.
        published_at: when it was published, if known.
        letters: number of its letters and digits.
        words: hash of its words.
        shingles: hashes of its shingles, ascending, each once.
        group: only texts of one group are compared.
    """

    id: str
    link: str
    published_at: datetime | None
    letters: int
    words: str
    shingles: Shingles
    group: str = ""


def fingerprint(
    identifier: str, text: str, *, link: str = "", published_at: datetime | None = None, group: str = ""
) -> Fingerprint:
    """Prepare a text for comparison: case, width, punctuation and layout do not count.

    Words are also split where a capital follows a small letter: pages with joined paragraphs have such words.
    """
    words = _TOKEN.findall(unicodedata.normalize("NFKC", _GLUED.sub(" ", text)).casefold())
    letters = sum(map(len, words))
    return Fingerprint(identifier, link, published_at, letters, sha256(" ".join(words)), _shingles(words), group)


def find_duplicates(texts: Sequence[Fingerprint]) -> dict[str, str]:
    """Id of each text that is a copy or part of another -> id of the text that is kept.

    The fuller text is kept; of equal ones, the one published first, then the one with the smallest link. The result
    does not depend on the order of `texts`, and no text is compared with a removed one.
    """
    ranked = sorted((each for each in texts if each.letters), key=_rank)
    same: dict[str, str] = {}
    first: dict[tuple[str, str], str] = {}
    for text in ranked:
        stays = first.setdefault((text.group, text.words), text.id)
        if stays != text.id:
            same[text.id] = stays
    for group in sorted({text.group for text in ranked}):
        members = [text for text in ranked if text.group == group and text.id not in same]
        better: dict[int, list[int]] = {}
        for one, other in _pairs(members):
            better.setdefault(max(one, other), []).append(min(one, other))
        for worse in sorted(better):
            kept = [each for each in sorted(better[worse]) if members[each].id not in same]
            if kept:
                same[members[worse].id] = members[kept[0]].id
    # A text equal to a removed one belongs to the text that replaced it.
    return {identifier: same.get(stays, stays) for identifier, stays in same.items()}


def _rank(text: Fingerprint) -> tuple[int, datetime, str, str]:
    moment = text.published_at or datetime.max.replace(tzinfo=UTC)
    return -text.letters, moment if moment.tzinfo else moment.replace(tzinfo=UTC), text.link, text.id


def _shingles(words: Sequence[str]) -> Shingles:
    if len(words) < WORDS:
        return np.empty(0, np.uint64)
    hashes = np.fromiter(map(_hash, words), np.uint64, len(words))
    combined = np.zeros(len(words) - WORDS + 1, np.uint64)
    for offset in range(WORDS):
        combined = _mixed(combined + hashes[offset : offset + len(combined)])
    return np.unique(combined)


@lru_cache(maxsize=1 << 17)
def _hash(word: str) -> int:
    return int.from_bytes(blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")


def _mixed(values: Shingles) -> Shingles:
    """The finaliser of SplitMix64 (Steele, Lea and Flood, 2014): every bit of the result depends on every bit."""
    values = values + _MIX[0]
    values = (values ^ (values >> np.uint64(30))) * _MIX[1]
    values = (values ^ (values >> np.uint64(27))) * _MIX[2]
    return values ^ (values >> np.uint64(31))


def _pairs(texts: Sequence[Fingerprint]) -> Iterator[tuple[int, int]]:
    """Indexes of texts that are the same."""
    sizes = np.array([len(text.shingles) for text in texts], np.int64)
    if not sizes.sum():
        return
    owners = np.repeat(np.arange(len(texts)), sizes)
    shingles = np.concatenate([text.shingles for text in texts])
    order = np.argsort(shingles, kind="stable")
    shingles, owners = shingles[order], owners[order]
    _, inverse, holders = np.unique(shingles, return_inverse=True, return_counts=True)
    own = holders[inverse] < COMMON
    shingles, owners = shingles[own], owners[own]
    left = np.bincount(owners, minlength=len(texts))

    codes = [np.empty(0, np.int64)]
    for step in range(1, COMMON - 1):
        equal = shingles[step:] == shingles[:-step]
        codes.append(owners[:-step][equal] * len(texts) + owners[step:][equal])
    shared, counts = np.unique(np.concatenate(codes), return_counts=True)
    ones, others = np.divmod(shared, len(texts))
    shorter = np.minimum(left[ones], left[others])
    found = (shorter >= FEWEST) & (counts >= MOST * shorter)
    yield from zip(ones[found].tolist(), others[found].tolist(), strict=True)

    # A text with fewer common phrases cannot have been missed above and still be nearly all in another one.
    common = [index for index in range(len(texts)) if sizes[index] >= FEWEST and 4 * left[index] <= 3 * sizes[index]]
    for one, other in _candidates(texts, common):
        both = np.intersect1d(texts[one].shingles, texts[other].shingles, assume_unique=True)
        if len(both) >= NEARLY_ALL * min(sizes[one], sizes[other]):
            yield one, other


def _candidates(texts: Sequence[Fingerprint], chosen: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Pairs that agree in all rows of a band of their MinHash signatures; in a bucket, each with the first."""
    steps = _mixed(np.arange(2 * BANDS * ROWS, dtype=np.uint64))
    factors, offsets = steps[: BANDS * ROWS] | np.uint64(1), steps[BANDS * ROWS :]
    buckets: dict[tuple[int, bytes], list[int]] = {}
    seen: set[tuple[int, int]] = set()
    for index in chosen:
        signature = np.full(BANDS * ROWS, np.iinfo(np.uint64).max, np.uint64)
        for start in range(0, len(texts[index].shingles), 4096):  # bounds the memory for a text of any length
            part = texts[index].shingles[start : start + 4096, None]
            signature = np.minimum(signature, (part * factors + offsets).min(axis=0))
        for band in range(BANDS):
            bucket = buckets.setdefault((band, signature[band * ROWS : (band + 1) * ROWS].tobytes()), [])
            for earlier in bucket[:1]:
                if (earlier, index) not in seen:
                    seen.add((earlier, index))
                    yield earlier, index
            bucket.append(index)
