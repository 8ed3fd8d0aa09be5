"""The stage: reads documents and writes `datasets/<author>/`. It rewrites nothing that has not changed."""

import json
import logging
from collections import Counter
from collections.abc import Iterable, Iterator

import pyarrow as pa
from pydantic import Field

from twin import layout
from twin.artifacts import ArtifactStore
from twin.dataset.card import card
from twin.dataset.samples import Harvest, make_samples
from twin.dataset.splits import SPLITS, Split, check_disjoint
from twin.errors import ConsistencyError
from twin.identity import check_slug, data_version, sha256
from twin.inspection.columns import Column, meanings, table_columns
from twin.inspection.preview import Row, table_rows
from twin.models import Author, Category, Document, InstructionSample, StageReport, State
from twin.progress import progress
from twin.prompts import prompt_messages
from twin.warehouse.base import Warehouse
from twin.warehouse.marks import Marks

CODE_VERSION = "dataset-2"
"""Change it whenever the same documents would give other samples."""

CORPUS_CHARACTERS = 8_000_000
"""Maximum size of the training text stored with the samples; `nano` never needs more."""

SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in ("id", "author", "category", "document_id", "split", "task")),
        *((name, pa.string()) for name in ("system", "instruction", "output")),
        ("span_start", pa.int64()),
        ("span_end", pa.int64()),
        ("content_hash", pa.string()),
    ]
)

logger = logging.getLogger("twin")


class DatasetReport(StageReport):
    """What `build_dataset` made; `total` and `written` count samples."""

    samples_per_split: dict[str, int] = Field(
        default_factory=dict, description="samples to train on, to validate with and to test with"
    )
    samples_per_task: dict[str, int] = Field(default_factory=dict, description="samples by what they ask for")
    samples_per_category: dict[str, int] = Field(default_factory=dict, description="samples by kind of document")
    documents: int = Field(default=0, description="cleaned documents that were read")
    documents_used: int = Field(default=0, description="documents that gave a sample")
    words: int = Field(default=0, description="words of all cleaned documents that are the author's own")
    yield_per_1000_words: float = Field(default=0.0, description="samples for each 1,000 of these words")
    dropped: dict[str, int] = Field(default_factory=dict, description="spans and documents left out, by reason")
    files_written: int = Field(default=0, description="files that this run wrote")
    path: str = Field(default="", description="the folder of the dataset")
    note: str = Field(default="", description="why it cannot be used for training or for evaluation, if so")


def build_dataset(warehouse: Warehouse, artifacts: ArtifactStore, author: str) -> DatasetReport:
    """Make the instruction dataset of one author from the cleaned documents of all categories.

    Files in `datasets/<author>/`: `instructions.parquet` (all samples), one `<split>.jsonl` per split with
    conversational prompt-completion rows, `corpus.jsonl` with the texts of the training documents only, `README.md`.
    The Parquet file is written last and contains the hash of every other file, so a killed build is found and repaired.

    Raises:
        StoreError: a store cannot be read or written.
    """
    check_slug(author)
    person = warehouse.author(author) or Author(slug=author, name=author.replace("-", " ").title())
    marks = Marks(
        warehouse,
        author,
        "dataset",
        [(State.CLEANED, category) for category in Category],
        {"person": person.content_hash, "folder": str(artifacts.path(*layout.dataset(author)))},
    )
    known = marks.recall()
    if known is not None and known["files"] == _digests(artifacts, author):
        return DatasetReport.model_validate(known["report"])
    documents = progress(_documents(warehouse, author), f"reading documents of {author}")
    harvest = make_samples(person, documents)
    problems = check_disjoint(harvest.samples)
    if problems:
        raise ConsistencyError(f"The dataset of {author} would leak: {problems[0]}. This is a bug in LLM Twin.")
    corpus = _corpus(harvest.training)
    version = data_version(((s.id, s.content_hash) for s in harvest.samples), CODE_VERSION, sha256(corpus))
    report = _report(harvest, version, str(artifacts.path(*layout.dataset(author))))
    stored = _store(artifacts, person, harvest.samples, corpus, report)
    marks.keep({"report": report.model_dump(mode="json"), "files": _digests(artifacts, author)})
    return stored


def _digests(artifacts: ArtifactStore, author: str) -> dict[str, str | None]:
    """Hashes of the files of a dataset as they are stored."""
    names = [*(layout.rows(split) for split in SPLITS), layout.CORPUS, layout.DATASET_CARD, layout.INSTRUCTIONS]
    return {name: artifacts.digest(*layout.dataset(author, name)) for name in names}


def read_samples(artifacts: ArtifactStore, author: str, split: Split | None = None) -> list[InstructionSample]:
    """The stored samples of an author, of one split or of all; an empty list if there is no dataset."""
    rows = (
        row for batch in artifacts.read_table(*layout.dataset(author, layout.INSTRUCTIONS)) for row in batch.to_pylist()
    )
    samples = []
    for row in rows:
        row.pop("content_hash")
        span = (row.pop("span_start"), row.pop("span_end"))
        if split in (None, row["split"]):
            samples.append(InstructionSample(**row, span=span))
    return samples


def sample_columns() -> list[Column]:
    """The columns of the table of samples."""
    more = {
        "span_start": "first character of the output in the cleaned document, from 0",
        "span_end": "the character after its last one",
        "content_hash": "hash of the sample",
    }
    return table_columns(SCHEMA, meanings(InstructionSample) | more)


def preview_samples(artifacts: ArtifactStore, author: str) -> list[Row]:
    """A few of the stored samples, to look at.

    Raises:
        StoreError: the dataset cannot be read.
    """
    columns = ["split", "task", "instruction", "output"]
    return table_rows(artifacts, *layout.dataset(author, layout.INSTRUCTIONS), columns=columns)


def as_row(sample: InstructionSample) -> dict[str, object]:
    """A sample as a conversational prompt-completion row, the form in which TRL trains on the completion only."""
    return {
        "id": sample.id,
        "prompt": prompt_messages(sample.system, sample.instruction),
        "completion": [{"role": "assistant", "content": sample.output}],
        "task": sample.task,
        "category": str(sample.category),
        "document_id": sample.document_id,
    }


def _documents(warehouse: Warehouse, author: str) -> Iterator[Document]:
    for category in Category:
        yield from warehouse.documents(State.CLEANED, author, category)


def _corpus(documents: Iterable[Document]) -> bytes:
    """The texts of the training documents, in a fixed order; never the text of a held-out document."""
    lines: list[dict[str, object]] = []
    size = 0
    for document in sorted(documents, key=lambda each: sha256(each.id)):
        size += len(document.text)
        if lines and size > CORPUS_CHARACTERS:
            break
        lines.append({"document_id": document.id, "category": str(document.category), "text": document.text})
    return _jsonl(lines)


def _report(harvest: Harvest, version: str, path: str) -> DatasetReport:
    samples = harvest.samples
    splits = Counter(sample.split for sample in samples)
    note = ""
    if not samples:
        note = "There is no text to learn from: no document has a span of 40 to 400 words."
    elif not splits["test"] and not splits["validation"]:
        note = "All samples come from one text, so nothing is held out and no loss on unseen text can be measured."
    return DatasetReport(
        data_version=version,
        total=len(samples),
        written=0,
        samples_per_split={split: splits[split] for split in SPLITS},
        samples_per_task=dict(sorted(Counter(sample.task for sample in samples).items())),
        samples_per_category={str(c): sum(sample.category is c for sample in samples) for c in Category},
        documents=harvest.documents,
        documents_used=len(harvest.splits),
        words=harvest.words,
        yield_per_1000_words=round(1000 * len(samples) / harvest.words, 2) if harvest.words else 0.0,
        dropped=dict(sorted(harvest.dropped.items())),
        path=path,
        note=note,
    )


def _store(
    artifacts: ArtifactStore, author: Author, samples: list[InstructionSample], corpus: bytes, report: DatasetReport
) -> DatasetReport:
    """Write everything that is not stored yet."""
    folder = layout.dataset(author.slug)
    files = {layout.rows(split): _jsonl(as_row(s) for s in samples if s.split == split) for split in SPLITS}
    files[layout.CORPUS] = corpus
    files[layout.DATASET_CARD] = card(author, report.model_dump(), samples[0] if samples else None).encode()
    digests = {name: sha256(content) for name, content in files.items()}
    metadata = {
        "data_version": report.data_version,
        "train_version": data_version((s.id, s.content_hash) for s in samples if s.split == "train"),
        "files": digests,
    }
    stale = [
        name
        for name, digest in digests.items()
        if (stored := artifacts.read_bytes(*folder, name)) is None or sha256(stored) != digest
    ]
    if not stale and artifacts.table_metadata(*folder, layout.INSTRUCTIONS) == metadata:
        logger.info("dataset of %s: unchanged, %d samples", author.slug, report.total)
        return report
    before = {
        row["id"]: row["content_hash"]
        for batch in artifacts.read_table(*folder, layout.INSTRUCTIONS, columns=["id", "content_hash"])
        for row in batch.to_pylist()
    }
    after = {sample.id: sample.content_hash for sample in samples}
    for name in stale:
        artifacts.write_bytes(*folder, name, content=files[name])
    artifacts.write_table(*folder, layout.INSTRUCTIONS, schema=SCHEMA, batches=_batches(samples), metadata=metadata)
    written = sum(before.get(key) != digest for key, digest in after.items()) + len(before.keys() - after.keys())
    logger.info("dataset of %s: %d samples, %d of them new, changed or removed", author.slug, report.total, written)
    return report.model_copy(update={"written": written, "files_written": len(stale) + 1})


def _batches(samples: list[InstructionSample], size: int = 1024) -> Iterator[pa.RecordBatch]:
    for start in range(0, len(samples), size):
        rows = [
            {
                **sample.model_dump(mode="json", exclude={"span"}),
                "span_start": sample.span[0],
                "span_end": sample.span[1],
                "content_hash": sample.content_hash,
            }
            for sample in samples[start : start + size]
        ]
        yield pa.RecordBatch.from_pylist(rows, schema=SCHEMA)


def _jsonl(rows: Iterable[dict[str, object]]) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False, sort_keys=True) + "\n" for row in rows).encode()
