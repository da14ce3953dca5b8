"""The stick figure that pose ControlNets read: OpenPose's eighteen joints in OpenPose's colours."""

import colorsys
from collections.abc import Iterable, Sequence
from math import atan2, cos, hypot, pi, sin
from typing import Final

from PIL import Image, ImageDraw

Joint = tuple[float, float] | None
"""(x, y) in pixels; None for one that is not seen."""
NOSE, NECK, RIGHT_SHOULDER, LEFT_SHOULDER = 0, 1, 2, 5
ORDER: Final = (0, None, 6, 8, 10, 5, 7, 9, 12, 14, 16, 11, 13, 15, 2, 1, 4, 3)
"""Which of COCO's seventeen keypoints each joint is; the neck is none of them."""
LIMBS: Final = (
    *((1, 2), (1, 5), (2, 3), (3, 4), (5, 6), (6, 7), (1, 8), (8, 9), (9, 10), (1, 11), (11, 12), (12, 13)),
    *((1, 0), (0, 14), (14, 16), (0, 15), (15, 17)),
)
"""Joints with a stick between them, in the order in which their colours follow each other."""
SIDES: Final = 24
"""Corners of the ellipse that is a stick."""
DIMMED: Final = 0.6
"""How bright sticks are beside joints."""


def joints_of(keypoints: Sequence[Joint]) -> tuple[Joint, ...]:
    """OpenPose's joints from COCO's keypoints; the neck lies between the shoulders."""
    joints: list[Joint] = [None if place is None else keypoints[place] for place in ORDER]
    right, left = joints[RIGHT_SHOULDER], joints[LEFT_SHOULDER]
    if right and left:
        joints[NECK] = ((right[0] + left[0]) / 2, (right[1] + left[1]) / 2)
    return tuple(joints)


def draw_people(size: tuple[int, int], people: Iterable[Sequence[Joint]]) -> Image.Image:
    """Everyone's joints and sticks on black, mode RGB, as thick as the picture is large."""
    canvas = Image.new("RGB", size)
    pen = ImageDraw.Draw(canvas)
    thickness = max(2.0, min(size) / 128)
    for person in people:
        for number, limb in enumerate(LIMBS):
            begin, end = (person[joint] for joint in limb)
            if begin and end:
                pen.polygon(_stick(begin, end, thickness), fill=_colour(number, DIMMED))
        for number, joint in enumerate(person):
            if joint:
                x, y = joint
                box = (x - thickness, y - thickness, x + thickness, y + thickness)
                pen.ellipse(box, fill=_colour(number, 1.0))
    return canvas


def _stick(begin: tuple[float, float], end: tuple[float, float], thickness: float) -> list[tuple[float, float]]:
    """The outline of an ellipse from one joint to the other."""
    middle = ((begin[0] + end[0]) / 2, (begin[1] + end[1]) / 2)
    half, turn = hypot(end[0] - begin[0], end[1] - begin[1]) / 2, atan2(end[1] - begin[1], end[0] - begin[0])
    around = ((half * cos(2 * pi * i / SIDES), thickness * sin(2 * pi * i / SIDES)) for i in range(SIDES))
    return [(middle[0] + x * cos(turn) - y * sin(turn), middle[1] + x * sin(turn) + y * cos(turn)) for x, y in around]


def _colour(number: int, brightness: float) -> tuple[int, int, int]:
    """OpenPose goes round the colours from red in eighteen steps."""
    red, green, blue = (round(255 * part * brightness) for part in colorsys.hsv_to_rgb(number / 18, 1, 1))
    return red, green, blue
