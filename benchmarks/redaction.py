"""Redaction compared with detect-secrets and with gitleaks' rules: planted secrets, lookalikes, articles, speed.

The samples are those of the tests (tests/kit/planted.py), from a seed that no test uses. Ours must cover each secret
completely and hardly more; for the others, any overlap counts. They do not look for personal data, which is scored
separately. gitleaks' rules run in our engine, translated to Python, each over the whole text as in gitleaks.
"""

import json
import tempfile
import time
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

from benchmarks.record import ROOT, data_folder
from tests.kit.planted import Range, Sample, Score, negatives, plant, replaced, score
from tests.kit.planted_values import PERSONAL
from twin.private.redaction import redact
from twin.private.secretrules import Rules, gitleaks_rules

SEED = 2026
_PLANTED, _LOOKALIKES = 1320, 650
_ROUNDS = 3


def run() -> dict[str, float]:
    """Print the comparison. `secrets_recall` and `secrets_precision` are ours; `redaction_mb_per_s` is the best round.

    If the real articles are missing, their alarms are left out, and the speed is measured on the repository's files
    only.
    """
    from detect_secrets.settings import default_settings

    secrets, personal, lookalikes = texts()
    kinds = len({sample.kind for sample in (*secrets, *personal)})
    print(f"redaction: {len(secrets)} texts with secrets, {len(personal)} with personal data, {kinds} kinds;")
    print(f"  {len(lookalikes)} texts that only look like secrets or personal data")
    ours = score([*secrets, *lookalikes], found)
    with default_settings():
        theirs = score([*secrets, *lookalikes], _detect_secrets, lenient=True)
    gitleaks = score([*secrets, *lookalikes], _gitleaks, lenient=True)
    people = score([*personal, *lookalikes], found)
    for name, result in (
        ("ours, secrets", ours),
        ("detect-secrets, secrets, lenient", theirs),
        ("gitleaks' rules, secrets, lenient", gitleaks),
        ("ours, personal data", people),
    ):
        print(f"  {name:<36}{_row(result)}")
    numbers = {
        "secrets_recall": ours.recall,
        "secrets_precision": ours.precision,
        "secrets_recall_detect_secrets": theirs.recall,
        "secrets_precision_detect_secrets": theirs.precision,
        "secrets_recall_gitleaks": gitleaks.recall,
        "secrets_precision_gitleaks": gitleaks.precision,
        "personal_recall": people.recall,
        "personal_precision": people.precision,
    }
    articles = _articles()
    if articles:
        ours_alarms = sum(redact(article.text, code=False).found.total() for article in articles)
        with default_settings():
            theirs_alarms = sum(len(_detect_secrets(article)) for article in articles)
        numbers |= {"secrets_alarms_handbook": ours_alarms, "secrets_alarms_handbook_detect_secrets": theirs_alarms}
        print(f"  {len(articles)} fields of real articles: {ours_alarms} alarms; detect-secrets {theirs_alarms}")
    mix = [*articles, *_own_files()]
    size = sum(len(sample.text.encode()) for sample in mix) / 1e6
    ours_speed = size / _best(lambda: [redact(sample.text, code=sample.code, path=sample.path) for sample in mix])
    with default_settings():
        theirs_speed = size / _best(lambda: [_detect_secrets(sample) for sample in mix], rounds=1)
    numbers |= {"redaction_mb_per_s": ours_speed, "redaction_mb_per_s_detect_secrets": theirs_speed}
    print(f"  {size:.1f} MB of prose and code: {ours_speed:.1f} MB/s; detect-secrets {theirs_speed:.2f} MB/s")
    return numbers


def texts() -> tuple[list[Sample], list[Sample], list[Sample]]:
    """Texts with planted secrets, texts with planted personal data, and texts that only look like them."""
    samples = plant(SEED, _PLANTED)
    secrets = [sample for sample in samples if sample.kind not in PERSONAL]
    personal = [sample for sample in samples if sample.kind in PERSONAL]
    return secrets, personal, negatives(SEED + 1, _LOOKALIKES)


def _row(result: Score) -> str:
    return f"recall {result.recall:7.2%}  precision {result.precision:7.2%}  alarms {result.alarms:5d}"


def found(sample: Sample) -> list[Range]:
    """Where the product puts placeholders into a text; fails if anything else changes."""
    return replaced(sample.text, redact(sample.text, code=sample.code, path=sample.path).text)


def _detect_secrets(sample: Sample) -> list[Range]:
    """What `detect-secrets scan` finds with its default plugins and filters; a value that is not in its line means the
    whole line."""
    from detect_secrets.core.secrets_collection import SecretsCollection

    lines = sample.text.split("\n")
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line) + 1)
    ranges: set[Range] = set()
    with tempfile.TemporaryDirectory(prefix="bench-redaction-") as folder:
        file = Path(folder) / Path(sample.path or "text.md").name
        file.write_text(sample.text, encoding="utf-8", newline="")
        secrets = SecretsCollection()
        secrets.scan_file(str(file))
        for _, secret in secrets:
            start, line = starts[secret.line_number - 1], lines[secret.line_number - 1]
            value = secret.secret_value or "\n"
            at = line.find(value)
            ranges.add((start + at, start + at + len(value)) if at >= 0 else (start, start + len(line)))
    return sorted(ranges)


@cache
def _theirs() -> Rules:
    return gitleaks_rules()


def _gitleaks(sample: Sample) -> list[Range]:
    rules, lowered = _theirs(), sample.text.lower()
    if sample.path and any(pattern.search(sample.path) for pattern in rules.allowed_paths):
        return []
    ranges = {
        (span.start, span.end)
        for rule in rules.rules
        if not rule.keywords or any(word in lowered for word in rule.keywords)
        for span in rules.found(rule, rule.pattern.finditer(sample.text), sample.path)
    }
    return sorted(ranges)


def _articles() -> list[Sample]:
    """Title, subtitle and content of each real article; empty if the data is missing."""
    try:
        file = data_folder() / "handbook" / "ArticleDocument.json"
    except SystemExit as absent:
        print(f"  no real articles: {absent}")
        return []
    articles = json.loads(file.read_text(encoding="utf-8"))
    texts: Iterable[object] = (text for article in articles for text in article["content"].values())
    return [Sample(text, False, None, "article", ()) for text in texts if isinstance(text, str)]


def _own_files() -> list[Sample]:
    """The source files of this repository."""
    paths = sorted(path for folder in ("twin", "tests", "benchmarks") for path in (ROOT / folder).rglob("*.py"))
    return [Sample(path.read_text("utf-8"), True, str(path.relative_to(ROOT)), "file", ()) for path in paths]


def _best(call: Callable[[], object], rounds: int = _ROUNDS) -> float:
    """Seconds of the fastest round."""

    def seconds() -> float:
        start = time.perf_counter()
        call()
        return time.perf_counter() - start

    return min(seconds() for _ in range(rounds))


if __name__ == "__main__":
    run()
