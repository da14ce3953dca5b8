"""The Library tab: everything that somebody made, found, looked at, and taken up again."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import gradio as gr
from gradio.blocks import Block

from studio.errors import StudioError
from studio.identity.owners import Owner
from studio.keeping.intake import PICTURES, pictures_taken
from studio.library.values import Version
from studio.registry import LoadProgress
from studio.ui.accounting import owner_or_local
from studio.ui.remembering.drafts import Drafts
from studio.ui.remembering.forms import copied
from studio.ui.start_stop import QUIET, TOLD, StartStop, TabContext, Updates
from studio.ui.tabs.enlarge import EnlargeTab
from studio.ui.tabs.image.reopening import part_of
from studio.ui.tabs.image.tab import ImageTab
from studio.ui.tabs.write import WriteTab
from studio.ui.words import both, complaint, line, word

LOAD_JS: Final = """window.studioLibrary?.mount(element, trigger);"""


class LibraryTab:
    """One page that its own script draws; what leaves it for another tab comes here."""

    def __init__(self, context: TabContext, crafts: Mapping[str, Any], drafts: Drafts) -> None:
        self._studio, self._crafts, self._drafts = context.studio, crafts, drafts
        self._tabs = context.tabs
        gr.HTML(f'<div class="library-head"><h2>{both("library.title")}</h2><p>{both("library.text")}</p></div>')
        self.page = gr.HTML(
            html_template='<div class="library"></div>',
            js_on_load=LOAD_JS,
            apply_default_css=False,
            elem_id="library-page",
        )
        with gr.Accordion(word("library.bring"), open=False, elem_id="library-bring", elem_classes="advanced"):
            gr.HTML(f'<p class="note">{both("library.bring.text")}</p>')
            self.files = gr.File(
                file_count="multiple",
                file_types=[".zip", *PICTURES],
                label=word("library.bring.files"),
                height=140,
                elem_id="library-files",
            )
            with gr.Row(elem_classes="launch"):
                start = gr.Button(word("library.bring.start"), size="sm", elem_id="library-bring-start")
                stop = gr.Button(word("app.stop"), size="sm", visible=False, elem_id="library-bring-stop")
            status = gr.HTML(elem_id="library-bring-status", elem_classes="status")
        self.bringing = StartStop(context, context.loading, start, stop, status)
        self._wire()

    def _wire(self) -> None:
        self.bringing.run(self.bringing.start.click, self.bring, [self.files], [self.files], raw=True)
        self.bringing.seal()
        self.bringing.status.change(None, None, None, js="() => window.studioLibrary?.reload()", **QUIET)
        asked: list[Block] = []
        outputs = [*self._drafts.outputs]
        drawn, enlarged, write = (self._crafts.get(name) for name in ("image", "enlarge", "write"))
        if isinstance(write, WriteTab):
            asked = [write.cards, write.article]
        if isinstance(drawn, ImageTab):
            outputs += [drawn.source.picture, drawn.source.mode]
        if isinstance(enlarged, EnlargeTab):
            outputs += [enlarged.picture]
        outputs = list(dict.fromkeys([self._tabs, *outputs]))
        self.page.submit(self.send, asked, outputs, **TOLD)

    def send(self, request: gr.Request, event: gr.EventData, *held: Any) -> Updates:
        """Take a work to another tab: opened, remixed, or its picture sent on."""
        owner = owner_or_local(request).id
        act, work, number = str(event.act), str(event.work), int(event.version)
        try:
            if act == "open":
                return self._drafts.open(owner, work, number)
            if act == "remix":
                parts = [str(part) for part in event.parts or ()]
                return self._drafts.open(owner, work, number, lambda field: field != "kept" and part_of(field) in parts)
            return self._sent(owner, act, self._studio.library.works.version(owner, work, number), list(held))
        except StudioError as error:
            gr.Warning(complaint(error))
            return {self._tabs: gr.skip()}

    def bring(self, owner: Owner, files: list[dict[str, Any]] | None) -> Iterator[LoadProgress | Updates]:
        """Take in bundles and pictures, each file on its own: one that cannot be read does not hold up the others."""
        count, troubles = 0, []
        paths = [Path(file["path"]) for file in files or () if isinstance(file, dict) and file.get("path")]
        for number, path in enumerate(paths, 1):
            try:
                if path.suffix.lower() == ".zip":
                    for done, total, _ in self._studio.library.bundles.read(owner.id, path):
                        count += 1
                        yield {
                            self.bringing.status: line(both("library.bringing", done=done, total=total), done / total)
                        }
                else:
                    for _ in pictures_taken(self._studio.library, owner.id, [path], self._studio.settings.max_pixels):
                        count += 1
                    yield {self.bringing.status: line(both("library.bringing", done=number, total=len(paths)))}
            except StudioError as error:
                troubles.append(complaint(error))
        told = both("library.brought", count=count) + "".join(f"<br>{trouble}" for trouble in troubles)
        yield {self.bringing.status: line(told, moving=False), self.files: None}

    def _sent(self, owner: str, act: str, version: Version, held: list[Any]) -> Updates:
        file = next((file for file in version.files if file.role == "result"), None)
        found = self._studio.library.works.file(owner, file.digest) if file else None
        drawn, enlarged, write = (self._crafts.get(name) for name in ("image", "enlarge", "write"))
        if found is None or file is None or not found[0].is_file():
            gr.Warning(both("library.no_picture"))
        elif act == "enlarge" and isinstance(enlarged, EnlargeTab):
            return {self._tabs: gr.Tabs(selected="enlarge"), enlarged.picture: str(copied(found[0]))}
        elif act == "picture" and isinstance(drawn, ImageTab):
            told: Updates = {drawn.source.picture: str(copied(found[0])), drawn.source.mode: "picture"}
            return {self._tabs: gr.Tabs(selected="image"), **told}
        elif act == "article" and isinstance(write, WriteTab):
            cards, written = held
            updates = write.illustrated(cards, written, f"![{file.name}](/library/file/{file.digest})")
            if updates:
                return {self._tabs: gr.Tabs(selected="write"), **updates}
            gr.Warning(both("library.no_article"))
        return {self._tabs: gr.skip()}
