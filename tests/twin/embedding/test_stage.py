"""Embeddings: right, reused, and known by their model without loading it."""

import contextlib
import json
import shutil
import signal
import subprocess
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from qdrant_client import QdrantClient

from tests.kit.vectorstores import QUIET
from twin.artifacts import ArtifactStore
from twin.chunking.stage import SCHEMA as CHUNKS
from twin.embedding import Embedder, SentenceTransformerEmbedder, embed_chunks, read_embeddings
from twin.embedding.base import Vectors
from twin.embedding.vectorfile import VectorFile, packed
from twin.errors import ConsistencyError, InputError, StoreError
from twin.identity import sha256
from twin.models import Category, Chunk
from twin.tokens.sizer import Sizer
from twin.vectors import load_points
from twin.vectors.base import Where, points_model
from twin.vectors.edge.store import EdgeVectorStore
from twin.vectors.qdrant.store import QdrantVectorStore

MINILM = SentenceTransformerEmbedder()
ARTICLES, POSTS = Category.ARTICLES, Category.POSTS


class HashEmbedder:
    """A real, if dull, embedder: a text's vector is drawn with its hash as the seed. It notes what it is asked."""

    def __init__(self, name: str = "hash", dimension: int = 16) -> None:
        self.name, self.dimension = name, dimension
        self.seen: list[str] = []

    fingerprint = property(lambda self: f"{self.name}@1/{self.dimension}")
    max_tokens = 256
    backend = "hash"

    @property
    def sizer(self) -> Sizer:
        return MINILM.sizer

    def embed(self, texts: Sequence[str]) -> Vectors:
        self.seen += texts
        rows = [np.random.default_rng(int(sha256(text)[:8], 16)).normal(size=self.dimension) for text in texts]
        vectors = np.array(rows, dtype=np.float32)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        return self.embed(texts)


def store_chunks(artifacts: ArtifactStore, texts: Sequence[str], category: Category = ARTICLES) -> list[Chunk]:
    """Store one chunk per text, as the chunking stage does."""
    import pyarrow as pa

    chunks = [
        Chunk(
            id=f"00000000-0000-0000-{len(category):04d}-{number:012d}",
            document_id="00000000-0000-0000-0000-000000000001",
            author="ada",
            category=category,
            ordinal=number,
            start=0,
            end=len(text),
            text=text,
            context="Title",
            tokens=1,
            link="https://example.org/a",
            platform="web",
        )
        for number, text in enumerate(texts)
    ]
    rows = [
        {**chunk.model_dump(mode="json"), "document_hash": "h", "content_hash": chunk.content_hash} for chunk in chunks
    ]
    batch = pa.RecordBatch.from_pylist(rows, schema=CHUNKS)
    metadata = {"data_version": sha256("".join(texts))}
    artifacts.write_table("chunks", "ada", f"{category}.parquet", schema=CHUNKS, batches=[batch], metadata=metadata)
    return chunks


def texts_found(vectors: EdgeVectorStore, embedder: Embedder, query: str, limit: int) -> list[str]:
    """Texts of the chunks nearest to a query, the nearest first."""
    (vector,) = embedder.embed_queries([query])
    found = vectors.search(ARTICLES, Where(author="ada"), vector=vector, sparse=None, limit=limit)
    chunks = vectors.chunks(ARTICLES, found.dense)
    return [chunks[hit.id].text for hit in found.dense]


class TestMiniLM:
    """The packaged model itself; it is loaded once for all of these."""

    def test_makes_the_vector_of_the_model_card(self) -> None:
        (vector,) = MINILM.embed(["This is an example sentence"])
        assert vector[:4] == pytest.approx([0.0677, 0.0635, 0.0487, 0.0793], abs=1e-4)

    def test_keeps_the_order_whatever_the_lengths(self) -> None:
        texts = [("word " * length).strip() for length in (300, 1, 40, 254, 2)]
        together = MINILM.embed(texts)
        assert together.shape == (5, 384)
        assert together.dtype == np.float32
        for text, vector in zip(texts, together, strict=True):
            assert MINILM.embed([text])[0] @ vector == pytest.approx(1, abs=1e-5)

    def test_reads_to_the_end_of_its_window(self) -> None:
        start = "word " * 252
        first, second = MINILM.embed([start + "volcano", start + "keyboard"])
        assert first @ second < 0.9999

    def test_of_nothing_is_nothing(self) -> None:
        assert MINILM.embed([]).shape == (0, 384)

    def test_two_embedders_share_the_weights(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from twin.embedding.backends import sentence_transformer

        monkeypatch.setattr(sentence_transformer, "_models", {})  # the process may have loaded others before
        SentenceTransformerEmbedder().embed(["one"])
        SentenceTransformerEmbedder("sentence-transformers/all-MiniLM-L6-v2").embed(["two"])
        assert len(sentence_transformer._models) == 1

    def test_meaning_is_found_again(self, artifacts: ArtifactStore, tmp_path: Path) -> None:
        store_chunks(artifacts, ["A cat sleeps on the sofa.", "Interest rates went up.", "Python has generators."])
        embed_chunks(artifacts, MINILM, "ada", ARTICLES)
        vectors = EdgeVectorStore(tmp_path / "vectors")
        load_points(artifacts, vectors, MINILM, "ada", ARTICLES)
        assert texts_found(vectors, MINILM, "kitten on the couch", limit=1) == ["A cat sleeps on the sofa."]


def test_a_model_is_known_without_loading_it() -> None:
    script = """
    import sys
    from twin.embedding import SentenceTransformerEmbedder
    embedder = SentenceTransformerEmbedder()
    print(embedder.fingerprint, embedder.dimension, embedder.max_tokens, embedder.sizer.limit)
    print([name for name in ("torch", "transformers", "sentence_transformers") if name in sys.modules])
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["all-MiniLM-L6-v2@53aa51172d14/384 384 256 254", "[]"]


def test_a_folder_is_a_model(tmp_path: Path) -> None:
    shutil.copytree(MINILM.folder, tmp_path / "mine")
    mine = SentenceTransformerEmbedder(str(tmp_path / "mine"))
    assert (mine.dimension, mine.max_tokens) == (384, 256)
    assert mine.fingerprint == MINILM.fingerprint.replace("all-MiniLM-L6-v2", "mine")
    assert mine.sizer.id == MINILM.sizer.id
    config = tmp_path / "mine" / "sentence_bert_config.json"
    config.write_text(json.dumps({"max_seq_length": 128}))
    assert SentenceTransformerEmbedder(str(tmp_path / "mine")).sizer.limit == 126


@pytest.mark.parametrize("missing", ["config.json", "tokenizer.json", "model.safetensors"])
def test_a_folder_that_is_no_model_is_one_sentence(tmp_path: Path, missing: str) -> None:
    for name in {"config.json", "tokenizer.json", "model.safetensors"} - {missing}:
        shutil.copy(MINILM.folder / name, tmp_path)
    embedder = SentenceTransformerEmbedder(str(tmp_path))
    with pytest.raises(InputError, match=str(tmp_path)):
        print(embedder.fingerprint, embedder.sizer)


def test_an_unknown_id_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(InputError, match="TWIN_EMBEDDING_MODEL"):
        print(SentenceTransformerEmbedder("nobody/no-such-model").dimension)


class TestStage:
    def test_one_vector_per_chunk_in_their_order(self, artifacts: ArtifactStore) -> None:
        embedder = HashEmbedder()
        texts = [f"text {number % 700}" for number in range(1400)]
        chunks = store_chunks(artifacts, texts)
        report = embed_chunks(artifacts, embedder, "ada", ARTICLES)
        rows = list(read_embeddings(artifacts, "ada", ARTICLES))
        assert [row.chunk_id for row in rows] == [chunk.id for chunk in chunks]
        assert [row.text_hash for row in rows] == [sha256(chunk.embedded_text) for chunk in chunks]
        again = HashEmbedder().embed([chunk.embedded_text for chunk in chunks])
        assert np.array_equal(np.array([row.vector for row in rows]), again)
        assert (report.total, report.texts_embedded, report.texts_reused) == (1400, 700, 0)
        assert report.backend == "hash"
        assert report.tokens_embedded == sum(MINILM.sizer.counts(list({chunk.embedded_text for chunk in chunks})))
        assert report.tokens_per_second > 0
        assert len(embedder.seen) == 700, "a text was embedded twice"

    def test_a_second_run_embeds_and_writes_nothing(self, artifacts: ArtifactStore) -> None:
        store_chunks(artifacts, ["a", "b"])
        first = embed_chunks(artifacts, HashEmbedder(), "ada", ARTICLES)
        path = Path(artifacts.path("embeddings", "ada", "articles.parquet").path)
        before = path.stat().st_ino
        embedder = HashEmbedder()
        second = embed_chunks(artifacts, embedder, "ada", ARTICLES)
        assert (second.written, second.texts_reused, second.data_version) == (0, 2, first.data_version)
        assert (path.stat().st_ino, embedder.seen) == (before, [])

    def test_only_new_texts_are_embedded_across_categories(self, artifacts: ArtifactStore) -> None:
        store_chunks(artifacts, ["a", "b"])
        embed_chunks(artifacts, HashEmbedder(), "ada", ARTICLES)
        embedder = HashEmbedder()
        store_chunks(artifacts, ["b", "c", "c"], POSTS)
        report = embed_chunks(artifacts, embedder, "ada", POSTS)
        assert embedder.seen == ["Title\n\nc"]
        assert (report.texts_embedded, report.texts_reused, report.total) == (1, 1, 3)

    def test_removed_chunks_lose_their_vectors(self, artifacts: ArtifactStore) -> None:
        store_chunks(artifacts, ["a", "b", "c"])
        embed_chunks(artifacts, HashEmbedder(), "ada", ARTICLES)
        store_chunks(artifacts, ["a"])
        report = embed_chunks(artifacts, HashEmbedder(), "ada", ARTICLES)
        assert (report.total, report.written, report.texts_embedded) == (1, 2, 0)
        assert len(list(read_embeddings(artifacts, "ada", ARTICLES))) == 1

    def test_another_model_embeds_all_again(self, artifacts: ArtifactStore) -> None:
        store_chunks(artifacts, ["a", "b"])
        first = embed_chunks(artifacts, HashEmbedder(), "ada", ARTICLES)
        second = embed_chunks(artifacts, HashEmbedder("other", 8), "ada", ARTICLES)
        assert (second.texts_embedded, second.dimension) == (2, 8)
        assert first.data_version != second.data_version

    def test_no_chunks_are_no_rows(self, artifacts: ArtifactStore) -> None:
        store_chunks(artifacts, [])
        report = embed_chunks(artifacts, HashEmbedder(), "ada", ARTICLES)
        assert (report.total, report.written) == (0, 0)
        assert artifacts.table_metadata("embeddings", "ada", "articles.parquet") is not None

    def test_no_chunks_are_no_rows_beside_embeddings_of_another_category(self, artifacts: ArtifactStore) -> None:
        store_chunks(artifacts, ["something"])
        store_chunks(artifacts, [], POSTS)
        embed_chunks(artifacts, HashEmbedder(), "ada", ARTICLES)
        assert embed_chunks(artifacts, HashEmbedder(), "ada", POSTS).total == 0

    def test_a_stage_that_did_not_run_is_not_taken_for_nothing(self, artifacts: ArtifactStore, tmp_path: Path) -> None:
        with pytest.raises(ConsistencyError, match="run the chunks stage first"):
            embed_chunks(artifacts, HashEmbedder(), "ada", ARTICLES)
        with pytest.raises(ConsistencyError, match="have no embeddings yet"):
            load_points(artifacts, EdgeVectorStore(tmp_path / "v"), HashEmbedder(), "ada", ARTICLES)

    @pytest.mark.parametrize("bad", [np.nan, 0.0, 2.0])
    def test_a_bad_vector_is_refused(self, artifacts: ArtifactStore, bad: float) -> None:
        class Bad(HashEmbedder):
            def embed(self, texts: Sequence[str]) -> Vectors:
                return super().embed(texts) * np.float32(bad)

        store_chunks(artifacts, ["a"])
        with pytest.raises(ConsistencyError, match="nothing was stored"):
            embed_chunks(artifacts, Bad(), "ada", ARTICLES)
        assert artifacts.table_metadata("embeddings", "ada", "articles.parquet") is None

    @pytest.mark.slow
    def test_a_kill_leaves_what_was_and_a_rerun_converges(self, artifacts: ArtifactStore) -> None:
        store_chunks(artifacts, [f"text {number}" for number in range(2000)])
        script = """
        import sys, time
        from tests.twin.embedding.test_stage import *
        class Slow(HashEmbedder):
            def embed(self, texts):
                if self.seen:
                    print("embedding", flush=True)
                    time.sleep(60)
                return super().embed(texts)
        embed_chunks(ArtifactStore(sys.argv[1]), Slow(), "ada", ARTICLES)
        """
        command = [sys.executable, "-c", textwrap.dedent(script), str(artifacts.root)]
        repository = Path(__file__).parents[3]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=repository)
        assert process.stdout is not None
        assert process.stdout.readline() == "embedding\n"
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert list(read_embeddings(artifacts, "ada", ARTICLES)) == []
        embedder = HashEmbedder()
        report = embed_chunks(artifacts, embedder, "ada", ARTICLES)
        assert report.total == 2000
        assert len(embedder.seen) == report.texts_embedded == 2000 - 512, "what the killed run embedded is taken over"
        rows = list(read_embeddings(artifacts, "ada", ARTICLES))
        again = HashEmbedder().embed([f"Title\n\ntext {number}" for number in range(2000)])
        assert np.array_equal(np.array([row.vector for row in rows]), again)
        assert [path.name for path in artifacts.path("embeddings", "ada").iterdir()] == ["articles.parquet"]


class TestVectorFile:
    HASHES = packed(sha256(str(number)) for number in range(10))
    VECTORS = (
        np.eye(10, 4, dtype=np.float32) + np.eye(10, 4, -4, dtype=np.float32) + np.eye(10, 4, -8, dtype=np.float32)
    )

    def killed(self, path: Path) -> None:
        """What a process leaves that was killed after six vectors."""
        file = VectorFile(4, self.HASHES, path)
        with contextlib.suppress(KeyboardInterrupt), file:
            file.add(self.HASHES[2:8], self.VECTORS[2:8])
            raise KeyboardInterrupt

    def test_vectors_come_back_in_any_order(self) -> None:
        with VectorFile(4, self.HASHES) as file:
            file.add(self.HASHES[3:7], self.VECTORS[3:7])
            file.add(self.HASHES[:1], self.VECTORS[:1])
            order = [5, 0, 3, 5]
            assert np.array_equal(file.take(self.HASHES[order]), self.VECTORS[order])
            assert file.lacks(self.HASHES).tolist() == [number not in (0, 3, 4, 5, 6) for number in range(10)]
            assert not file.lacks(packed([sha256("unknown")])).any(), "what nobody wants is not lacking"
            assert (len(file), file.wanted) == (5, 10)

    def test_what_a_killed_process_left_is_taken_over_once(self, tmp_path: Path) -> None:
        self.killed(tmp_path / "spool")
        with VectorFile(4, self.HASHES, tmp_path / "spool") as file:
            assert len(file) == 6
            assert np.array_equal(file.take(self.HASHES[2:8]), self.VECTORS[2:8])
            file.add(self.HASHES[:1], self.VECTORS[:1])
            assert np.array_equal(file.take(self.HASHES[[0, 7]]), self.VECTORS[[0, 7]])
        assert list(tmp_path.iterdir()) == []

    def test_a_row_that_is_not_whole_is_not_taken_over(self, tmp_path: Path) -> None:
        self.killed(tmp_path / "spool")
        content = (tmp_path / "spool").read_bytes()
        (tmp_path / "spool").write_bytes(content[: 48 * 2] + bytes(48) + content[48 * 3 : -5])
        with VectorFile(4, self.HASHES, tmp_path / "spool") as file:
            assert len(file) == 2
            file.add(self.HASHES[4:8], self.VECTORS[4:8])
            assert np.array_equal(file.take(self.HASHES[2:8]), self.VECTORS[2:8])

    def test_a_file_of_another_living_process_is_left_alone(self, tmp_path: Path) -> None:
        with (
            VectorFile(4, self.HASHES, tmp_path / "spool") as first,
            VectorFile(4, self.HASHES, tmp_path / "spool") as second,
        ):
            first.add(self.HASHES, self.VECTORS)
            second.add(self.HASHES[:3], self.VECTORS[:3][::-1])
            assert np.array_equal(first.take(self.HASHES), self.VECTORS)
            assert len(second) == 3


class TestLoadPoints:
    @pytest.fixture
    def vectors(self, tmp_path: Path) -> EdgeVectorStore:
        return EdgeVectorStore(tmp_path / "vectors")

    def test_the_collection_holds_exactly_the_chunks(self, artifacts: ArtifactStore, vectors: EdgeVectorStore) -> None:
        embedder: Embedder = HashEmbedder()
        chunks = store_chunks(artifacts, ["a", "b", "c"])
        embed_chunks(artifacts, embedder, "ada", ARTICLES)
        report = load_points(artifacts, vectors, embedder, "ada", ARTICLES)
        assert (report.total, report.points_written, report.points_deleted, report.searchable) == (3, 3, 0, 3)
        stored = vectors.hashes(ARTICLES, "ada", points_model(embedder))
        assert stored == {chunk.id: chunk.content_hash for chunk in chunks}

        again = load_points(artifacts, vectors, embedder, "ada", ARTICLES)
        assert (again.written, again.total, again.data_version) == (0, 3, report.data_version)

        store_chunks(artifacts, ["a", "changed"])
        embed_chunks(artifacts, embedder, "ada", ARTICLES)
        changed = load_points(artifacts, vectors, embedder, "ada", ARTICLES)
        assert (changed.total, changed.points_written, changed.points_deleted) == (2, 1, 1)
        assert texts_found(vectors, embedder, "Title\n\nchanged", limit=1) == ["changed"]

    @QUIET
    def test_another_store_gets_the_same_points_from_what_is_stored(
        self, artifacts: ArtifactStore, vectors: EdgeVectorStore
    ) -> None:
        """Why points need no backup: chunks and embeddings fill a lost store or another engine again."""
        embedder = HashEmbedder()
        store_chunks(artifacts, ["a", "b", "c"])
        embed_chunks(artifacts, embedder, "ada", ARTICLES)
        first = load_points(artifacts, vectors, embedder, "ada", ARTICLES)
        embedder.seen.clear()
        server = QdrantVectorStore("http://memory", client=QdrantClient(":memory:"))
        second = load_points(artifacts, server, embedder, "ada", ARTICLES)
        assert (second.total, second.written, second.data_version) == (3, 3, first.data_version)
        assert embedder.seen == []
        model = points_model(embedder)
        here, there = vectors.points(ARTICLES, "ada", model), server.points(ARTICLES, "ada", model)
        for one, other in zip(
            sorted(here, key=lambda point: point.chunk.id), sorted(there, key=lambda point: point.chunk.id), strict=True
        ):
            assert one.chunk == other.chunk
            assert np.allclose(one.vector, other.vector, atol=1e-6)
            assert dict(zip(one.sparse.indices.tolist(), one.sparse.values.tolist(), strict=True)) == dict(
                zip(other.sparse.indices.tolist(), other.sparse.values.tolist(), strict=True)
            )

    def test_stale_embeddings_are_refused(self, artifacts: ArtifactStore, vectors: EdgeVectorStore) -> None:
        store_chunks(artifacts, ["a", "b"])
        embed_chunks(artifacts, HashEmbedder(), "ada", ARTICLES)
        for texts in (["a"], ["a", "b", "c"], ["a", "x"]):
            store_chunks(artifacts, texts)
            with pytest.raises(ConsistencyError, match="run the embeddings stage again"):
                load_points(artifacts, vectors, HashEmbedder(), "ada", ARTICLES)
        assert vectors.count(ARTICLES, "ada") == 0

    def test_embeddings_of_another_model_are_refused(self, artifacts: ArtifactStore, vectors: EdgeVectorStore) -> None:
        store_chunks(artifacts, ["a"])
        embed_chunks(artifacts, HashEmbedder(), "ada", ARTICLES)
        with pytest.raises(ConsistencyError, match="hash@1/16"):
            load_points(artifacts, vectors, HashEmbedder("other"), "ada", ARTICLES)

    def test_a_store_that_loses_points_is_found_out(self, artifacts: ArtifactStore, tmp_path: Path) -> None:
        class Forgetful(EdgeVectorStore):
            def apply(self, *args: object, **kwargs: object) -> None:
                list(kwargs["upserts"])  # type: ignore[call-overload]

        store_chunks(artifacts, ["a"])
        embed_chunks(artifacts, HashEmbedder(), "ada", ARTICLES)
        with pytest.raises((ConsistencyError, StoreError), match="run this stage again"):
            load_points(artifacts, Forgetful(tmp_path / "v"), HashEmbedder(), "ada", ARTICLES)
