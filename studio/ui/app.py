"""The page, put together, and the server that shows it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import gradio as gr
from gradio.blocks import Block

from studio.coding.coder import TASKS as CODING
from studio.imaging.drawing.plan import TASKS as DRAWING
from studio.imaging.enlarging.in_memory import TASKS as ENLARGING
from studio.registry import Catalogue, Task
from studio.studio import Studio
from studio.ui.accounting import owner_or_local
from studio.ui.api.endpoints import Endpoints
from studio.ui.components import model_labels
from studio.ui.gate.temporary import Temporary
from studio.ui.header import Follower, Header
from studio.ui.remembering.drafts import Drafts
from studio.ui.server.page import Page
from studio.ui.server.serving import Serving
from studio.ui.server.serving import serve as serve_page
from studio.ui.start_stop import QUIET, Lane, TabContext
from studio.ui.tabs.code import CodeTab
from studio.ui.tabs.enlarge import EnlargeTab, samples
from studio.ui.tabs.image.tab import ImageTab
from studio.ui.tabs.library import LibraryTab
from studio.ui.tabs.models import ModelsTab
from studio.ui.tabs.write import WriteTab
from studio.ui.theme import css, head, theme
from studio.ui.words import dictionary, word
from studio.writing.writer import TASKS as WRITING

HOUR: Final = 3600
LOADS: Final = 2
"""Models that visitors may ask to be brought into memory at the same time."""
TEMPORARY_FILES: Final = (HOUR, 24 * HOUR)
"""Every hour, temporary files older than a day go."""
CraftTab = WriteTab | CodeTab | ImageTab | EnlargeTab
CRAFTS: Final[Mapping[str, tuple[Callable[[TabContext], CraftTab], tuple[Task, ...]]]] = {
    "write": (WriteTab, WRITING),
    "code": (CodeTab, CODING),
    "image": (ImageTab, DRAWING),
    "enlarge": (EnlargeTab, ENLARGING),
}
"""The tabs where something is made, and what their models are for."""


def tab_names(catalogue: Catalogue) -> tuple[str, ...]:
    """The tabs of the page in order; one whose work the catalogue has no model for is not there."""
    return (*(name for name, (_, tasks) in CRAFTS.items() if catalogue.for_task(*tasks)), "library", "models")


def build(studio: Studio) -> Page:
    """The whole page and its API, around a studio."""
    settings = studio.settings
    text, imaging, loading = Lane("text", settings.text_slots), Lane("image", 1), Lane("models", LOADS)
    temporary = Temporary.here(settings.max_temporary)  # before a component asks where that is
    page: Page
    with Page(title="Studio", analytics_enabled=False, delete_cache=TEMPORARY_FILES, fill_width=True) as page:
        if settings.auth == "huggingface":
            gr.LoginButton(visible=False)  # Gradio adds the routes of signing in where there is such a button
        header = Header(studio)
        locale = gr.Textbox("en", visible=False)
        with gr.Tabs(elem_id="tabs") as tabs:
            context = TabContext(studio, header.chip, locale, tabs, text, imaging, loading)
            names = tab_names(studio.catalogue)
            leaves = {name: gr.Tab(word(f"app.tab.{name}"), id=name, elem_id=f"tab-{name}") for name in names}
            crafts: dict[str, CraftTab] = {}
            for name in names[:-2]:
                with leaves[name]:
                    crafts[name] = CRAFTS[name][0](context)
            drafts = Drafts(studio, crafts, tabs)
            with leaves["library"]:
                LibraryTab(context, crafts, drafts)
            with leaves["models"]:
                models = ModelsTab(context)
        drafts.wire(page)
        # Gradio follows a change of language only in what is on the page; tabs never opened are told by hand.
        told, said = [header.switches.change, page.load], list(leaves.values())
        gr.on(told, None, None, said, js="() => window.studio.tabs()", **QUIET)
        header.wire(page, _connect(page, context, crafts, models))
        Endpoints(studio, text, imaging, loading).publish()
    page.temporary, page.runs = temporary, context.runs
    page.open(studio.identity, {lane.name: lane.limit for lane in (text, imaging, loading)})
    return page


def _connect(page: Page, context: TabContext, crafts: Mapping[str, CraftTab], models: ModelsTab) -> Sequence[Follower]:
    """What happens between tabs: which model will run, the models' state, and pictures sent on.

    Returns what has to be told anew when a model that was fetched is here.
    """
    followers: list[Follower] = []
    for name, tab in crafts.items():
        if isinstance(tab.model, gr.Dropdown):
            # Where each model is now, not where it was when the studio started.
            labels = Follower(_relabelled(context.studio, CRAFTS[name][1]), (), tab.model)
            page.load(labels.tell, None, labels.output, **QUIET)
            followers.append(labels)
        line, begun = Follower(tab.describe, [tab.model], tab.runs), page.load
        if isinstance(tab, WriteTab):
            drawing = crafts.get("image")
            tab.join(drawing.form if isinstance(drawing, ImageTab) else None)
            line, begun = Follower(tab.describe, [tab.model, tab.language], tab.runs), tab.language.change
            # After the language is set, not beside it: the slower of two answers would win.
            spoken = page.load(None, None, tab.language, js="() => [window.studio.language()]", **QUIET)
            spoken.then(line.tell, line.inputs, line.output, **QUIET)
        gr.on([begun, tab.model.change, context.tabs.change], line.tell, line.inputs, line.output, **QUIET)
        followers.append(line)
    watched = context.tabs.select(_watching(len(crafts) + 1), None, models.timer, **QUIET)
    watched.then(models.look, None, models.views, **QUIET)
    drawn, enlarged = crafts.get("image"), crafts.get("enlarge")
    if not context.studio.settings.controls and context.studio.settings.auth != "none":
        parts = [models.fold, *(drawn.reserved if isinstance(drawn, ImageTab) else [])]
        _reserved(page, context.studio, parts)
    if isinstance(drawn, ImageTab):
        page.load(drawn.prompting.refreshed, None, drawn.prompting.styles, **QUIET)
        if drawn.send is not None and isinstance(enlarged, EnlargeTab):
            sent = [enlarged.picture, context.tabs]
            drawn.send.click(lambda file: (file, gr.Tabs(selected="enlarge")), drawn.file, sent, **QUIET)
    return followers


def _reserved(page: Page, studio: Studio, parts: Sequence[Block]) -> None:
    """Show an admin what others are not shown."""

    def shown(request: gr.Request) -> list[Any]:
        return [gr.update(visible=studio.identity.controls(owner_or_local(request)))] * len(parts)

    page.load(shown, None, list(parts), **QUIET)


def _relabelled(studio: Studio, tasks: Sequence[Task]) -> Callable[[], Any]:
    return lambda: gr.update(choices=model_labels(studio, *tasks))


def _watching(last: int) -> Callable[[gr.SelectData], Any]:
    """The journal is live only while someone looks at it, on the last tab."""

    def watching(event: gr.SelectData) -> Any:
        return gr.Timer(active=event.index == last)

    return watching


def serve(studio: Studio, page: Page | None = None, *, block: bool = True) -> Serving:
    """Serve the page, until the process is told to end where `block` says so.

    Raises:
        ServerFailed: the port that was asked for is taken, or none is free; or what `mcp` needs is not installed.
        InvalidRequest: others could reach it, and nobody is asked who they are.
    """
    serving = serve_page(
        studio,
        page or build(studio),
        [samples()],
        theme=theme(),
        css=css(),
        head=head(tab_names(studio.catalogue)),
        i18n=dictionary(studio.catalogue),
    )
    # Only now: the page must not wait for it.
    studio.prefetch()
    studio.tend_library()
    if block:
        serving.block()
    return serving
