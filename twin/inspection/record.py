"""What is kept of an inspection: stored beside the inspected table, as JSON with a key of everything it depends on.

An unchanged table is shown again without being read or drawn. Comparing it with the version before needs neither the
old table nor an instance of Dagster.
"""

from collections.abc import Callable, Mapping
from typing import TypeVar

from pydantic import Field, ValidationError

from twin import layout
from twin.artifacts import ArtifactStore, Metadata
from twin.errors import ConsistencyError
from twin.identity import sha256
from twin.models import Category, Model

INSPECTION_VERSION = "3"
"""Part of every key: increase it whenever the same table would be shown differently."""

_SEPARATOR = "\x1f"


class Spread(Model):
    """How many rows have each value. Values are text, exactly as rounded, because JSON keys are text."""

    counts: dict[str, int] = Field(default_factory=dict)

    @classmethod
    def of(cls, counts: Mapping[int, int] | Mapping[float, int]) -> "Spread":
        return cls(counts={str(value): count for value, count in sorted(counts.items())})

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    @property
    def median(self) -> float:
        """The lower median; NaN if there are no rows."""
        reached = 0
        for value, count in sorted((float(value), count) for value, count in self.counts.items()):
            reached += count
            if 2 * reached >= self.total:
                return value
        return float("nan")


class Statistics(Model):
    """What is needed to compare one version of a table with the next."""

    version: str  # data version of the table
    made_with: str  # id of the chunker, or fingerprint of the model
    spreads: dict[str, Spread] = Field(default_factory=dict)
    mean: tuple[float, ...] = ()  # mean of the vectors, if the table has vectors


class Kept(Model):
    """Something made from stored tables; `key` says from which, and how."""

    key: str
    shown: dict[str, str] = Field(default_factory=dict)  # Markdown, by the name under which it is shown


class Inspection(Kept):
    """The inspection of one table."""

    facts: dict[str, int | float] = Field(default_factory=dict)
    statistics: Statistics
    before: Statistics | None  # of the version that this one replaced; None for the first


K = TypeVar("K", bound=Kept)


def footer_of(artifacts: ArtifactStore, stage: str, author: str, category: Category) -> Metadata:
    """What a stage wrote into the footer of its table; includes `data_version`.

    Args:
        artifacts: where the table is.
        stage: `layout.CHUNKS` or `layout.EMBEDDINGS`.
        author: slug.
        category: category of the table.

    Raises:
        ConsistencyError: there is no table.
    """
    footer = artifacts.table_metadata(*layout.table(stage, author, category))
    if footer is None:
        raise ConsistencyError(f"There are no {stage} of {author}'s {category.value} yet: run the {stage} stage first.")
    return footer


def made_key(*parts: object) -> str:
    """Key of something that depends on `parts` and on how inspections are made."""
    return sha256(_SEPARATOR.join(map(str, (INSPECTION_VERSION, *parts))))


def kept(artifacts: ArtifactStore, name: tuple[str, ...], kind: type[K]) -> K | None:
    """What is stored under a name; None if there is nothing, or nothing that this version can read."""
    content = artifacts.read_bytes(*name)
    try:
        return None if content is None else kind.model_validate_json(content)
    except ValidationError:
        return None


def keep(artifacts: ArtifactStore, name: tuple[str, ...], kind: type[K], key: str, make: Callable[[], K]) -> K:
    """What is stored under a name if its key is this one; otherwise the stored result of `make`."""
    known = kept(artifacts, name, kind)
    if known is not None and known.key == key:
        return known
    made = make()
    artifacts.write_bytes(*name, content=made.model_dump_json().encode())
    return made


def predecessor(artifacts: ArtifactStore, name: tuple[str, ...], version: str) -> Statistics | None:
    """Statistics of the version before `version`, whether `version` has been inspected yet or not."""
    known = kept(artifacts, name, Inspection)
    if known is None:
        return None
    return known.before if known.statistics.version == version else known.statistics
