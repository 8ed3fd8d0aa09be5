"""The check of the dataset fails on each kind of damage that it must find."""

from typing import Any

import pytest

from tests.kit.staged import ADA, Change, Stores
from twin.dataset.checks import FEWEST, check_dataset, verify_size


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda rows: [rows[0] | {"output": "Words that nobody wrote."}, *rows[1:]], "not the text of"),
        (
            lambda rows: [rows[0], rows[1] | {"instruction": rows[0]["instruction"]}, *rows[2:]],
            "repeat the instruction",
        ),
        (lambda rows: [*rows, rows[0]], "repeat the id"),
        (lambda rows: [*rows, rows[0] | {"document_id": "elsewhere"}], "is not a cleaned document"),
    ],
)
def test_damaged_samples(stores: Stores, change: Change, problem: str) -> None:
    stores.rewrite("datasets", ADA, "instructions.parquet", change=change)
    assert any(problem in found for found in stores.dataset().problems), stores.dataset().problems


def test_a_document_in_two_splits(stores: Stores) -> None:
    def mix(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        same = [row for row in rows if row["document_id"] == rows[0]["document_id"]]
        other = {"train": "test"}.get(same[0]["split"], "train")
        return [row | {"split": other} if row["id"] == same[-1]["id"] else row for row in rows]

    stores.rewrite("datasets", ADA, "instructions.parquet", change=mix)
    assert stores.dataset().problems


def test_too_few_samples_are_said(stores: Stores) -> None:
    found = check_dataset(stores.warehouse, stores.artifacts, ADA)["enough_samples_to_train_on"]
    assert found == verify_size(found.facts["samples_train"])
    assert verify_size(5).problems == [
        f"5 training samples are too few: below {FEWEST}, expect no effect on how the twin writes; "
        "add links with more text"
    ]
    assert verify_size(1).problems[0].startswith("1 training sample is too few")
    assert verify_size(FEWEST - 1).problems
    assert not verify_size(FEWEST).problems
