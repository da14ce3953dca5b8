"""A classifier that goes by one number of a picture, so that everything around classifiers can be tried without one."""

from collections.abc import Callable, Mapping
from typing import Final

from PIL import Image, ImageStat

from studio.errors import StudioError
from studio.registry import DeviceName, Sharing

LABELS: Final = ("normal", "nsfw")


def redness(image: Image.Image) -> float:
    """The mean of the red channel, 0 to 1."""
    return float(ImageStat.Stat(image.convert("RGB")).mean[0]) / 255


class PretendClassifier:
    """Takes a picture for `nsfw` as far as `judge` says, by default as far as it is red."""

    sharing: Sharing = "exclusive"
    movable = True

    def __init__(
        self,
        judge: Callable[[Image.Image], float] = redness,
        *,
        labels: tuple[str, str] = LABELS,
        nbytes: int = 1_000_000,
        failure: StudioError | None = None,
    ) -> None:
        """`labels` are those of what is fine and of what is not; `failure` is raised for every picture."""
        self.labels: tuple[str, ...] = labels
        self.nbytes = nbytes
        self.device: DeviceName = "cpu"
        self.closed = False
        self.seen: list[tuple[int, int]] = []
        """Sizes of the pictures it was shown, in order."""
        self._judge = judge
        self._failure = failure

    def probabilities(self, image: Image.Image) -> Mapping[str, float]:
        self.seen.append(image.size)
        if self._failure:
            raise self._failure
        share = self._judge(image)
        return dict(zip(self.labels, (1 - share, share), strict=True))

    def move(self, device: DeviceName) -> None:
        self.device = device

    def close(self) -> None:
        self.closed = True
