"""The part of Qdrant's REST API that the vector store uses, on loopback. Requests are real and recorded; the client's
in-memory engine answers them. What that engine does not know (the graph, quantisation, the state of the optimiser) is
stored as it was set and returned."""

import json
import re
import warnings
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from threading import Lock, Thread
from typing import Any, NamedTuple

from pydantic import BaseModel
from qdrant_client import QdrantClient, models

from tests.kit.webserver import QuietServer

_HNSW = {"m": 16, "ef_construct": 100, "full_scan_threshold": 10000}


class Request(NamedTuple):
    """One request; `body` is JSON."""

    method: str
    path: str
    body: Any


class QdrantServer:
    """Answers requests until it is closed.

    Attributes:
        requests: all requests, in order.
        busy: the maximum number of requests that wrote points at the same time.
        statuses: what `GET /collections/<name>` reports for the optimiser, one after the other, then always green.
        trouble: called before each request; if it returns something, that is the status of the answer.
    """

    def __init__(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._engine = QdrantClient(":memory:")
        self._settings: dict[str, dict[str, Any]] = {}
        self._working = Lock()
        self._counting = Lock()
        self._writing = 0
        self.requests: list[Request] = []
        self.busy = 0
        self.statuses: list[str] = []
        self.trouble: Callable[[Request], int | None] = lambda _: None
        server = self

        class _Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                path, _, query = self.path.partition("?")
                request = Request(self.command, path, json.loads(body) if body else None)
                status, answer = server._answer(request, query)
                content = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_PUT = do_POST = do_PATCH = do_DELETE = handle_any

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

        self._http = QuietServer(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        Thread(target=self._http.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Stop the server."""
        self._http.shutdown()
        self._http.server_close()

    def asked(self, method: str, pattern: str) -> list[Request]:
        """The requests with this method and exactly this path."""
        return [each for each in self.requests if each.method == method and re.fullmatch(pattern, each.path)]

    def _answer(self, request: Request, query: str) -> tuple[int, dict[str, Any]]:
        writes = request.method == "PUT" and request.path.endswith("/points")
        with self._counting:
            self.requests.append(request)
            self._writing += writes
            self.busy = max(self.busy, self._writing)
        try:
            if (status := self.trouble(request)) is not None:
                return status, {"status": {"error": "trouble"}, "time": 0}
            assert not writes or "wait=true" in query, "a write that is not waited for is not acknowledged"
            with self._working, warnings.catch_warnings():
                warnings.simplefilter("ignore")
                result = self._result(request)
        except (KeyError, ValueError) as error:
            status = 404 if "not found" in str(error) else 409 if "already exists" in str(error) else 400
            return status, {"status": {"error": str(error)}, "time": 0}
        finally:
            with self._counting:
                self._writing -= writes
        return 200, {"result": _json(result), "status": "ok", "time": 0}

    def _result(self, request: Request) -> Any:
        method, path, body = request
        engine = self._engine
        if (method, path) == ("GET", "/collections"):
            return engine.get_collections()
        if (method, path) == ("GET", "/aliases"):
            return engine.get_aliases()
        if (method, path) == ("POST", "/collections/aliases"):
            return engine.update_collection_aliases(models.ChangeAliasesOperation.model_validate(body).actions)
        _, _, name, *rest = path.split("/")
        match (method, "/".join(rest)):
            case ("GET", "exists"):
                return {"exists": engine.collection_exists(name)}
            case ("GET", ""):
                return self._info(name)
            case ("PUT", ""):
                return self._create(name, body)
            case ("PATCH", ""):
                settings = self._settings[name]
                settings["hnsw_config"] |= body.get("hnsw_config") or {}
                if "quantization_config" in body:
                    given = body["quantization_config"]
                    settings["quantization_config"] = None if given == "Disabled" else given
                return True
            case ("DELETE", ""):
                self._settings.pop(name, None)
                return engine.delete_collection(name)
            case ("PUT", "index"):
                return {"operation_id": 0, "status": "completed"}
            case ("PUT", "points"):
                return engine.upsert(name, models.PointsList.model_validate(body).points)
            case ("POST", "points/delete"):
                selector = models.PointIdsList if "points" in body else models.FilterSelector
                return engine.delete(name, selector.model_validate(body))
            case ("POST", "points"):
                asked = models.PointRequest.model_validate(body)
                return engine.retrieve(
                    name, asked.ids, with_payload=asked.with_payload or False, with_vectors=asked.with_vector or False
                )
            case ("POST", "points/scroll"):
                scroll = models.ScrollRequest.model_validate(body)
                records, offset = engine.scroll(
                    name,
                    scroll.filter,
                    limit=scroll.limit or 10,
                    offset=scroll.offset,
                    with_payload=scroll.with_payload or False,
                    with_vectors=scroll.with_vector or False,
                )
                return {"points": [_json(record) for record in records], "next_page_offset": offset}
            case ("POST", "points/query"):
                search = models.QueryRequest.model_validate(body)
                return engine.query_points(
                    name,
                    search.query,
                    using=search.using,
                    query_filter=search.filter,
                    search_params=search.params,
                    limit=search.limit or 10,
                    with_payload=search.with_payload or False,
                )
            case ("POST", "points/count"):
                count = models.CountRequest.model_validate(body)
                return engine.count(name, count.filter, exact=True)
            case ("POST", "facet"):
                facet = models.FacetRequest.model_validate(body)
                return engine.facet(name, facet.key, facet.filter, limit=facet.limit or 10, exact=True)
        raise ValueError(f"{method} {path} is not known here")

    def _create(self, name: str, body: dict[str, Any]) -> bool:
        created = models.CreateCollection.model_validate(body)
        self._engine.create_collection(
            name, created.vectors, sparse_vectors_config=created.sparse_vectors, metadata=created.metadata
        )
        self._settings[name] = {
            "hnsw_config": _HNSW | (body.get("hnsw_config") or {}),
            "quantization_config": body.get("quantization_config"),
        }
        return True

    def _info(self, name: str) -> dict[str, Any]:
        if not self._engine.collection_exists(name):
            raise ValueError(f"Collection {name} not found")
        target = {each.alias_name: each.collection_name for each in self._engine.get_aliases().aliases}.get(name, name)
        info: dict[str, Any] = _json(self._engine.get_collection(name))
        info["config"] |= self._settings[target]
        info["status"] = self.statuses.pop(0) if self.statuses else "green"
        return info


def _json(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    return [_json(each) for each in value] if isinstance(value, list) else value
