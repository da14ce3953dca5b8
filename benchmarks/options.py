"""What each way to draw faster gains, and how much it changes the picture.

uv run python -m benchmarks.options [MODEL]

MODEL is an image model of the catalogue whose weights are here, by default the one that would draw. Every row is drawn
in turn with the plain engine in one run, and told as seconds of the plain one over its own.
"""

import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any, Final

import numpy as np
import torch

from studio.engines.diffusion import DiffusersLoader, DiffusionRequest, Picture, Seeds, Speed
from studio.engines.upscalers.precision import psnr
from studio.imaging.drawing.plan import own_size
from studio.registry import ModelSpec
from studio.settings import Settings
from studio.studio import Studio

ROUNDS: Final = 5
TOGETHER: Final = 4
PROMPT: Final = "a red apple on a blue background"
Draw = Callable[[int], tuple[float, Any]]
"""Seconds of one picture of a seed, and its pixels."""


def drawing(engine: Any, request: DiffusionRequest, together: int = 1) -> Draw:
    """How an engine draws `request`, `together` pictures at the same time."""

    def draw(seed: int) -> tuple[float, Any]:
        beside = tuple(Seeds(seed + number) for number in range(1, together))
        began = time.perf_counter()
        events = engine.stream(replace(request, seed=seed, beside=beside))
        pictures = [event.image for event in events if isinstance(event, Picture)]
        return (time.perf_counter() - began) / together, np.asarray(pictures[0])

    return draw


def without_fused_attention(engine: Any) -> Any:
    """The same engine with the attention of before torch 2, step by step."""
    from diffusers.models.attention_processor import AttnProcessor

    engine._pipe.unet.set_attn_processor(AttnProcessor())
    return engine


def options(spec: ModelSpec, weights: Path, request: DiffusionRequest) -> Mapping[str, Draw]:
    """Every way by what the documentation calls it; the first is the plain one."""
    device: Any = "cuda:0" if torch.cuda.is_available() else "cpu"

    def engine(speed: Speed | None = None) -> Any:
        return DiffusersLoader(speed)(spec, weights, device)

    ways: dict[str, Draw] = {
        "plain": drawing(engine(), request),
        "attention step by step": drawing(without_fused_attention(engine()), request),
        "channels last": drawing(engine(Speed(channels_last=True)), request),
        f"{TOGETHER} at a time": drawing(engine(), request, TOGETHER),
        "6 steps": drawing(engine(), replace(request, steps=6)),
    }
    if device != "cpu":
        ways["xformers"] = drawing(engine(Speed(attention="xformers")), request)
        # On a CPU compiling takes minutes, which a small model never earns back.
        ways["compiled"] = drawing(engine(Speed(compiled=True)), request)
    return ways


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder, Studio(Settings.read(outputs=Path(folder))) as studio:
        spec = studio.registry.choose(sys.argv[1] if len(sys.argv) > 1 else None, "image")
        weights = studio.registry.weights(spec)
        if weights is None:
            raise SystemExit(f"{spec.name} is not here")
        width, height = own_size(spec)
        guidance = float(spec.defaults.get("guidance_scale", 7))
        request = DiffusionRequest(PROMPT, width=width, height=height, steps=20, guidance_scale=guidance)
        for name, draw in (ways := options(spec, weights, request)).items():
            seconds, _ = draw(0)
            print(f"{name}: the first picture took {seconds:.1f} s", flush=True)
        plain = ways["plain"]
        for name, draw in ways.items():
            pairs = [(plain(seed), draw(seed)) for seed in range(1, ROUNDS + 1)]
            gain = median(alone[0] / other[0] for alone, other in pairs)
            likeness = min(min(99.0, psnr(alone[1], other[1])) for alone, other in pairs)
            print(f"{name}: {gain:.2f} times as fast, PSNR {likeness:.0f} dB at least", flush=True)


if __name__ == "__main__":
    main()
