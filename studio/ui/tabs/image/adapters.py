"""The fold that finds LoRAs and textual inversions, puts them into the prompt, and brings more from the hub."""

from collections.abc import Iterator
from typing import Final

import gradio as gr
from gradio.blocks import Block

from studio.errors import Forbidden, InvalidRequest, StudioError
from studio.identity.owners import Owner
from studio.imaging.adapters.files import AdapterFile, Kind
from studio.imaging.adapters.library import AdapterLibrary
from studio.messages import data_size
from studio.registry import LoadProgress
from studio.ui.start_stop import QUIET, Lane, StartStop, TabContext, Updates
from studio.ui.words import both, complaint, line, trouble, word

KINDS: Final[tuple[Kind, ...]] = ("lora", "inversion")
MOST_SHOWN: Final = 200
"""Files in the list; who has more searches."""
FETCHES: Final = 2
"""Files that are brought at the same time, for all visitors together."""


class AdapterFold:
    """Search, choose, weigh, add; and below it, for the host's own visitors, a file of the hub to bring.

    `prompt` gets the text, `model` says what must fit; its "" stands for the model that would draw.
    """

    def __init__(self, context: TabContext, library: AdapterLibrary, prompt: gr.Textbox, model: gr.Dropdown) -> None:
        self._studio, self._library = context.studio, library
        self._prompt, self._model = prompt, model
        self.reserved: list[Block] = []
        """What only those are shown who have controls."""
        with gr.Accordion(
            word("image.adapters"), open=False, elem_id="image-adapters", elem_classes="advanced"
        ) as self.fold:
            self._finding()
            self._chosen()
            # Where nobody can ever use it, it is not on the page at all.
            settings = context.studio.settings
            if settings.controls or settings.auth != "none":
                with gr.Column(visible=settings.controls) as bringing:
                    self._bringing(context)
                self.reserved.append(bringing)
        self._wire()

    def _finding(self) -> None:
        self.kind = gr.Radio(
            [(word(f"image.adapters.kind.{kind}"), kind) for kind in KINDS],
            value="lora",
            label=word("image.adapters.kind"),
            elem_id="image-adapters-kind",
        )
        self.search = self._text("search")
        self.choice = gr.Dropdown(
            [],  # read when the fold is opened: a large collection would delay the first page
            value=None,
            label=word("image.adapters.choice"),
            info=word("image.adapters.choice.info"),
            filterable=False,
            elem_id="image-adapters-choice",
        )
        self.note = gr.HTML(elem_id="image-adapters-note")

    def _chosen(self) -> None:
        self.picture = gr.Image(
            label=word("image.adapters.picture"),
            interactive=False,
            visible=False,
            height=160,
            buttons=[],
            elem_id="image-adapters-picture",
        )
        self.weight = gr.Slider(
            -2,
            2,
            value=1,
            step=0.05,
            label=word("image.adapters.weight"),
            info=word("image.adapters.weight.info"),
            elem_id="image-adapters-weight",
        )
        with gr.Row(elem_classes="actions"):
            self.add = gr.Button(word("image.adapters.add"), size="sm", elem_id="image-adapters-add")

    def _bringing(self, context: TabContext) -> None:
        self.repository = self._text("repository")
        with gr.Row(elem_classes="naming"):
            self.file = self._text("file")
            start, stop = self._button("fetch", "image.adapters.fetch"), self._button("halt", "app.stop")
        status = gr.HTML(elem_id="image-adapters-fetch-status", elem_classes="status")
        fetching = StartStop(context, Lane("adapters", FETCHES), start, stop, status)
        shown = [self.kind, self.search, self.choice, self.note, self.picture, self.repository, self.file]
        wanted = [self.repository, self.file, self._model]
        fetching.run(start.click, self.fetch, wanted, shown, expect=self._expect)
        fetching.seal()
        self.status = status

    def _text(self, name: str) -> gr.Textbox:
        return gr.Textbox(
            "",
            label=word(f"image.adapters.{name}"),
            placeholder=word(f"image.adapters.{name}.hint"),
            max_length=500,
            scale=3,
            min_width=160,
            elem_id=f"image-adapters-{name}",
        )

    @staticmethod
    def _button(name: str, label: str) -> gr.Button:
        named = f"image-adapters-{name}"
        return gr.Button(word(label), size="sm", scale=1, min_width=72, visible=name != "halt", elem_id=named)

    def _wire(self) -> None:
        asked = [self.kind, self.search, self._model]
        gr.on(
            [self.fold.expand, self.choice.focus, self.kind.change, self.search.change, self._model.change],
            self.found,
            [*asked, self.choice],
            [self.choice, self.note, self.picture, self.weight],
            trigger_mode="always_last",
            **QUIET,
        )
        chosen = [self.kind, self.choice, self._model]
        self.choice.input(self.told, chosen, [self.note, self.picture], **QUIET)
        self.add.click(self.added, [self._prompt, *chosen, self.weight], [self._prompt, self.note], **QUIET)

    def found(self, kind: Kind, query: str, model: str, chosen: str | None) -> Updates:
        """The files that a search finds, and how many there are; what was chosen stays if it is among them."""
        try:
            count, choices = self._choices(kind, query, model)
        except StudioError as error:
            return {self.note: trouble(complaint(error))}
        kept = chosen if any(chosen == value for _, value in choices) else None
        told = self.told(kind, kept, model) if kept else {self.note: self._counted(kind, count), **self._unseen()}
        listed = gr.update(choices=choices, value=kept)
        return {self.choice: listed, self.weight: gr.update(visible=kind == "lora"), **told}

    def told(self, kind: Kind, name: str | None, model: str) -> Updates:
        """What is known of the chosen file, and the picture beside it."""
        try:
            file = self._file(kind, name, model)
        except StudioError as error:
            return {self.note: trouble(complaint(error)), **self._unseen()}
        picture = self._library.preview(file)
        return {self.note: _told(file), self.picture: gr.update(value=picture, visible=picture is not None)}

    def added(self, prompt: str, kind: Kind, name: str | None, model: str, weight: float) -> Updates:
        """Write the chosen file into the prompt, or give it another weight there."""
        try:
            file = self._file(kind, name, model)
            if file.misfit:
                raise InvalidRequest(file.misfit.code, **file.misfit.details)
            text = self._library.text(file, weight)
            changed = self._library.added(prompt, file, weight)
        except StudioError as error:
            return {self.note: trouble(complaint(error))}
        return {self._prompt: changed, self.note: f'<p class="note">{both("image.adapters.added", text=text)}</p>'}

    def fetch(self, _owner: Owner, repository: str, file: str, model: str) -> Iterator[LoadProgress | Updates]:
        """Bring a file of the hub and choose it."""
        for step in self._library.fetch(repository, file):
            yield step if isinstance(step, LoadProgress) else self._arrived(step, model)

    def _expect(self, owner: Owner) -> None:
        self._studio.identity.require_controls(owner)
        if self._studio.settings.fetch != "ask" and not owner.admin:
            raise Forbidden("fetch.link")

    def _arrived(self, file: AdapterFile, model: str) -> Updates:
        listed = gr.update(choices=self._choices(file.kind, "", model)[1], value=file.name)
        return {
            self.kind: file.kind,
            self.search: "",
            self.choice: listed,
            **self.told(file.kind, file.name, model),
            self.repository: "",
            self.file: "",
            self.status: line(both("image.adapters.fetched", name=file.name), moving=False),
        }

    def _unseen(self) -> Updates:
        return {self.picture: gr.update(value=None, visible=False)}

    def _file(self, kind: Kind, name: str | None, model: str) -> AdapterFile:
        if not name:
            raise InvalidRequest("adapter.none")
        return self._library.get(kind, name, model)

    def _choices(self, kind: Kind, query: str, model: str) -> tuple[int, list[tuple[str, str]]]:
        files = self._library.find(kind, query, model)
        return len(files), [(_label(file), file.name) for file in files[:MOST_SHOWN]]

    def _counted(self, kind: Kind, count: int) -> str:
        total = len(self._library.find(kind))
        # Where the folder is concerns nobody but its host.
        path = self._library.folder(kind)
        folder = path if self._studio.settings.controls else path.name
        key = "image.adapters.count" if total else "image.adapters.empty"
        return f'<p class="note">{both(key, count=count, all=total, folder=folder)}</p>'


def _label(file: AdapterFile) -> str:
    mark = "✕ " if file.trouble else "⚠ " if file.misfit else ""
    place = file.name if "/" in file.name or not file.folder else f"{file.folder}/{file.name}"
    return mark + " · ".join(filter(None, (place, file.family, data_size(file.size))))


def _told(file: AdapterFile) -> str:
    """What is known of a file, as HTML; the sentences are escaped by `both`."""
    if reason := file.trouble or file.misfit:
        return trouble(complaint(InvalidRequest.of(reason)))
    known = (
        ("image.adapters.family", {"family": file.family}),
        ("image.adapters.rank", {"rank": file.make.rank}),
        ("image.adapters.triggers", {"words": ", ".join(file.triggers)}),
        ("image.adapters.licence", {"licence": file.licence}),
    )
    parts = [both(key, **details) for key, details in known if any(details.values())]
    return f'<p class="note">{" · ".join(parts)}</p>'
