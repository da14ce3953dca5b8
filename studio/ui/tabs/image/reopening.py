"""The form of a picture as a draft keeps it, and as it is filled from a picture of the library."""

from collections.abc import Mapping
from typing import Any, Final

from gradio.blocks import Block

from studio.library.values import Asset, Version, Work
from studio.ui.tabs.image.control import ControlTools
from studio.ui.tabs.image.infotext import CLEARED, NUMBERS
from studio.ui.tabs.image.source import SourceFields

UNIT: Final = {"model": "model", "scale": "scale", "start": "start", "end": "end", "mode": "mode"}
ANNOTATION: Final = {"annotator": "annotator", "resize_mode": "resize_mode", "pixel_perfect": "perfect"}
SOURCE: Final = {
    "resize_mode": "resize_mode",
    "inpaint_area": "area",
    "inpaint_padding": "padding",
    "mask_blur": "blur",
    "inpaint_fill": "fill",
}
"""A request's fields, and what the form calls them."""
PARTS: Final = ("prompt", "settings", "seed", "controls")
"""What a remix can take."""


def remembered(
    told: Mapping[str, Block], size: Block, form_format: Block, source: SourceFields, control: ControlTools
) -> dict[str, Block]:
    """The form's components by the names that a draft uses. What is painted over a picture is not among them."""
    fields = {**told, "size": size, "format": form_format, "mode": source.mode, "picture": source.picture}
    fields |= {"mask": source.mask, "strength": source.share}
    fields |= {f"source.{name}": getattr(source, name) for name in SOURCE.values()}
    for number, unit in enumerate(control.units):
        names = ("picture", *UNIT.values(), *ANNOTATION.values(), "resolution")
        fields |= {f"controls.{number}.{name}": getattr(unit, name) for name in names}
        fields |= {f"controls.{number}.knobs.{index}": knob for index, knob in enumerate(unit.knobs)}
    return fields


def opened(work: Work, version: Version) -> dict[str, Any]:
    """The form's state that a picture came of."""
    asked, settings = version.asked, version.settings
    files = {file.name.rpartition(".")[0]: file for file in version.files if file.role == "source"}
    state: dict[str, Any] = {**CLEARED, "steps": "", "guidance_scale": ""}
    state |= {name: asked.get(name) or "" for name in ("prompt", "negative_prompt")}
    for name, value in settings.items():
        if value is not None and name not in ("controls", "width", "height", "x", "y"):
            state[name] = str(value).removesuffix(".0") if name in NUMBERS else value
    if settings.get("hires_steps") == 0:
        state["hires_steps"] = ""
    state["styles"] = list(settings.get("styles") or [])
    state["model"] = settings.get("model") or version.model
    if settings.get("width") and settings.get("height"):
        state["size"] = f"{settings['width']}x{settings['height']}"
    state["mode"] = "picture" if "image" in files else "words"
    state |= {form: settings[name] for name, form in _sources() if settings.get(name) is not None}
    state |= {form: _asset(files[name]) for name, form in (("image", "picture"), ("mask", "mask")) if name in files}
    return state | _controls(settings.get("controls") or [], files) | {"kept": _kept(work, version)}


def part_of(name: str) -> str:
    """Which part of a remix a field of the form belongs to."""
    if name in ("prompt", "negative_prompt"):
        return "prompt"
    return "controls" if name.startswith("controls.") else "seed" if name == "seed" else "settings"


def _controls(units: list[Any], files: Mapping[str, Asset]) -> dict[str, Any]:
    state: dict[str, Any] = {}
    for number in range(3):
        state[f"controls.{number}.model"] = ""
    for number, unit in enumerate(units[:3]):
        prefix = f"controls.{number}."
        for name, form in {**UNIT, **ANNOTATION, "resolution": "resolution"}.items():
            if unit.get(name) is not None:
                state[prefix + form] = unit[name]
        if f"controls.{number}" in files:
            state[prefix + "picture"] = _asset(files[f"controls.{number}"])
        for index, value in enumerate((unit.get("parameters") or {}).values()):
            state[f"{prefix}knobs.{index}"] = value
    return state


def _sources() -> list[tuple[str, str]]:
    return [(name, f"source.{form}") for name, form in SOURCE.items()]


def _asset(file: Asset) -> dict[str, str]:
    return {"asset": file.digest, "name": file.name}


def _kept(work: Work, version: Version) -> dict[str, Any]:
    return {"work": work.id, "version": version.number}
