"""Where everything lies in TWIN_STORE: every folder and every file with a fixed name, once.

`ArtifactStore` refuses a folder that is not declared here, and the removal of an author walks `PER_AUTHOR`, so a new
folder with an author's data cannot be forgotten. Each name below the folders is made by a function of this module.

What lies inside `VECTORS` is the vector store's own business (`twin.vectors.edge.versions`): its points are removed
by the store, as the rows of the warehouse are. Names are written on disks, so they never change.
"""

from twin.models import Category

Name = tuple[str, ...]
"""Parts of a name below the root, as `ArtifactStore` takes them."""

ADAPTERS = "adapters"
BASE_MODELS = "base_models"  # made on the spot, with an author's words in the tokenizer
DATASETS = "datasets"
EMBEDDINGS = "embeddings"
CHUNKS = "chunks"
CAPTURES = "captures"

EMBEDDERS = "embedders"  # what was made of embedding models
VECTORS = "vectors"  # the embedded vector store: points of all authors
WAREHOUSE = "warehouse.sqlite"  # the embedded warehouse: rows of all authors

PER_AUTHOR = (ADAPTERS, BASE_MODELS, DATASETS, EMBEDDINGS, CHUNKS, CAPTURES)
"""Folders that hold one folder for each author, named by the slug."""

SHARED = (EMBEDDERS, VECTORS)
"""Folders that belong to no author."""

FOLDERS = frozenset((*PER_AUTHOR, *SHARED))

INSTRUCTIONS = "instructions.parquet"  # of a dataset: all samples; written last, it names the hashes of the others
CORPUS = "corpus.jsonl"  # of a dataset: the texts of the training documents
DATASET_CARD = "README.md"
TRAINING_RECORD = "training_record.json"  # of an adapter
EVALUATION = "evaluation.json"  # of an adapter
CURRENT = "current.json"  # which of an author's adapters is the current one


def table(folder: str, author: str, category: Category) -> Name:
    """The table of a stage, `CHUNKS` or `EMBEDDINGS`, for one author and category."""
    return folder, author, f"{category.value}.parquet"


def inspection(folder: str, author: str, category: Category) -> Name:
    """What was seen in such a table."""
    return folder, author, f"{category.value}.inspection.json"


def embedding_map(author: str) -> Name:
    """The map of all of an author's embeddings."""
    return EMBEDDINGS, author, "map.json"


def capture(author: str, digest: str) -> Name:
    """The bytes that were fetched, by their sha256."""
    return CAPTURES, author, f"{digest}.gz"


def dataset(author: str, file: str | None = None) -> Name:
    """The folder of a dataset, or a file in it."""
    return (DATASETS, author) if file is None else (DATASETS, author, file)


def rows(split: str) -> str:
    """The file in a dataset with the rows of one split."""
    return f"{split}.jsonl"


def adapter(author: str, fingerprint: str) -> Name:
    """The folder of the adapter with this fingerprint."""
    return ADAPTERS, author, fingerprint[:16]


def noted_base(adapter: str) -> str:
    """The file beside the folder of an adapter that says where on this machine its base model lies."""
    return f"{adapter}.base"


def current_adapter(author: str) -> Name:
    """The file that points at the current adapter."""
    return ADAPTERS, author, CURRENT


def base_models(author: str) -> Name:
    """The folder of the base models that were made for an author, one folder each."""
    return BASE_MODELS, author


def embedder(key: str, *parts: str) -> Name:
    """A file made of the embedding model with this key."""
    return EMBEDDERS, key, *parts


def embedder_record(key: str, backend: str, cpu: str) -> Name:
    """What is known of a backend of an embedding model on one kind of CPU."""
    return EMBEDDERS, key, backend, f"record-{cpu}.json"
