"""The page, put together, and the server that shows it."""

import os
import socket
from typing import Any, Final

import gradio as gr

from studio.errors import ServerFailed
from studio.studio import Studio
from studio.ui.api import Endpoints
from studio.ui.events import Lane, Room, resident
from studio.ui.header import header
from studio.ui.tabs.code import CodeTab
from studio.ui.tabs.enlarge import EnlargeTab
from studio.ui.tabs.image import ImageTab
from studio.ui.tabs.models import ModelsTab
from studio.ui.tabs.write import WriteTab
from studio.ui.theme import css, head, theme
from studio.ui.words import dictionary, word

HOUR: Final = 3600
FIRST_PORT: Final = 7860
PORTS_TRIED: Final = 100
QUEUE_LENGTH: Final = 64
SIDE_REQUESTS: Final = 16
"""How many of each kind of request that needs no model may run at the same time."""
TEMPORARY_FILES: Final = (HOUR, 24 * HOUR)
"""Every hour, temporary files older than a day go."""


def build(studio: Studio) -> gr.Blocks:
    """The whole page and its API, around a studio."""
    settings = studio.settings
    text = Lane("text", settings.text_slots)
    imaging = Lane("image", 1)
    page: gr.Blocks
    with gr.Blocks(title="Studio", analytics_enabled=False, delete_cache=TEMPORARY_FILES, fill_width=True) as page:
        chip = header()
        locale = gr.Textbox("en", visible=False)
        with gr.Tabs(elem_id="tabs") as tabs:
            room = Room(studio, chip, locale, tabs, text, imaging)
            with _tab("write"):
                write = WriteTab(room)
            with _tab("code"):
                code = CodeTab(room)
            with _tab("image"):
                image = ImageTab(room)
            with _tab("enlarge"):
                enlarge = EnlargeTab(room)
            with _tab("models"):
                models = ModelsTab(room)
        _connect(page, room, write, code, image, enlarge, models)
        Endpoints(studio, text, imaging).publish()
    page.queue(max_size=QUEUE_LENGTH, default_concurrency_limit=SIDE_REQUESTS)
    return page


def _tab(name: str) -> gr.Tab:
    # Rendered even while another is open: Gradio follows a change of language only in what is on the page, and the
    # names of tabs never opened would stay behind.
    return gr.Tab(word(f"app.tab.{name}"), id=name, elem_id=f"tab-{name}", render_children=True)


def _connect(
    page: gr.Blocks, room: Room, write: WriteTab, code: CodeTab, image: ImageTab, enlarge: EnlargeTab, models: ModelsTab
) -> None:
    """What happens between tabs: which model will run, the models' state, and pictures sent on."""
    quiet: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
    page.load(None, None, write.language, js="() => [window.studio.language()]", **quiet)
    page.load(lambda: resident(room.studio), None, room.chip, **quiet)
    gr.on(
        [page.load, write.model.change, write.language.change, room.tabs.change],
        write.describe,
        [write.model, write.language],
        write.runs,
        **quiet,
    )
    for tab in (code, image, enlarge):
        gr.on([page.load, tab.model.change, room.tabs.change], tab.describe, tab.model, tab.runs, **quiet)
    room.tabs.select(_watching, None, models.timer, **quiet).then(
        models.look, None, [models.table, models.journal, room.chip], **quiet
    )
    image.send.click(
        lambda file: (file, gr.Tabs(selected="enlarge")), image.file, [enlarge.picture, room.tabs], **quiet
    )


def _watching(event: gr.SelectData) -> Any:
    """The journal is live only while someone looks at it."""
    return gr.Timer(active=event.index == 4)


def serve(studio: Studio, page: gr.Blocks | None = None, *, block: bool = True) -> str:
    """Serve the page and return its address.

    Raises:
        ServerFailed: the port that was asked for is taken, or none is free.
    """
    settings = studio.settings
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    # A Space sets Gradio's own variable, because there the page must be reachable from outside the container.
    host = settings.host if "host" in settings.model_fields_set else os.environ.get("GRADIO_SERVER_NAME", settings.host)
    port = _free_port(host, settings.port)
    _, address, _ = (page or build(studio)).launch(
        server_name=host,
        server_port=port,
        allowed_paths=[str(settings.outputs)],
        max_file_size=settings.max_upload,
        show_error=True,
        footer_links=["api"],
        theme=theme(),
        css=css(),
        head=head(),
        i18n=dictionary(),
        ssr_mode=False,
        share=False,
        prevent_thread_lock=not block,
    )
    return str(address)


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
