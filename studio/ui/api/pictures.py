"""The designer's endpoints for `gradio_client` and plain HTTP."""

from base64 import b64encode
from collections.abc import Iterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any, Final, cast, get_args

from gradio import FileData
from PIL import Image

from studio.errors import InvalidRequest
from studio.identity.owners import Owner
from studio.imaging.adapters.files import AdapterFile, Kind
from studio.imaging.control.annotations import Annotated
from studio.imaging.control.requests import ControlImageRequest
from studio.imaging.drawing.requests import DrawingProgress, Drawn, PictureRequest, default
from studio.imaging.enlarging.requests import Enlarged, EnlargeRequest
from studio.imaging.infotext.text import read_infotext
from studio.imaging.plots.plotter import PlotRequest, Plotted
from studio.imaging.reuse import picture_text
from studio.keeping.keeper import Place, Unkept
from studio.library.values import Saved
from studio.studio import Studio
from studio.ui.api.answers import answers, kept_as

Json = dict[str, Any]
FILES: Final = ("image", "mask")
"""Fields of a request that are uploaded files."""


class PictureEndpoints:
    """One method per endpoint; see `studio.ui.api.endpoints.Endpoints`."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio

    def generate_image(
        self,
        owner: Owner,
        prompt: str,
        negative_prompt: str = default("negative_prompt"),
        width: int | None = None,
        height: int | None = None,
        steps: int | None = None,
        guidance_scale: float | None = None,
        seed: int = default("seed"),
        model: str | None = None,
        format: str = default("format"),
        styles: list[str] | None = None,
        clip_skip: int | None = None,
        sampler: str | None = None,
        schedule_type: str | None = None,
        count: int = default("count"),
        batch_size: int = default("batch_size"),
        fast: bool = default("fast"),
        variation_seed: int = default("variation_seed"),
        variation_strength: float = default("variation_strength"),
        hires_scale: float | None = None,
        hires_upscaler: str = default("hires_upscaler"),
        hires_steps: int = default("hires_steps"),
        hires_strength: float = default("hires_strength"),
        controls: list[Json] | None = None,
        image: FileData | None = None,
        strength: float = default("strength"),
        resize_mode: str = default("resize_mode"),
        mask: FileData | None = None,
        mask_blur: int = default("mask_blur"),
        inpaint_area: str = default("inpaint_area"),
        inpaint_padding: int = default("inpaint_padding"),
        inpaint_fill: str = default("inpaint_fill"),
        stream: bool = False,
    ) -> Iterator[Json | None]:
        """Draw pictures: {files, seed, infotext, infotexts}. What is null takes the model's own default.

        It begins from `image` where there is one, and repaints that only where `mask` is white. With a count above 1
        the answer comes anew after each picture, with all that are finished; with `stream` it also says in between how
        far the work is: {progress: {picture, pictures, step, total, seconds_left}, preview}.
        """
        fields = {name: value for name, value in locals().items() if name not in ("self", "owner", "stream")}

        def drawing() -> Iterator[Json | None]:
            request, works, told = _wanted(fields), [], {}
            for step in self._studio.keeper.keep(Place(owner.id), request, self._studio.illustrator.draw(request)):
                if isinstance(step, Drawn):
                    told = _picture(step)  # sent with where it is kept, a moment later
                    yield None
                elif isinstance(step, Saved | Unkept):
                    works.append(kept_as(step))
                    yield told | works[0] | {"works": list(works)}
                else:
                    yield _progress(step) if stream and isinstance(step, DrawingProgress) else None

        yield from answers(drawing, None)

    def plot_images(self, owner: Owner, picture: Json, x: Json, y: Json | None = None) -> Iterator[Json | None]:
        """Draw a picture for every value of one setting or two: {file, width, height, cells, infotext, done, total}.

        `picture` holds arguments of generate_image by name, `x` and `y` are {vary, values}. The answer comes anew after
        each picture.
        """

        def plotting() -> Iterator[Json | None]:
            request = PlotRequest.of(picture=_wanted(picture), x=x, y=y)
            told: Json = {}
            for step in self._studio.keeper.keep(Place(owner.id), request, self._studio.plotter.draw(request)):
                if isinstance(step, Plotted):
                    told = _plotted(step)
                yield told | kept_as(step) if isinstance(step, Plotted | Saved | Unkept) else None

        yield from answers(plotting, None)

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
            request = ControlImageRequest.of(**fields | {"image": uploaded(image, "draw.upload")})
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
            file = None if image is None else Path(uploaded(image, "infotext.upload"))
            told = picture_text(file, self._studio.settings.max_pixels) if file else str(text)
            yield read_infotext(told).plain()

        yield from answers(steps, None)

    def upscale(
        self, owner: Owner, image: FileData, model: str | None = None
    ) -> Iterator[tuple[FileData | None, Json | None]]:
        """Enlarge a picture; answers with a PNG file, and {work, version}."""

        def steps() -> Iterator[Any]:
            request, file = EnlargeRequest.of(file=uploaded(image), model=model), None
            for step in self._studio.keeper.keep(Place(owner.id), request, self._studio.enlarger.enlarge(request)):
                if isinstance(step, Enlarged):
                    file = _file(step.file)
                elif isinstance(step, Saved | Unkept):
                    yield file, kept_as(step)
                else:
                    yield None

        yield from answers(steps, (None, None))


def _wanted(fields: Mapping[str, Any]) -> PictureRequest:
    """A request from an endpoint's arguments, with the paths of what was uploaded."""
    if not isinstance(fields, Mapping):
        raise InvalidRequest("invalid.dict_type", field="picture")
    given = {name: value for name, value in fields.items() if value is not None}
    files = {name: uploaded(given[name], "draw.upload") for name in FILES if name in given}
    units = given.get("controls", ())
    controls = [_unit(unit) for unit in units] if isinstance(units, list | tuple) else units
    return PictureRequest.of(**given | files | {"controls": controls})


def _plotted(step: Plotted) -> Json:
    told = {name: getattr(step, name) for name in ("width", "height", "infotext", "done", "total")}
    return {"file": _file(step.file), "cells": [[cell and _file(cell) for cell in row] for row in step.cells], **told}


def _picture(step: Drawn) -> Json:
    files = [_file(file) for file in step.files]
    told = {"files": files, "seed": step.seed, "infotext": step.infotext, "infotexts": list(step.infotexts)}
    return told | {"refused": step.refused} if step.refused else told


def _progress(step: DrawingProgress) -> Json:
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
    return unit | {"image": uploaded(unit["image"], "draw.upload")}


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


def uploaded(image: Any, complaint: str = "enlarge.upload") -> str:
    """The path of an uploaded file. Gradio has checked it, but only when it carries Gradio's mark.

    Raises:
        InvalidRequest: anything else, above all a path on this machine.
    """
    marked = isinstance(image, dict) and (image.get("meta") or {}).get("_type") == "gradio.FileData"
    if not marked or not isinstance(image.get("path"), str):
        raise InvalidRequest(complaint)
    return str(image["path"])
