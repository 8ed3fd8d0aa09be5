"""The embedder that the settings ask for."""

from twin.artifacts import ArtifactStore
from twin.embedding.backends.automatic import AutomaticEmbedder
from twin.embedding.base import Embedder
from twin.settings import Settings


def open_embedder(settings: Settings, artifacts: ArtifactStore) -> Embedder:
    """Return the endpoint of TWIN_EMBEDDING_URL, else TWIN_EMBEDDING_MODEL on the backend that suits this machine.

    Nothing is loaded or asked before the first text; `artifacts` is where exports of the model are kept.

    Raises:
        InputError: TWIN_EMBEDDING_URL is no address.
    """
    if settings.embedding_url is None:
        return AutomaticEmbedder(settings.embedding_model, artifacts=artifacts, backend=settings.embedding_backend)
    from twin.embedding.backends.endpoint import EndpointEmbedder  # brings an HTTP client that nobody else needs

    return EndpointEmbedder(
        settings.embedding_url, settings.embedding_model, settings.embedding_api_key, settings.embedding_tokenizer
    )
