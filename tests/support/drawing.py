"""What tests of the image engine share: an engine, a small request, and how to compare pictures."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from studio.engines.diffusion import ControlUnit, DiffusersLoader, DiffusionRequest, Picture, Step
from studio.engines.diffusion.engine import DiffusersEngine
from studio.engines.diffusion.loading.controlnet import ControlNetEngine
from studio.registry import ModelId, ModelSpec, Rung

SPEC = ModelSpec(id=ModelId("tiny"), name="Tiny", task="image", engine="diffusers", licence="none")
CONTROL = SPEC.model_copy(update={"id": ModelId("edges"), "name": "Edges", "task": "controlnet"})
CAT = DiffusionRequest(prompt="a cat", negative_prompt="a dog", width=64, height=64, steps=4, seed=7)


def loaded(folder: Path, rung: Rung = "whole") -> DiffusersEngine:
    """The model in `folder`, on the CPU."""
    engine = DiffusersLoader()(SPEC, folder, "cpu", rung)
    assert isinstance(engine, DiffusersEngine)
    return engine


def control(folder: Path, **fields: Any) -> ControlUnit:
    """One ControlNet's part, steering by a picture of an edge."""
    model = DiffusersLoader()(CONTROL, folder, "cpu")
    assert isinstance(model, ControlNetEngine)
    return ControlUnit(model, half(64), **fields)


def half(side: int) -> Image.Image:
    """A picture that is black on the left and white on the right."""
    pixels = np.zeros((side, side, 3), np.uint8)
    pixels[:, side // 2 :] = 255
    return Image.fromarray(pixels)


def drawn(engine: DiffusersEngine, request: DiffusionRequest = CAT, **changes: Any) -> Picture:
    """The picture that `request` with some fields changed makes."""
    *steps, picture = engine.stream(replace(request, **changes))
    assert all(isinstance(step, Step) for step in steps)
    assert isinstance(picture, Picture)
    return picture


def pixels(picture: Picture) -> Any:
    """A picture as an array of shape (height, width, 3)."""
    return np.asarray(picture.image)


def same(one: Picture, other: Picture) -> bool:
    """Whether two pictures have the same pixels."""
    return np.array_equal(pixels(one), pixels(other))
