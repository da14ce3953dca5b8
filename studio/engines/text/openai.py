"""Models behind an OpenAI-compatible endpoint: vLLM, SGLang, Ollama, llama.cpp, or a hosted one."""

import json
import math
import socket
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import httpx
from pydantic import SecretStr
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt, wait_exponential, wait_random

from studio.engines.text.base import GATHER_SECONDS, Finish, TextChunk, TextLimits, TextRequest, TokenLogprob
from studio.errors import EngineFailed, InvalidRequest, StudioError
from studio.pump import Pump
from studio.registry import DeviceName, ModelSpec, Rung, Sharing

Event = Mapping[str, Any]
"""One server-sent event, decoded."""

ATTEMPTS: Final = 4
LONGEST_WAIT: Final = 20.0
"""Seconds; a `Retry-After` beyond it is not waited for any longer than this."""
TIMEOUT: Final = httpx.Timeout(connect=10, read=120, write=30, pool=10)
OVERLONG: Final = ("context_length_exceeded", "exceed_context_size_error")
"""What OpenAI, and llama.cpp, call a prompt that does not fit."""


class OpenAILoader:
    """Makes engines for one endpoint."""

    def __init__(
        self,
        base_url: str | None,
        api_key: SecretStr | None,
        model: str | None,
        transport: httpx.BaseTransport | None = None,
        backoff: float = 0.5,
    ) -> None:
        """Take the address up to and including `/v1`, and the seconds before the first retry."""
        self._base_url, self._api_key, self._model = base_url, api_key, model
        self._transport, self._backoff = transport, backoff

    def __call__(
        self, spec: ModelSpec, weights: Path | None, device: DeviceName, rung: Rung = "whole"
    ) -> "OpenAIEngine":
        if not self._base_url or not self._model:
            raise EngineFailed("endpoint.unset")
        key = self._api_key.get_secret_value().strip() if self._api_key else ""
        if not key.isascii() or not key.isprintable():
            raise EngineFailed("endpoint.key")
        try:
            address = httpx.URL(self._base_url.rstrip("/") + "/")
        except httpx.InvalidURL as error:
            raise EngineFailed("endpoint.address") from error
        if address.scheme not in ("http", "https") or not address.host:
            raise EngineFailed("endpoint.address")
        client = httpx.Client(
            base_url=address,
            headers={"Authorization": f"Bearer {key}"} if key else {},
            timeout=TIMEOUT,
            transport=self._transport,
        )
        context = int(spec.defaults.get("context", 8192))
        return OpenAIEngine(
            client, self._model, TextLimits(context=context, chat=spec.chat, prefill=False), key, self._backoff
        )


class OpenAIEngine:
    """One model of an endpoint. Made by `OpenAILoader`."""

    def __init__(self, client: httpx.Client, model: str, limits: TextLimits, key: str, backoff: float) -> None:
        self._client, self._model, self._limits = client, model, limits
        self._key, self._backoff = key, backoff

    @property
    def limits(self) -> TextLimits:
        return self._limits

    @property
    def nbytes(self) -> int:
        return 0

    @property
    def sharing(self) -> Sharing:
        return "shared"

    @property
    def movable(self) -> bool:
        return False

    def move(self, device: DeviceName) -> None:
        raise RuntimeError(f"an endpoint cannot be moved to {device}")

    def close(self) -> None:
        self._client.close()

    def count_tokens(self, text: str) -> int:
        """An estimate: four letters a token, one for each Chinese, Japanese or Korean character."""
        wide = sum("⺀" <= character <= "鿿" or "가" <= character <= "힣" for character in text)
        return wide + math.ceil((len(text) - wide) / 4)

    def stream(self, request: TextRequest) -> Iterator[TextChunk]:
        """Write, piece by piece; see `TextEngine.stream`. Chunks without text come while the endpoint is silent."""
        call = _Call(self, request)
        try:
            yield from call.chunks()
        finally:
            call.stop()

    def open(self, request: TextRequest) -> httpx.Response:
        """Ask, again after a while where that can help, and return the answer with its body still to come."""
        retrying = Retrying(
            retry=retry_if_exception(_passing),
            wait=self._pause,
            stop=stop_after_attempt(ATTEMPTS),
            reraise=True,
        )
        try:
            return retrying(self._ask, request)
        except httpx.HTTPStatusError as error:
            raise self.refusal(error.response, request) from error
        except httpx.HTTPError as error:
            raise self.unreachable() from error

    def _ask(self, request: TextRequest) -> httpx.Response:
        path = "chat/completions" if request.prompt is None else "completions"
        asked = self._client.build_request("POST", path, json=body(request, self._model))
        answer = self._client.send(asked, stream=True)
        if answer.is_success:
            return answer
        try:
            answer.read()
        finally:
            answer.close()
        raise httpx.HTTPStatusError("refused", request=asked, response=answer)

    def _pause(self, state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, httpx.HTTPStatusError):
            wanted = error.response.headers.get("Retry-After", "")
            if wanted.isdecimal():
                return min(float(wanted), LONGEST_WAIT)
        growing = wait_exponential(multiplier=self._backoff, max=LONGEST_WAIT) + wait_random(0, self._backoff)
        return growing(state)

    @property
    def host(self) -> str:
        """The endpoint as people know it; never with credentials that its address may hold."""
        return self._client.base_url.host

    def unreachable(self) -> StudioError:
        return EngineFailed("endpoint.unreachable", host=self.host)

    def broken(self, reason: str) -> StudioError:
        if self._key:
            reason = reason.replace(self._key, "•••")
        return EngineFailed("endpoint.broken", host=self.host, reason=reason[:300])

    def refusal(self, answer: httpx.Response, request: TextRequest) -> StudioError:
        """What a status other than success means to the user."""
        if answer.status_code in (401, 403):
            return EngineFailed("endpoint.refused", host=self.host, status=answer.status_code)
        if answer.status_code == 429:
            return EngineFailed("endpoint.busy", host=self.host)
        try:
            return self.failure(answer.json()["error"], request)
        except (ValueError, KeyError, TypeError):
            return self.broken(str(answer.status_code))

    def failure(self, error: Any, request: TextRequest) -> StudioError:
        """What an error object in an answer means to the user."""
        if not isinstance(error, Mapping):
            return self.broken(str(error))
        if error.get("code") in OVERLONG or error.get("type") in OVERLONG:
            tokens = sum(self.count_tokens(message.content) for message in request.messages)
            tokens = error.get("n_prompt_tokens") or tokens + self.count_tokens(request.prompt or "")
            return InvalidRequest("prompt.context", tokens=tokens, context=error.get("n_ctx") or self._limits.context)
        return self.broken(str(error.get("message") or error.get("code")))


class _Call:
    """One request, read in its own thread so that it can be broken off while the endpoint is silent."""

    def __init__(self, engine: OpenAIEngine, request: TextRequest) -> None:
        self._engine, self._request = engine, request
        self._answer: httpx.Response | None = None
        self._stopped = False
        self._pump: Pump[Event] = Pump(self._read, "endpoint reader", gather=GATHER_SECONDS)

    def _read(self, emit: Callable[[Event], None]) -> None:
        answer = self._engine.open(self._request)
        try:
            self._answer = answer
            if not self._stopped:
                self._events(answer, emit)
        except httpx.HTTPError as error:
            raise self._engine.broken(type(error).__name__) from error
        finally:
            answer.close()

    def _events(self, answer: httpx.Response, emit: Callable[[Event], None]) -> None:
        finished = False
        for line in answer.iter_lines():
            if self._stopped:
                return
            data = line.removeprefix("data:").strip() if line.startswith("data:") else ""
            if data == "[DONE]":
                return
            if not data:
                continue
            event = self._decoded(data)
            finished = finished or any(choice.get("finish_reason") for choice in event.get("choices") or ())
            emit(event)
        if not finished:
            raise self._engine.broken("the answer ended early")

    def _decoded(self, data: str) -> Event:
        try:
            event = json.loads(data)
        except ValueError as error:
            raise self._engine.broken("the answer is not JSON") from error
        if not isinstance(event, dict):
            raise self._engine.broken("the answer is not an event")
        if event.get("error"):
            raise self._engine.failure(event["error"], self._request)
        return event

    def chunks(self) -> Iterator[TextChunk]:
        finish: Finish = "stop"
        usage: Mapping[str, int] = {}
        pieces = 0
        for events in self._pump.batches():
            text, tokens = "", list[TokenLogprob]()
            for event in events:
                usage = event.get("usage") or usage
                for choice in (event.get("choices") or ())[:1]:
                    piece = choice.get("text") or (choice.get("delta") or {}).get("content") or ""
                    text, pieces = text + piece, pieces + bool(piece)
                    tokens += [_logprob(entry) for entry in (choice.get("logprobs") or {}).get("content") or ()]
                    finish = "length" if choice.get("finish_reason") == "length" else finish
            yield TextChunk(text, tuple(tokens))
        yield TextChunk(
            finish=finish,
            prompt_tokens=usage.get("prompt_tokens", 0),
            completion_tokens=usage.get("completion_tokens", pieces),
        )

    def stop(self) -> None:
        """Break the connection off, which is how an endpoint learns that nobody listens any more."""
        self._stopped = True
        if self._answer is None or not self._pump.running:
            return
        wire = self._answer.extensions.get("network_stream")
        connection = wire.get_extra_info("socket") if wire else None
        if connection is not None:
            # `close` alone would leave a thread that waits in `recv` waiting.
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                return


def _passing(error: BaseException) -> bool:
    """Whether asking again may help. A timeout while reading is not retried: the model may be at work."""
    if isinstance(error, httpx.HTTPStatusError):
        return error.response.status_code == 429 or error.response.status_code >= 500
    return isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.RemoteProtocolError))


def _logprob(entry: Event) -> TokenLogprob:
    alternatives = tuple((other["token"], min(0.0, other["logprob"])) for other in entry.get("top_logprobs") or ())
    return TokenLogprob(entry["token"], min(0.0, entry["logprob"]), alternatives)


def body(request: TextRequest, model: str) -> dict[str, Any]:
    """The request in OpenAI's words, with nothing in it that only some endpoints know.

    Their repeat penalty is subtracted, not divided by (`frequency_penalty`), so ours is carried over in strength only.
    """
    asked: dict[str, Any] = {
        "model": model,
        "stream": True,
        "stream_options": {"include_usage": True},
        "max_tokens": request.max_tokens,
        "temperature": request.temperature,
        "top_p": request.top_p,
    }
    if request.prompt is not None:
        asked["prompt"] = request.prompt
    else:
        asked["messages"] = [{"role": message.role, "content": message.content} for message in request.messages]
    if request.seed is not None:
        asked["seed"] = request.seed
    if request.stop:
        asked["stop"] = list(request.stop)
    if request.repeat_penalty != 1:
        asked["frequency_penalty"] = max(-2.0, min(2.0, request.repeat_penalty - 1))
    if request.logprobs:
        chat = {"logprobs": True, "top_logprobs": request.logprobs}
        asked |= chat if request.prompt is None else {"logprobs": request.logprobs}
    if request.json_schema is not None:
        schema = {"name": "answer", "schema": dict(request.json_schema)}
        asked["response_format"] = {"type": "json_schema", "json_schema": schema}
    return asked
