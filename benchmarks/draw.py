"""The studio's whole path against raw diffusers with the same components, steps and seed.

uv run python -m benchmarks.draw [MODEL]

MODEL is an image model of the catalogue whose weights are here, by default the one that would draw.
"""

import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import numpy as np
from PIL import Image

from benchmarks.common import verdict
from studio.imaging.drawing.plan import own_size
from studio.imaging.drawing.requests import Drawn, PictureRequest
from studio.settings import Settings
from studio.studio import Studio

ROUNDS: Final = 7
STEPS: Final = 20
PROMPT: Final = "a red apple on a blue background"


def raw(folder: Path, scheduler: Any) -> Any:
    """A plain pipeline of diffusers over the same files."""
    import torch
    from diffusers import DiffusionPipeline

    cuda = torch.cuda.is_available()
    pipe = DiffusionPipeline.from_pretrained(
        folder, dtype=torch.float16 if cuda else torch.float32, safety_checker=None, local_files_only=True
    )
    pipe.scheduler = scheduler or pipe.scheduler
    pipe.set_progress_bar_config(disable=True)
    return pipe.to("cuda" if cuda else "cpu")


def plainly(pipe: Any, size: tuple[int, int], seed: int) -> tuple[float, np.ndarray]:
    """Seconds of one picture by diffusers alone, and its pixels."""
    import torch

    began = time.perf_counter()
    image = pipe(
        PROMPT,
        width=size[0],
        height=size[1],
        num_inference_steps=STEPS,
        guidance_scale=4.0,
        generator=torch.Generator("cpu").manual_seed(seed),
    ).images[0]
    return time.perf_counter() - began, np.asarray(image)


def through(studio: Studio, model: str, seed: int) -> tuple[float, np.ndarray]:
    """The same through the studio: previews, progress, infotext and the file on disk included."""
    began = time.perf_counter()
    *_, last = studio.illustrator.draw(
        PictureRequest.of(prompt=PROMPT, model=model, steps=STEPS, guidance_scale=4.0, seed=seed)
    )
    assert isinstance(last, Drawn)
    taken = time.perf_counter() - began
    with Image.open(last.files[0]) as image:
        return taken, np.asarray(image)


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder, Studio(Settings.read(outputs=Path(folder))) as studio:
        spec = studio.registry.choose(sys.argv[1] if len(sys.argv) > 1 else None, "image")
        weights = studio.registry.weights(spec)
        if weights is None or not weights.is_dir():
            raise SystemExit(f"{spec.name} is not here")
        pipe = raw(weights, None)
        for run in (lambda: plainly(pipe, own_size(spec), 0), lambda: through(studio, spec.id, 0)):
            run()  # the first of each loads and warms
        ratios, same = [], True
        for seed in range(1, ROUNDS + 1):
            alone, expected = plainly(pipe, own_size(spec), seed)
            whole, seen = through(studio, spec.id, seed)
            ratios.append(whole / alone)
            same = same and np.array_equal(expected, seen)
    print("the same pixels:", "yes" if same else "NO")
    verdict(f"the studio's whole path over raw diffusers, {spec.name}", ratios, at_most=1.05)


if __name__ == "__main__":
    main()
