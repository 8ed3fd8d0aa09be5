"""Chooses the languages for stemming a query: a short query does not say its language, or that of what it may find."""

from collections.abc import Sequence

from twin.models import Author
from twin.terms.analysis import ALGORITHMS, words
from twin.terms.stopwords import LISTED, stop_words
from twin.vectors.base import Where

ALWAYS = ("de", "en", "es", "fr", "it", "nl", "pt")
"""Always searched. A stem in a language that nothing is written in finds nothing. On an English collection these seven
together measured as well as English alone, and all 35 slightly worse."""


def query_languages(query: str, where: Where, authors: Sequence[Author]) -> list[str]:
    """ISO 639-1 codes, sorted: the conditions' languages if there are any; or else the usual ones, the authors' own,
    and those whose grammar words occur in the query.

    Words of non-Latin scripts do not need this: the script decides their stemmer.
    """
    if where.languages:
        return sorted(set(where.languages) & ALGORITHMS.keys())
    own = {author.language for author in authors if where.author in (None, author.slug) and author.language}
    found = {word.casefold().strip(".'") for word in words(query)}
    seen = {language for language in LISTED if len(found & stop_words(language)) > 1}
    return sorted(({*ALWAYS} | own | seen) & ALGORITHMS.keys())
