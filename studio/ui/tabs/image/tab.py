"""The Image tab: prompt to picture, and picture to picture."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import gradio as gr
from gradio.blocks import Block
from gradio.processing_utils import save_pil_to_cache

from studio.identity.owners import Owner
from studio.imaging.drawing.plan import TASKS
from studio.imaging.drawing.requests import DrawingProgress, Drawn, default
from studio.imaging.enlarging.requests import EnlargingProgress
from studio.keeping.keeper import Place, Unkept
from studio.library.values import Saved, Version, Work
from studio.registry import LoadProgress, ModelSpec
from studio.ui.components import SAVE_JS, examples, model_choice, work_button
from studio.ui.model_line import runs_line, who_runs
from studio.ui.remembering.bar import result_bar
from studio.ui.remembering.bar import shown as kept_shown
from studio.ui.remembering.forms import Form
from studio.ui.remembering.recall import RecallFold
from studio.ui.start_stop import QUIET, TabContext, Updates
from studio.ui.tabs.image.adapters import AdapterFold
from studio.ui.tabs.image.control import ControlTools
from studio.ui.tabs.image.form import PictureForm, prompt_field, size_fields
from studio.ui.tabs.image.gallery import Picture, Shown, VisitGallery
from studio.ui.tabs.image.infotext import InfotextFold
from studio.ui.tabs.image.plot import PlotFold
from studio.ui.tabs.image.prompt import PromptTools
from studio.ui.tabs.image.reopening import opened, remembered
from studio.ui.tabs.image.sampling import SamplingTools
from studio.ui.tabs.image.second_pass import HiresTools
from studio.ui.tabs.image.sizes import size_choice, suited
from studio.ui.tabs.image.source import Mode, SourceFields
from studio.ui.words import both, line, tiles, word

TO_THE_TOP: Final = "() => document.getElementById('image-mode').scrollIntoView({block: 'nearest', behavior: 'smooth'})"


class ImageTab:
    """Left the prompt, right the picture."""

    def __init__(self, context: TabContext) -> None:
        self._studio = context.studio
        with gr.Row(elem_classes="craft"):
            with gr.Column(scale=2, min_width=320, elem_classes="want"):
                self._request(context)
                self.recall = RecallFold(context, "image")
            with gr.Column(scale=3, min_width=320, elem_classes="get"):
                self._result(context)
        self._wire(context)
        fields = remembered(self._told, self.size, self.format, self.source, self.control)
        fields |= {"count": self.sampling.count, "batch_size": self.sampling.batch_size, "kept": self.kept}
        self.draft = Form(context.studio.library, fields, ("kept",))
        self.recall.wire(self.draft, self.prompt)
        self.restored: list[Block] = [*self._shown_in, self.control.fold]
        self.statuses: list[Block] = [self.drawing.status]

    def _request(self, context: TabContext) -> None:
        self.source = SourceFields()
        self.prompt = gr.Textbox(
            "",
            label=word("image.prompt"),
            placeholder=word("image.prompt.hint"),
            lines=3,
            max_lines=10,
            elem_id="image-prompt",
        )
        self.prompting = PromptTools(context)
        self.prompting.counter()
        self.negative = gr.Textbox(
            "", label=word("image.negative"), placeholder=word("image.negative.hint"), lines=1, elem_id="image-negative"
        )
        self.source.strength()
        self.size = size_choice(self._spec(""))
        with gr.Row(elem_classes="pair"):
            # Text, not numbers: Gradio shows an empty number as 0, which is a value and not "the model's own".
            self.steps = self._optional("steps")
            self.guidance = self._optional("guidance")
        with gr.Accordion(word("app.advanced"), open=False, elem_id="image-advanced", elem_classes="advanced"):
            self.seed = gr.Number(
                -1, label=word("image.seed"), info=word("image.seed.info"), precision=0, elem_id="image-seed"
            )
            self.model = model_choice(context.studio, "image", *TASKS)
            self.source.options()
            self.sampling = SamplingTools()
            self.hires = HiresTools(context.studio)
            self.prompting.options()
            adapters = AdapterFold(context, context.studio.adapters, self.prompt, self.model)
            self.reserved = [self.prompting.naming, *adapters.reserved]
            self.format = gr.Dropdown(
                [("PNG", "png"), ("JPEG", "jpeg"), ("WebP", "webp")],
                value="png",
                label=word("image.format"),
                info=word("image.format.info"),
                filterable=False,
                elem_id="image-format",
            )
        self.control = ControlTools(context, self.model, self.size)
        told: dict[str, Block] = {"prompt": self.prompt, "negative_prompt": self.negative, "steps": self.steps}
        told |= {"guidance_scale": self.guidance, "seed": self.seed, "model": self.model}
        told |= {"clip_skip": self.prompting.clip_skip, "styles": self.prompting.styles}
        told |= {**self.sampling.fields, **self.hires.fields}
        InfotextFold(context, told | {"strength": self.source.share}, self.size)
        self.form = self._form(told)
        self._told = told
        PlotFold(context, self.form, context.studio.plotter)
        with gr.Column(elem_classes="launch"):
            self.runs = runs_line("image", self.model)
            self.drawing = work_button(context, context.imaging, "image", "image.draw", model=self.model, tasks=TASKS)

    def _form(self, told: Mapping[str, Block]) -> PictureForm:
        form = PictureForm()
        for name, component in told.items():
            if name != "prompt":
                form.field(name, component)
        form.field("format", self.format)
        form.field("count", self.sampling.count)
        form.field("batch_size", self.sampling.batch_size)
        form.add(prompt_field, self.prompt)
        form.add(size_fields, self.size, shared=True)
        form.add(self.control.read, *self.control.components)
        form.add(self.source.read, *self.source.components)
        return form

    def _optional(self, name: str) -> gr.Textbox:
        return gr.Textbox(
            "", label=word(f"image.{name}"), placeholder=word("image.auto"), min_width=96, elem_id=f"image-{name}"
        )

    def _result(self, context: TabContext) -> None:
        with gr.Column(elem_classes="empty"):
            gr.HTML(f"<h2>{both('image.empty.title')}</h2><p>{both('image.empty.text')}</p>")
            stem = "image.starter" if self._spec("").starter else "image"
            examples(context, stem, [("prompt", self.prompt), ("negative", self.negative)], prefix="image")
        with gr.Column(elem_id="image-becoming", elem_classes="becoming"):
            # Apart from the finished picture: below that stand its settings and what can be done with it.
            self.preview = gr.Image(
                show_label=False, format="png", interactive=False, buttons=[], elem_id="image-preview"
            )
        with gr.Column(elem_id="image-result", elem_classes="result"):
            self.picture = gr.Image(
                show_label=False,
                format="png",
                interactive=False,
                buttons=["fullscreen"],
                elem_id="image-picture",
            )
            self.infotext = gr.Textbox(
                "", label=word("image.infotext"), lines=3, buttons=["copy"], interactive=False, elem_id="image-infotext"
            )
            with gr.Row(elem_classes="actions"):
                self.download = gr.Button(word("app.download"), size="sm", elem_id="image-download")
                self.send = self._sender(context)
                self.again = gr.Button(word("image.send.picture"), size="sm", elem_id="image-send-picture")
                self.repaint = gr.Button(word("image.send.repaint"), size="sm", elem_id="image-send-repaint")
                self.follow = gr.Button(word("image.send.control"), size="sm", elem_id="image-send-control")
                self.keep = gr.Button(word("image.keep_seed"), size="sm", elem_id="image-keep-seed")
            with gr.Accordion(word("image.compare"), open=False, elem_id="image-compare", elem_classes="advanced"):
                self.slider = gr.ImageSlider(
                    show_label=False, format="png", interactive=False, buttons=["fullscreen"], elem_id="image-slider"
                )
            self.kept = result_bar("picture", "image")
            self.begun = gr.HTML("", elem_id="image-begun", elem_classes="never")
            self.gallery = VisitGallery()

    @staticmethod
    def _sender(context: TabContext) -> gr.Button | None:
        """The button that sends the picture to be enlarged; None where nothing can enlarge it."""
        if not context.studio.catalogue.for_task("upscale"):
            return None
        return gr.Button(word("image.send"), size="sm", elem_id="image-send")

    def _wire(self, context: TabContext) -> None:
        self.file = gr.State(None)
        self.last_seed = gr.State(-1)
        compared = self.slider, self.begun
        shown = self._shown_in = Shown(self.picture, self.infotext, *compared, self.file, self.last_seed)
        made = [*shown, self.preview, self.gallery.latest, self.kept]
        self.drawing.start.click(None, None, self.preview, js="() => [null]", **QUIET)
        self.drawing.run(self.drawing.start.click, self.draw, self.form.components, made, raw=True)
        self.drawing.seal()
        self.source.wire()
        gr.on([self.model.change, context.tabs.change], self.sizes, [self.model, self.size], self.size, **QUIET)
        source = self.source
        for button, target, mode in ((self.again, source.picture, "picture"), (self.repaint, source.editor, "repaint")):
            sent = button.click(lambda file, mode=mode: (file, mode), self.file, [target, source.mode], **QUIET)
            sent.then(None, None, None, js=TO_THE_TOP, **QUIET)
        self.follow.click(
            lambda file: (file, gr.Accordion(open=True)),
            self.file,
            [self.control.units[0].picture, self.control.fold],
            **QUIET,
        )
        gr.on(
            [self.model.change, context.tabs.change],
            self.fit,
            [self.model, source.mode],
            self.fitted,
            **QUIET,
        )
        self.prompting.follow(self.prompt, self.negative, self.model)
        self.gallery.wire(shown)
        self.download.click(None, self.picture, js=SAVE_JS, **QUIET)
        self.keep.click(
            lambda seed: seed,
            self.last_seed,
            self.seed,
            **QUIET,
        )

    def describe(self, model: str) -> str:
        """The line on the model that will draw."""
        return who_runs(self._studio, model, TASKS)

    @property
    def fitted(self) -> list[Block]:
        """What `fit` updates, in order."""
        return [self.source.mode, self.negative, self.guidance, *(component for component, _ in self._unet)]

    def fit(self, model: str, mode: Mode) -> list[Any]:
        """Show what the model that will draw can do, and nothing else."""
        able = self._studio.able(model or None)
        guided = gr.update(visible=able.guided)
        # What cannot be seen must not be sent: nobody could take it back.
        unet = [gr.update(visible=True) if able.unet else gr.update(visible=False, **none) for _, none in self._unet]
        return [self.source.offered(able, mode), guided, guided, *unet]

    @property
    def _unet(self) -> list[tuple[Block, dict[str, Any]]]:
        """What only models with a UNet know, and how it is when it is not used."""
        sampling = self.sampling
        empty: list[tuple[Block, Any]] = [
            (self.prompting.clip_skip, ""),
            (sampling.sampler, ""),
            (sampling.schedule_type, ""),
            (sampling.fast, False),
            (sampling.variation_seed, default("variation_seed")),
            (sampling.variation_strength, default("variation_strength")),
        ]
        return [(self.control.fold, {}), *((component, {"value": value}) for component, value in empty)]

    def sizes(self, model: str, chosen: str) -> Any:
        """The sizes that suit the model that will draw."""
        return suited(self._spec(model), chosen)

    def _spec(self, model: str) -> ModelSpec:
        return self._studio.registry.choose(model or None, *TASKS)

    def draw(self, owner: Owner, *values: Any) -> Iterator[LoadProgress | Updates]:
        """Draw the pictures that the form asks for; `values` are as the browser sent them."""
        request = self.form.request(values)
        for step in self._studio.keeper.keep(Place(owner.id), request, self._studio.illustrator.draw(request)):
            if isinstance(step, Saved | Unkept):
                yield {self.kept: kept_shown(step)}
            else:
                yield step if isinstance(step, LoadProgress) else self._shown(step)

    def follows(self, state: Mapping[str, Any]) -> Updates:
        """The picture that was there last, with all that belongs to it."""
        kept, place = state.get("kept"), self._shown_in
        units = any(value for name, value in state.items() if name.startswith("controls.") and name.endswith(".model"))
        updates: Updates = {self.control.fold: gr.update(open=True)} if units else {}
        if not isinstance(kept, dict) or not kept.get("file"):
            return updates
        told: Updates = {
            place.picture: kept["file"],
            place.file: kept["file"],
            place.infotext: kept.get("infotext") or "",
        }
        return {**updates, **told, place.seed: kept.get("seed", -1), place.compared: None, place.begun: ""}

    def opened(self, work: Work, version: Version) -> Mapping[str, Any]:
        """All settings of a picture."""
        return opened(work, version)

    def _shown(self, step: DrawingProgress | EnlargingProgress | Drawn) -> Updates:
        if isinstance(step, Drawn):
            return self._finished(step)
        if isinstance(step, EnlargingProgress):
            return {self.drawing.status: tiles(step.tile, step.total, step.seconds_left)}
        key = "image.step.many" if step.pictures > 1 else "image.step"
        text = both(key, step=step.step, total=step.total, picture=step.picture, pictures=step.pictures)
        updates: Updates = {
            self.drawing.status: line(text, step.step / max(step.total, 1), remaining=step.seconds_left)
        }
        return updates if step.preview is None else {**updates, self.preview: step.preview}

    def _finished(self, step: Drawn) -> Updates:
        before = (
            None
            if step.before is None
            else save_pil_to_cache(step.before, cache_dir=self.slider.GRADIO_CACHE, format="png")
        )
        made = zip(map(str, step.files), step.infotexts, step.seeds, strict=True)
        run = [Picture(*each, before) for each in made]
        return {
            **self.gallery.shown(run[-1]),
            self.preview: None,
            self.gallery.latest: run,
            self.drawing.status: self._report(step, run[-1].seed),
        }

    @staticmethod
    def _report(step: Drawn, seed: int) -> str:
        notice = "".join(f" {both(key, refused=step.refused)}" for key in step.notices)
        if len(step.files) < step.pictures:
            part = both("image.done.part", picture=len(step.files), pictures=step.pictures)
            return line(part + notice, len(step.files) / step.pictures)
        if step.pictures > 1:
            key = "image.done.variations" if seed == step.seed else "image.done.many"
            many = both(key, pictures=step.pictures, first=step.seed, last=seed)
            return line(many + notice, moving=False)
        return line(both("image.done", seed=seed) + notice, moving=False)
