"""Where people are and how they stand."""

from collections.abc import Sequence
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from studio.engines.annotators.resampling import fitted
from studio.engines.annotators.skeleton import Joint, draw_people, joints_of

Box = tuple[float, float, float, float]
"""(left, top, right, bottom) in pixels."""
PERSON: Final = "person"
SURE: Final = 0.5
"""How sure a finder must be that it sees a person."""
MOST_PEOPLE: Final = 20
MARGIN: Final = 1.25
"""How much larger than a person the cut-out is that a pose is read from, as the networks were trained."""
MEAN: Final = np.array((0.485, 0.456, 0.406), np.float32)
DEVIATION: Final = np.array((0.229, 0.224, 0.225), np.float32)
"""Of the colours the networks were trained on, red, green and blue of 0 to 1."""


class Finder(Protocol):
    """A loaded network that finds people."""

    def run(self, image: Image.Image, resolution: int) -> Sequence[Box]: ...


def find_people(network: Any, image: Image.Image, resolution: int, *, processor: Any) -> tuple[Box, ...]:
    """The people in a picture, the surest first; the network looks at a size of its own, whatever the `resolution`."""
    import torch

    first = next(network.parameters())
    pixels = processor(images=image, return_tensors="pt")["pixel_values"].to(first.device, first.dtype)
    found = processor.post_process_object_detection(
        network(pixel_values=pixels), threshold=SURE, target_sizes=[(image.height, image.width)]
    )[0]
    names = network.config.id2label
    sure = torch.argsort(found["scores"], descending=True).tolist()
    labels, boxes = found["labels"].tolist(), found["boxes"].float().tolist()
    people = (tuple(boxes[number]) for number in sure if names.get(labels[number]) == PERSON)
    return tuple(people)[:MOST_PEOPLE]


def draw_pose(
    network: Any, image: Image.Image, resolution: int, *, confidence: float, people: Finder | None = None
) -> Image.Image:
    """The stick figures of everyone the finder sees; without a finder, of the one person who fills the picture."""
    picture = fitted(image, resolution)
    whole: Box = (0, 0, *picture.size)
    boxes = people.run(picture, resolution) if people else (whole,)
    drawn = [joints_of(_keypoints(network, picture, box, confidence)) for box in boxes]
    return draw_people(picture.size, drawn)


def _keypoints(network: Any, picture: Image.Image, box: Box, confidence: float) -> list[Joint]:
    """COCO's seventeen keypoints of the person in a box."""
    import torch

    height, width = network.config.backbone_config.image_size
    seen = _widened(box, width / height)
    cut = picture.transform((width, height), Image.Transform.EXTENT, seen, Image.Resampling.BILINEAR)
    colours = (np.asarray(cut, np.float32) / 255 - MEAN) / DEVIATION
    first = next(network.parameters())
    pixels = torch.from_numpy(colours).permute(2, 0, 1)[None].to(first.device, first.dtype)
    # A network of several experts was trained on several data sets, of which COCO is the first.
    several = network.config.backbone_config.num_experts > 1
    dataset = torch.zeros(1, dtype=torch.long, device=first.device) if several else None
    heat = network(pixel_values=pixels, dataset_index=dataset).heatmaps[0].float().cpu().numpy()
    return [_place(map_, seen, confidence) for map_ in heat]


def _widened(box: Box, aspect: float) -> Box:
    """The box around the same middle with a margin, and with the network's aspect (width over height)."""
    left, top, right, bottom = box
    width, height = max(right - left, 1.0), max(bottom - top, 1.0)
    width, height = max(width, height * aspect) * MARGIN, max(height, width / aspect) * MARGIN
    x, y = (left + right) / 2, (top + bottom) / 2
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2


def _place(heat: NDArray[np.float32], seen: Box, confidence: float) -> Joint:
    """Where a heat map (h, w) is hottest, moved a quarter of a step towards its hotter neighbours."""
    height, width = heat.shape
    row, column = divmod(int(np.nan_to_num(heat).argmax()), width)
    if not heat[row, column] >= confidence:
        return None
    x, y = column + 0.5 + _lean(heat[row], column), row + 0.5 + _lean(heat[:, column], row)
    left, top, right, bottom = seen
    return left + x / width * (right - left), top + y / height * (bottom - top)


def _lean(line: NDArray[np.float32], place: int) -> float:
    if not 0 < place < len(line) - 1:
        return 0.0
    return 0.25 * float(np.sign(line[place + 1] - line[place - 1]))
