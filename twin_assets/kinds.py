"""What the graph says about the technology of each asset: what these settings use, and nothing else.

Dagster loads kinds with the definitions, so they follow the environment in which the code location is loaded. Settings
that cannot be used count as unset here: each run says what is wrong with them.
"""

from twin.embedding.opening import engines
from twin.errors import InputError
from twin.settings import Settings

_ENGINES = {"endpoint": "openai", "openvino": "openvino", "torch": "pytorch"}


def warehouse_kind(settings: Settings) -> str:
    """The database of documents."""
    return "sqlite" if settings.mongo_uri is None else "mongodb"


def engine_kinds(settings: Settings) -> set[str]:
    """What may embed. With `auto` on a CPU there are two: PyTorch for a few texts, OpenVINO for more."""
    return {_ENGINES[engine] for engine in engines(settings)}


def loaded_settings() -> Settings:
    """The settings of this process, or those of a laptop if they cannot be used."""
    try:
        return Settings.from_env()
    except InputError:
        return Settings()


WAREHOUSE = warehouse_kind(loaded_settings())
EMBEDDER = engine_kinds(loaded_settings())
