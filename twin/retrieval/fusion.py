"""Combines two lists of scores into one, with the weights that measurements chose.

The scores of both lists are mapped to [0, 1] by their theoretical minimum and the greatest score found, and combined
with one weight per category (Bruch, Gai and Ingber, "An Analysis of Fusion Functions for Hybrid Retrieval", ACM TOIS
2023: TM2C2, which keeps distances that fusion by ranks loses, and needs only one robust parameter). Then a passage
gains from neighbours in its document that match as well: the text around an answer is usually about the same question
(Callan, "Passage-Level Evidence in Document Retrieval", SIGIR 1994; Diaz, "Regularizing ad hoc retrieval scores",
CIKM 2005).
"""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from math import inf
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import field_validator

from twin.models import Category, Chunk, Model
from twin.vectors.base import Found, Scored

EVIDENCE = Path(__file__).with_name("fusion.json")
"""Weights and the measurements that chose them; written by `python -m benchmarks.retrieval_weights`."""

_COSINE_MINIMUM = -1.0
_BM25_MINIMUM = 0.0
RRF_K = 60
"""Constant of reciprocal rank fusion (Cormack, Clarke and Büttcher, SIGIR 2009)."""

VARIANT_WEIGHT = 0.5
"""Weight of the list of a query's variant; the list of the query itself has weight 1."""


class Weights(Model):
    """The parameters of fusion.

    A category without its own weights takes those of the category that its traits name, see `Traits.weighted_as`.
    """

    prefetch: int  # points of each list
    looked_at: int  # number of best points whose chunks are read and whose neighbours count
    sparse: dict[Category, float]  # weight of BM25 in [0, 1]; the cosine has the rest
    neighbour: dict[Category, float]  # weight of a neighbour's score above the lowest; useless in code, so 0 there

    @field_validator("sparse", "neighbour")
    @classmethod
    def _for_every_category(cls, given: dict[Category, float]) -> dict[Category, float]:
        lent = {each: given[each.traits.weighted_as] for each in Category if each.traits.weighted_as in given}
        return lent | given


@cache
def weights() -> Weights:
    """The parameters stored with the package."""
    return Weights.model_validate(json.loads(EVIDENCE.read_text("utf-8"))["weights"])


class Fused(NamedTuple):
    """A point with its combined score in [0, 1] and its two parts; None if the point was not in that list."""

    point: Scored
    category: Category
    score: float
    dense: float | None
    sparse: float | None

    def as_dict(self) -> dict[str, Any]:
        """For the trace."""
        parts = {"score": self.score, "dense": self.dense, "sparse": self.sparse}
        return {
            "id": self.point.id,
            "category": self.category.value,
            **{name: round(value, 6) for name, value in parts.items() if value is not None},
        }


def combine(found: Mapping[Category, Found], chosen: Weights) -> list[Fused]:
    """The points of all categories in one order, best first; equal scores in the order of ids.

    Scores are scaled over all categories together, so a category in which nothing fits does not get a first place. A
    point that is not in the dense list, or not in a full sparse list, counts there with the lowest score of that list.
    """
    dense_top = max((each.dense[0].score for each in found.values() if each.dense), default=0.0)
    sparse_top = max((each.sparse[0].score for each in found.values() if each.sparse), default=0.0)
    dense_span = max(dense_top - _COSINE_MINIMUM, 0.0) or inf  # divided by inf, every score is 0
    sparse_span = max(sparse_top - _BM25_MINIMUM, 0.0) or inf
    fused = []
    for category, lists in found.items():
        weight = chosen.sparse[category]
        dense, sparse = ({point.id: point.score for point in each} for each in lists)
        lacks_dense = lists.dense[-1].score if lists.dense else _COSINE_MINIMUM
        lacks_sparse = lists.sparse[-1].score if len(lists.sparse) >= chosen.prefetch else _BM25_MINIMUM
        for identifier, point in {point.id: point for each in lists for point in each}.items():
            cosine, bm25 = dense.get(identifier), sparse.get(identifier)
            meaning = ((lacks_dense if cosine is None else cosine) - _COSINE_MINIMUM) / dense_span
            terms = ((lacks_sparse if bm25 is None else bm25) - _BM25_MINIMUM) / sparse_span
            fused.append(Fused(point, category, (1 - weight) * meaning + weight * terms, cosine, bm25))
    return sorted(fused, key=_order)


def merge_variants(lists: Sequence[Sequence[Fused]]) -> list[Fused]:
    """Merge the lists of a query and its variants by reciprocal ranks; a single list stays as it is."""
    if len(lists) == 1:
        return list(lists[0])
    scores: dict[str, float] = {}
    first: dict[str, Fused] = {}
    most = (1 + VARIANT_WEIGHT * (len(lists) - 1)) / (RRF_K + 1)
    for number, each in enumerate(lists):
        for rank, fused in enumerate(each, 1):
            gain = (VARIANT_WEIGHT if number else 1.0) / (RRF_K + rank) / most
            scores[fused.point.id] = scores.get(fused.point.id, 0.0) + gain
            first.setdefault(fused.point.id, fused)
    return sorted((fused._replace(score=scores[identifier]) for identifier, fused in first.items()), key=_order)


def with_neighbours(
    fused: Sequence[Fused], chunks: Mapping[str, Chunk], neighbour: Mapping[Category, float]
) -> list[Fused]:
    """Add to each point what its neighbours in the document contribute; best first, scores in [0, 1].

    Args:
        fused: the points to look at; those without a chunk are left out.
        chunks: the chunks of these points, by id.
        neighbour: category -> weight of the part of a neighbour's score that is above the lowest score given.
    """
    here = [each for each in fused if each.point.id in chunks]
    if not here:
        return []
    floor = min(each.score for each in here)
    above = {_place(chunks[each.point.id]): each.score - floor for each in here}
    most = 1 + 2 * max(neighbour.values())
    gained = []
    for each in here:
        document, ordinal = _place(chunks[each.point.id])
        around = above.get((document, ordinal - 1), 0.0) + above.get((document, ordinal + 1), 0.0)
        gained.append(each._replace(score=(each.score + neighbour[each.category] * around) / most))
    return sorted(gained, key=_order)


def _place(chunk: Chunk) -> tuple[str, int]:
    return chunk.document_id, chunk.ordinal


def _order(fused: Fused) -> tuple[float, str]:
    return -fused.score, fused.point.id
