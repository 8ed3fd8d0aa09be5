"""The one client for models behind an OpenAI-compatible HTTP address: OpenAI's own, vLLM, llama.cpp, TEI, ...

The same rules hold for every caller (embeddings, the reading of questions, a chat). The key goes only to this address,
so no redirect is followed and no `.netrc` is read. An answer has a maximum size and every wait has a limit. A failure
that may be temporary is tried again if the caller wants that, after the time in `Retry-After`. Every failure is one
sentence that names the setting and never the key.
"""

import json
import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import requests
import tenacity
from pydantic import SecretStr
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError

from twin import masking
from twin.errors import ConsistencyError, InputError, StoreError
from twin.servers import usable_address, usable_key
from twin.timeouts import TimeLimit, guarded, retry_after_s

logger = logging.getLogger("twin")

_AGAIN = frozenset({408, 409, 429, 500, 502, 503, 504})
_LONGEST_WAIT_S = 60.0
_SHOWN = 200  # characters shown of a refusal


class Names(NamedTuple):
    """The names of the settings of an endpoint, for messages."""

    url: str
    key: str
    model: str


class _Passing(Exception):
    """A failure that may be temporary."""

    def __init__(self, problem: str, wait_s: float | None = None) -> None:
        super().__init__(problem)
        self.wait_s = wait_s


class Endpoint:
    """One address with its key. Several threads may use it at once; nothing is sent before `post`.

    Args:
        url: the address without `path`, such as `https://api.openai.com/v1`; the full address works as well.
        path: what to request, such as `embeddings` or `chat/completions`.
        key: sent as a bearer token, only to this address.
        names: the names of the settings with these values.
        timeout_s: seconds to connect, and to wait for each part of the answer.
        longest_s: seconds for one whole request; more is a failure and is not tried again.
        attempts: how often to try a request that fails temporarily: no connection, 429 or 5xx.
        longest_answer: in bytes, unpacked.

    Raises:
        InputError: the address or the key cannot be used.
    """

    def __init__(
        self,
        url: str,
        path: str,
        *,
        key: SecretStr | None,
        names: Names,
        timeout_s: tuple[float, float],
        longest_s: float,
        attempts: int = 1,
        longest_answer: int = 64 * 2**20,
    ) -> None:
        self.url = f"{url.rstrip('/').removesuffix(f'/{path}')}/{path}"
        self._key, self._names = key, names
        self._timeout_s, self._longest_s = timeout_s, longest_s
        self._attempts, self._longest = attempts, longest_answer
        if not usable_address(url):
            raise InputError(
                f"{names.url} is not an http(s) address of an endpoint: write it like https://host/v1, and put a key "
                f"into {names.key}."
            )
        if key is not None:
            masking.remember(key.get_secret_value())
        if key is not None and not usable_key(key.get_secret_value()):
            raise InputError(f"{names.key} contains a character that is not allowed in a key: correct it.")

    def post(self, body: Mapping[str, Any], expected: str) -> Any:
        """Return the JSON answer to `body`.

        Args:
            body: sent as JSON.
            expected: what the answer should be, in words, such as "embeddings".

        Raises:
            InputError: the endpoint refuses the key or the request.
            StoreError: it cannot be reached or keeps failing.
            ConsistencyError: the answer is too large, or is not JSON.
        """
        content = self._asked(body)
        try:
            return json.loads(content)
        except (ValueError, RecursionError) as error:
            raise ConsistencyError(f"{self.url} did not answer with {expected}.") from error

    def _asked(self, body: Mapping[str, Any]) -> bytes:
        attempts = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(self._attempts),
            wait=_wait_s,
            retry=tenacity.retry_if_exception_type(_Passing),
            before_sleep=self._announce,
            reraise=True,
        )
        try:
            return attempts(self._whole, body)
        except _Passing as error:
            raise StoreError(
                f"{self.url} {error}: check that it is running and that {self._names.url} is right, then try again."
            ) from error.__cause__

    def _whole(self, body: Mapping[str, Any]) -> bytes:
        with self._answered(body) as answer:
            return self._read(answer)

    @contextmanager
    def _answered(self, body: Mapping[str, Any]) -> Iterator[requests.Response]:
        """An answer with status 200; only its headers have been read.

        If the connection breaks inside the body of the `with`, that counts as a temporary failure too. If the time of
        the request ends there, the answer may look complete, so this says it when the body of the `with` ends.
        """
        with TimeLimit(self._longest_s) as limit, requests.Session() as session:
            for scheme in ("http", "https"):
                session.mount(f"{scheme}://", _Guarded())
            try:
                with self._sent(session, body) as answer:
                    if answer.status_code in _AGAIN:
                        after, date = (answer.headers.get(name, "") for name in ("Retry-After", "Date"))
                        wait_s = retry_after_s(after, _LONGEST_WAIT_S, date=date)
                        raise _Passing(f"answers with status {answer.status_code}", wait_s)
                    if answer.status_code != requests.codes.ok:
                        raise self._refusal(answer)
                    yield answer
            except (requests.RequestException, HTTPError) as error:
                if not limit.over:
                    raise _Passing(f"cannot be reached ({type(error).__name__})") from error
            if limit.over:
                raise StoreError(
                    f"{self.url} takes more than {self._longest_s:.0f} s to answer: check that it is running and that "
                    f"{self._names.url} is right, then try again."
                )

    def _sent(self, session: requests.Session, body: Mapping[str, Any]) -> requests.Response:
        """The answer to one request, sent by the adapter itself: a session would read the whole body of a redirect."""
        request = session.prepare_request(requests.Request("POST", self.url, json=body, auth=self._authorise))
        surroundings = dict[str, Any](session.merge_environment_settings(self.url, {}, True, None, None))
        return session.get_adapter(self.url).send(request, timeout=self._timeout_s, **surroundings)

    def _read(self, answer: requests.Response) -> bytes:
        content = bytearray()
        for part in answer.iter_content(2**16):
            content += part
            if len(content) > self._longest:
                raise ConsistencyError(f"{self.url} answered with more than {self._longest:,} bytes.")
        return bytes(content)

    def _authorise(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Sign a request. Without this, requests would look up a password in the user's `.netrc`."""
        if self._key is not None:
            request.headers["Authorization"] = f"Bearer {self._key.get_secret_value()}"
        return request

    def _refusal(self, answer: requests.Response) -> InputError:
        if answer.status_code in (401, 403):
            return InputError(f"{self.url} refuses the key: correct {self._names.key}.")
        if answer.is_redirect:
            said = "a redirect, which is not followed"
        else:
            said = masking.masked(self._without_key(self._beginning(answer).decode("utf-8", "replace")))
        return InputError(
            f"{self.url} refuses the request with status {answer.status_code} ({' '.join(said.split())[:_SHOWN]}): "
            f"correct {self._names.url} or {self._names.model}."
        )

    def _beginning(self, answer: requests.Response) -> bytes:
        """The first bytes of an answer, read for not much longer than one read may take."""
        content, until = bytearray(), time.monotonic() + self._timeout_s[1]
        for part in answer.iter_content(1024):
            content += part
            if len(content) >= 2**16 or time.monotonic() > until:
                break
        return bytes(content)

    def _without_key(self, text: str) -> str:
        """The text without the key, and without the part of it that a cut at the end may have left."""
        return masking.without(text, self._key.get_secret_value() if self._key is not None else "")

    def _announce(self, state: tenacity.RetryCallState) -> None:
        problem = state.outcome.exception() if state.outcome else None
        logger.info("%s %s: trying again in %.0f s", self.url, problem, state.upcoming_sleep)


class _Guarded(HTTPAdapter):
    """Sends requests, also through a proxy of the environment, whose connections obey a `TimeLimit`."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _pools()

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(*args, **kwargs)
        manager.pool_classes_by_scheme = _pools()
        return manager


def _pools() -> dict[str, type[Any]]:
    return {scheme: guarded(scheme) for scheme in ("http", "https")}


def _wait_s(state: tenacity.RetryCallState) -> float:
    """The time that the endpoint asked for, or twice the last wait: 1, 2, 4, ... seconds."""
    error = state.outcome.exception() if state.outcome else None
    asked = error.wait_s if isinstance(error, _Passing) else None
    return 2.0 ** (state.attempt_number - 1) if asked is None else asked
