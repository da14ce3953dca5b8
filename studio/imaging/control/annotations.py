"""Control images on disk, to be looked at before they steer, and to be used again."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from studio.imaging.control.images import ControlImages
from studio.imaging.control.requests import ControlImageRequest
from studio.imaging.pictures.fitting import USUAL_SIDE, shaped_like
from studio.imaging.pictures.opening import opened
from studio.imaging.pictures.storage import PictureStore
from studio.registry import LoadProgress


@dataclass(frozen=True)
class Annotated:
    """A control image."""

    file: Path
    annotator: str
    resolution: int
    """Pixels of the shorter side at which the picture was annotated."""
    width: int
    height: int
    notice: str | None = None
    """A message key for something the user should know, such as that nothing was found."""


class Annotations:
    """Makes control images and keeps them in `outputs`."""

    def __init__(self, control_images: ControlImages, outputs: Path) -> None:
        self._control_images = control_images
        self._store = PictureStore(outputs)

    def annotate(self, request: ControlImageRequest) -> Iterator[LoadProgress | Annotated]:
        """Make one; raises what `ControlImages.control_image` does, and StorageFailed when it cannot be written."""
        width, height = request.width, request.height
        if width is None or height is None:
            with opened(request.image, self._control_images.max_pixels) as image:
                own = shaped_like(image.size, USUAL_SIDE * USUAL_SIDE)
            width, height = width or own[0], height or own[1]
        made = yield from self._control_images.asked(request.image, request, (width, height))
        with self._store.new(f"control-{made.annotator}") as draft:
            made.image.save(draft, format="PNG")  # type: ignore[arg-type]
        yield Annotated(draft.path, made.annotator, made.resolution, width, height, made.notice)
