"""Opens a retriever as the settings describe it."""

from collections.abc import Sequence

from twin.embedding.base import Embedder
from twin.errors import InputError
from twin.models import Author
from twin.retrieval.question.language_model import LanguageModel
from twin.retrieval.reranking import CrossEncoderReranker
from twin.retrieval.service import Retriever
from twin.settings import Settings
from twin.vectors.base import VectorStore


def open_retriever(
    settings: Settings, vectors: VectorStore, embedder: Embedder, authors: Sequence[Author] = ()
) -> Retriever:
    """The retriever with the reranker and the language model of the settings; neither is loaded or asked yet.

    Args:
        settings: which reranker and which language model, if any.
        vectors: the store that has the points.
        embedder: the embedder that made the points' vectors.
        authors: the authors that questions can name.

    Raises:
        InputError: an endpoint is set that is not an address, or the name of its model is missing.
    """
    return Retriever(
        vectors,
        embedder,
        authors=authors,
        reranker=CrossEncoderReranker(settings.reranker) if settings.reranker else None,
        language_model=_language_model(settings),
    )


def _language_model(settings: Settings) -> LanguageModel | None:
    if not settings.language_model_url:
        return None
    if not settings.language_model:
        raise InputError("TWIN_LANGUAGE_MODEL_URL is set without TWIN_LANGUAGE_MODEL: name the endpoint's model too.")
    key = settings.language_model_api_key
    return LanguageModel(settings.language_model_url, settings.language_model, key.get_secret_value() if key else None)
