"""Pictures that differ in one or two settings, drawn one after the other onto one sheet."""

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic
from types import MappingProxyType
from typing import Final, Self, cast

from pydantic import model_validator

from studio.errors import EngineFailed, InvalidRequest
from studio.imaging.drawing.illustrator import Illustrator
from studio.imaging.drawing.plan import plan_settings
from studio.imaging.drawing.requests import DrawingProgress, Drawn, PictureRequest, fixed_seed
from studio.imaging.enlarging.requests import EnlargingProgress
from studio.imaging.infotext.carriers import save
from studio.imaging.infotext.pairs import quoted
from studio.imaging.pictures.storage import PictureStore
from studio.imaging.plots.axes import LABELS, Axis
from studio.imaging.plots.ranges import joined_values
from studio.imaging.plots.sheet import Sheet
from studio.imaging.prompts.phrasing import Phrasing
from studio.registry import LoadProgress, Registry
from studio.validation import Request

MOST_CELLS: Final = 100
NEEDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "strength": "image",
        "variation_seed": "variation_strength",
        "hires_steps": "hires_scale",
        "hires_strength": "hires_scale",
        "hires_upscaler": "hires_scale",
    }
)
"""What must be set for a field to change anything."""
PIXELS_A_WRITE: Final = 8_000_000
"""Pixels of a sheet that are written in about a second; larger ones are written after every few pictures only."""
SCRIPT: Final = "X/Y/Z plot"
"""What A1111 calls it in its infotexts."""
REFUSED: Final = "nsfw.refused"
"""What an illustrator answers where the one picture that was asked for does not pass the content check."""
Event = LoadProgress | DrawingProgress | EnlargingProgress | Drawn
"""What an illustrator tells."""


class PlotRequest(Request):
    """Draw `picture` once for every value of `x`, or for every pair of values of `x` and `y`.

    Its `count` does not count: there is one picture for each.
    """

    picture: PictureRequest
    x: Axis
    y: Axis | None = None

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        axes = self.axes
        names = [axis.vary for axis in axes]
        if len(set(names)) < len(names) and names[0] != "prompt":
            raise InvalidRequest("plot.same", field=names[0])
        columns, rows = (len(points) for points in self.points)
        check_total(columns, rows)
        for axis in axes:
            axis.check(self.picture)
            need = NEEDS.get(axis.vary)
            if need and need not in names and not getattr(self.picture, need):
                raise InvalidRequest(f"plot.idle.{need}", field=axis.vary)
        return self

    @property
    def axes(self) -> tuple[Axis, ...]:
        """One or two."""
        return (self.x,) if self.y is None else (self.x, self.y)

    @property
    def points(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """What the columns have, and the rows."""
        return self.x.points, self.y.points if self.y else ("",)


def check_total(columns: int, rows: int) -> None:
    """See that this is no larger than plots may be.

    Raises:
        InvalidRequest: it is.
    """
    if columns * rows > MOST_CELLS:
        raise InvalidRequest("plot.pictures", columns=columns, rows=rows, count=columns * rows, most=MOST_CELLS)


@dataclass(frozen=True)
class Plotted:
    """The sheet so far, and the pictures on it, all of them on disk."""

    file: Path
    """The same all the time; a large sheet is up to date after every few pictures, and in the end."""
    width: int
    height: int
    cells: tuple[tuple[Path | None, ...], ...]
    """The pictures, row by row; None where there is none yet."""
    infotext: str
    """Of the sheet: the first picture's, and what varies."""
    done: int
    """Pictures behind, those that were refused among them."""
    total: int
    refused: int = 0
    """How many the content check refused."""
    notice: str | None = None
    """A message key for something the user should know of one of the pictures."""


class Plotter:
    """Draws plots with an illustrator and keeps their sheets in `outputs`."""

    def __init__(self, illustrator: Illustrator, registry: Registry, phrasing: Phrasing, outputs: Path) -> None:
        """`registry` and `phrasing` are the illustrator's; they judge all pictures before the first is drawn."""
        self._illustrator = illustrator
        self._registry = registry
        self._phrasing = phrasing
        self._store = PictureStore(outputs)

    def draw(self, request: PlotRequest) -> Iterator[LoadProgress | DrawingProgress | EnlargingProgress | Plotted]:
        """Draw every picture and put it on the sheet; where models vary, each is loaded once.

        A seed left to chance is chosen once, for all pictures. After each one comes the sheet so far. Closing the
        iterator stops within one step, and keeps the finished pictures and the sheet with them; so does an error. The
        place of a picture that the content check refuses stays empty.

        Raises:
            InvalidRequest: one of the pictures could not be drawn, which is told before the first is begun; or the
                content check refuses them all.
            UnknownModel: no such image model or upscaler.
            StudioError: whatever drawing a picture raises.
        """
        request = _with_seeds(request)
        wanted = [(place, _cell(request, *place)) for place in _order(request)]
        for _, cell in wanted:
            self._check(cell)
        plot = _Plot(request, self._store, len(wanted))
        begun = monotonic()
        try:
            for number, (place, cell) in enumerate(wanted, 1):
                plot.put(place, (yield from self._allowed(cell, _CellProgress(number, len(wanted), begun))))
                if plot.begun:
                    yield plot.so_far()
        finally:
            plot.keep()
        if not plot.begun:
            raise InvalidRequest(REFUSED)

    def _check(self, cell: PictureRequest) -> None:
        plan_settings(cell, self._registry)
        self._phrasing.phrase(cell.prompt, cell.negative_prompt, cell.styles, cell.seed)

    def _allowed(
        self, cell: PictureRequest, part: "_CellProgress"
    ) -> Generator[LoadProgress | DrawingProgress | EnlargingProgress, None, Drawn | None]:
        """The picture of a cell; None where the content check keeps it back, which is no reason to keep others back."""
        try:
            return (yield from self._drawn(cell, part))
        except InvalidRequest as error:
            if error.code != REFUSED:
                raise
            return None

    def _drawn(
        self, cell: PictureRequest, part: "_CellProgress"
    ) -> Generator[LoadProgress | DrawingProgress | EnlargingProgress, None, Drawn]:
        drawn: Drawn | None = None
        with closing(cast(Generator[Event, None, None], self._illustrator.draw(cell))) as events:
            for event in events:
                if isinstance(event, Drawn):
                    drawn = event
                else:
                    yield part.placed(event) if isinstance(event, DrawingProgress) else event
        if drawn is None:
            raise EngineFailed("draw.nothing", model=cell.model or "")
        return drawn


@dataclass(frozen=True)
class _CellProgress:
    """Which of the pictures is being drawn, and since when all of them are."""

    number: int
    total: int
    begun: float

    def placed(self, event: DrawingProgress) -> DrawingProgress:
        """A picture on its way as one of all, with the time until the last is done."""
        left = event.seconds_left
        if left is not None:
            each = (monotonic() - self.begun + left) / self.number
            left += each * (self.total - self.number)
        return replace(event, picture=self.number, pictures=self.total, seconds_left=left)


class _Plot:
    """A sheet on its way, and its file."""

    def __init__(self, request: PlotRequest, store: PictureStore, total: int) -> None:
        labels = [[axis.label(point) for point in axis.points] for axis in request.axes]
        self._sheet = Sheet(labels[0], labels[1] if request.y else [""])
        self._request, self._store, self._total = request, store, total
        self._file: Path | None = None
        self._done = self._placed = self._written = 0
        self._infotext = ""
        self._notice: str | None = None

    @property
    def begun(self) -> bool:
        """Whether there is a picture to show."""
        return self._placed > 0

    def put(self, place: tuple[int, int], drawn: Drawn | None) -> None:
        """Place a finished picture, or leave its place empty."""
        self._done += 1
        if drawn is not None:
            self._sheet.put(*place, drawn.files[0])
            self._placed += 1
            self._infotext = self._infotext or told(drawn.infotext, self._request)
            self._notice = self._notice or drawn.notice

    def so_far(self) -> Plotted:
        """What there is now, written unless it was written shortly before; there must be a picture."""
        width, height = self._sheet.image.size
        lag = 1 + width * height // PIXELS_A_WRITE
        late = self._placed - self._written >= lag or self._done == self._total
        file = self._written_now() if self._file is None or late else self._file
        cells, refused = self._sheet.cells, self._done - self._placed
        return Plotted(file, width, height, cells, self._infotext, self._done, self._total, refused, self._notice)

    def keep(self) -> None:
        """Write what is not written yet."""
        if self._written < self._placed:
            self._written_now()

    def _written_now(self) -> Path:
        if self._file is None or self._written < self._placed:
            with self._store.new(f"plot-{self._request.picture.seed}") as draft:
                save(self._sheet.image, draft, "png", self._infotext)
            # One file that grows, seen by its readers whole at any time.
            self._file = draft.path if self._file is None else draft.path.replace(self._file)
            self._written = self._placed
        return self._file


def told(infotext: str, request: PlotRequest) -> str:
    """The infotext of a plot whose first picture has this one, in A1111's words."""
    varied: dict[str, str] = {"Script": SCRIPT}
    for letter, axis in zip("XY", request.axes, strict=False):
        varied |= {f"{letter} Type": LABELS[axis.vary], f"{letter} Values": joined_values(axis.values)}
    return ", ".join([infotext, *(f"{key}: {quoted(value)}" for key, value in varied.items())])


def _with_seeds(request: PlotRequest) -> PlotRequest:
    """Every seed decided, so that the pictures differ in nothing but what varies."""
    seeds = ("seed", "variation_seed")
    fixed = {name: fixed_seed(getattr(request.picture, name)) for name in seeds}
    picture = request.picture.model_copy(update={**fixed, "count": 1, "batch_size": 1})
    axes = [
        axis.fixed([str(fixed_seed(int(value))) for value in axis.values]) if axis.vary in seeds else axis
        for axis in request.axes
    ]
    return request.model_copy(update={"picture": picture, **dict(zip("xy", axes, strict=False))})


def _order(request: PlotRequest) -> Sequence[tuple[int, int]]:
    """Column and row of each picture as they are drawn: by rows, or by columns where each has a model of its own."""
    columns, rows = (range(len(points)) for points in request.points)
    if request.x.vary == "model":
        return [(column, row) for column in columns for row in rows]
    return [(column, row) for row in rows for column in columns]


def _cell(request: PlotRequest, column: int, row: int) -> PictureRequest:
    cell = request.x.changed(request.picture, request.x.points[column])
    return request.y.changed(cell, request.y.points[row]) if request.y else cell
