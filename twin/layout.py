"""Where everything is in TWIN_STORE: every folder and every file with a fixed name, defined once.

`ArtifactStore` refuses a folder that is not declared here, and removing an author walks `PER_AUTHOR`, so a new folder
with an author's data cannot be forgotten. A function of this module makes each name below the folders.

The vector store manages the contents of `VECTORS` itself (`twin.vectors.edge.versions`) and removes its points, as the
warehouse removes its rows. Names are written to disks, so they never change.
"""

from twin.models import Category

Name = tuple[str, ...]
"""Parts of a name below the root, as `ArtifactStore` takes them."""

ADAPTERS = "adapters"
BASE_MODELS = "base_models"  # made on this machine, with an author's words in the tokenizer
DATASETS = "datasets"
EMBEDDINGS = "embeddings"
CHUNKS = "chunks"
CAPTURES = "captures"

EMBEDDERS = "embedders"  # what was made from embedding models
VECTORS = "vectors"  # the embedded vector store: points of all authors
WAREHOUSE = "warehouse.sqlite"  # the embedded warehouse: rows of all authors

PER_AUTHOR = (ADAPTERS, BASE_MODELS, DATASETS, EMBEDDINGS, CHUNKS, CAPTURES)
"""Folders with one subfolder for each author, named by the slug."""

SHARED = (EMBEDDERS, VECTORS)
"""Folders that do not belong to an author."""

FOLDERS = frozenset((*PER_AUTHOR, *SHARED))

INSTRUCTIONS = "instructions.parquet"  # of a dataset: all samples; written last, it names the hashes of the others
CORPUS = "corpus.jsonl"  # of a dataset: the texts of the training documents
DATASET_CARD = "README.md"
TRAINING_RECORD = "training_record.json"  # of an adapter
EVALUATION = "evaluation.json"  # of an adapter
ADAPTER_CARD = "README.md"  # of an adapter
CURRENT = "current.json"  # which of an author's adapters is in use


def table(folder: str, author: str, category: Category) -> Name:
    """The table of a stage (`CHUNKS` or `EMBEDDINGS`) for one author and category."""
    return folder, author, f"{category.value}.parquet"


def inspection(folder: str, author: str, category: Category) -> Name:
    """The inspection of such a table."""
    return folder, author, f"{category.value}.inspection.json"


def embedding_map(author: str) -> Name:
    """The map of all of an author's embeddings."""
    return EMBEDDINGS, author, "map.json"


def capture(author: str, digest: str) -> Name:
    """The bytes of a fetched answer, named by their sha256."""
    return CAPTURES, author, f"{digest}.gz"


def dataset(author: str, file: str | None = None) -> Name:
    """The folder of a dataset, or a file in it."""
    return (DATASETS, author) if file is None else (DATASETS, author, file)


def rows(split: str) -> str:
    """The file with the rows of one split of a dataset."""
    return f"{split}.jsonl"


def adapter(author: str, fingerprint: str) -> Name:
    """The folder of the adapter with this fingerprint."""
    return ADAPTERS, author, fingerprint[:16]


def noted_base(adapter: str) -> str:
    """The file next to an adapter's folder that says where its base model is on this machine."""
    return f"{adapter}.base"


def current_adapter(author: str) -> Name:
    """The file that points at the current adapter."""
    return ADAPTERS, author, CURRENT


def base_models(author: str) -> Name:
    """The folder of the base models made for an author, one subfolder each."""
    return BASE_MODELS, author


def embedder(key: str, *parts: str) -> Name:
    """A file made from the embedding model with this key."""
    return EMBEDDERS, key, *parts


def embedder_record(key: str, backend: str, cpu: str) -> Name:
    """What was measured of a backend of an embedding model on one kind of CPU."""
    return EMBEDDERS, key, backend, f"record-{cpu}.json"
