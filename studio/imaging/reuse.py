"""Where a picture comes from: the settings in its file, and which of them the studio can take up again."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from studio.errors import InvalidRequest
from studio.imaging.drawing.requests import LATENT, PictureRequest
from studio.imaging.infotext.carriers import carried
from studio.imaging.infotext.other_programs import maker_of_chunks
from studio.imaging.infotext.text import LONGEST, Hires, Infotext, other_tool
from studio.imaging.pictures.opening import opened
from studio.registry import ModelSpec

HASH: Final = "Model hash"
AUTOMATIC: Final = "Automatic"
"""What A1111 writes where the sampler spaces its noise in its own way."""
SHORTEST_HASH: Final = 8
"""Hex digits of a file's SHA-256; A1111 writes ten."""
LABELS: Final[Mapping[str, str]] = {
    "prompt": "Prompt",
    "negative_prompt": "Negative prompt",
    "steps": "Steps",
    "sampler": "Sampler",
    "schedule_type": "Schedule type",
    "guidance_scale": "CFG scale",
    "seed": "Seed",
    "width": "Size",
    "height": "Size",
    "strength": "Denoising strength",
    "clip_skip": "Clip skip",
    "model": "Model",
    "hires": "Hires",
    "hires_scale": "Hires upscale",
    "hires_upscaler": "Hires upscaler",
    "hires_steps": "Hires steps",
    "hires_strength": "Denoising strength",
    "variation_seed": "Variation seed",
    "variation_strength": "Variation seed strength",
    "fast": "Fast",
    "controlnet": "ControlNet",
}
"""What infotexts call each field."""
SILENT: Final = frozenset({HASH, "Version", "VAE hash", "Lora hashes", "TI hashes"})
"""Settings that tell of the program and its files, and change no picture."""

OWN: Final[Mapping[str, str]] = {
    "Variation seed": "variation_seed",
    "Variation seed strength": "variation_strength",
    "Fast": "fast",
}
"""Fields of a request by what infotexts call them; no field of an `Infotext` holds them."""


@dataclass(frozen=True)
class Reuse:
    """What a new request takes from a picture."""

    fields: Mapping[str, Any]
    """Arguments of a `PictureRequest`, each within its bounds."""
    left: tuple[str, ...]
    """What it does not take, as the infotext names it."""


def picture_text(file: Path, max_pixels: int) -> str:
    """The infotext in a picture file.

    Raises:
        UnreadablePicture: it is no picture, damaged, or has more than `max_pixels` pixels.
        InvalidRequest: it carries no settings, far too many, or another program's.
    """
    with opened(file, max_pixels) as image:
        text = carried(image, end=True)
        maker = maker_of_chunks(image.info)
    if text is not None and len(text) > LONGEST:
        raise InvalidRequest("infotext.too_long", most=LONGEST)
    if text is not None:
        return text
    raise other_tool(maker) if maker is not None else InvalidRequest("infotext.none", file=file.name)


def reuse(told: Infotext, models: Iterable[ModelSpec], upscalers: Iterable[ModelSpec] = ()) -> Reuse:
    """What a new request can take from `told`, where `models` are those that draw here, and `upscalers` enlarge."""
    wanted = {name: value for name, value in vars(told).items() if value not in (None, "", ()) and name != "unknown"}
    if told.schedule_type == AUTOMATIC:
        del wanted["schedule_type"]
    models = tuple(models)
    if told.hires is not None:
        wanted |= _second_pass(told, wanted.pop("hires"), wanted.pop("strength", None), upscalers)
    wanted |= {name: told.unknown[key] for key, name in OWN.items() if key in told.unknown}
    if "fast" in wanted:
        # Which adapter it was follows from the model.
        wanted["fast"] = True
    if told.model is not None:
        wanted["model"] = _model(told, models)
    fields = {name: taken for name, value in wanted.items() if (taken := _accepted(name, value)) is not None}
    if ("width" in fields) != ("height" in fields):
        fields = {name: value for name, value in fields.items() if name not in ("width", "height")}
    left = [LABELS[name] for name in wanted if name not in fields]
    return Reuse(
        fields,
        tuple(
            dict.fromkeys([*left, *(key for key in told.unknown if key not in SILENT and OWN.get(key) not in fields)])
        ),
    )


def _second_pass(
    told: Infotext, hires: Hires, strength: float | None, upscalers: Iterable[ModelSpec]
) -> dict[str, Any]:
    """The fields of a second pass; the factor follows from the sizes where only those are told."""
    scale = hires.upscale
    if scale is None and hires.width and told.width:
        scale = hires.width / told.width
    fields: dict[str, Any] = {"hires_scale": scale, "hires_steps": hires.steps, "hires_strength": strength}
    if hires.upscaler is not None:
        name = hires.upscaler.casefold()
        known = (spec.id for spec in upscalers if name in (spec.id.casefold(), spec.name.casefold()))
        fields["hires_upscaler"] = LATENT if name.startswith(LATENT) else next(known, None)
    return {name: value for name, value in fields.items() if value is not None or name == "hires_upscaler"}


def _model(told: Infotext, models: Iterable[ModelSpec]) -> str | None:
    """The id of the model that is meant: by its name, by its id, or by its file's hash."""
    name = (told.model or "").casefold()
    digest = told.unknown.get(HASH, "").lower()
    known = len(digest) >= SHORTEST_HASH
    for spec in models:
        files = [source.sha256 for source in spec.sources if source.sha256]
        if name in (spec.id.casefold(), spec.name.casefold()) or (known and any(f.startswith(digest) for f in files)):
            return spec.id
    return None


def _accepted(name: str, value: object) -> Any:
    """The value as a request holds it; None where it is out of bounds, or no field of one."""
    if value is None or name not in PictureRequest.model_fields:
        return None
    try:
        return getattr(PictureRequest(**{"prompt": "-", name: value}), name)
    except ValidationError:
        return None
