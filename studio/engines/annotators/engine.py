"""Annotators with weights, as the registry keeps them."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from PIL import Image

from studio.engines.memory import first_line, nbytes, ran_out, release
from studio.errors import EngineFailed, OutOfMemory
from studio.registry import DeviceName, Sharing

if TYPE_CHECKING:
    import torch

Work = Callable[..., Any]
"""(network, picture mode RGB, resolution, **parameters): what the network is for."""


class NetworkAnnotator:
    """One network in memory and the work it does. Numbers stay fp32 everywhere: it is small, and done in a moment."""

    sharing: Sharing = "exclusive"
    movable = True

    def __init__(self, network: "torch.nn.Module", work: Work) -> None:
        self._network: torch.nn.Module | None = network.eval().requires_grad_(False)
        self._work = work

    @property
    def nbytes(self) -> int:
        if self._network is None:
            return 0
        return nbytes(self._network)

    def annotate(self, image: Image.Image, resolution: int, **parameters: Any) -> Image.Image:
        picture: Image.Image = self.run(image, resolution, **parameters)
        return picture

    def run(self, image: Image.Image, resolution: int, **parameters: Any) -> Any:
        """Do the work, whatever comes of it."""
        import torch

        try:
            with torch.inference_mode():
                return self._work(self._network, image, resolution, **parameters)
        except (EngineFailed, OutOfMemory):  # of a network that helps this one
            raise
        except Exception as error:
            if ran_out(error):
                release()
                raise OutOfMemory("control.memory", resolution=resolution) from error
            raise EngineFailed("control.engine", reason=first_line(error)) from error

    def move(self, device: DeviceName) -> None:
        if self._network is not None:
            self._network.to(device)

    def close(self) -> None:
        self._network = None
