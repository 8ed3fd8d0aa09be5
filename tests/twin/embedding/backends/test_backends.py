"""Backends: OpenVINO says what sentence-transformers says, or is not used."""

import json
import logging
import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tokenizers import Tokenizer

from twin.artifacts import ArtifactStore
from twin.embedding import AutomaticEmbedder, SentenceTransformerEmbedder
from twin.embedding.backends import automatic, conversion
from twin.embedding.backends.exports import Exports, Record
from twin.embedding.backends.inference import Inference, _batches, cpu_key, quiet
from twin.embedding.backends.model import ModelFiles

TEXTS = [f"Text {number} is about {'cats ' * (number % 9)}and the number {number * 37}." for number in range(150)]

PROMPTS = {"query": "search: ", "passage": "text to be found: "}
MEAN = {"word_embedding_dimension": 32, "pooling_mode_mean_tokens": True}

pytestmark = pytest.mark.slow  # models are converted


def tiny_model(folder: Path, pooling: dict[str, Any] | None = None, prompts: dict[str, str] | None = None) -> Path:
    """A BERT of two layers with random weights and the packaged model's tokenizer: real in all but its meaning."""
    import torch
    from transformers import BertConfig, BertModel

    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=30522, hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64
    )
    BertModel(config, add_pooling_layer=False).save_pretrained(folder)
    packaged = SentenceTransformerEmbedder().folder
    for name in ("tokenizer.json", "tokenizer_config.json", "sentence_bert_config.json", "modules.json"):
        shutil.copy(packaged / name, folder)
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(pooling or MEAN))
    (folder / "config_sentence_transformers.json").write_text(json.dumps({"prompts": prompts or {}}))
    return folder


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """A model, and a store with its export, made by a real child."""
    folder = tmp_path_factory.mktemp("exported")
    model = str(tiny_model(folder / "tiny"))
    AutomaticEmbedder(model, artifacts=ArtifactStore(str(folder / "store"))).prepare(TEXTS, 10**6)
    return model, folder / "store"


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The child's work in this process, so that a test can plant a mistake in it, and PyTorch is loaded once."""

    def run(folder: Path, task: str) -> Any:
        conversion.main(folder)
        return folder, [Record.model_validate(row) for row in json.loads((folder / "records.json").read_text())]

    monkeypatch.setattr(conversion, "_run", run)
    monkeypatch.setattr(os, "getppid", os.getpid)
    return monkeypatch


class TestConversion:
    @pytest.mark.parametrize("mode", ["cls_token", "max_tokens", "lasttoken"])
    def test_every_pooling_is_the_original(self, tmp_path: Path, mode: str) -> None:
        pooling = {"word_embedding_dimension": 32, "pooling_mode_mean_tokens": False, f"pooling_mode_{mode}": True}
        files = SentenceTransformerEmbedder(str(tiny_model(tmp_path / "tiny", pooling)))
        xml = conversion._save(conversion._convert(files), tmp_path)
        found = Inference(*xml, 32, "f32").vectors(files.sizer.ids(TEXTS[:20]))
        assert found == pytest.approx(files.embed(TEXTS[:20]), abs=1e-5)

    def test_a_text_has_one_vector_whatever_is_beside_it(self, tmp_path: Path) -> None:
        files = SentenceTransformerEmbedder(str(tiny_model(tmp_path / "tiny")))
        inference = Inference(*conversion._save(conversion._convert(files), tmp_path), 32, "f32")
        ids = files.sizer.ids([*TEXTS, "word " * 400])
        together = inference.vectors(ids)
        assert len(ids[-1]) == 256, "cut at the window, special tokens and all"
        for number in (0, 7, 150):
            assert inference.vectors([ids[number]])[0] == pytest.approx(together[number], abs=1e-5)


def test_batches_hold_texts_of_one_length_and_a_bounded_number_of_tokens() -> None:
    ids = [np.zeros(length, dtype=np.int64) for length in (3, 200, 3, 200, 200, 200, 200, 200, 1, 2000)]
    batches = list(_batches(ids))
    assert batches == [[9], [1, 3, 4, 5, 6], [7], [0, 2], [8]]
    assert list(_batches([])) == []


class TestChoice:
    def test_a_child_exports_and_who_embeds_loads_no_pytorch(self, exported: tuple[str, Path]) -> None:
        model, store = exported
        artifacts = ArtifactStore(str(store))
        embedder = AutomaticEmbedder(model, artifacts=artifacts)
        assert embedder.backend in ("openvino-f32", "openvino-bf16")
        record = Exports(artifacts, embedder.key).record("openvino-f32")
        assert record is not None
        assert record.refused is None
        assert record.parity["cosine_min"] > 0.9999
        assert record.parity["queries"] > 50
        assert record.tokens_per_second > 0
        script = f"""
        import sys
        from twin.artifacts import ArtifactStore
        from twin.embedding import AutomaticEmbedder
        embedder = AutomaticEmbedder({model!r}, artifacts=ArtifactStore({str(store)!r}))
        print(embedder.embed_queries(["cats"])[0].tolist())
        print(embedder.backend, [name for name in ("torch", "transformers", "nncf", "scipy") if name in sys.modules])
        """
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=True
        )
        vector, loaded = done.stdout.splitlines()
        assert loaded == f"{embedder.backend} []"
        assert json.loads(vector) == pytest.approx(SentenceTransformerEmbedder(model).embed(["cats"])[0], abs=1e-3)

    @pytest.mark.parametrize("mistake", ["pooling", "weights"])
    def test_a_broken_conversion_is_refused_and_pytorch_used(
        self,
        artifacts: ArtifactStore,
        tmp_path: Path,
        in_process: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
        mistake: str,
    ) -> None:
        monkeypatch = in_process
        folder = tiny_model(tmp_path / "tiny")
        right = conversion._convert

        def wrong(files: ModelFiles) -> Any:
            other = tmp_path / "other"
            if mistake == "pooling":
                pooling = {"word_embedding_dimension": 32, "pooling_mode_max_tokens": True}
                return right(SentenceTransformerEmbedder(str(tiny_model(other, pooling))))
            shutil.copytree(folder, other)
            from safetensors.numpy import load_file, save_file

            weights = load_file(other / "model.safetensors")
            name = "embeddings.word_embeddings.weight"  # each word gets the meaning of the one before it
            weights[name] = np.ascontiguousarray(np.roll(weights[name], 1, axis=0))
            save_file(weights, other / "model.safetensors", metadata={"format": "pt"})
            return right(ModelFiles(str(other)))

        monkeypatch.setattr(conversion, "_convert", wrong)
        caplog.set_level(logging.INFO, "twin")
        embedder = AutomaticEmbedder(str(folder), artifacts=artifacts)
        embedder.prepare(TEXTS, 10**6)
        assert embedder.backend == "torch-cpu"
        assert "openvino-f32" in caplog.text
        assert "is not used: the cosine to the original is" in caplog.text
        original = SentenceTransformerEmbedder(str(folder)).embed(TEXTS)
        assert embedder.embed(TEXTS) == pytest.approx(original, abs=1e-6)
        monkeypatch.setattr(conversion, "_run", lambda *_: pytest.fail("what was refused is not tried again"))
        AutomaticEmbedder(str(folder), artifacts=artifacts).prepare(TEXTS, 10**6)

    def test_a_child_that_dies_is_one_line_and_fails_nothing(
        self,
        artifacts: ArtifactStore,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        killed = tmp_path / "python"
        killed.write_text("#!/bin/sh\nkill -9 $$\n")
        killed.chmod(0o755)
        monkeypatch.setattr(conversion.sys, "executable", str(killed))
        embedder = AutomaticEmbedder(str(tiny_model(tmp_path / "tiny")), artifacts=artifacts)
        embedder.prepare(TEXTS, 10**6)
        embedder.prepare(TEXTS, 10**6)
        lines = [record.message for record in caplog.records if record.levelno == logging.WARNING]
        assert lines == ["the embedding model could not be prepared for OpenVINO (export: signal 9): going on without"]
        assert embedder.embed(TEXTS[:2]).shape == (2, 32)
        assert embedder.backend == "torch-cpu"

    def test_little_work_is_not_worth_an_export_and_much_is(
        self, artifacts: ArtifactStore, tmp_path: Path, in_process: pytest.MonkeyPatch
    ) -> None:
        embedder = AutomaticEmbedder(str(tiny_model(tmp_path / "tiny")), artifacts=artifacts)
        first = embedder.embed(TEXTS)
        assert embedder.backend == "torch-cpu"
        assert not artifacts.path("embedders").exists()
        embedder.prepare(TEXTS, 10**6)
        assert embedder.backend.startswith("openvino-")
        assert embedder.embed(TEXTS) == pytest.approx(first, abs=1e-2)

    def test_int8_is_made_of_the_users_texts_and_judged(
        self, artifacts: ArtifactStore, tmp_path: Path, in_process: None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(automatic, "int8_is_fast", lambda: True)
        embedder = AutomaticEmbedder(str(tiny_model(tmp_path / "tiny")), artifacts=artifacts)
        embedder.prepare(TEXTS[:90], 10**6)
        assert Exports(artifacts, embedder.key).record("openvino-int8") is None, "90 texts are too few"
        embedder.prepare(TEXTS, 10**5)
        assert Exports(artifacts, embedder.key).record("openvino-int8") is None, "it would not be earned back"
        embedder.prepare(TEXTS, 10**6)
        record = Exports(artifacts, embedder.key).record("openvino-int8")
        assert record is not None
        assert record.calibration["texts"] == 96
        assert len(record.calibration["hash"]) == 64
        assert 0.5 < record.parity["cosine_mean"] < 0.99999, "8 bits are not 32"
        if record.refused is None:
            assert embedder.backend == "openvino-int8"
            assert record.tokens_per_second >= record.tokens_per_second_before > 0
        else:
            assert embedder.backend in ("openvino-f32", "openvino-bf16")

    def test_a_record_of_another_cpu_says_nothing(
        self, exported: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        model, store = exported
        exports = Exports(ArtifactStore(str(store)), ModelFiles(model).key)
        assert exports.record("openvino-f32") is not None
        monkeypatch.setattr("twin.embedding.backends.exports.cpu_key", lambda: f"{cpu_key()}-amx_int8")
        assert exports.record("openvino-f32") is None

    def test_what_is_damaged_is_made_anew(self, exported: tuple[str, Path], tmp_path: Path) -> None:
        model, store = exported
        shutil.copytree(store, tmp_path / "store")
        artifacts = ArtifactStore(str(tmp_path / "store"))
        for weights in list((tmp_path / "store").rglob("*-model.bin")):  # one or more, by what this CPU can do
            weights.unlink()
        assert AutomaticEmbedder(model, artifacts=artifacts).embed(["cats"]).shape == (1, 32)
        for record in (tmp_path / "store").rglob("record-*.json"):
            record.write_text("{")
        assert Exports(artifacts, ModelFiles(model).key).record("openvino-f32") is None

    def test_a_remote_store_is_fetched_once(
        self, exported: tuple[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        model, store = exported
        monkeypatch.setattr(Path, "home", lambda: tmp_path / "home")
        remote = ArtifactStore(f"memory://{tmp_path.name}")
        for path in (path for path in store.rglob("*") if path.is_file()):
            remote.write_file(*path.relative_to(store).parts, source=path)
        embedder = AutomaticEmbedder(model, artifacts=remote)
        assert embedder.embed_queries(["cats"]).shape == (1, 32)
        assert embedder.backend.startswith("openvino-")
        copies = [path for path in (tmp_path / "home").rglob("*") if path.is_file()]
        assert sorted(path.name[13:] for path in copies) == ["model.bin", "model.xml"]
        before = [path.stat().st_mtime_ns for path in copies]
        AutomaticEmbedder(model, artifacts=remote).embed_queries(["dogs"])
        assert [path.stat().st_mtime_ns for path in copies] == before


class TestPrompts:
    def test_documents_and_queries_get_their_own(
        self, artifacts: ArtifactStore, tmp_path: Path, in_process: pytest.MonkeyPatch
    ) -> None:
        folder = str(tiny_model(tmp_path / "tiny", prompts=PROMPTS))
        plain = SentenceTransformerEmbedder(str(tiny_model(tmp_path / "plain")))
        original = SentenceTransformerEmbedder(folder)
        exported = AutomaticEmbedder(folder, artifacts=artifacts)
        exported.prepare(TEXTS, 10**6)
        assert exported.backend.startswith("openvino-")
        for embedder in (original, exported):
            assert embedder.embed(["cats"]) == pytest.approx(plain.embed(["text to be found: cats"]), abs=1e-3)
            assert embedder.embed_queries(["cats"]) == pytest.approx(plain.embed(["search: cats"]), abs=1e-3)

    def test_chunks_leave_room_for_it_and_it_is_part_of_the_fingerprint(self, tmp_path: Path) -> None:
        prompted = ModelFiles(str(tiny_model(tmp_path / "tiny", prompts=PROMPTS)))
        (tmp_path / "b").mkdir()
        plain = ModelFiles(str(tiny_model(tmp_path / "b" / "tiny")))
        assert (plain.sizer.limit, prompted.sizer.limit) == (254, 254 - 5 - 1)
        name, _, rest = plain.fingerprint.partition("/")
        assert prompted.fingerprint.startswith(f"{name}+")
        assert prompted.fingerprint.endswith(f"/{rest}")
        assert prompted.key != plain.key


def test_nothing_is_reported_to_anyone() -> None:
    """OpenVINO and NNCF send events when they are imported; both must find no way to."""
    script = """
    import socket, sys
    asked = []
    socket.socket.connect = lambda self, address: asked.append(address)
    socket.getaddrinfo = lambda *args, **kwargs: asked.append(args) or []
    from twin.embedding.backends.inference import quiet
    ov, nncf = quiet("openvino"), quiet("nncf")
    from openvino.tools import ovc
    from nncf.telemetry.wrapper import telemetry
    print(asked, sys.modules["openvino_telemetry"], type(ovc.telemetry).__module__, type(telemetry).__name__)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["[]", "None", "openvino.tools.ovc.telemetry_stub", "MagicMock"]


def test_ids_are_those_of_the_models_own_tokenizer() -> None:
    embedder = SentenceTransformerEmbedder()
    tokenizer = Tokenizer.from_file(str(embedder.folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(256)
    texts = [*TEXTS[:20], "word " * 400, "naïve café — 東京 👍🏽", ""]
    found = [ids.tolist() for ids in embedder.sizer.ids(texts)]
    assert found == [encoding.ids for encoding in tokenizer.encode_batch(texts)]
    assert quiet("openvino").__name__ == "openvino"
