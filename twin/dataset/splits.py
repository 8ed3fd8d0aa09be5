"""Decides which documents are for training and which are held out, per document, before any sample is made."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Literal

from twin.identity import sha256
from twin.models import InstructionSample

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")


def split_of(key: str) -> Split:
    """80 % train, 10 % validation, 10 % test, by the hash of a document's id, independent of other documents."""
    share = int(sha256(key)[:12], 16) % 100
    return "train" if share < 80 else "validation" if share < 90 else "test"


def assign_splits(texts: Mapping[str, str]) -> dict[str, Split]:
    """Assign every document to a split.

    Documents with the same text (except for spaces and case) get the split of the smallest of their ids. If `train` or
    `test` would get nothing, one text moves there; a single text goes to `train`.

    Args:
        texts: document id -> text.
    """
    groups: dict[str, list[str]] = defaultdict(list)
    for identifier, text in texts.items():
        groups[sha256(" ".join(text.split()).casefold())].append(identifier)
    keys = {min(members): members for members in groups.values()}
    chosen = {key: split_of(key) for key in keys}
    ranked = sorted(keys, key=sha256)
    if ranked and "train" not in chosen.values():
        chosen[ranked[0]] = "train"
    if len(ranked) > 1 and "test" not in chosen.values():
        spare = [key for key in ranked if chosen[key] == "validation"] or [k for k in ranked if chosen[k] == "train"]
        chosen[spare[-1]] = "test"
    return {member: chosen[key] for key, members in keys.items() for member in members}


def check_disjoint(samples: Iterable[InstructionSample]) -> list[str]:
    """List each document, output and instruction that is in two splits; the list should be empty."""
    seen: dict[tuple[str, str], set[str]] = defaultdict(set)
    for sample in samples:
        seen["document", sample.document_id].add(sample.split)
        seen["output", sha256(" ".join(sample.output.split()).casefold())].add(sample.split)
        seen["instruction", sha256(" ".join(sample.instruction.split()).casefold())].add(sample.split)
    return [
        f"{what} {name[:36]} is in {' and '.join(sorted(splits))}"
        for (what, name), splits in sorted(seen.items())
        if len(splits) > 1
    ]
