"""Redaction keeps its recall and precision on planted secrets and personal data."""

import re
from collections.abc import Callable

import pytest

from benchmarks.redaction import found, texts
from tests.kit.pins import lost, worse
from tests.kit.planted import Range, Sample, replaced, score
from twin.private.redaction import redact

pytestmark = pytest.mark.slow

Find = Callable[[Sample], list[Range]]


def figures(find: Find) -> dict[str, float]:
    secrets, personal, lookalikes = texts()
    of_secrets, of_people = score([*secrets, *lookalikes], find), score([*personal, *lookalikes], find)
    return {
        "secrets_recall": of_secrets.recall,
        "secrets_precision": of_secrets.precision,
        "personal_recall": of_people.recall,
        "personal_precision": of_people.precision,
    }


def code_read_as_prose(sample: Sample) -> list[Range]:
    """A redactor that does not know which texts are code."""
    return replaced(sample.text, redact(sample.text, code=False).text)


def leaves_the_end(sample: Sample) -> list[Range]:
    """One that does not cover the last characters of what it finds."""
    return [(start, end - 4) for start, end in found(sample)]


def nothing_personal(sample: Sample) -> list[Range]:
    """One that ignores addresses and numbers."""
    text = redact(sample.text, code=sample.code, path=sample.path).text
    return found(sample) if "<SECRET" in text else []


def everything_long(sample: Sample) -> list[Range]:
    """One that treats every long word as a secret."""
    return [*found(sample), *((match.start(), match.end()) for match in re.finditer(r"[\w-]{20,}", sample.text))]


def test_planted_values_are_found_as_well_as_before() -> None:
    assert lost("redaction", figures(found)) == []


@pytest.mark.parametrize(
    ("find", "named"),
    [
        (leaves_the_end, {"secrets_recall", "personal_recall"}),
        (code_read_as_prose, {"secrets_precision", "personal_precision"}),
        (nothing_personal, {"personal_recall"}),
        (everything_long, {"secrets_precision", "personal_precision"}),
    ],
)
def test_a_redactor_that_is_worse_is_noticed(find: Find, named: set[str]) -> None:
    assert named <= worse("redaction", figures(find))
