"""A trained adapter is opened from its own record, whatever changed around it."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from twin import layout
from twin.artifacts import ArtifactStore
from twin.dataset.stage import build_dataset
from twin.errors import ConsistencyError, InputError
from twin.models import Author, Category, Document, State
from twin.prompts import end_of_turn, prompt_ids, prompt_messages
from twin.settings import Settings
from twin.training.adapter import Adapter, open_adapter
from twin.training.config import TrainingConfig
from twin.training.current import current_adapter, current_plan, make_current
from twin.training.folders import file_hash
from twin.training.plan import plan_training
from twin.training.record import WEIGHTS
from twin.training.run import run_training
from twin.warehouse.sqlite import SqliteWarehouse

CONFIG = TrainingConfig.for_base("nano").model_copy(update={"max_steps": 3})
AUTHOR = "own"


@dataclass
class Store:
    root: Path

    @property
    def artifacts(self) -> ArtifactStore:
        return ArtifactStore(str(self.root))

    def settings(self, base_model: str = "nano") -> Settings:
        return Settings(store=str(self.root), base_model=base_model)

    @property
    def folder(self) -> Path:
        return current_adapter(self.artifacts, AUTHOR)

    @property
    def base(self) -> Path:
        (folder,) = (path for path in (self.root / "base_models" / AUTHOR).iterdir() if path.is_dir())
        return folder

    def open(self, base_model: str = "nano") -> Adapter:
        return open_adapter(self.folder, self.settings(base_model))

    def build_dataset(self, files: list[Path]) -> None:
        warehouse = SqliteWarehouse(self.root / "warehouse.sqlite")
        warehouse.upsert_authors([Author(slug=AUTHOR, name="LLM Twin")])
        documents = [
            Document(
                author=AUTHOR,
                category=Category.ARTICLES,
                link=f"https://own.example/{file.name}",
                source="https://own.example/",
                platform="web",
                text=file.read_text(encoding="utf-8"),
            )
            for file in files
        ]
        warehouse.upsert_documents(State.CLEANED, documents)
        build_dataset(warehouse, self.artifacts, AUTHOR)
        warehouse.close()

    def train(self, base_model: str = "nano") -> None:
        plan = plan_training(self.artifacts, self.settings(base_model), AUTHOR, CONFIG)
        run_training(plan)
        make_current(self.artifacts, plan)

    def open_record(self) -> dict[str, Any]:
        return dict(json.loads((self.folder / layout.TRAINING_RECORD).read_bytes()))

    def change_record(self, **changes: object) -> None:
        record = {**self.open_record(), **changes}
        path = self.folder / layout.TRAINING_RECORD
        path.write_text(json.dumps({key: value for key, value in record.items() if value is not None}))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, repository: Path) -> Path:
    store = Store(tmp_path_factory.mktemp("trained"))
    store.build_dataset([repository / "CONTRIBUTING.md"])
    store.train()
    return store.root


@pytest.fixture
def store(trained: Path, tmp_path: Path) -> Store:
    """A copy in another place: an adapter and its base know nothing of where they were made."""
    shutil.copytree(trained, tmp_path / "store")
    return Store(tmp_path / "store")


def answer(opened: Adapter) -> list[int]:
    """Token ids of a short answer, greedily."""
    import torch

    ids = torch.tensor([prompt_ids(opened.tokenizer, prompt_messages("You are LLM Twin.", "What is a twin?"))])
    with torch.no_grad():
        made = opened.model.generate(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            max_new_tokens=8,
            do_sample=False,
            eos_token_id=end_of_turn(opened.tokenizer),
            pad_token_id=opened.tokenizer.pad_token_id,
        )
    return list(made[0, ids.shape[1] :].tolist())


def logits(opened: Adapter) -> "list[float]":
    import torch

    with torch.no_grad():
        return list(opened.model(torch.tensor([[5, 6, 7, 8]])).logits[0, -1].tolist())


def test_it_is_opened_from_its_record_and_generates(store: Store) -> None:
    opened = store.open()
    assert opened.record.base_kind == "nano"
    assert opened.record.author == AUTHOR
    assert len(answer(opened)) > 0
    adapted = logits(opened)
    with opened.model.disable_adapter():
        assert logits(opened) != adapted
    assert logits(opened) == adapted


def test_it_stays_in_use_while_everything_around_it_changes(store: Store, repository: Path) -> None:
    before = logits(store.open())
    (store.root / "new.md").write_text(
        (repository / "CONTRIBUTING.md").read_text(encoding="utf-8")[2000:9000] + "\nNew.\n"
    )
    store.build_dataset([repository / "CONTRIBUTING.md", store.root / "new.md", repository / "LICENSE"])
    with pytest.raises(InputError, match="changed since the adapter of own was trained"):
        current_plan(store.artifacts, store.settings(), AUTHOR)  # what the next build says
    assert logits(store.open()) == before

    store.artifacts.remove_tree("datasets", AUTHOR)
    store.change_record(versions={"torch": "1.0.0", "peft": "0.1"})
    assert logits(store.open("somebody/else")) == before  # TWIN_BASE_MODEL is another one now


def test_a_record_of_an_older_version_is_enough(store: Store) -> None:
    before = logits(store.open())
    store.change_record(base_kind=None, base_contents=None)
    opened = store.open()
    assert opened.record.base_kind is None
    assert logits(opened) == before


def test_a_damaged_adapter_is_refused(store: Store) -> None:
    path = store.folder / WEIGHTS
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(ConsistencyError, match=rf"{WEIGHTS} is missing or damaged: train the adapter again"):
        store.open()
    path.unlink()
    with pytest.raises(ConsistencyError, match="missing or damaged"):
        store.open()
    path.write_bytes(whole)
    folder = store.folder
    (folder / layout.TRAINING_RECORD).write_text("{}")
    with pytest.raises(ConsistencyError, match=r"training_record\.json is damaged: train"):
        store.open()
    (folder / layout.TRAINING_RECORD).unlink()
    with pytest.raises(ConsistencyError, match=r"does not contain an adapter \(training_record\.json is missing\)"):
        store.open()
    shutil.rmtree(folder)
    with pytest.raises(InputError, match="the current adapter of own, is missing"):
        store.open()


def test_files_that_their_record_knows_but_no_library_reads_are_one_sentence(store: Store) -> None:
    """Somebody changed the files and the record, or an old record does not say what its base model contained."""
    config = store.folder / "adapter_config.json"
    whole = config.read_bytes()
    config.write_bytes(b"{}")
    store.change_record(files={**store.open_record()["files"], config.name: file_hash(config)})
    with pytest.raises(ConsistencyError, match=r"The adapter in .* cannot be loaded \(.*\): train the adapter again"):
        store.open()
    config.write_bytes(whole)
    store.change_record(files={**store.open_record()["files"], config.name: file_hash(config)}, base_contents=None)
    weights = store.base / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(InputError, match=r"The base model nano-.* cannot be loaded \(.*\): make it available here"):
        store.open()


def test_records_of_a_newer_version_are_not_called_damaged(store: Store) -> None:
    store.change_record(quantised="nf4")
    with pytest.raises(ConsistencyError, match=r"training_record\.json was written by a newer version .*: train the"):
        store.open()
    parts = layout.current_adapter(AUTHOR)
    current = json.loads(store.artifacts.read_bytes(*parts) or b"")
    store.artifacts.write_bytes(*parts, content=json.dumps({**current, "chosen_by": "me"}).encode())
    with pytest.raises(InputError, match=r"current\.json was written by a newer version .*: run `"):
        current_adapter(store.artifacts, AUTHOR)


def test_another_base_or_none_is_refused(store: Store) -> None:
    config = store.base / "generation_config.json"
    config.write_text(config.read_text() + " ")
    with pytest.raises(ConsistencyError, match=r"is not the base model that the adapter in .* was trained on"):
        store.open()
    shutil.rmtree(store.base)
    with pytest.raises(InputError, match=r"the base model of the adapter in .*, is missing \(looked in .*base_models"):
        store.open()


def test_a_base_in_a_folder_is_found_again(store: Store, tmp_path: Path) -> None:
    folder = tmp_path / "my-model"
    shutil.copytree(store.base, folder)
    store.train(str(folder))
    assert (store.open().record.base_kind, store.open().record.base_model) == ("folder", "my-model")
    before = logits(store.open())  # TWIN_BASE_MODEL names another one: where the base lies was noted
    note = store.folder.with_name(layout.noted_base(store.folder.name))
    noted = note.read_bytes()
    for lost in (b"", b"\n", b"/caf\xe9\n"):
        note.write_bytes(lost)
        with pytest.raises(InputError, match=r"my-model, the base model .* set TWIN_BASE_MODEL to its folder"):
            store.open()
    note.write_bytes(noted)

    folder.rename(tmp_path / "moved")
    with pytest.raises(InputError, match=r"my-model, the base model .*my-model\): set TWIN_BASE_MODEL to its folder"):
        store.open()
    assert logits(store.open(str(tmp_path / "moved"))) == before
    store.change_record(base_kind=None)
    assert logits(store.open(str(tmp_path / "moved"))) == before

    (tmp_path / "moved" / "generation_config.json").write_text("{}")
    with pytest.raises(ConsistencyError, match=r"moved is not the base model .*set TWIN_BASE_MODEL to that one"):
        store.open(str(tmp_path / "moved"))


def test_nobody_has_no_current_adapter(store: Store) -> None:
    with pytest.raises(InputError, match="nobody has no adapter yet"):
        current_adapter(store.artifacts, "nobody")
    store.artifacts.write_bytes(*layout.current_adapter(AUTHOR), content=b"{")
    with pytest.raises(InputError, match=r"current\.json is damaged"):
        current_adapter(store.artifacts, AUTHOR)


def test_a_base_of_the_hub_that_is_not_there_is_one_sentence(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    store.change_record(base_model="nobody-here/model", base_revision="0" * 40, base_kind=None, base_contents=None)
    with pytest.raises(InputError, match=r"nobody-here/model cannot be loaded \(.*\): make it available here, or"):
        store.open()
