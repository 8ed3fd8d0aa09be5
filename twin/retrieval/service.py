"""Search in the memory of one author or of all. Each step is traced."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from time import perf_counter
from typing import NamedTuple

from twin.commands import BUILD, build
from twin.embedding.base import Embedder
from twin.errors import InputError
from twin.identity import check_slug
from twin.models import Author, Category, Chunk
from twin.nearest import did_you_mean
from twin.retrieval.fusion import Fused, Weights, combine, merge_variants, weights, with_neighbours
from twin.retrieval.passages import Folder, Ranked, fill, join
from twin.retrieval.question.asked import Asked, asked
from twin.retrieval.question.expansion import Variant, variants
from twin.retrieval.question.language_model import LanguageModel
from twin.retrieval.question.languages import query_languages
from twin.retrieval.question.understanding import understand
from twin.retrieval.reranking import CANDIDATES, Reranker
from twin.retrieval.result import Result, Trace
from twin.terms.bm25 import encode_query
from twin.vectors.base import Found, Vector, VectorStore, Where, points_model

_SPARE = 10
"""Number of chunks to look at in addition to the limit, because some will be folded."""

_ATTEMPTS = 5
"""How often a search is repeated if points that it found are gone when their chunks are read: a server has no versions
that a search could hold on to."""


class _Scope(NamedTuple):
    """Where a search looks."""

    where: Where
    categories: tuple[Category, ...]


class Retriever:
    """Searches the memory of one author or of all.

    Args:
        vectors: the store that has the points.
        embedder: the embedder that made the points' vectors.
        authors: the authors that questions can name.
        reranker: reads the best candidates again; None: no reranking.
        language_model: understands questions better than the rules do; None: only rules.
        fusion: weights; default: those stored with the package.
    """

    def __init__(
        self,
        vectors: VectorStore,
        embedder: Embedder,
        *,
        authors: Sequence[Author] = (),
        reranker: Reranker | None = None,
        language_model: LanguageModel | None = None,
        fusion: Weights | None = None,
    ) -> None:
        self._vectors, self._embedder = vectors, embedder
        self._authors = sorted(authors, key=lambda author: author.slug)
        self._reranker, self._language_model = reranker, language_model
        self._weights = fusion or weights()

    def search(
        self,
        query: str,
        *,
        author: str | None = None,
        limit: int = 5,
        categories: Sequence[Category] | None = None,
        where: Where | None = None,
        budget_tokens: int | None = None,
        self_query: bool = True,
        expand: bool = True,
        today: date | None = None,
    ) -> Result:
        """Find the passages that answer a question, best first, over all categories and authors asked for.

        Args:
            query: a question or words, in any language.
            author: slug; None: the author that the question names, or else everybody.
            limit: maximum number of chunks; neighbours are joined, so there may be fewer hits.
            categories: searched together; None: those that the question names, or else all.
            where: conditions that must hold; they take precedence over the question.
            budget_tokens: makes a context of at most this many tokens of the embedding model's tokenizer.
            self_query: whether conditions are taken from the question. If nothing meets them, they are dropped, and the
                trace says so.
            expand: whether variants of the question are searched as well.
            today: the day that `last year` in a question refers to; default: today in UTC.

        Raises:
            InputError: the query is empty, the limit or the budget is not positive, no category is given, the author
                has no points, or another model made them (distances between vectors of two models mean nothing, even if
                the dimensions are equal).
            StoreError: the vector store cannot be used.
        """
        _check(query, limit, categories, budget_tokens)
        given = _conditions(author, where)
        trace = Trace(question=query.strip(), model=points_model(self._embedder), author=given.author)
        with self._vectors.pinned():  # all steps see one version of the points
            started = perf_counter()
            with _timed(trace, "understand"):
                question, texts = self._understand(
                    trace, given, categories, today, self_query=self_query, expand=expand
                )
            more = question.where != given or bool(question.categories)  # conditions that only the question makes
            try:
                scope = self._scope(question.where, question.categories or tuple(categories or Category))
                fused, chunks = self._find(trace, texts, scope, limit)
            except _NothingThereError:
                if not more:
                    raise
                fused = []
            if not fused and more:
                kept = given.model_copy(update={"author": question.where.author})
                trace.notes.append("Nothing matches the question's conditions, so they were ignored.")
                scope = self._scope(kept, tuple(categories or Category))
                fused, chunks = self._find(trace, texts, scope, limit)
            if self._reranker is not None:
                with _timed(trace, "rerank"):
                    fused = self._rerank(trace, self._reranker, fused, chunks)
            with _timed(trace, "passages"):
                result = self._passages(trace, fused, chunks, limit, budget_tokens)
            trace.timings_ms["total"] = _ms(started)
            return result

    def _understand(
        self,
        trace: Trace,
        given: Where,
        categories: Sequence[Category] | None,
        today: date | None,
        *,
        self_query: bool,
        expand: bool,
    ) -> tuple[Asked, list[Variant]]:
        """What to search for, where, and in which variants; the trace records all of it."""
        day = today or datetime.now(UTC).date()
        authors = [] if given.author else self._authors
        question, said = Asked(query=trace.question), tuple[str, ...]()
        if self_query:
            question = asked(trace.question, authors, day)
            if self._language_model is not None:
                question, said = understand(self._language_model, trace.question, authors, day, question)
        kept = {name: value for name, value in given if value not in (None, ())}
        where = question.where.model_copy(update=kept)
        found = [Variant(question.query, "question")]
        if expand:
            found += [Variant(each, "language model") for each in said] or variants(question.query)
        trace.rules, trace.notes = list(question.rules), list(question.notes)
        trace.queries = [{"text": each.text, "rule": each.rule} for each in found]
        return question.model_copy(
            update={"where": where, "categories": () if categories else question.categories}
        ), found

    def _scope(self, where: Where, categories: Sequence[Category]) -> _Scope:
        """Keep the categories that have points; raise if there are none, or if another model made them."""
        wanted = [category for category in Category if category in set(categories)]
        model = points_model(self._embedder)
        there = {
            category: self._vectors.authors(category)
            if where.author is None
            else [where.author] * bool(self._vectors.count(category, where.author))
            for category in wanted
        }
        searched = [category for category, slugs in there.items() if slugs]
        if not searched:
            everywhere = {slug for category in Category for slug in self._vectors.authors(category)}
            elsewhere = [
                category
                for category in Category
                if where.author in self._vectors.authors(category) or (where.author is None and everywhere)
            ]
            raise _NothingThereError(_nothing(where.author, wanted, everywhere, elsewhere))
        for category in searched:
            for slug in there[category]:
                if not self._vectors.serves(category, slug, model):
                    raise InputError(
                        f"The {category.value} of {slug} were embedded with a different model than "
                        f"{self._embedder.fingerprint}: build the collections again, or go back to the earlier model."
                    )
        return _Scope(where, tuple(searched))

    def _find(
        self, trace: Trace, texts: Sequence[Variant], scope: _Scope, limit: int
    ) -> tuple[list[Fused], dict[str, Chunk]]:
        """Search, fuse, and read the best candidates' chunks."""
        trace.conditions(*scope)
        with _timed(trace, "embed"):
            vectors = self._embedder.embed_queries([each.text for each in texts])
        before = len(trace.lists)
        for _ in range(_ATTEMPTS):
            del trace.lists[before:]
            with _timed(trace, "search"):
                lists = [
                    self._fused(trace, each.text, vector, scope) for each, vector in zip(texts, vectors, strict=True)
                ]
            with _timed(trace, "fuse"):
                merged = merge_variants(lists)
            with _timed(trace, "read"):
                looked_at = merged[: max(self._weights.looked_at, limit + _SPARE, CANDIDATES if self._reranker else 0)]
                chunks = self._chunks(looked_at)
            if all(each.point.id in chunks for each in looked_at):
                break
        return with_neighbours(looked_at, chunks, self._weights.neighbour), chunks

    def _fused(self, trace: Trace, text: str, vector: Vector, scope: _Scope) -> list[Fused]:
        """The fused list of one query over all categories."""
        languages = query_languages(text, scope.where, self._authors)
        trace.languages = sorted({*trace.languages, *languages})
        found: dict[Category, Found] = {}
        for category in scope.categories:
            sparse = encode_query(text, languages, category)
            found[category] = self._vectors.search(
                category, scope.where, vector=vector, sparse=sparse, limit=self._weights.prefetch
            )
            trace.lists.append(
                {
                    "query": text,
                    "category": category.value,
                    "terms": len(sparse.indices),
                    "dense": len(found[category].dense),
                    "sparse": len(found[category].sparse),
                    "sparse_weight": self._weights.sparse[category],
                    "weighted_as": category.traits.weighted_as.value,
                }
            )
        return combine(found, self._weights)

    def _chunks(self, fused: Sequence[Fused]) -> dict[str, Chunk]:
        chunks: dict[str, Chunk] = {}
        for category in Category:
            if points := [each.point for each in fused if each.category is category]:
                chunks.update(self._vectors.chunks(category, points))
        return chunks

    def _rerank(
        self, trace: Trace, reranker: Reranker, fused: Sequence[Fused], chunks: dict[str, Chunk]
    ) -> list[Fused]:
        """The candidates by the reranker's scores, then in their old order those that it does not read."""
        read, rest = fused[:CANDIDATES], fused[CANDIDATES:]
        scores = reranker.scores(trace.question, [chunks[each.point.id].embedded_text for each in read])
        trace.reranked = {"reranker": reranker.name, "chunks": len(read)}
        least = float(min(scores, default=0.0))
        first = [each._replace(score=float(score)) for each, score in zip(read, scores, strict=True)]
        scale = least / max((each.score for each in rest), default=1.0) if least > 0 else 0.0
        last = [each._replace(score=each.score * min(scale, 1.0)) for each in rest]
        return sorted(first, key=lambda each: (-each.score, each.point.id)) + last

    def _passages(
        self, trace: Trace, fused: Sequence[Fused], chunks: dict[str, Chunk], limit: int, budget: int | None
    ) -> Result:
        folder = Folder()
        for each in fused:
            if len(folder.kept) == limit:
                break
            trace.ranked.append(each.as_dict())
            if (kept := folder.add(Ranked(chunks[each.point.id], each.score))) is not None:
                trace.folded.append({"id": each.point.id, "into": kept.id})
        hits = join(folder.kept, folder.copies)
        trace.joined = [list(hit.chunk_ids) for hit in hits if len(hit.chunk_ids) > 1]
        if budget is None:
            return Result(tuple(hits), trace)
        context, left = fill(hits, budget, self._embedder.sizer)
        trace.dropped = [{"id": hit.chunk.id, "why": why} for hit, why in left]
        return Result(tuple(hits), trace, context)


def _check(query: str, limit: int, categories: Sequence[Category] | None, budget_tokens: int | None) -> None:
    if not query.strip():
        raise InputError("The query is empty: enter words or a question.")
    if limit < 1:
        raise InputError(f"The number of results must be 1 or more, not {limit}.")
    if budget_tokens is not None and budget_tokens < 1:
        raise InputError(f"The budget of the context must be 1 token or more, not {budget_tokens}.")
    if categories is not None and not categories:
        raise InputError(f"No category is given: choose from {', '.join(Category)}.")


def _conditions(author: str | None, where: Where | None) -> Where:
    """The caller's conditions, including the author."""
    where = where or Where()
    if author is not None:
        if where.author not in (None, author):
            raise InputError(f"Two authors are given, {author} and {where.author}: give only one.")
        where = where.model_copy(update={"author": author})
    if where.author is not None:
        check_slug(where.author)
    return where


class _NothingThereError(InputError):
    """There are no points where a search would look."""


def _nothing(
    author: str | None, categories: Sequence[Category], known: Iterable[str], elsewhere: Sequence[Category]
) -> str:
    """The sentence about a search that has nowhere to look.

    Args:
        author: slug, if only one is searched.
        categories: that were to be searched.
        known: the authors who have points.
        elsewhere: the categories in which the author has points.
    """
    names = _either(categories)
    if elsewhere:
        return f"{author or 'Nobody'} has nothing to search in {names}: search in {_either(elsewhere)}."
    if author is None:
        return f"Nobody has anything to search in {names} yet: build a twin first (`{BUILD}`)."
    others = sorted(set(known) - {author})
    otherwise = f"build the twin first (`{build(author)}`)"
    return f"{author} has nothing to search in {names} yet{did_you_mean(author, others, otherwise)}"


def _either(categories: Sequence[Category]) -> str:
    *others, last = [category.value for category in categories]
    return f"{', '.join(others)} or {last}" if others else last


@contextmanager
def _timed(trace: Trace, step: str) -> Iterator[None]:
    started = perf_counter()
    yield
    trace.timings_ms[step] = round(trace.timings_ms.get(step, 0.0) + _ms(started), 3)


def _ms(started: float) -> float:
    return round((perf_counter() - started) * 1000, 3)
