"""The sheet of a plot: pictures side by side at one size, with what they differ in written above and beside them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from PIL import Image, ImageDraw, ImageFont

from studio.imaging.pictures.fitting import Size

LONGEST_SIDE: Final = 8192
"""Pixels; browsers and many viewers fail somewhat beyond it."""
READABLE_SIDE: Final = 256
"""Smaller pictures are shown larger, each pixel as a square, so that labels have room beside them."""
GAP: Final = 4
PAPER: Final = "white"
INK: Final = "black"
EMPTY: Final = "#e7e5e4"
MOST_LINES: Final = 3
SMALLEST_FONT: Final = 12
LARGEST_FONT: Final = 96
FONT_SHARE: Final = 25
"""Width and height of a cell together are that many times the height of its letters, as in A1111's grids."""
SIDE_LETTERS: Final = 10
"""The labels beside the rows are at most that many times as wide as their letters are high."""
DRAWN_BY_PILLOW: Final = frozenset("…“”")
"""Beside ASCII: its own font has few letters."""
WIDE_FONTS: Final = (
    # The second number is the font for simplified Chinese where a file holds several.
    ("NotoSansCJK-Regular.ttc", 2),
    ("NotoSansSC-Regular.otf", 0),
    ("SourceHanSansSC-Regular.otf", 0),
    ("wqy-microhei.ttc", 0),
    ("wqy-zenhei.ttc", 0),
    ("DroidSansFallbackFull.ttf", 0),
    ("msyh.ttc", 0),
    ("PingFang.ttc", 0),
    ("Hiragino Sans GB.ttc", 0),
    ("DejaVuSans.ttf", 0),
)

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


@dataclass(frozen=True)
class Layout:
    """Where everything is on a sheet, in pixels."""

    cell: Size
    left: int
    top: int
    size: Size
    font: Font

    def place(self, column: int, row: int) -> tuple[int, int]:
        """The upper left corner of a cell."""
        return self.left + column * (self.cell[0] + GAP), self.top + row * (self.cell[1] + GAP)


class Sheet:
    """A sheet that pictures are put on one after the other; a larger one than before makes all cells larger."""

    def __init__(self, columns: Sequence[str], rows: Sequence[str]) -> None:
        """The labels above and beside; a sheet whose rows have no labels has one row labelled ""."""
        self._columns, self._rows = tuple(columns), tuple(rows)
        self._files: dict[tuple[int, int], Path] = {}
        self._largest: Size = (1, 1)
        self._layout: Layout | None = None
        self._image: Image.Image | None = None

    @property
    def image(self) -> Image.Image:
        """The sheet so far, mode RGB; the next picture changes it.

        Raises:
            ValueError: there is no picture on it, and so no size.
        """
        if self._image is None:
            raise ValueError("an empty sheet has no size")
        return self._image

    @property
    def cells(self) -> tuple[tuple[Path | None, ...], ...]:
        """The file in each cell, row by row; None where there is none yet."""
        columns, rows = range(len(self._columns)), range(len(self._rows))
        return tuple(tuple(self._files.get((column, row)) for column in columns) for row in rows)

    def put(self, column: int, row: int, file: Path) -> None:
        """Place the picture in `file`, which must be readable."""
        self._files[column, row] = file
        with Image.open(file) as picture:
            width, height = picture.size
            larger = max(self._largest[0], width), max(self._largest[1], height)
            if larger != self._largest or self._layout is None:
                self._largest = larger
                self._begin()
            else:
                self._paste(self.image, self._layout, picture, (column, row))

    def _begin(self) -> None:
        """Lay everything out anew."""
        layout = self._layout = laid_out(self._largest, self._columns, self._rows)
        self._image = Image.new("RGB", layout.size, PAPER)
        pen = ImageDraw.Draw(self._image)
        for row in range(len(self._rows)):
            for column in range(len(self._columns)):
                x, y = layout.place(column, row)
                pen.rectangle((x, y, x + layout.cell[0] - 1, y + layout.cell[1] - 1), fill=EMPTY)
        self._label(pen, layout)
        for place, file in self._files.items():
            with Image.open(file) as picture:
                self._paste(self._image, layout, picture, place)

    def _label(self, pen: ImageDraw.ImageDraw, layout: Layout) -> None:
        for column, text in enumerate(self._columns):
            x, _ = layout.place(column, 0)
            middle = x + layout.cell[0] // 2, layout.top // 2
            _write(pen, middle, wrapped(text, layout.font, layout.cell[0]), layout.font)
        for row, text in enumerate(self._rows):
            _, y = layout.place(0, row)
            middle = layout.left // 2, y + layout.cell[1] // 2
            _write(pen, middle, wrapped(text, layout.font, layout.left - 2 * GAP), layout.font)

    def _paste(self, sheet: Image.Image, layout: Layout, picture: Image.Image, place: tuple[int, int]) -> None:
        share = layout.cell[0] / self._largest[0]
        image = picture.convert("RGB")
        if share != 1:
            smooth = Image.Resampling.LANCZOS if share < 1 else Image.Resampling.NEAREST
            image = image.resize(_scaled(image.size, share), smooth)
        x, y = layout.place(*place)
        sheet.paste(image, (x + (layout.cell[0] - image.width) // 2, y + (layout.cell[1] - image.height) // 2))


def laid_out(largest: Size, columns: Sequence[str], rows: Sequence[str]) -> Layout:
    """Where everything goes if the largest picture has this size; no side is longer than `LONGEST_SIDE`."""
    gaps = GAP * (len(columns) - 1), GAP * (len(rows) - 1)
    share = _whole(min(max(1, READABLE_SIDE // max(largest)), _share(largest, columns, rows, gaps)))
    # Smaller cells have smaller letters, so that what the labels may take now is more than they will.
    letters = _letters(_scaled(largest, share))
    taken = gaps[0] + SIDE_LETTERS * letters + 4 * GAP, gaps[1] + MOST_LINES * _line(letters) + 2 * GAP
    share = _whole(min(share, _share(largest, columns, rows, taken)))
    cell = _scaled(largest, share)
    font = font_for([*columns, *rows], _letters(cell))
    left, top = _margins(cell, columns, rows, font)
    size = left + gaps[0] + cell[0] * len(columns), top + gaps[1] + cell[1] * len(rows)
    return Layout(cell, left, top, size, font)


def wrapped(text: str, font: Font, width: int) -> list[str]:
    """At most three lines of a text, none wider than `width` pixels where a single letter is not."""
    lines: list[str] = []
    rest = " ".join(text.split())
    while rest and len(lines) < MOST_LINES:
        fits = _fitting(rest, font, width)
        space = rest.rfind(" ", 1, fits + 1)
        end = fits if fits >= len(rest) or space < 0 else space
        lines.append(rest[:end].strip())
        rest = rest[end:].lstrip()
    if rest:
        last = lines[-1]
        lines[-1] = last[: min(len(last), _fitting(f"{last}…", font, width) - 1)].rstrip() + "…" if last else "…"
    return lines


def font_for(texts: Sequence[str], height: int) -> Font:
    """Letters of this height that can show all of the texts, as far as this machine has such."""
    plain = all(letter.isascii() or letter in DRAWN_BY_PILLOW for text in texts for letter in text)
    return _own_font(height) if plain else _wide_font(height)


@cache
def _own_font(height: int) -> Font:
    return ImageFont.load_default(height)


@cache
def _wide_font(height: int) -> Font:
    for name, index in WIDE_FONTS:
        try:
            return ImageFont.truetype(name, height, index=index)
        except OSError:
            continue
    return _own_font(height)


def _fitting(text: str, font: Font, width: int) -> int:
    """How many letters from the beginning are at most that wide; at least one."""
    least, most = 1, min(len(text), max(1, width))
    while least < most:
        middle = (least + most + 1) // 2
        least, most = (middle, most) if font.getlength(text[:middle]) <= width else (least, middle - 1)
    return least


def _share(largest: Size, columns: Sequence[str], rows: Sequence[str], taken: tuple[int, int]) -> float:
    """How much smaller pictures must be for the sheet not to be too long, where so many pixels are taken otherwise."""
    counts = len(columns), len(rows)
    return min(
        (LONGEST_SIDE - other) / (side * count) for side, count, other in zip(largest, counts, taken, strict=True)
    )


def _whole(share: float) -> float:
    """Pictures are enlarged by whole numbers only; that keeps their pixels apart."""
    return float(int(share)) if share > 1 else share


def _scaled(size: Size, share: float) -> Size:
    return max(1, int(size[0] * share)), max(1, int(size[1] * share))


def _letters(cell: Size) -> int:
    return min(max(sum(cell) // FONT_SHARE, SMALLEST_FONT), LARGEST_FONT)


def _margins(cell: Size, columns: Sequence[str], rows: Sequence[str], font: Font) -> tuple[int, int]:
    """What the labels take on the left and above."""
    letters = _letters(cell)
    beside = [line for text in rows for line in wrapped(text, font, SIDE_LETTERS * letters)]
    above = max((len(wrapped(text, font, cell[0])) for text in columns), default=0)
    widest = max((font.getlength(line) for line in beside), default=0.0)
    return (int(widest) + 4 * GAP if beside else 0), (above * _line(letters) + 2 * GAP if above else 0)


def _line(letters: int) -> int:
    return round(letters * 1.4)


def _write(pen: ImageDraw.ImageDraw, middle: tuple[int, int], lines: Sequence[str], font: Font) -> None:
    height = _line(round(font.size)) if isinstance(font, ImageFont.FreeTypeFont) else _line(SMALLEST_FONT)
    top = middle[1] - height * (len(lines) - 1) / 2
    for number, text in enumerate(lines):
        pen.text((middle[0], top + number * height), text, fill=INK, font=font, anchor="mm")
