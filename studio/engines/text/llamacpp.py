"""GGUF models through llama.cpp, in this process, by way of xllamacpp."""

import json
import math
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import Any, Final

from studio.engines.beside import Beside
from studio.engines.text.base import GATHER_SECONDS, Finish, TextChunk, TextLimits, TextRequest, TokenLogprob
from studio.engines.text.cores import llama_cpp, others_running, usable_cores, writing_cores
from studio.engines.text.gguf import Header
from studio.engines.text.serving import RELOAD_SHARE, Serving
from studio.errors import EngineFailed, InvalidRequest, OutOfMemory, StudioError, WeightsUnavailable
from studio.pump import Pump
from studio.registry import Costs, DeviceName, Estimate, ModelSpec, Rung, Sharing, estimate

Event = Mapping[str, Any]
"""One server-sent event, decoded."""

DEFAULT_CONTEXT: Final = 4096
BATCH_WORK: Final = 2**35
"""Weight bytes times prompt tokens that a CPU gets through in about a second."""

SAME_TEXT: Final = 0.3
"""From this part of a prompt in common with what a slot has read, the slot is taken, the likest one first."""

REPEAT_WINDOW: Final = 1024
"""Tokens that the repeat penalty looks back on; llama.cpp's own 64 forget what a paragraph said."""


class LlamaCppLoader:
    """Loads GGUF files."""

    def __init__(
        self,
        threads: int | None = None,
        slots: int = 4,
        beside: Beside | None = None,
        keep: float = RELOAD_SHARE,
        crowded: Callable[[], bool] = others_running,
        expect: Callable[[ModelSpec, Path], None] = lambda spec, weights: None,
    ) -> None:
        """`slots` is how many requests to serve at once.

        Without `threads`, prompts, and the texts of several users at once, take all usable cores. A single text takes
        all of them, or leaves one to `beside`, the browsers on this machine, and to what else runs on it, which
        `crowded` tells; see `writing_cores`, and `Serving` for when that changes and for `keep`. `expect`
        raises where a file had better not be loaded in this process.
        """
        self._threads = threads
        self._slots = slots
        self._beside = beside or Beside()
        self._keep = keep
        self._crowded = crowded
        self._expect = expect

    def __call__(
        self, spec: ModelSpec, weights: Path | None, device: DeviceName, rung: Rung = "whole"
    ) -> "LlamaCppEngine":
        if weights is None or not weights.is_file():
            raise WeightsUnavailable("weights.missing", model=spec.name)
        try:
            header = Header.read(weights)
        except ValueError as error:
            raise WeightsUnavailable("weights.corrupt", model=spec.name, reason=str(error)) from error
        context = served_context(spec, header)
        self._expect(spec, weights)
        folder = tempfile.mkdtemp(prefix="studio-")
        # One for each time it is loaded: the server before may take a moment to go.
        sockets = (f"{folder}/{number}.sock" for number in count())

        def build(writing: int) -> Any:
            try:
                return self._server(weights, device, context, next(sockets), writing)
            except Exception as error:
                raise _refusal(spec, weights, device) from error

        try:
            serving = Serving(build, self._writing if device == "cpu" else usable_cores, self._keep)
        except StudioError:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return LlamaCppEngine(
            serving,
            folder=Path(folder),
            limits=TextLimits(context=context, chat=spec.chat, grammar=True),
            nbytes=resident_bytes(weights, header, context, self._slots),
        )

    def costs(self, spec: ModelSpec, weights: Path | None) -> Costs:
        """What a model will take: all of it from the start, its key-value cache of all slots included."""
        if weights is None:
            return estimate(spec, weights)
        try:
            header = Header.read(weights)
            return Estimate(resident_bytes(weights, header, served_context(spec, header), self._slots))
        except (OSError, ValueError):
            return estimate(spec, weights)

    def _writing(self) -> int:
        return self._threads or writing_cores(usable_cores(), beside=self._beside.busy or self._crowded())

    def _server(self, weights: Path, device: DeviceName, context: int, socket: str, writing: int) -> Any:
        xllamacpp = llama_cpp()
        params = xllamacpp.CommonParams()
        params.model.path = str(weights)
        params.verbosity = -1
        # llama.cpp divides the context among its slots; each user is to have all of it.
        params.n_parallel, params.n_ctx = self._slots, context * self._slots
        params.cpuparams.n_threads = writing
        params.cpuparams_batch.n_threads = self._threads or usable_cores()
        params.fit_params = False
        # Below this part of a prompt in common, it takes the slot unused for longest. A chat template's own words are
        # more than llama.cpp's 10 % of a short prompt, and one user's text would push another's out of its slot.
        params.slot_prompt_similarity = SAME_TEXT
        # The prompt cache in RAM grows to 8 GiB by itself, past what the registry counts.
        params.cache_ram_mib = 0
        if device == "cpu":
            params.n_gpu_layers = 0
            # A prompt is cancelled between two batches.
            params.n_batch = params.n_ubatch = prompt_batch(weights.stat().st_size)
        else:
            params.main_gpu = int(device.partition(":")[2] or 0)
            params.split_mode = xllamacpp.llama_split_mode.LLAMA_SPLIT_MODE_NONE
        # Its web server cannot be switched off: it gets a socket that only this user can reach, not a port.
        params.ui, params.endpoint_slots, params.n_threads_http = False, False, 2
        if os.name == "posix":
            params.hostnames = [socket]
        return xllamacpp.Server(params)


def served_context(spec: ModelSpec, header: Header) -> int:
    """Tokens that each user gets: what the catalogue wants, as far as the model was trained for it."""
    wanted = int(spec.defaults.get("context", DEFAULT_CONTEXT))
    return min(wanted, header.context or wanted)


def resident_bytes(weights: Path, header: Header, context: int, slots: int) -> int:
    """The file, which is mapped into memory, and the key-value cache of all slots."""
    return weights.stat().st_size + header.cache_bytes(context * slots)


def prompt_batch(nbytes: int) -> int:
    """Prompt tokens a CPU takes at a time for weights of `nbytes`: about a second's work, 32 to 512."""
    return max(32, min(512, 1 << int(math.log2(max(1.0, BATCH_WORK / max(nbytes, 1))))))


def _refusal(spec: ModelSpec, weights: Path, device: DeviceName) -> StudioError:
    """Why llama.cpp did not load a file: its exception never says, so the file is read once more."""
    from gguf import GGUFReader

    try:
        GGUFReader(weights)
    except Exception as error:  # it fails in as many ways as a file can be damaged
        return WeightsUnavailable("weights.corrupt", model=spec.name, reason=type(error).__name__)
    if device != "cpu":
        return OutOfMemory("text.memory", model=spec.name, device=device)
    return EngineFailed("text.refused", model=spec.name)


class LlamaCppEngine:
    """One GGUF model, serving several users at once. Made by `LlamaCppLoader`."""

    def __init__(self, serving: Serving, *, folder: Path, limits: TextLimits, nbytes: int) -> None:
        self._serving = serving
        self._folder = folder
        self._limits = limits
        self._nbytes = nbytes
        self._readers: set[_Reader] = set()

    @property
    def limits(self) -> TextLimits:
        return self._limits

    @property
    def nbytes(self) -> int:
        """The file, which is mapped into memory, and the key-value cache of all slots."""
        return self._nbytes

    @property
    def sharing(self) -> Sharing:
        return "shared"

    @property
    def threads(self) -> int:
        """How many threads write a single text at present."""
        return self._serving.threads

    @property
    def movable(self) -> bool:
        return False

    def move(self, device: DeviceName) -> None:
        raise RuntimeError(f"llama.cpp cannot move a loaded model to {device}")

    def close(self) -> None:
        for reader in tuple(self._readers):
            reader.join()
        self._serving.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def count_tokens(self, text: str) -> int:
        return self._serving.count_tokens(text)

    def stream(self, request: TextRequest) -> Iterator[TextChunk]:
        """Write, piece by piece; see `TextEngine.stream`.

        Chunks without text come while the prompt is read or all slots are taken, so that the consumer can stop.
        """
        reader = _Reader(self._serving, request)
        self._readers = {other for other in self._readers if other.running} | {reader}
        try:
            yield from reader.chunks()
        finally:
            reader.stop()


class _Reader:
    """One request to the server, and the thread that waits for its tokens."""

    def __init__(self, serving: Serving, request: TextRequest) -> None:
        self._stopped = self._served = False
        completes = request.prompt is not None
        body = completion_body(request) if completes else chat_body(request)

        def work(emit: Callable[[Event], None]) -> None:
            def take(event: Event) -> bool:
                self._served = True
                emit(event)
                return self._stopped

            try:
                with serving.lent() as server:
                    (server.handle_completions if completes else server.handle_chat_completions)(body, take)
            except ValueError as error:
                raise EngineFailed("text.broke", reason=str(error)) from error

        self._pump: Pump[Event] = Pump(work, "llama.cpp reader", gather=GATHER_SECONDS)

    @property
    def running(self) -> bool:
        return self._pump.running

    def join(self) -> None:
        self._pump.join()

    def chunks(self) -> Iterator[TextChunk]:
        end = _End()
        for events in self._pump.batches():
            text, tokens = "", list[TokenLogprob]()
            for event in events:
                piece, logprobs = end.read(event)
                text += piece
                tokens += logprobs
            yield TextChunk(text, tuple(tokens))
        yield end.chunk()

    def stop(self) -> None:
        """Cancel, and wait until the slot is free.

        A request that still waits for a slot holds nothing; it ends by itself as soon as it is given one.
        """
        self._stopped = True
        if self._served:
            self._pump.join()


class _End:
    """What the stream has said about its end so far."""

    def __init__(self) -> None:
        self._finish: Finish = "stop"
        self._usage: Mapping[str, Any] = {}

    def read(self, event: Mapping[str, Any]) -> tuple[str, list[TokenLogprob]]:
        if "error" in event:
            raise _failure(event["error"])
        self._usage = event.get("usage") or self._usage
        choices = event.get("choices")
        if not choices:
            return "", []
        choice = choices[0]
        if choice["finish_reason"]:
            self._finish = "length" if choice["finish_reason"] == "length" else "stop"
        text = choice["delta"].get("content") if "delta" in choice else choice.get("text")
        logprobs = choice.get("logprobs")
        return text or "", [_logprob(entry) for entry in logprobs["content"]] if logprobs else []

    def chunk(self) -> TextChunk:
        details = self._usage.get("prompt_tokens_details") or {}
        return TextChunk(
            finish=self._finish,
            prompt_tokens=self._usage.get("prompt_tokens", 0),
            cached_tokens=details.get("cached_tokens", 0),
            completion_tokens=self._usage.get("completion_tokens", 0),
        )


def _logprob(entry: Mapping[str, Any]) -> TokenLogprob:
    alternatives = tuple((other["token"], min(0.0, other["logprob"])) for other in entry["top_logprobs"])
    return TokenLogprob(entry["token"], min(0.0, entry["logprob"]), alternatives)


def _failure(error: Mapping[str, Any]) -> StudioError:
    if error.get("type") == "exceed_context_size_error":
        return InvalidRequest("prompt.context", tokens=error["n_prompt_tokens"], context=error["n_ctx"])
    return EngineFailed("text.broke", reason=str(error.get("message", "")))


def chat_body(request: TextRequest) -> dict[str, Any]:
    """The request as llama.cpp's chat endpoint takes it; reasoning models answer without thinking aloud."""
    body = _sampling(request) | {
        "messages": [{"role": message.role, "content": message.content} for message in request.messages],
        "stream_options": {"include_usage": True},
        "chat_template_kwargs": {"enable_thinking": False},
    }
    if request.logprobs:
        body |= {"logprobs": True, "top_logprobs": request.logprobs}
    if request.json_schema is not None:
        schema = json.loads(json.dumps(request.json_schema))
        body["response_format"] = {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}
    return body


def completion_body(request: TextRequest) -> dict[str, Any]:
    """The request as llama.cpp's completion endpoint takes it."""
    body = _sampling(request) | {"prompt": request.prompt}
    if request.logprobs:
        body["n_probs"] = request.logprobs
    if request.json_schema is not None:
        body["json_schema"] = json.loads(json.dumps(request.json_schema))
    return body


def _sampling(request: TextRequest) -> dict[str, Any]:
    body: dict[str, Any] = {
        "stream": True,
        "return_progress": True,
        "max_tokens": request.max_tokens,
        "temperature": request.temperature,
        "top_p": request.top_p,
        "repeat_penalty": request.repeat_penalty,
        "repeat_last_n": REPEAT_WINDOW,
        "stop": list(request.stop),
        # A prefix read earlier in other batches differs in the last bits, enough to change what a seed draws.
        "cache_prompt": request.seed is None,
    }
    if request.grammar is not None:
        body["grammar"] = request.grammar
    if request.seed is not None:
        body["seed"] = request.seed % 2**32
    return body
