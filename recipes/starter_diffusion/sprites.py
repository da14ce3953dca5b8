"""The pictures that scenes are made of: taken from two packages once, and packed into one file."""

import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from recipes.starter_diffusion.things import things

PACKAGES = {
    "fluent": ("@lobehub/fluent-emoji-3d@1.1.0", "package/assets/{code}.webp"),
    "noto": ("emoji-datasource-google@16.0.0", "package/img/google/64/{code}.png"),
}
"""Package, and where in it the picture of a code point lies. Licences: NOTICE."""


@dataclass(frozen=True)
class Sprites:
    """Pictures of every thing in every style: uint8, (styles, things, side, side, RGBA), centred, not padded."""

    styles: tuple[str, ...]
    pixels: NDArray[np.uint8]

    def picture(self, thing: int, style: str) -> Image.Image:
        """RGBA, `side` × `side`."""
        return Image.fromarray(self.pixels[self.styles.index(style), thing])


def sprites(folder: Path, side: int) -> Sprites:
    """The packed sprites of that many pixels a side; the packages are fetched with npm the first time."""
    packed = folder / f"sprites-{side}.npz"
    if not packed.is_file():
        pixels = np.stack([_style(folder, style, side) for style in PACKAGES])
        np.savez_compressed(packed, pixels=pixels)
    return Sprites(tuple(PACKAGES), np.load(packed)["pixels"])


def _style(folder: Path, style: str, side: int) -> NDArray[np.uint8]:
    package, where = PACKAGES[style]
    with tarfile.open(_fetched(folder, package)) as archive:
        pictures = []
        for thing in things():
            member = archive.extractfile(where.format(code=thing.code.lower()))
            if member is None:
                raise FileNotFoundError(f"{package} has no picture of {thing.name} ({thing.code})")
            pictures.append(_fitted(Image.open(member).convert("RGBA"), side))
    return np.stack(pictures)


def _fetched(folder: Path, package: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    command = ["npm", "pack", "--silent", "--pack-destination", str(folder), package]
    name = package.removeprefix("@").replace("/", "-").replace("@", "-") + ".tgz"
    if not (folder / name).is_file():
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)  # noqa: S603
    return folder / name


def _fitted(picture: Image.Image, side: int) -> NDArray[np.uint8]:
    """Cut to what can be seen, and brought to `side` along the longer edge."""
    cut = picture.crop(picture.getchannel("A").point(lambda alpha: 255 * (alpha > 8)).getbbox())
    scale = side / max(cut.size)
    size = (max(1, round(cut.width * scale)), max(1, round(cut.height * scale)))
    # Colours of transparent pixels must not bleed into the edge.
    small = cut.convert("RGBa").resize(size, Image.Resampling.LANCZOS).convert("RGBA")
    canvas = Image.new("RGBA", (side, side))
    canvas.paste(small, ((side - size[0]) // 2, (side - size[1]) // 2))
    return np.asarray(canvas)
