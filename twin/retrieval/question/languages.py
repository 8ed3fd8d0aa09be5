"""Which languages a query's words are stemmed in: nobody says which one a short query is in, nor what it may find."""

from collections.abc import Sequence

from twin.models import Author
from twin.terms.analysis import ALGORITHMS, words
from twin.terms.stopwords import LISTED, stop_words
from twin.vectors.base import Where

ALWAYS = ("de", "en", "es", "fr", "it", "nl", "pt")
"""Searched whatever the query looks like. A stem in a language that nothing is written in finds nothing; on an English
collection these seven together measured as well as English alone, and all 35 a little worse."""


def query_languages(query: str, where: Where, authors: Sequence[Author]) -> list[str]:
    """ISO 639-1 codes, sorted: those of the conditions alone where there are any, else the usual ones, the authors'
    own, and those whose grammar words the query has.

    Words of other scripts than the Latin need none of this: their stemmer is chosen by the script.
    """
    if where.languages:
        return sorted(set(where.languages) & ALGORITHMS.keys())
    own = {author.language for author in authors if where.author in (None, author.slug) and author.language}
    found = {word.casefold().strip(".'") for word in words(query)}
    seen = {language for language in LISTED if len(found & stop_words(language)) > 1}
    return sorted(({*ALWAYS} | own | seen) & ALGORITHMS.keys())
