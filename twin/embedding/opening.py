"""The embedder that the settings ask for."""

from typing import Literal

from twin.artifacts import ArtifactStore
from twin.embedding.backends.automatic import AutomaticEmbedder
from twin.embedding.backends.sentence_transformer import cuda_is_there
from twin.embedding.base import Embedder
from twin.settings import Settings

Engine = Literal["endpoint", "openvino", "torch"]
"""What computes vectors."""


def engines(settings: Settings) -> tuple[Engine, ...]:
    """What may embed with these settings on this machine; nothing is loaded to find out.

    With `auto` on a CPU there are two: `AutomaticEmbedder` decides by the number of texts.
    """
    if settings.embedding_url is not None:
        return ("endpoint",)
    if settings.embedding_backend == "auto":
        return ("torch",) if cuda_is_there() else ("openvino", "torch")
    return ("torch",) if settings.embedding_backend == "torch" else ("openvino",)


def open_embedder(settings: Settings, artifacts: ArtifactStore) -> Embedder:
    """Return the endpoint of TWIN_EMBEDDING_URL, else TWIN_EMBEDDING_MODEL on the best backend for this machine.

    Nothing is loaded or requested before the first text; `artifacts` stores exports of the model.

    Raises:
        InputError: TWIN_EMBEDDING_URL is not an address.
    """
    if settings.embedding_url is None:
        return AutomaticEmbedder(settings.embedding_model, artifacts=artifacts, backend=settings.embedding_backend)
    from twin.embedding.backends.endpoint import EndpointEmbedder  # imports an HTTP client that nothing else needs

    return EndpointEmbedder(
        settings.embedding_url, settings.embedding_model, settings.embedding_api_key, settings.embedding_tokenizer
    )
