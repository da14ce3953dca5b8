"""A small server that speaks the streaming half of OpenAI's API."""

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.support.listener import Listener


@dataclass(frozen=True)
class Answer:
    """What the server says to one request."""

    words: Sequence[str] = ("Hello", " world")
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    error: object = None
    """The error object of a refusal, or of an event after the words."""
    finish: str | None = "stop"
    """None breaks the answer off after its words."""
    usage: bool = True
    logprobs: bool = False
    silent: bool = False
    """Whether it says nothing more after its words, and waits for the client to leave."""


@dataclass
class OpenAIServer:
    """What it was asked, and where it listens."""

    url: str
    answers: list[Answer]
    asked: list[dict[str, Any]] = field(default_factory=list)
    """The bodies of the requests."""
    paths: list[str] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)
    left: threading.Event = field(default_factory=threading.Event)
    """Set when a client left a silent answer."""


class _Listener(Listener):
    def __init__(self, answers: Sequence[Answer]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.state = OpenAIServer(f"http://127.0.0.1:{self.server_port}/v1", list(answers) or [Answer()])


class _Handler(BaseHTTPRequestHandler):
    server: _Listener

    def do_POST(self) -> None:
        state = self.server.state
        state.asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        state.paths.append(self.path)
        state.keys.append(self.headers.get("Authorization"))
        answer = state.answers.pop(0) if len(state.answers) > 1 else state.answers[0]
        if answer.status == 200:
            self._stream(answer)
        else:
            self._refuse(answer)

    def _refuse(self, answer: Answer) -> None:
        content = json.dumps({"error": answer.error}).encode()
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _stream(self, answer: Answer) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        self.wfile.write(b": welcome\n\n")
        for word in answer.words:
            self._event({"choices": [self._choice(word, answer)]})
        if answer.silent:
            self.rfile.read(1)  # returns when the client has closed the connection
            self.server.state.left.set()
            return
        if answer.error:
            self._event({"error": answer.error})
        if answer.finish:
            self._event({"choices": [{"index": 0, "delta": {}, "finish_reason": answer.finish}]})
            if answer.usage:
                self._event({"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 21}})
            self.wfile.write(b"data: [DONE]\n\n")

    def _choice(self, word: str, answer: Answer) -> dict[str, Any]:
        choice: dict[str, Any] = {"index": 0, "finish_reason": None}
        choice |= {"text": word} if self.path.endswith("/v1/completions") else {"delta": {"content": word}}
        if answer.logprobs:
            other = {"token": "other", "logprob": -2.0}
            choice["logprobs"] = {"content": [{"token": word, "logprob": -0.5, "top_logprobs": [other]}]}
        return choice

    def _event(self, event: object) -> None:
        self.wfile.write(f"data: {json.dumps(event, ensure_ascii=False)}\n\n".encode())
        self.wfile.flush()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing on the terminal."""


@contextmanager
def openai_server(*answers: Answer) -> Iterator[OpenAIServer]:
    """Serve `answers` in order, and the last one for ever."""
    listener = _Listener(answers)
    thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield listener.state
    finally:
        listener.shutdown()
        listener.server_close()
        thread.join()
