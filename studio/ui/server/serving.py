"""Starting the server, and ending it so that nobody's work is cut off without a word."""

import asyncio
import logging
import os
import secrets
import signal
import socket
import sys
import threading
from collections.abc import Callable, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import FrameType
from typing import Any, Final

from gradio.routes import App, ORJSONResponse
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from studio.errors import InvalidRequest, ServerFailed, StudioError
from studio.identity.identity import expect_reachable
from studio.studio import Studio
from studio.ui.gate.addresses import Proxies
from studio.ui.gate.contents import House
from studio.ui.gate.doors import HEALTH, METRICS, READY
from studio.ui.gate.gate import INSIDE, Gate
from studio.ui.server.health import Readiness, alive
from studio.ui.server.page import LeanSessions, Page
from studio.ui.server.sign_in import SignIn
from studio.ui.shelf.routes import Shelf

FIRST_PORT: Final = 7860
PORTS_TRIED: Final = 100


class Serving:
    """A page that is being served; `address` is where."""

    def __init__(self, studio: Studio, page: Page, address: str) -> None:
        self._studio, self._page = studio, page
        self.address = address
        self._ended = threading.Event()

    def block(self) -> None:
        """Serve until the process is told to end, by SIGTERM or Ctrl+C; then let work under way come to its end."""
        previous = signal.signal(signal.SIGTERM, self._told)
        try:
            while not self._ended.wait(0.5) and self._page.is_running:
                pass
        except KeyboardInterrupt:
            # Whoever sits at the keyboard does not want to wait.
            self.close(0)
        else:
            self.close(self._studio.settings.drain)
        finally:
            signal.signal(signal.SIGTERM, previous)

    def close(self, drain: float = 0) -> None:
        """End it; what is under way has `drain` seconds, and is told if that is too short."""
        queue = self._page.fair_queue
        if queue.loop is not None and queue.loop.is_running():
            future = asyncio.run_coroutine_threadsafe(queue.drain(drain), queue.loop)
            try:
                future.result(drain + 5)
            except TimeoutError:
                future.cancel()
        self._page.close(verbose=False)

    def _told(self, number: int, frame: FrameType | None) -> None:
        self._ended.set()


def serve(studio: Studio, page: Page, public_files: Sequence[Path], **looks: Any) -> Serving:
    """Serve a page; `public_files` are folders of files for everybody, `looks` are for Gradio to show it by.

    Raises:
        ServerFailed: the port that was asked for is taken, or none is free; or what `mcp` needs is not installed.
        InvalidRequest: others could reach it, and nobody is asked who they are; or a setting about them makes no sense.
    """
    settings = studio.settings
    expect_reachable(settings)
    if settings.mcp and find_spec("mcp") is None:
        raise ServerFailed("mcp.missing")
    _quiet()
    port = _free_port(settings.host, settings.port)
    app, inside = _app(studio, page, public_files)
    _, address, _ = page.launch(
        server_name=settings.host,
        server_port=port,
        allowed_paths=[str(settings.outputs), *map(str, public_files)],
        max_file_size=settings.max_upload,
        show_error=True,
        footer_links=["api"],
        run_history=False,
        ssr_mode=False,
        share=False,
        mcp_server=settings.mcp,
        prevent_thread_lock=True,
        quiet=True,
        _app=app,
        **looks,
    )
    if settings.mcp:
        _let_in(page, inside)
    sys.stdout.write(f"* Running on local URL:  {str(address).rstrip('/')}\n")
    sys.stdout.flush()
    return Serving(studio, page, str(address))


def _app(studio: Studio, page: Page, public_files: Sequence[Path]) -> tuple[App, str]:
    """The server's application, with its gate, and the word by which the gate knows the studio itself."""
    on_space, inside = "SPACE_ID" in os.environ, secrets.token_urlsafe(32)
    house = House(
        identity=studio.identity,
        settings=studio.settings,
        functions=lambda: page.fns,
        temporary=page.temporary,
        public_files=tuple(public_files),
        inside=inside,
        on_space=on_space,
    )
    try:
        Proxies(studio.settings.trusted_proxies)
    except ValueError as error:
        raise InvalidRequest("auth.proxies") from error
    routes = [
        Route(HEALTH, alive),
        Route(READY, Readiness(studio, lambda: page.fair_queue.draining, {"library": _library(studio)}).answer),
        Route(METRICS, _scraped(studio)),
        *SignIn(studio.identity, in_frame=on_space).routes(),
        *Shelf(studio, page.runs).routes(),
    ]
    app = App(middleware=[Middleware(Gate, house=house)], routes=routes, default_response_class=ORJSONResponse)
    app.state_holder = LeanSessions()  # type: ignore[no-untyped-call]
    return app, inside


def _library(studio: Studio) -> Callable[[], str | None]:
    def wrong() -> str | None:
        try:
            studio.library.works.sums()
        except StudioError as error:
            return error.title
        return None

    return wrong


def _let_in(page: Page, inside: str) -> None:
    """MCP calls the studio's own endpoints, in the name of whoever calls it."""

    @cache
    def client() -> Any:
        from gradio_client import Client

        return Client(
            page.local_url,
            download_files=False,
            verbose=False,
            analytics_enabled=False,
            headers={"x-gradio-user": "mcp", INSIDE: inside},
        )

    server: Any = page.mcp_server_obj
    server._get_or_create_client = client  # by itself it would come as nobody


def _quiet() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    # Whom to believe about addresses is the gate's to say; uvicorn would believe everything on this machine.
    os.environ["FORWARDED_ALLOW_IPS"] = ""


def _scraped(studio: Studio) -> Callable[[Request], Response]:
    """The answer to Prometheus. A plain function runs on a thread, and reading the catalogue looks at the disk."""

    def scraped(request: Request) -> Response:
        body, kind = studio.metrics.exposition(request.headers.get("accept", ""))
        return Response(body, headers={"Content-Type": kind})

    return scraped


def _free_port(host: str, wanted: int | None) -> int:
    """The port to listen on; Gradio's own message about a taken one is no hint to a person."""
    for port in [wanted] if wanted else range(FIRST_PORT, FIRST_PORT + PORTS_TRIED):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError:
                continue
            return port
    raise ServerFailed("port.taken" if wanted else "port.none", port=wanted or FIRST_PORT)
