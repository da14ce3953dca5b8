"""Line drawings without weights, through OpenCV: white lines on black."""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from studio.engines.annotators.resampling import fitted

FINE_SIGMA: Final = 0.5
WIDE_SIGMA: Final = 5.0
"""Pixels; how far the two blurs of a scribble reach."""
FAINTEST: Final = 16.0
"""Lines of a drawing fainter than this are not strengthened further, or the grain of an empty page would be."""
STRONG: Final = 127.0
"""What the middle one among the lines becomes."""


def canny(image: Image.Image, resolution: int, *, low_threshold: float, high_threshold: float) -> Image.Image:
    """Thin edges. Gradients above the high threshold are edges, and so are those above the low one that touch them."""
    import cv2

    found = cv2.Canny(np.asarray(fitted(image, resolution)), low_threshold, high_threshold)
    return _as_rgb(np.asarray(found))


def scribble(image: Image.Image, resolution: int, *, threshold: float) -> Image.Image:
    """Thick strokes where the picture is darker than around it: a difference of Gaussians, cut at a threshold.

    After Winnemöller, "XDoG: Advanced Image Stylization with eXtended Difference-of-Gaussians", 2011.
    """
    colours = _numbers(image, resolution)
    darker = (_blurred(colours, WIDE_SIGMA) - _blurred(colours, FINE_SIGMA)).min(axis=2)
    return _as_rgb(np.where(2 * darker > threshold, 255, 0).astype(np.uint8))


def lineart_standard(image: Image.Image, resolution: int, *, sigma: float, intensity_threshold: float) -> Image.Image:
    """The dark lines of a drawing on a bright page, each as strong as it is darker than what surrounds it."""
    colours = _numbers(image, resolution)
    depth = (_blurred(colours, sigma) - colours).min(axis=2).clip(0, 255)
    lines = depth[depth > intensity_threshold]
    typical = max(FAINTEST, float(np.median(lines)) if lines.size else 0.0)
    return _as_rgb((depth / typical * STRONG).clip(0, 255).astype(np.uint8))


def _numbers(image: Image.Image, resolution: int) -> NDArray[np.float32]:
    return np.asarray(fitted(image, resolution), np.float32)


def _blurred(colours: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    import cv2

    return np.asarray(cv2.GaussianBlur(colours, (0, 0), sigma), np.float32)


def _as_rgb(grey: NDArray[np.uint8]) -> Image.Image:
    return Image.fromarray(grey).convert("RGB")
