"""The endpoints for `gradio_client` and plain HTTP: names, typed arguments, plain JSON answers."""

from base64 import b64encode
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any, cast, get_args

from gradio import FileData
from gradio.events import api
from PIL import Image

from studio.coding.requests import ScoreRequest, Snippet, SnippetRequest
from studio.errors import InvalidRequest
from studio.imaging.adapter_files import AdapterFile, Kind
from studio.imaging.annotations import Annotated
from studio.imaging.infotext import read_infotext
from studio.imaging.origins import picture_text
from studio.imaging.requests import ControlImageRequest, Drawing, Drawn, Enlarged, EnlargeRequest, PictureRequest
from studio.studio import Studio
from studio.ui.answers import answers
from studio.ui.events import Lane
from studio.ui.upkeep import Upkeep
from studio.writing.export import article_markdown
from studio.writing.outline import parse_outline
from studio.writing.requests import Article, ArticleRequest, Brief, Outline, SectionRequest, SectionText

Json = dict[str, Any]


class Endpoints:
    """One method per endpoint. All are generators, so that a caller who cancels or leaves frees the model.

    Those that write hand on the text so far; the others hand on nothing until they are done, and then the answer.
    """

    def __init__(self, studio: Studio, text: Lane, imaging: Lane) -> None:
        self._studio = studio
        self._text = text
        self._imaging = imaging

    def publish(self) -> None:
        """Add the endpoints to the Blocks that are being built."""
        upkeep = Upkeep(self._studio)
        lanes: list[tuple[Lane | None, tuple[Callable[..., Any], ...]]] = [
            (self._text, (self.outline, self.write_section, self.write_article, self.generate_code)),
            (self._imaging, (self.generate_image, self.control_image, self.upscale)),
            (None, (self.read_infotext, self.adapters)),
            (None, (self.score_code, upkeep.models, upkeep.load_model, upkeep.offload_model, upkeep.drop_model)),
            (None, (upkeep.pin_model, upkeep.unpin_model, upkeep.set_budget, upkeep.memory)),
        ]
        for lane, functions in lanes:
            for function in functions:
                api(
                    function,
                    api_name=function.__name__,
                    concurrency_id=lane.name if lane else None,
                    concurrency_limit=lane.limit if lane else "default",
                )

    def outline(
        self,
        topic: str,
        audience: str = "",
        tone: str = "",
        language: str = "en",
        sections: int = 5,
        words: int = 800,
        keywords: str = "",
        notes: str = "",
        model: str | None = None,
    ) -> Iterator[Json | None]:
        """Plan an article: {title, language, sections: [{heading, key_points, target_words}]}."""
        fields = {name: value for name, value in locals().items() if name != "self"}

        def steps() -> Iterator[Json | None]:
            for step in self._studio.writer.outline(Brief.of(**fields)):
                yield step.model_dump(mode="json") if isinstance(step, Outline) else None

        yield from answers(steps, None)

    def write_section(
        self, outline: Json, index: int = 0, instruction: str = "", article: str = "", model: str | None = None
    ) -> Iterator[str]:
        """Write one section of an outline; streams its Markdown, without the heading."""

        def steps() -> Iterator[str | None]:
            request = SectionRequest.of(
                outline=parse_outline(outline), index=index, instruction=instruction, article=article, model=model
            )
            for step in self._studio.writer.write_section(request):
                yield step.text or None if isinstance(step, SectionText) else None

        yield from answers(steps, "")

    def write_article(self, outline: Json, model: str | None = None) -> Iterator[str]:
        """Write every section of an outline; streams the article as Markdown."""

        def steps() -> Iterator[str | None]:
            request = ArticleRequest.of(outline=parse_outline(outline), model=model)
            texts: dict[int, str] = {}
            for step in self._studio.writer.write_article(request):
                if isinstance(step, SectionText):
                    texts[step.index] = step.text
                    yield article_markdown(request.outline, texts) if step.text else None
                elif isinstance(step, Article):
                    yield step.markdown

        yield from answers(steps, "")

    def generate_code(self, description: str, language: str = "python", model: str | None = None) -> Iterator[Json]:
        """Write a snippet; streams {code, language, report}, whose report is null until the snippet is done."""

        def steps() -> Iterator[Json | None]:
            request = SnippetRequest.of(description=description, language=language, model=model)
            for step in self._studio.coder.generate(request):
                yield _snippet(step) if isinstance(step, Snippet) else None

        yield from answers(steps, {"code": "", "language": language, "report": None})

    def score_code(self, code: str, language: str = "python") -> Iterator[Json | None]:
        """Judge code without running it: {score, language, syntax, parts}."""

        def steps() -> Iterator[Json | None]:
            yield self._studio.coder.score(ScoreRequest.of(code=code, language=language)).model_dump(mode="json")

        yield from answers(steps, None)

    def generate_image(
        self,
        prompt: str,
        negative_prompt: str = "",
        width: int | None = None,
        height: int | None = None,
        steps: int | None = None,
        guidance_scale: float | None = None,
        seed: int = -1,
        model: str | None = None,
        format: str = "png",
        styles: list[str] | None = None,
        clip_skip: int | None = None,
        sampler: str | None = None,
        schedule_type: str | None = None,
        count: int = 1,
        fast: bool = False,
        variation_seed: int = -1,
        variation_strength: float = 0.0,
        hires_scale: float | None = None,
        hires_upscaler: str = "latent",
        hires_steps: int = 0,
        hires_strength: float = 0.7,
        controls: list[Json] | None = None,
        image: FileData | None = None,
        strength: float = 0.75,
        resize_mode: str = "crop",
        mask: FileData | None = None,
        mask_blur: int = 4,
        inpaint_area: str = "picture",
        inpaint_padding: int = 32,
        inpaint_fill: str = "original",
        stream: bool = False,
    ) -> Iterator[Json | None]:
        """Draw pictures: {files, seed, infotext, infotexts}. What is null takes the model's own default.

        It begins from `image` where there is one, and repaints that only where `mask` is white. With a count above 1
        the answer comes anew after each picture, with all that are finished; with `stream` it also says in between how
        far the work is: {progress: {picture, pictures, step, total, seconds_left}, preview}.
        """
        fields = {name: value for name, value in locals().items() if name not in ("self", "stream")}

        def drawing() -> Iterator[Json | None]:
            files = {name: _uploaded(fields[name], "draw.upload") for name in ("image", "mask") if fields[name]}
            units = [_unit(unit) for unit in controls or ()]
            request = PictureRequest.of(**fields | files | {"controls": units, "styles": styles or []})
            for step in self._studio.illustrator.draw(request):
                if isinstance(step, Drawn):
                    yield _picture(step)
                else:
                    yield _progress(step) if stream and isinstance(step, Drawing) else None

        yield from answers(drawing, None)

    def control_image(
        self,
        image: FileData,
        annotator: str = "canny",
        parameters: Json | None = None,
        width: int | None = None,
        height: int | None = None,
        resize_mode: str = "crop",
        pixel_perfect: bool = True,
        resolution: int = 512,
    ) -> Iterator[Json | None]:
        """Make what a ControlNet reads of a picture: {file, annotator, resolution, width, height}."""
        fields = {name: value for name, value in locals().items() if name != "self" and value is not None}

        def steps() -> Iterator[Json | None]:
            request = ControlImageRequest.of(**fields | {"image": _uploaded(image, "draw.upload")})
            for step in self._studio.annotations.annotate(request):
                yield _annotated(step) if isinstance(step, Annotated) else None

        yield from answers(steps, None)

    def adapters(self, kind: str = "lora", query: str = "", model: str | None = None) -> Iterator[Json | None]:
        """The host's LoRAs or textual inversions: [{name, family, rank, bytes, triggers, trouble}]."""

        def steps() -> Iterator[Any]:
            yield [_adapter(file) for file in self._studio.adapters.find(_kind(kind), query, model)]

        yield from answers(steps, None)

    def read_infotext(self, image: FileData | None = None, text: str = "") -> Iterator[Json | None]:
        """Read how a picture was made, from its file or from a text: its settings by name, absent ones left out."""

        def steps() -> Iterator[Json | None]:
            if (image is None) == (not text):
                raise InvalidRequest("infotext.source")
            file = None if image is None else Path(_uploaded(image, "infotext.upload"))
            told = picture_text(file, self._studio.settings.max_pixels) if file else str(text)
            yield read_infotext(told).plain()

        yield from answers(steps, None)

    def upscale(self, image: FileData, model: str | None = None) -> Iterator[FileData | None]:
        """Enlarge a picture; answers with a PNG file."""

        def steps() -> Iterator[Any]:
            request = EnlargeRequest.of(file=_uploaded(image), model=model)
            for step in self._studio.enlarger.enlarge(request):
                yield _file(step.file) if isinstance(step, Enlarged) else None

        yield from answers(steps, None)


def _snippet(step: Snippet) -> Json:
    report = step.report.model_dump(mode="json") if step.report else None
    return {"code": step.code, "language": step.language, "report": report}


def _picture(step: Drawn) -> Json:
    files = [_file(file) for file in step.files]
    return {"files": files, "seed": step.seed, "infotext": step.infotext, "infotexts": list(step.infotexts)}


def _progress(step: Drawing) -> Json:
    names = ("picture", "pictures", "step", "total", "seconds_left")
    return {"progress": {name: getattr(step, name) for name in names}, "preview": _shown(step.preview)}


def _shown(image: Image.Image | None) -> str | None:
    """A small picture as an address that any page shows."""
    if image is None:
        return None
    held = BytesIO()
    image.save(held, "JPEG", quality=80)
    return f"data:image/jpeg;base64,{b64encode(held.getvalue()).decode()}"


def _unit(unit: Any) -> Any:
    """A ControlNet unit with the path of its picture; what is no unit is left for the request to refuse."""
    if not isinstance(unit, dict) or unit.get("image") is None:
        return unit
    return unit | {"image": _uploaded(unit["image"], "draw.upload")}


def _annotated(step: Annotated) -> Json:
    told = {"annotator": step.annotator, "resolution": step.resolution, "width": step.width, "height": step.height}
    return {"file": _file(step.file), **told}


def _kind(kind: str) -> Kind:
    if kind not in get_args(Kind):
        raise InvalidRequest("adapter.kind", kind=str(kind)[:60])
    return cast(Kind, kind)


def _adapter(file: AdapterFile) -> Json:
    told = file.trouble or file.misfit
    return {
        "name": file.name,
        "family": file.family,
        "rank": file.make.rank,
        "bytes": file.size,
        "triggers": list(file.triggers),
        "trouble": str(InvalidRequest(told.code, **told.details)) if told else None,
    }


def _file(path: Path) -> Json:
    return {"path": str(path), "orig_name": path.name, "meta": {"_type": "gradio.FileData"}}


def _uploaded(image: Any, complaint: str = "enlarge.upload") -> str:
    """The path of an uploaded file. Gradio has checked it, but only when it carries Gradio's mark.

    Raises:
        InvalidRequest: anything else, above all a path on this machine.
    """
    marked = isinstance(image, dict) and (image.get("meta") or {}).get("_type") == "gradio.FileData"
    if not marked or not isinstance(image.get("path"), str):
        raise InvalidRequest(complaint)
    return str(image["path"])
