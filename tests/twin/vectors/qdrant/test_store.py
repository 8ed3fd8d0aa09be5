"""The vector store on a server: the alias, and the requests whose effect the in-memory engine cannot show."""

import contextlib
import signal
import threading
from collections.abc import Iterator

import pytest
from qdrant_client import QdrantClient

from tests.kit.qdrantserver import QdrantServer, Request
from tests.kit.vectorstores import (
    ARTICLES,
    DIMENSION,
    MODEL,
    OTHER,
    QUIET,
    both,
    expected,
    near,
    point,
    put,
    run,
    with_terms,
)
from twin.errors import InputError, StoreError
from twin.vectors.base import Point, Where
from twin.vectors.qdrant.store import STREAMS, QdrantVectorStore

pytestmark = QUIET

NAME = "articles__tiny-abc-8"
NEW = "articles__other-def-8"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[QdrantServer]:
    monkeypatch.setattr("twin.vectors.qdrant.streams.WAIT_S", 0)
    monkeypatch.setattr("twin.vectors.qdrant.collection._POLL_S", 0)
    with contextlib.closing(QdrantServer()) as made:
        yield made


@pytest.fixture
def store(server: QdrantServer) -> Iterator[QdrantVectorStore]:
    with contextlib.closing(QdrantVectorStore(server.url)) as made:
        yield made


def test_the_alias_moves_when_every_author_is_there() -> None:
    client = QdrantClient(":memory:")
    store = QdrantVectorStore("http://memory", client=client)
    put(store, point(1), point(2))
    put(store, point(1, author="bob"))
    put(store, point(3), model=OTHER)
    assert store.count(ARTICLES, "ada") == 2, "searches see the old collection while bob is missing in the new one"
    assert not store.serves(ARTICLES, "ada", OTHER)
    assert store.model(ARTICLES, "ada") == MODEL
    put(store, point(4, author="bob"), model=OTHER)
    assert (store.count(ARTICLES, "ada"), store.count(ARTICLES, "bob")) == (1, 1)
    assert store.model(ARTICLES, "bob") == OTHER
    assert [found.name for found in client.get_collections().collections] == [NEW]


def test_a_collection_of_an_older_layout_answers_nothing_and_goes_with_the_next_build() -> None:
    from qdrant_client.models import CreateAlias, CreateAliasOperation, Distance, PointStruct, VectorParams

    client = QdrantClient(":memory:")
    client.create_collection("articles__old", {"dense": VectorParams(size=DIMENSION, distance=Distance.COSINE)})
    client.update_collection_aliases(
        [CreateAliasOperation(create_alias=CreateAlias(collection_name="articles__old", alias_name="articles"))]
    )
    old = point(1)
    client.upsert(
        "articles__old",
        [
            PointStruct(
                id=old.chunk.id, vector={"dense": old.vector.tolist()}, payload=old.chunk.model_dump(mode="json")
            )
        ],
    )
    store = QdrantVectorStore("http://memory", client=client)
    assert not store.serves(ARTICLES, "ada", MODEL)
    with pytest.raises(StoreError, match="another model"):
        near(store, 1)
    put(store, point(1))
    assert [found.id for found in with_terms(store, 1001)] == [old.chunk.id]
    assert [found.name for found in client.get_collections().collections] == [NAME]


def test_a_half_loaded_author_does_not_count() -> None:
    store = QdrantVectorStore("http://memory", client=QdrantClient(":memory:"))
    put(store, point(1), point(2))

    def killed() -> Iterator[Point]:
        yield from (point(number) for number in range(300))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.apply(ARTICLES, "ada", OTHER, dimension=DIMENSION, upserts=killed(), deletes=[])
    assert store.count(ARTICLES, "ada") == 2
    store.apply(ARTICLES, "ada", OTHER, dimension=DIMENSION, upserts=[], deletes=[])
    assert store.count(ARTICLES, "ada") == 256


def test_an_unreachable_server_is_one_sentence_without_secrets() -> None:
    store = QdrantVectorStore("http://user:secret@127.0.0.1:9", api_key="key-of-mine")
    with pytest.raises(StoreError, match=r"127\.0\.0\.1:9 cannot be reached") as failure:
        store.count(ARTICLES, "ada")
    assert "secret" not in str(failure.value)
    assert "key-of-mine" not in str(failure.value)
    assert store.address == "http://127.0.0.1:9"


@pytest.mark.parametrize(
    "url",
    [
        "http://user:s3cret@h:99999",
        "ftp://h",
        "user:s3cret@h:6333",
        "http://[::1",
        "http://h a",
        "http://h?k=s3cret",
        "h",
    ],
)
def test_an_address_that_cannot_be_used_is_one_sentence_without_it(url: str) -> None:
    with pytest.raises(InputError, match=r"^QDRANT_URL is not an http\(s\) address .*: write it like") as failure:
        QdrantVectorStore(url)
    assert "s3cret" not in str(failure.value)


def test_a_key_that_no_header_can_hold_is_refused() -> None:
    with pytest.raises(InputError, match=r"^QDRANT_API_KEY contains a character"):
        QdrantVectorStore("http://h", api_key="s\u00e9cret")


def test_a_first_load_is_indexed_by_payload_before_and_by_graph_after_the_points(
    server: QdrantServer, store: QdrantVectorStore
) -> None:
    put(store, *(point(number) for number in range(700)))
    wrote = [(each.method, each.path) for each in server.requests if each.method != "GET"]
    points = ("PUT", f"/collections/{NAME}/points")
    assert wrote == [
        ("PUT", f"/collections/{NAME}"),
        *[("PUT", f"/collections/{NAME}/index")] * 6,
        *[points] * 3,
        ("PATCH", f"/collections/{NAME}"),
        points,  # that ada is complete
        ("POST", "/collections/aliases"),
    ]
    (create,) = server.asked("PUT", f"/collections/{NAME}")
    assert create.body["hnsw_config"]["m"] == 0
    assert create.body["sparse_vectors"] == {"bm25": {"modifier": "idf"}}
    assert create.body["metadata"] == {"model": MODEL}
    assert "quantization_config" not in create.body
    indexes = {each.body["field_name"]: each.body["field_schema"] for each in server.asked("PUT", ".*/index")}
    assert (indexes["author"]["type"], indexes["author"]["is_tenant"]) == ("keyword", True)
    assert indexes | {"author": "keyword"} == {
        **dict.fromkeys(("author", "document_id", "platform", "language", "link"), "keyword"),
        "published_at": "datetime",
    }
    (patch,) = server.asked("PATCH", ".*")
    assert patch.body["hnsw_config"] == {"m": 16}
    sizes = [len(each.body["points"]) for each in server.asked("PUT", ".*/points")]
    assert sorted(sizes) == [1, 188, 256, 256]
    server.requests.clear()
    put(store, point(701))
    put(store)
    assert server.asked("PATCH", ".*") == server.asked("POST", "/collections/aliases") == []


def test_batches_are_written_side_by_side(server: QdrantServer, store: QdrantVectorStore) -> None:
    together = threading.Barrier(STREAMS)

    def waits(request: Request) -> None:
        if request.method == "PUT" and len((request.body or {}).get("points", [])) == 256:
            together.wait(20)

    server.trouble = waits
    points = [point(number) for number in range(2 * STREAMS * 256)]
    put(store, *points)
    assert server.busy == STREAMS
    server.trouble = lambda _: None
    assert store.hashes(ARTICLES, "ada", MODEL) == expected(*points)


def test_a_server_in_trouble_is_asked_again(server: QdrantServer, store: QdrantVectorStore) -> None:
    answers = iter([503, None, 500, 429] + [None] * 100)

    def fails(request: Request) -> int | None:
        return next(answers) if request.path.endswith("/points") and request.method == "PUT" else None

    server.trouble = fails
    points = [point(number) for number in range(1000)]
    put(store, *points)
    assert store.hashes(ARTICLES, "ada", MODEL) == expected(*points)
    assert len(server.asked("PUT", ".*/points")) == 4 + 3 + 1


@pytest.mark.parametrize(("status", "attempts"), [(503, 4), (400, 1)])
def test_lasting_trouble_is_one_sentence_and_changes_no_search(
    server: QdrantServer, store: QdrantVectorStore, status: int, attempts: int
) -> None:
    put(store, point(1))
    server.requests.clear()
    server.trouble = lambda request: status if request.method == "PUT" and request.path.endswith("/points") else None
    with pytest.raises(StoreError, match=f"answered {status}"):
        put(store, point(2), model=OTHER)
    assert len(server.asked("PUT", ".*/points")) == attempts
    server.trouble = lambda _: None
    assert [found.id for found in near(store, 1)] == [point(1).chunk.id]


def test_the_alias_moves_at_once_and_not_before_the_new_collection_is_indexed(
    server: QdrantServer, store: QdrantVectorStore
) -> None:
    put(store, point(1))
    server.requests.clear()
    # What `finish_load` is told: that the graph is still to come, twice that it is being built, that it is there.
    server.statuses = ["green", "yellow", "grey", "yellow", "green"]
    put(store, point(2), model=OTHER)
    assert server.statuses == []
    (switched,) = server.asked("POST", "/collections/aliases")
    assert switched.body == {
        "actions": [
            {"delete_alias": {"alias_name": "articles"}},
            {"create_alias": {"alias_name": "articles", "collection_name": NEW}},
            {"create_alias": {"alias_name": "articles.replaced", "collection_name": NAME}},
        ]
    }
    before = server.requests[: server.requests.index(switched)]
    assert len([each for each in before if each == Request("GET", f"/collections/{NEW}", None)]) == 5
    assert server.requests[-1] == Request("DELETE", f"/collections/{NAME}", None)


def break_off_switch(server: QdrantServer, store: QdrantVectorStore) -> None:
    """Change the model, and fail between the switch to the new collection and the drop of the old one."""
    put(store, point(1))
    server.trouble = lambda request: 500 if request.method == "DELETE" else None
    with pytest.raises(StoreError, match="answered 500"):
        put(store, point(2), model=OTHER)
    server.trouble = lambda _: None


def test_what_a_killed_switch_left_goes_with_the_next_load_and_what_is_being_filled_stays(
    server: QdrantServer, store: QdrantVectorStore
) -> None:
    break_off_switch(server, store)
    assert [found.id for found in near(store, 2)] == [point(2).chunk.id]
    with_bob = QdrantVectorStore(server.url)
    put(with_bob, point(1, author="bob"), model=OTHER)
    put(with_bob, point(3), model="third@ghi/8")  # not bob's yet, so that searches go on with the other

    def collections() -> set[str]:
        with contextlib.closing(QdrantClient(server.url, check_compatibility=False)) as client:
            assert {each.alias_name for each in client.get_aliases().aliases} == {"articles"}
            return {each.name for each in client.get_collections().collections}

    assert collections() == {NEW, "articles__third-ghi-8"}
    server.requests.clear()
    put(store, model=OTHER)
    assert collections() == {NEW, "articles__third-ghi-8"}
    assert server.asked("DELETE", ".*") == []
    with_bob.close()


def test_with_nothing_to_write_what_a_killed_switch_left_goes_too(
    server: QdrantServer, store: QdrantVectorStore
) -> None:
    break_off_switch(server, store)
    put(store, model=OTHER)
    assert [each.path for each in server.asked("DELETE", ".*")] == [f"/collections/{NAME}"] * 2
    assert store.hashes(ARTICLES, "ada", MODEL) == {}
    put(store, point(1))  # the model is set back
    assert store.hashes(ARTICLES, "ada", MODEL) == expected(point(1))
    assert store.model(ARTICLES, "ada") == MODEL


def test_a_collection_that_cannot_be_indexed_replaces_nothing(server: QdrantServer, store: QdrantVectorStore) -> None:
    put(store, point(1))
    server.statuses = ["green", "red"]
    with pytest.raises(StoreError, match="its status is red"):
        put(store, point(2), model=OTHER)
    assert store.model(ARTICLES, "ada") == MODEL


def test_quantised_vectors_are_scored_again_and_follow_the_setting(server: QdrantServer) -> None:
    small = QdrantVectorStore(server.url, quantized=True)
    put(small, point(1))
    (create,) = server.asked("PUT", f"/collections/{NAME}")
    assert create.body["quantization_config"]["scalar"] == {
        "type": "int8", "quantile": 0.99, "always_ram": True,
    }  # fmt: skip
    assert small.index(ARTICLES, "ada")["quantized"] is True
    both(small, Where(author="ada"))
    dense, sparse = server.asked("POST", ".*/points/query")
    assert dense.body["params"]["quantization"] == {"rescore": True, "oversampling": 2.0}
    assert "quantization" not in sparse.body["params"]
    full = QdrantVectorStore(server.url)
    put(full)
    assert full.index(ARTICLES, "ada")["quantized"] is False
    put(small)
    assert small.index(ARTICLES, "ada")["quantized"] is True
    assert len(server.asked("PATCH", ".*")) == 3
    small.close()
    full.close()


def test_frequencies_are_those_of_the_author_alone(server: QdrantServer, store: QdrantVectorStore) -> None:
    put(store, point(1))
    with_terms(store, 1)
    with_terms(store, 1, author=None)
    one, every = server.asked("POST", ".*/points/query")
    (condition,) = one.body["params"]["idf"]["corpus"]["must"]
    assert (condition["key"], condition["match"]) == ("author", {"value": "ada"})
    assert "params" not in every.body


@pytest.mark.slow
def test_a_killed_load_leaves_searches_on_the_old_collection_and_the_next_one_converges(
    server: QdrantServer, store: QdrantVectorStore
) -> None:
    put(store, point(1), point(2))
    script = """
    def points():
        for number in range(600):
            yield point(number)
        print("writing", flush=True)
        time.sleep(60)

    store = QdrantVectorStore(sys.argv[1])
    store.apply(ARTICLES, "ada", OTHER, dimension=DIMENSION, upserts=points(), deletes=[])
    """
    with run(script, server.url) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "writing\n"
        writer.send_signal(signal.SIGKILL)
    assert writer.returncode == -signal.SIGKILL
    acknowledged = store.hashes(ARTICLES, "ada", OTHER)
    assert acknowledged.items() <= expected(*(point(number) for number in range(600))).items()
    assert {found.id for found in near(store, 1)} == {point(1).chunk.id, point(2).chunk.id}
    assert store.model(ARTICLES, "ada") == MODEL
    rest = [point(number) for number in range(600) if point(number).chunk.id not in acknowledged]
    put(store, *rest, model=OTHER)
    assert store.model(ARTICLES, "ada") == OTHER
    assert store.hashes(ARTICLES, "ada", OTHER) == expected(*(point(number) for number in range(600)))
    assert [found.id for found in with_terms(store, 1599)] == [point(599).chunk.id]
    assert store.index(ARTICLES, "ada")["hnsw_m"] == 16
    assert not QdrantClient(server.url, check_compatibility=False).collection_exists(NAME)
