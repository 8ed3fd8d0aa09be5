"""What must be true of the stored instruction dataset.

Each function reads what is *stored*, not what the stage returned, and lists what is wrong with it. The asset graph
blocks if it finds anything.
"""

from collections import Counter

from twin.artifacts import ArtifactStore
from twin.dataset.splits import check_disjoint
from twin.dataset.stage import read_samples
from twin.models import Category, State
from twin.verdict import Verdict, name_of
from twin.warehouse.base import Warehouse

FEWEST = 50
"""Training samples below which an adapter sees each kind of text so seldom that nothing can be expected of it."""


def check_dataset(warehouse: Warehouse, artifacts: ArtifactStore, author: str) -> dict[str, Verdict]:
    """Every check of an author's instruction dataset: name -> verdict."""
    sound = verify_dataset(warehouse, artifacts, author)
    return {
        "instruction_dataset_is_sound": sound,
        "enough_samples_to_train_on": verify_size(sound.facts.get("samples_train", 0)),
    }


def verify_size(training: int) -> Verdict:
    """Whether there are enough training samples for an adapter to learn anything of an author's style."""
    few = (
        f"{training} training sample{'s are' if training != 1 else ' is'} too few: below {FEWEST}, expect no effect on "
        "how the twin writes; add links with more text"
    )
    return Verdict({"samples_train": training, "fewest": FEWEST}, [few] if training < FEWEST else [])


def verify_dataset(warehouse: Warehouse, artifacts: ArtifactStore, author: str) -> Verdict:
    """Outputs are the author's words at their offsets, nothing occurs twice, and the splits share nothing."""
    samples = list(read_samples(artifacts, author))
    by_document: dict[str, list[int]] = {}
    for position, sample in enumerate(samples):
        by_document.setdefault(sample.document_id, []).append(position)
    problems = check_disjoint(samples)
    for category in Category:
        for document in warehouse.documents(State.CLEANED, author, category):
            for position in by_document.pop(document.id, []):
                sample = samples[position]
                if document.text[slice(*sample.span)] != sample.output:
                    problems.append(f"sample {sample.id} is not the text of {name_of(document)} at its offsets")
    problems += [f"document {identifier} has samples but is not a cleaned document" for identifier in by_document]
    for field in ("id", "instruction"):
        repeated = sum(count - 1 for count in Counter(getattr(sample, field) for sample in samples).values())
        if repeated:
            problems.append(f"{repeated} samples repeat the {field} of another")
    splits = Counter(sample.split for sample in samples)
    return Verdict(
        {"samples": len(samples), **{f"samples_{split}": count for split, count in splits.items()}}, problems
    )
