"""Making control images: what a ControlNet reads, from whatever picture there is."""

from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, cast

from PIL import Image

from studio.engines.annotators import Annotator, Kind, kind, suggested, working_size
from studio.errors import InvalidRequest, OutOfMemory, UnknownModel
from studio.imaging.control.cache import ControlCache, ControlImage, content_key
from studio.imaging.control.requests import ControlImageRequest
from studio.imaging.control.sizes import LEAST_RESOLUTION, MOST_RESOLUTION, perfect_resolution, placed
from studio.imaging.control.units import ControlUnitRequest
from studio.imaging.pictures.fitting import ResizeMode
from studio.imaging.pictures.opening import open_picture
from studio.registry import Catalogue, LoadProgress, ModelId, ModelSpec, Registry, Shape

CACHE_BYTES: Final = 256_000_000
LIKENESSES: Final[Mapping[str, str]] = MappingProxyType({"lineart": "lineart_standard"})
"""What draws nearly the same without weights."""
PICTURES: Final = frozenset({"none", "tile"})
"""Annotators that leave a picture a picture, of which a single colour is nothing strange."""


class ControlImages:
    """Makes control images with the annotators of a registry, and keeps the last `cache_bytes` of them.

    Pictures of more than `max_pixels` pixels are refused before they are decoded.
    """

    def __init__(
        self, registry: Registry, catalogue: Catalogue, max_pixels: int, *, cache_bytes: int = CACHE_BYTES
    ) -> None:
        self._registry = registry
        self._catalogue = catalogue
        self.max_pixels = max_pixels
        self._cache = ControlCache(cache_bytes)

    @property
    def cached_bytes(self) -> int:
        """What the control images it keeps take."""
        return self._cache.nbytes

    def control_image(
        self,
        picture: Path | Image.Image,
        annotator: str = "none",
        parameters: Mapping[str, object] | None = None,
        *,
        size: tuple[int, int],
        resize_mode: ResizeMode = "crop",
        pixel_perfect: bool = True,
        resolution: int = 512,
    ) -> Generator[LoadProgress, None, ControlImage]:
        """Make the control image of a picture, at exactly `size` (width, height), and return it; a picture of another
        aspect is resized by the mode. Closing the generator gives up waiting for a model.

        Raises:
            InvalidRequest: no such annotator, or a parameter, the size or the resolution is out of bounds.
            UnreadablePicture: the file is no picture, damaged or too large.
            UnknownModel: the annotator needs a model that is not in the catalogue.
            WeightsUnavailable, OutOfMemory, Busy, EngineFailed: its model cannot be brought or fails.
        """
        chosen = kind(annotator)
        numbers = chosen.complete(parameters or {})
        self._check(size, resolution)
        source = _opaque(self._opened(picture))
        if pixel_perfect:
            resolution = perfect_resolution(source.size, size, resize_mode)
        specs = [self._network(chosen, name) for name in chosen.networks]
        models = tuple(spec.id for spec in specs)
        key = content_key(source, annotator, numbers, resolution, models, size, resize_mode)
        kept = self._cache.get(key)
        if kept is None:
            drawn = yield from self._drawn(chosen, models, source, resolution, numbers)
            image = placed(drawn.convert("RGB"), size, resize_mode)
            kept = ControlImage(image, annotator, resolution, next(iter(models), None), _notice(chosen, image))
            kept = self._cache.keep(key, kept)
        return kept

    def asked(
        self, picture: Path | Image.Image, asked: ControlUnitRequest | ControlImageRequest, size: tuple[int, int]
    ) -> Generator[LoadProgress, None, ControlImage]:
        """The same with the settings of a request; raises what `control_image` does."""
        return self.control_image(
            picture,
            asked.annotator,
            asked.parameters,
            size=size,
            resize_mode=asked.resize_mode,
            pixel_perfect=asked.pixel_perfect,
            resolution=asked.resolution,
        )

    def suggest(self, controlnet: str) -> str:
        """The annotator that a ControlNet was trained on, or one without weights that comes close where its own would
        have to be fetched; `none` where nothing says.

        Raises:
            UnknownModel: no such ControlNet.
        """
        spec = self._catalogue.get(controlnet)
        told = str(spec.defaults.get("annotator") or "")
        annotator = told or suggested(spec.id, spec.name, *(source.hub or "" for source in spec.sources))
        like = LIKENESSES.get(annotator)
        return like if like and not self.present(annotator) else annotator

    def present(self, annotator: str) -> bool:
        """Whether an annotator can work without fetching anything.

        Raises:
            InvalidRequest: there is none with this id.
        """
        chosen = kind(annotator)
        specs = (self._candidates(name) for name in chosen.networks)
        return all(any(self._registry.present(spec) for spec in some) for some in specs)

    def _candidates(self, network: str) -> list[ModelSpec]:
        return [spec for spec in self._catalogue.for_task("annotate") if spec.defaults.get("annotator") == network]

    def _network(self, chosen: Kind, network: str) -> ModelSpec:
        """The entry that does a network's work: the first one that is here, else the first one."""
        candidates = self._candidates(network)
        if not candidates:
            raise UnknownModel("control.no_model", annotator=chosen.id, network=network)
        return next((spec for spec in candidates if self._registry.present(spec)), candidates[0])

    def _drawn(
        self,
        chosen: Kind,
        models: tuple[ModelId, ...],
        source: Image.Image,
        resolution: int,
        parameters: Mapping[str, float],
    ) -> Generator[LoadProgress, None, Image.Image]:
        if chosen.draw is not None:
            return _without_weights(chosen.draw, source, resolution, parameters)
        shape = Shape(*working_size(source.size, resolution))
        with self._registry.lease(*models, shape=shape) as lease:

            def annotated(engine: Annotator) -> Image.Image:
                helpers = {
                    name: lease.again(model) for name, model in zip(chosen.networks[1:], models[1:], strict=True)
                }
                return engine.annotate(source, resolution, **parameters, **helpers)

            return (yield from lease.ask(annotated))

    def _check(self, size: tuple[int, int], resolution: int) -> None:
        width, height = size
        if min(size) < 1 or width * height > self.max_pixels:
            raise InvalidRequest("control.size", width=width, height=height)
        if not LEAST_RESOLUTION <= resolution <= MOST_RESOLUTION:
            bounds = {"least": LEAST_RESOLUTION, "most": MOST_RESOLUTION}
            raise InvalidRequest("control.resolution", resolution=resolution, **bounds)

    def _opened(self, picture: Path | Image.Image) -> Image.Image:
        if isinstance(picture, Image.Image):
            return picture
        return open_picture(picture, self.max_pixels).image


def _without_weights(
    draw: Callable[..., Any], source: Image.Image, resolution: int, parameters: Mapping[str, float]
) -> Image.Image:
    try:
        return cast(Image.Image, draw(source, resolution, **parameters))
    except MemoryError as error:
        raise OutOfMemory("control.memory", resolution=resolution) from error


def _opaque(image: Image.Image) -> Image.Image:
    """Mode RGB; what is transparent lies on white, as on a page."""
    if not image.has_transparency_data:
        return image.convert("RGB")
    layer = image.convert("RGBA")
    page = Image.new("RGBA", layer.size, "white")
    return Image.alpha_composite(page, layer).convert("RGB")


def _notice(chosen: Kind, image: Image.Image) -> str | None:
    """Of a control image in which there is nothing to follow."""
    flat = all(low == high for low, high in image.getextrema())  # type: ignore[misc]
    return "errors.control.empty" if flat and chosen.id not in PICTURES else None
