"""An image engine that draws one colour per prompt and seed: everything around it can be tried without a model."""

import hashlib
import time
from collections.abc import Iterator

from PIL import Image

from studio.engines.diffusion.base import DiffusionRequest, Picture, Step
from studio.registry import DeviceName, Sharing


class ColourEngine:
    """Fades from black to the prompt's colour, one step at a time."""

    sharing: Sharing = "exclusive"
    movable = True

    def __init__(self, *, nbytes: int = 2_000_000, seconds_per_step: float = 0.0) -> None:
        self.nbytes = nbytes
        self.device: DeviceName = "cpu"
        self.closed = False
        self.requests: list[DiffusionRequest] = []
        """Every request it was given, in order."""
        self.drawn = 0
        """Steps it really took, over all requests."""
        self._seconds_per_step = seconds_per_step

    def stream(self, request: DiffusionRequest) -> Iterator[Step | Picture]:
        self.requests.append(request)
        colours = [colour_of(request.alone(number)) for number in range(len(request.seeds))]
        for index in range(1, request.steps + 1):
            time.sleep(self._seconds_per_step)
            self.drawn += 1
            yield Step(index, request.steps, Image.new("RGB", (8, 8), _faded(colours[0], index / request.steps)))
        for colour, seeds in zip(colours, request.seeds, strict=True):
            image = Image.new("RGB", (request.width, request.height), colour)
            yield Picture(image=image, seed=seeds.seed, sampler="Euler")

    def move(self, device: DeviceName) -> None:
        self.device = device

    def close(self) -> None:
        self.closed = True


def colour_of(request: DiffusionRequest) -> tuple[int, int, int]:
    """The RGB colour that stands for a request's prompts and seed."""
    key = f"{request.prompt}\0{request.negative_prompt}\0{request.seed}"
    red, green, blue = hashlib.sha256(key.encode()).digest()[:3]
    return red, green, blue


def _faded(colour: tuple[int, int, int], share: float) -> tuple[int, int, int]:
    red, green, blue = colour
    return round(red * share), round(green * share), round(blue * share)
