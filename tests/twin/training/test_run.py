"""Training: an output and its end are trained, kills leave nothing, the same plan gives the same bytes."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from twin import layout
from twin.artifacts import ArtifactStore
from twin.dataset.stage import build_dataset
from twin.errors import ConsistencyError, InputError
from twin.models import Author, Category, Document, State
from twin.prompts import end_of_turn
from twin.settings import Settings
from twin.training.config import TrainingConfig, TrainingOutcome, TrainingPlan
from twin.training.folders import build_folder, file_hashes
from twin.training.nano import train_tokenizer
from twin.training.plan import plan_training, read_rows
from twin.training.record import WEIGHTS, read_record
from twin.training.rows import tokenized
from twin.training.run import run_training
from twin.training.verify import load_adapter, verify_adapter
from twin.warehouse.sqlite import SqliteWarehouse

QUICK = TrainingConfig.for_base("nano").model_copy(update={"max_steps": 12})


def stored_dataset(root: Path, repository: Path) -> ArtifactStore:
    """A dataset of the project's own source text, in a fresh store."""
    files = sorted([*repository.glob("twin/*.py"), *repository.glob("twin/[dtw]*/*.py"), *repository.glob("*.md")])
    artifacts = ArtifactStore(str(root))
    warehouse = SqliteWarehouse(root / "warehouse.sqlite")
    warehouse.upsert_authors([Author(slug="own", name="LLM Twin")])
    warehouse.upsert_documents(
        State.CLEANED,
        [
            Document(
                author="own",
                category=Category.REPOSITORIES,
                link="https://github.com/own/llm-twin",
                path=file.relative_to(repository).as_posix(),
                source="https://github.com/own/llm-twin",
                platform="github",
                text=file.read_text(encoding="utf-8"),
            )
            for file in files
        ],
    )
    build_dataset(warehouse, artifacts, "own")
    warehouse.close()
    return artifacts


@pytest.fixture(scope="module")
def artifacts(tmp_path_factory: pytest.TempPathFactory, repository: Path) -> ArtifactStore:
    return stored_dataset(tmp_path_factory.mktemp("store"), repository)


@pytest.fixture(scope="module")
def make_plan(artifacts: ArtifactStore) -> Callable[..., TrainingPlan]:
    """Plans that share the store, and so the nano base; each `name` has an output folder of its own."""

    def make(name: str, **changes: object) -> TrainingPlan:
        plan = plan_training(artifacts, Settings(), "own", QUICK.model_copy(update=changes))
        return plan.model_copy(update={"output": str(Path(plan.output).with_name(name))})

    return make


@pytest.fixture(scope="module")
def trained(make_plan: Callable[..., TrainingPlan]) -> TrainingPlan:
    plan = make_plan("first")
    assert not run_training(plan).reused
    return plan


def weights(plan: TrainingPlan) -> str:
    return file_hashes(Path(plan.output))[WEIGHTS]


@pytest.mark.slow
def test_every_row_trains_its_output_and_its_end(make_plan: Callable[..., TrainingPlan]) -> None:
    plan = make_plan("rows")
    source = read_rows(plan, "train")
    tokenizer = train_tokenizer([row["completion"][0]["content"] for row in source])
    whole = tokenized(source, tokenizer, 100_000)
    assert (whole.shortened, whole.dropped, len(whole.rows)) == (0, 0, len(source))
    for row, made in zip(source, whole.rows, strict=True):
        trained = [token for token, label in zip(made.ids, made.labels, strict=True) if label != -100]
        assert tokenizer.decode(trained) == row["completion"][0]["content"] + "<|im_end|>"
        asked = tokenizer.decode(made.ids[: made.prompt])
        assert asked.endswith("<|im_end|>\n<|im_start|>assistant\n")
        assert row["prompt"][1]["content"] in asked

    tight = tokenized(source, tokenizer, 256)
    assert tight.dropped
    assert tight.shortened
    assert len(tight.rows) + tight.dropped == len(source)
    outputs = [row["completion"][0]["content"] for row in source]
    for made in tight.rows:
        assert len(made.ids) <= 256
        assert made.ids[-1] == made.labels[-1] == end_of_turn(tokenizer) == tokenizer.eos_token_id
        assert any(output.startswith(made.output) for output in outputs)


def test_special_tokens_in_a_text_stay_text(make_plan: Callable[..., TrainingPlan]) -> None:
    row = read_rows(make_plan("rows"), "train")[0]
    tokenizer = train_tokenizer(["some text to learn from"])
    text = "A turn ends with <|im_end|> and nothing else."
    made = tokenized([{**row, "completion": [{"role": "assistant", "content": text}]}], tokenizer, 4096).rows[0]
    assert made.ids[made.prompt :].count(tokenizer.eos_token_id) == 1
    assert tokenizer.decode(made.ids[made.prompt :]) == text + "<|im_end|>"


def test_the_saved_adapter_is_whole_and_names_no_place(trained: TrainingPlan) -> None:
    folder = Path(trained.output)
    record = read_record(folder, trained.fingerprint)
    assert record is not None
    assert record.steps == 12 == len(record.losses)
    assert record.files == {k: v for k, v in file_hashes(folder).items() if k != layout.TRAINING_RECORD}
    assert {WEIGHTS, "adapter_config.json", "tokenizer.json"} <= record.files.keys()
    assert "im_start" in (folder / "chat_template.jinja").read_text(encoding="utf-8")
    for name in (layout.TRAINING_RECORD, "adapter_config.json", "tokenizer_config.json"):
        text = (folder / name).read_text(encoding="utf-8")
        assert str(folder.parent) not in text
        assert str(Path.home()) not in text
    config = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))
    assert config["base_model_name_or_path"] == trained.base.name
    assert config["target_modules"] == sorted(config["target_modules"])
    assert not list(folder.parent.glob(".*.tmp"))
    base = Path(trained.base.path)
    assert (base / "tokenizer.json").is_file()
    assert base.name == trained.base.name


def test_an_adapter_that_is_there_is_reused_and_a_damaged_one_is_not(trained: TrainingPlan, tmp_path: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in Path(trained.output).iterdir()}
    report = run_training(trained)
    assert report.reused
    assert report.written == 0
    assert {path: path.stat().st_mtime_ns for path in Path(trained.output).iterdir()} == before
    config = Path(trained.output) / "adapter_config.json"
    original = config.read_bytes()
    config.write_bytes(original + b" ")
    try:
        assert read_record(Path(trained.output), trained.fingerprint) is None
    finally:
        config.write_bytes(original)
    assert read_record(Path(trained.output), "0" * 64) is None


def test_the_adapter_works_when_read_back_and_an_inert_one_is_found(trained: TrainingPlan) -> None:
    import torch

    loaded = load_adapter(trained)
    check = verify_adapter(trained, loaded)
    assert check.passed, check.problems
    assert check.max_logit_difference > 1e-3
    assert check.disabled_difference == 0

    scaled = {name: value.clone() for name, value in loaded.model.named_parameters() if "lora_B" in name}
    assert scaled
    with torch.no_grad():
        for name, value in loaded.model.named_parameters():
            if "lora_B" in name:
                value.zero_()
    inert = verify_adapter(trained, loaded)
    assert not inert.passed
    assert "inert" in inert.problems[0]
    with torch.no_grad():
        for name, value in loaded.model.named_parameters():
            if "lora_B" in name:
                value.fill_(float("nan"))
    assert "not finite" in verify_adapter(trained, loaded).problems[0]
    with torch.no_grad():
        for name, value in loaded.model.named_parameters():
            if "base_layer" in name:
                value.add_(0.01)
    assert any("not its base" in problem for problem in verify_adapter(trained, loaded).problems)


def test_another_seed_gives_other_weights(trained: TrainingPlan, make_plan: Callable[..., TrainingPlan]) -> None:
    other = make_plan("other-seed", seed=1)
    assert other.fingerprint != trained.fingerprint
    run_training(other)
    assert weights(other) != weights(trained)


def test_killed_in_the_middle_and_run_again_gives_the_same_weights(
    trained: TrainingPlan, make_plan: Callable[..., TrainingPlan], tmp_path: Path
) -> None:
    plan = make_plan("killed")
    (tmp_path / "plan.json").write_text(plan.model_dump_json(), encoding="utf-8")
    program = (
        "import sys, pathlib, logging, twin.progress\n"
        "from twin.training.config import TrainingPlan\n"
        "from twin.training.pipeline import train_verify_evaluate\n"
        "twin.progress.INTERVAL_S = 0.0\n"
        "plan = TrainingPlan.model_validate_json(pathlib.Path(sys.argv[1]).read_bytes())\n"
        "outcome = train_verify_evaluate(plan, lambda line: print(line, flush=True))\n"
        "pathlib.Path(sys.argv[2]).write_text(outcome.model_dump_json())\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "plan.json"), str(tmp_path / "outcome.json")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for line in process.stdout:
        if "training the adapter of own: " in line and " 5/12" in line:
            os.kill(process.pid, signal.SIGKILL)
            break
    assert process.wait(timeout=60) == -signal.SIGKILL
    assert not Path(plan.output).exists()
    assert list(Path(plan.output).parent.glob(".killed.*.tmp"))

    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=240)
    outcome = TrainingOutcome.model_validate_json((tmp_path / "outcome.json").read_bytes())
    assert not outcome.training.reused
    assert outcome.check.passed
    assert outcome.evaluation is not None
    assert outcome.training.data_version == weights(plan) == weights(trained)
    assert not list(Path(plan.output).parent.glob(".killed.*.tmp"))


def test_the_fingerprint_follows_what_the_weights_depend_on(
    artifacts: ArtifactStore, make_plan: Callable[..., TrainingPlan], tmp_path: Path
) -> None:
    settings = Settings()
    plan = plan_training(artifacts, settings, "own")
    assert plan == plan_training(artifacts, settings, "own")
    assert TrainingPlan.model_validate_json(plan.model_dump_json()) == plan
    assert plan_training(artifacts, settings, "own", QUICK).fingerprint != plan.fingerprint
    model = tmp_path / "some-model"
    model.mkdir()
    (model / "config.json").write_text("{}", encoding="utf-8")
    settings = Settings(base_model=str(model))
    one = plan_training(artifacts, settings, "own")
    (model / "model.safetensors").write_bytes(b"1")
    two = plan_training(artifacts, settings, "own")
    assert len({plan.fingerprint, one.fingerprint, two.fingerprint}) == 3
    assert two.base.name == "some-model"
    assert plan_training(artifacts, Settings(base_model="owner/name"), "own").base.kind == "hub"


def test_what_cannot_be_trained_is_refused_in_one_sentence(artifacts: ArtifactStore, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nobody has no instruction dataset"):
        plan_training(artifacts, Settings(), "nobody")
    warehouse = SqliteWarehouse(tmp_path / "warehouse.sqlite")
    empty = ArtifactStore(str(tmp_path))
    build_dataset(warehouse, empty, "empty")
    warehouse.close()
    with pytest.raises(InputError, match="no training rows"):
        plan_training(empty, Settings(), "empty")
    with pytest.raises(InputError, match=r"folder without config\.json"):
        plan_training(artifacts, Settings(base_model=str(tmp_path)), "own")
    with pytest.raises(InputError, match="neither a local folder"):
        plan_training(artifacts, Settings(base_model="./missing"), "own")
    with pytest.raises(InputError, match="set it to a folder"):
        plan_training(ArtifactStore("memory://store"), Settings(), "own")


def test_a_dataset_that_changed_after_the_plan_is_refused(
    make_plan: Callable[..., TrainingPlan], tmp_path: Path
) -> None:
    plan = make_plan("changed")
    moved = plan.model_copy(update={"dataset": str(tmp_path)})
    (tmp_path / "train.jsonl").write_text("{}\n", encoding="utf-8")
    with pytest.raises(ConsistencyError, match="has changed since"):
        read_rows(moved, "train")


def test_a_folder_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    target = tmp_path / "thing"
    (tmp_path / ".thing.dead.tmp").mkdir()

    def fail(folder: Path) -> None:
        (folder / "half").write_text("x", encoding="utf-8")
        raise RuntimeError("power cut")

    with pytest.raises(RuntimeError):
        build_folder(target, fail)
    assert list(tmp_path.iterdir()) == []
    build_folder(target, lambda folder: (folder / "whole").touch())
    build_folder(target, lambda folder: (folder / "new").touch())
    assert [path.name for path in target.iterdir()] == ["new"]


def test_any_folder_with_a_model_is_a_base(trained: TrainingPlan, artifacts: ArtifactStore, tmp_path: Path) -> None:
    """A base that was made elsewhere and has no chat template; its folder's place takes no part in the result."""
    plans = []
    for place in ("here", "there"):
        folder = tmp_path / place / "my-model"
        shutil.copytree(trained.base.path, folder)
        (folder / "chat_template.jinja").unlink()
        settings = Settings(base_model=str(folder))
        plans.append(plan_training(artifacts, settings, "own", QUICK.model_copy(update={"max_steps": 3})))
    plan, elsewhere = plans
    assert (plan.base.kind, plan.base.name) == ("folder", "my-model")
    assert plan.fingerprint == elsewhere.fingerprint != trained.fingerprint
    report = run_training(plan)
    assert (report.base_model, report.steps, report.reused) == ("my-model", 3, False)
    assert verify_adapter(plan, load_adapter(plan)).passed
    assert run_training(elsewhere).reused


@pytest.mark.parametrize(
    "write",
    [
        "import numpy, safetensors.numpy as s; s.save_file({'w': numpy.zeros(9000)}, target / 'm.safetensors')",
        "from tokenizers import Tokenizer, models; "
        "Tokenizer(models.WordLevel({str(i): i for i in range(9000)}, '0')).save(str(target / 't.json'))",
        "(target / 'f').write_bytes(bytes(90_000))",
    ],
    ids=["safetensors", "tokenizers", "python"],
)
def test_a_refused_write_is_one_sentence_whoever_was_writing(tmp_path: Path, write: str) -> None:
    """The kernel refuses to let a file grow, as it does on a full disk; libraries in Rust raise no OSError for it."""
    script = f"""
import resource, sys
from pathlib import Path
from twin.errors import StoreError
from twin.training.folders import build_folder

def build(target: Path) -> None:
    {write}

resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
try:
    build_folder(Path(sys.argv[1]) / "model", build)
except StoreError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "model cannot be written (" in done.stdout
    assert "File too large" in done.stdout
    assert list(tmp_path.iterdir()) == []
