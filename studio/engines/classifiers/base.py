"""What every classifier can do."""

from collections.abc import Mapping
from typing import Protocol

from PIL import Image


class Classifier(Protocol):
    """Tells of which kind a picture is. In a registry it implements `studio.registry.models.loaded.Loaded` as well."""

    @property
    def labels(self) -> tuple[str, ...]:
        """The kinds that it tells apart."""
        ...

    def probabilities(self, image: Image.Image) -> Mapping[str, float]:
        """How likely each kind is, by its label: numbers of 0 to 1 that add up to 1.

        Raises:
            OutOfMemory: the picture is too large for the device.
            EngineFailed: the library below refused it, or the network's answer is no number.
        """
        ...
