"""Pictures to train on where no package can be fetched."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from recipes.starter_diffusion.sprites import Sprites
from recipes.starter_diffusion.things import things


@pytest.fixture(scope="session")
def shapes() -> Sprites:
    """Pretended pictures: every thing is a shape of its own, darker than every background but black."""
    pictures = []
    for number in range(len(things())):
        picture = Image.new("RGBA", (64, 64))
        draw = ImageDraw.Draw(picture)
        corners = 3 + number % 5
        draw.regular_polygon((32, 32, 31), corners, rotation=number * 7, fill=(20 + number % 40, 60, 40, 255))
        draw.ellipse((20, 20, 20 + number % 20, 40), fill=(0, 255, 60, 255))
        pictures.append(np.asarray(picture))
    return Sprites(("fluent", "noto"), np.stack([np.stack(pictures)] * 2))
