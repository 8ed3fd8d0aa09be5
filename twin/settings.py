"""Settings from the environment; the only module of the domain that reads it.

Secrets stay in `SecretStr`: they are never printed, logged or stored.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError
from upath import UPath

from twin.errors import InputError


class Settings(BaseModel):
    """Where things live and which models are used. Unset means the laptop default: no server, no account."""

    model_config = ConfigDict(frozen=True)

    store: str = "./data"  # TWIN_STORE: a folder or any fsspec URL
    authors: str = "./authors"  # TWIN_AUTHORS: the folder of author files
    mongo_uri: SecretStr | None = None  # MONGO_URI; unset: SQLite inside the store
    qdrant_url: str | None = None  # QDRANT_URL; unset: Qdrant Edge inside the store
    qdrant_api_key: SecretStr | None = None  # QDRANT_API_KEY
    quantization: Literal["int8"] | None = None  # TWIN_QUANTIZATION: int8, a quarter of the memory a search goes over
    chunking: str = "default"  # TWIN_CHUNKING: default, classic, or target/overlap, see `twin.chunking.Profile`
    base_model: str = "nano"  # TWIN_BASE_MODEL: "nano", a Hugging Face id or a folder
    embedding_model: str = "all-MiniLM-L6-v2"  # TWIN_EMBEDDING_MODEL: packaged default, an id or a folder
    embedding_backend: Literal["auto", "openvino-int8", "openvino-bf16", "openvino-f32", "torch"] = "auto"
    # TWIN_EMBEDDING_BACKEND: what computes; auto: the fastest that agrees with the original
    embedding_url: str | None = None  # TWIN_EMBEDDING_URL: an OpenAI-compatible endpoint, up to /v1
    embedding_api_key: SecretStr | None = None  # TWIN_EMBEDDING_API_KEY: sent to that endpoint alone
    embedding_tokenizer: str | None = None  # TWIN_EMBEDDING_TOKENIZER: the endpoint's, a folder or tokenizer.json
    reranker: str | None = None  # TWIN_RERANKER: a cross-encoder that reads the best results again, a folder or an id
    language_model_url: str | None = None  # TWIN_LANGUAGE_MODEL_URL: an OpenAI-compatible endpoint, up to /v1
    language_model: str | None = None  # TWIN_LANGUAGE_MODEL: its model, which then reads questions before a search
    language_model_api_key: SecretStr | None = None  # TWIN_LANGUAGE_MODEL_API_KEY: sent to that endpoint alone
    contact: str | None = None  # TWIN_CONTACT: an address or URL in the User-Agent, for who runs what is crawled
    ports: tuple[int, ...] = (80, 443)  # TWIN_PORTS: what may be fetched, comma-separated
    requests_per_second: float = Field(default=1.0, gt=0)  # TWIN_REQUESTS_PER_SECOND: to one host
    keep_captures: int = Field(default=2, ge=0)  # TWIN_KEEP_CAPTURES: versions of each address kept as fetched; 0: none
    github_token: SecretStr | None = None  # GITHUB_TOKEN: raises the limit of GitHub's API; sent to it alone

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> "Settings":
        """Read the settings from `env` (default: the process environment); an empty value counts as unset."""
        env = os.environ if env is None else env
        names = {
            "store": "TWIN_STORE",
            "authors": "TWIN_AUTHORS",
            "mongo_uri": "MONGO_URI",
            "qdrant_url": "QDRANT_URL",
            "qdrant_api_key": "QDRANT_API_KEY",
            "quantization": "TWIN_QUANTIZATION",
            "chunking": "TWIN_CHUNKING",
            "base_model": "TWIN_BASE_MODEL",
            "embedding_model": "TWIN_EMBEDDING_MODEL",
            "embedding_backend": "TWIN_EMBEDDING_BACKEND",
            "embedding_url": "TWIN_EMBEDDING_URL",
            "embedding_api_key": "TWIN_EMBEDDING_API_KEY",
            "embedding_tokenizer": "TWIN_EMBEDDING_TOKENIZER",
            "reranker": "TWIN_RERANKER",
            "language_model_url": "TWIN_LANGUAGE_MODEL_URL",
            "language_model": "TWIN_LANGUAGE_MODEL",
            "language_model_api_key": "TWIN_LANGUAGE_MODEL_API_KEY",
            "contact": "TWIN_CONTACT",
            "ports": "TWIN_PORTS",
            "requests_per_second": "TWIN_REQUESTS_PER_SECOND",
            "keep_captures": "TWIN_KEEP_CAPTURES",
            "github_token": "GITHUB_TOKEN",
        }
        given: dict[str, Any] = {field: env[name] for field, name in names.items() if env.get(name, "").strip()}
        if "ports" in given:
            given["ports"] = [part.strip() for part in given["ports"].split(",")]
        if "chunking" in given:
            from twin.chunking.profile import Profile

            Profile.parse(given["chunking"])
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            # The value itself is not shown: it may be a secret that stands in the wrong variable.
            first = error.errors(include_url=False, include_input=False)[0]
            raise InputError(f"{names[str(first['loc'][0])]} cannot be used ({first['msg']}): correct it.") from None

    @property
    def store_path(self) -> UPath:
        """Root of the artifact store."""
        return UPath(self.store)

    @property
    def authors_path(self) -> Path:
        """Folder of the author files."""
        return Path(self.authors).expanduser()

    def local_store(self, purpose: str, instead: str) -> Path:
        """Return the store as a local folder, for the embedded engines that need one.

        Raises:
            InputError: `store` is a remote URL, on which an embedded engine cannot run.
        """
        path = self.store_path
        if path.protocol not in ("", "file", "local"):
            raise InputError(f"TWIN_STORE is {self.store}, where {purpose} cannot live: set {instead} as well.")
        return Path(path.path).expanduser().resolve()
