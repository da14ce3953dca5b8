"""What the family can draw: things with their names in English and Chinese, and the colours of backgrounds."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

THINGS = Path(__file__).with_name("things.tsv")


@dataclass(frozen=True)
class Thing:
    """One everyday thing; `code` is the code point that names its pictures."""

    code: str
    english: tuple[tuple[str, str], ...]
    """Names as (one, several)."""
    chinese: tuple[str, ...]
    measure: str
    """The Chinese measure word: 两只猫."""
    colour: int | None = None
    """Its colour where it has one above all, as a number in COLOURS."""

    @property
    def name(self) -> str:
        """Its first English name."""
        return self.english[0][0]


@dataclass(frozen=True)
class Colour:
    """A colour that backgrounds have, by the names that people call it."""

    english: tuple[str, ...]
    chinese: tuple[str, ...]
    shades: tuple[tuple[int, int, int], ...]
    """sRGB of 0 to 255, from light to dark; a gradient runs between two of them."""


COLOURS: tuple[Colour, ...] = (
    Colour(("red",), ("红色", "红"), ((240, 84, 84), (222, 40, 44), (190, 22, 30))),
    Colour(("orange",), ("橙色", "橙"), ((255, 176, 84), (250, 145, 30), (232, 122, 12))),
    Colour(("yellow",), ("黄色", "黄"), ((255, 243, 130), (253, 226, 60), (240, 208, 28))),
    Colour(("green",), ("绿色", "绿"), ((120, 206, 122), (60, 172, 74), (34, 132, 52))),
    Colour(("teal", "turquoise"), ("青色", "青"), ((96, 220, 212), (32, 182, 178), (14, 146, 146))),
    Colour(("sky blue", "light blue"), ("天蓝色", "浅蓝色"), ((198, 232, 253), (162, 214, 250), (136, 198, 244))),
    Colour(("blue",), ("蓝色", "蓝"), ((88, 130, 240), (44, 92, 222), (26, 62, 182))),
    Colour(("purple", "violet"), ("紫色", "紫"), ((180, 126, 226), (146, 78, 204), (112, 48, 168))),
    Colour(("pink",), ("粉色", "粉红色"), ((255, 206, 224), (252, 172, 204), (244, 142, 184))),
    Colour(("brown",), ("棕色", "褐色"), ((160, 112, 76), (128, 82, 48), (98, 60, 32))),
    Colour(("gray", "grey"), ("灰色", "灰"), ((182, 184, 188), (146, 148, 152), (112, 114, 118))),
    Colour(("black",), ("黑色", "黑"), ((50, 50, 54), (28, 28, 32), (10, 10, 14))),
    Colour(("white",), ("白色", "白"), ((255, 255, 255), (248, 248, 250), (238, 240, 244))),
)


@cache
def things() -> tuple[Thing, ...]:
    """Every thing of `things.tsv`, in the order of the file."""
    rows = [line.split("\t") for line in THINGS.read_text("utf-8").splitlines() if not line.startswith("#")]
    return tuple(_thing(*row) for row in rows)


def _thing(code: str, english: str, chinese: str, measure: str, colour: str = "") -> Thing:
    names = tuple(_numbers(name) for name in english.split(","))
    known = [each.english[0] for each in COLOURS]
    return Thing(code, names, tuple(chinese.split(",")), measure, known.index(colour) if colour else None)


def _numbers(name: str) -> tuple[str, str]:
    one, _, several = name.partition("/")
    return one, several or f"{one}s"
