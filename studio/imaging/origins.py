"""Where a picture comes from: the settings in its file, and which of them the studio can take up again."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from studio.errors import InvalidRequest
from studio.imaging.carriers import carried
from studio.imaging.infotext import LONGEST, Infotext, other_tool
from studio.imaging.pictures import opened
from studio.imaging.requests import PictureRequest
from studio.imaging.tools import maker_of_chunks
from studio.registry.spec import ModelSpec

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
    "controlnet": "ControlNet",
}
"""What infotexts call each field."""
SILENT: Final = frozenset({HASH, "Version", "VAE hash", "Lora hashes", "TI hashes"})
"""Settings that tell of the program and its files, and change no picture."""


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


def reuse(told: Infotext, models: Iterable[ModelSpec]) -> Reuse:
    """What a new request can take from `told`, where `models` are those that draw here."""
    wanted = {name: value for name, value in vars(told).items() if value not in (None, "", ()) and name != "unknown"}
    if told.schedule_type == AUTOMATIC:
        del wanted["schedule_type"]
    if told.model is not None:
        wanted["model"] = _model(told, models)
    fields = {name: value for name, value in wanted.items() if _acceptable(name, value)}
    if ("width" in fields) != ("height" in fields):
        fields = {name: value for name, value in fields.items() if name not in ("width", "height")}
    left = [LABELS[name] for name in wanted if name not in fields]
    return Reuse(fields, tuple(dict.fromkeys([*left, *(key for key in told.unknown if key not in SILENT)])))


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


def _acceptable(name: str, value: object) -> bool:
    if value is None or name not in PictureRequest.model_fields:
        return False
    try:
        PictureRequest(**{"prompt": "-", name: value})
    except ValidationError:
        return False
    return True
