"""Classifiers with weights, as the registry keeps them."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from PIL import Image

from studio.engines.memory import first_line, nbytes, ran_out, release
from studio.errors import EngineFailed, OutOfMemory
from studio.registry import DeviceName, Sharing

if TYPE_CHECKING:
    import torch


class NetworkClassifier:
    """One network of transformers and the processor that brings pictures to its size, numbers in fp32 everywhere."""

    sharing: Sharing = "exclusive"
    movable = True

    def __init__(self, network: "torch.nn.Module", processor: Any) -> None:
        self._network: torch.nn.Module | None = network.eval().requires_grad_(False)
        self._processor = processor
        config: Any = network.config
        self.labels: tuple[str, ...] = tuple(str(label) for _, label in sorted(config.id2label.items()))

    @property
    def nbytes(self) -> int:
        if self._network is None:
            return 0
        return nbytes(self._network)

    def probabilities(self, image: Image.Image) -> Mapping[str, float]:
        try:
            shares = self._shares(image)
        except Exception as error:
            if ran_out(error):
                release()
                raise OutOfMemory("nsfw.memory", width=image.width, height=image.height) from error
            raise EngineFailed("nsfw.engine", reason=first_line(error)) from error
        if not all(map(math.isfinite, shares)):
            raise EngineFailed("nsfw.engine", reason="NaN")
        return dict(zip(self.labels, shares, strict=True))

    def move(self, device: DeviceName) -> None:
        if self._network is not None:
            self._network.to(device)

    def close(self) -> None:
        self._network = None

    def _shares(self, image: Image.Image) -> list[float]:
        import torch

        network: Any = self._network
        with torch.inference_mode():
            first = next(network.parameters())
            seen = self._processor(images=image.convert("RGB"), return_tensors="pt")["pixel_values"]
            logits = network(pixel_values=seen.to(first.device, first.dtype)).logits[0]
            shares: list[float] = logits.float().softmax(-1).tolist()
        return shares
