"""The card of an adapter: the Python in it loads the adapter, wherever the store is."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.twin.training.test_adapter import CONFIG, Store
from twin import layout
from twin.training.card import card, write_card
from twin.training.config import TrainingPlan
from twin.training.heldout import read_evaluation
from twin.training.pipeline import train_verify_evaluate
from twin.training.plan import plan_training
from twin.training.record import read_record

pytestmark = pytest.mark.slow


def planned(store: Store, base_model: str = "nano") -> TrainingPlan:
    return plan_training(store.artifacts, store.settings(base_model), "own", CONFIG)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, repository: Path) -> Store:
    made = Store(tmp_path_factory.mktemp("carded"))
    made.build_dataset([repository / name for name in ("LICENSE", "CONTRIBUTING.md", "docs/architecture.md")])
    train_verify_evaluate(planned(made))
    return made


def runs(folder: Path) -> str:
    """What the Python of the card in a folder prints."""
    (code,) = re.findall(r"```python\n(.*?)```", (folder / layout.ADAPTER_CARD).read_text("utf-8"), re.DOTALL)
    environment = {"HF_HUB_OFFLINE": "1", "PATH": ""}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_its_python_works_in_a_moved_store(store: Store, tmp_path: Path) -> None:
    moved = tmp_path / "moved"
    shutil.copytree(store.root, moved)
    plan = planned(store)
    folder = moved.joinpath(*layout.adapter("own", plan.fingerprint))
    assert runs(folder).endswith("\n")  # nano cannot talk, but it answers
    text = (folder / layout.ADAPTER_CARD).read_text("utf-8")
    assert str(store.root) not in text
    facts = yaml.safe_load(text.split("---")[1])
    assert facts == {
        "base_model": plan.base.name,
        "library_name": "peft",
        "pipeline_tag": "text-generation",
        "license": "other",
        "license_name": "unknown",
        "tags": ["lora", "llm-twin"],
    }
    record, evaluation = read_record(Path(plan.output), plan.fingerprint), read_evaluation(plan)
    assert record is not None
    assert evaluation is not None
    for number in (record.rows, record.trained_tokens, record.steps, f"{evaluation.adapter_loss:.3f}"):
        assert f"{number}" in text


def test_an_adapter_without_a_card_gets_one_and_is_not_trained_again(store: Store) -> None:
    plan = planned(store)
    path = Path(plan.output) / layout.ADAPTER_CARD
    before = path.read_bytes()
    path.unlink()
    assert train_verify_evaluate(plan).training.reused
    assert path.read_bytes() == before
    assert not write_card(plan, read_evaluation(plan))
    record = read_record(Path(plan.output), plan.fingerprint)
    assert record is not None
    assert layout.ADAPTER_CARD not in record.files


def test_a_base_model_in_a_folder_is_found_by_the_note_next_to_the_adapter(store: Store, tmp_path: Path) -> None:
    base = tmp_path / "my base"
    shutil.copytree(planned(store).base.path, base)
    plan = planned(store, str(base))
    train_verify_evaluate(plan)
    assert runs(Path(plan.output)).endswith("\n")
    assert str(base) not in (Path(plan.output) / layout.ADAPTER_CARD).read_text("utf-8")


def test_a_base_model_of_the_hub_is_named_with_its_revision(store: Store) -> None:
    plan = planned(store)
    hub = plan.base.model_copy(update={"kind": "hub", "name": "owner/model", "path": "owner/model", "revision": "abc"})
    text = card(plan.model_copy(update={"base": hub}), None)
    assert "from_pretrained('owner/model', revision='abc')" in text
    assert "`AutoPeftModelForCausalLM.from_pretrained` works with this folder" in text
    assert "cannot talk" not in text
