from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from studio.engines.diffusion import DiffusersLoader, DiffusionEngine, DiffusionRequest, Picture, Step
from studio.engines.diffusion.fake import ColourEngine
from studio.errors import EngineFailed, InvalidRequest, UnknownModel
from studio.imaging.drawing.illustrator import Illustrator
from studio.imaging.drawing.requests import DrawingProgress, Drawn, PictureRequest
from studio.imaging.infotext.text import read_infotext
from studio.imaging.plots.axes import Axis
from studio.imaging.plots.plotter import PlotRequest, Plotted, Plotter
from studio.imaging.plots.sheet import LONGEST_SIDE, MOST_LINES, Sheet, font_for, laid_out, wrapped
from studio.imaging.prompts.phrasing import Phrasing
from tests.support.registries import fake_registry, spec, use
from tests.support.tiny_diffusion import save_tiny_stable_diffusion

DEFAULTS = {"steps": 3, "width": 96, "height": 64, "guidance_scale": 1.5}


class Easel:
    """A plotter over one engine for two models, and the illustrator it uses."""

    def __init__(self, engine: DiffusionEngine, folder: Path) -> None:
        entries = [spec(name, task="image", defaults=DEFAULTS) for name in ("colours", "pastels")]
        entries.append(spec("outlines", task="controlnet"))
        self.folder = folder
        self.registry = fake_registry(*entries, loader=lambda *_: engine, cache=folder / "cache", host=10**8)
        phrasing = Phrasing(folder)
        self.illustrator = Illustrator(self.registry, folder / "outputs", phrasing)
        self.plotter = Plotter(self.illustrator, self.registry, phrasing, folder / "outputs")

    def events(self, x: dict[str, Any], y: dict[str, Any] | None = None, **fields: Any) -> Iterator[Any]:
        picture = PictureRequest.of(**{"prompt": "a cat", **fields})
        request = PlotRequest.of(picture=picture, x=Axis.of(**x), y=Axis.of(**y) if y else None)
        return self.plotter.draw(request)

    def plotted(self, x: dict[str, Any], y: dict[str, Any] | None = None, **fields: Any) -> Plotted:
        *_, last = self.events(x, y, **fields)
        assert isinstance(last, Plotted)
        return last

    def alone(self, **fields: Any) -> Drawn:
        *_, last = self.illustrator.draw(PictureRequest.of(**{"prompt": "a cat", **fields}))
        assert isinstance(last, Drawn)
        return last

    @property
    def kept(self) -> set[Path]:
        return {path for path in (self.folder / "outputs").rglob("*") if path.is_file()}


@pytest.fixture
def engine() -> ColourEngine:
    return ColourEngine()


@pytest.fixture
def easel(engine: ColourEngine, tmp_path: Path) -> Easel:
    return Easel(engine, tmp_path)


def axis(vary: str, values: object) -> dict[str, Any]:
    return {"vary": vary, "values": values}


def pixels(file: Path | None) -> Any:
    assert file is not None
    with Image.open(file) as image:
        return np.asarray(image.convert("RGB"))


def test_each_cell_is_what_its_request_alone_would_draw(easel: Easel) -> None:
    done = easel.plotted(axis("seed", "3, 5"), axis("prompt", "cat, dog, 猫"))
    assert [len(row) for row in done.cells] == [2, 2, 2]
    for row, animal in zip(done.cells, ("cat", "dog", "猫"), strict=True):
        for cell, seed in zip(row, (3, 5), strict=True):
            alone = easel.alone(prompt=f"a {animal}", seed=seed)
            np.testing.assert_array_equal(pixels(cell), pixels(alone.files[0]))
            assert cell is not None
            with Image.open(cell) as image:
                assert image.info["parameters"] == alone.infotext


def test_the_sheet_shows_every_picture_in_its_place(easel: Easel) -> None:
    done = easel.plotted(axis("seed", "1-3"), axis("prompt", "cat, dog"))
    sheet = pixels(done.file)
    assert sheet.shape == (done.height, done.width, 3)
    middles = []
    for row in done.cells:
        for cell in row:
            rows, columns = np.nonzero((sheet == pixels(cell)[0, 0]).all(axis=2))
            assert (np.ptp(rows) + 1, np.ptp(columns) + 1, len(rows)) == (128, 192, 128 * 192)
            middles.append((rows.mean(), columns.mean()))
    assert middles == sorted(middles)
    assert len({row for row, _ in middles}) == 2
    assert len({column for _, column in middles}) == 3


def test_the_sheet_grows_in_one_file_with_each_picture(easel: Easel) -> None:
    seen = [event for event in easel.events(axis("seed", "1-4")) if isinstance(event, Plotted)]
    assert [(each.done, each.total) for each in seen] == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert [sum(cell is not None for cell in each.cells[0]) for each in seen] == [1, 2, 3, 4]
    assert {each.file for each in seen} == {seen[-1].file}
    assert easel.kept == {seen[-1].file, *(cell for cell in seen[-1].cells[0] if cell)}


def test_progress_counts_all_pictures_and_the_time_until_the_last(easel: Easel) -> None:
    steps = [event for event in easel.events(axis("steps", "2, 4")) if isinstance(event, DrawingProgress)]
    assert [(s.picture, s.pictures, s.step, s.total) for s in steps] == [
        *((1, 2, step, 2) for step in (1, 2)),
        *((2, 2, step, 4) for step in (1, 2, 3, 4)),
    ]
    assert steps[1].seconds_left > 0
    assert steps[-1].seconds_left == 0
    assert all(step.preview is not None for step in steps)


def test_a_seed_left_to_chance_is_the_same_for_all_pictures(easel: Easel, engine: ColourEngine) -> None:
    easel.plotted(axis("steps", "1, 2"), axis("guidance_scale", "3, 4"), variation_strength=0.5, count=7)
    assert len(engine.requests) == 4
    assert len({(request.seed, request.variation_seed) for request in engine.requests}) == 1
    easel.plotted(axis("seed", "-1, -1, 4"))
    assert len({request.seed for request in engine.requests[4:]}) == 3
    assert engine.requests[6].seed == 4


@pytest.mark.parametrize("models_across", [True, False])
def test_each_model_is_loaded_once(engine: ColourEngine, tmp_path: Path, models_across: bool) -> None:
    easel = Easel(engine, tmp_path)
    models, steps = axis("model", "colours, pastels"), axis("steps", "1-3")
    done = easel.plotted(models, steps, seed=1) if models_across else easel.plotted(steps, models, seed=1)
    assert [request.steps for request in engine.requests] == [1, 2, 3, 1, 2, 3]
    told = [[read_infotext(_text(cell)) for cell in row] for row in done.cells]
    columns = list(zip(*told, strict=True)) if models_across else told
    assert [{each.model for each in column} for column in columns] == [{"colours"}, {"pastels"}]


def _text(file: Path | None) -> str:
    assert file is not None
    with Image.open(file) as image:
        return str(image.info["parameters"])


def test_the_sheet_tells_what_varies_as_a1111_does(easel: Easel) -> None:
    done = easel.plotted(axis("steps", "10-20 (+5)"), axis("prompt", 'cat, "dog, asleep"'), seed=3)
    assert _text(done.file) == done.infotext
    assert done.infotext.endswith(
        'Script: X/Y/Z plot, X Type: Steps, X Values: "10, 15, 20", '
        'Y Type: Prompt S/R, Y Values: "cat, \\"dog, asleep\\""'
    )
    told = read_infotext(done.infotext)
    assert (told.prompt, told.steps, told.seed, told.model) == ("a cat", 10, 3, "colours")
    assert dict(told.unknown) == {
        "Script": "X/Y/Z plot",
        "X Type": "Steps",
        "X Values": "10, 15, 20",
        "Y Type": "Prompt S/R",
        "Y Values": 'cat, "dog, asleep"',
    }


def test_stop_keeps_what_is_finished(easel: Easel, engine: ColourEngine) -> None:
    events = easel.events(axis("seed", "1-5"), steps=50)
    for event in events:
        if isinstance(event, Plotted) and event.done == 2:
            break
    while not isinstance(next(events), DrawingProgress):
        pass
    events.close()  # type: ignore[attr-defined]
    assert engine.drawn <= 2 * 50 + 2
    assert easel.kept == {event.file, *event.cells[0][:2]}
    assert pixels(event.file).shape == (event.height, event.width, 3)
    assert use(easel.registry, "colours") is engine


class Tiring(ColourEngine):
    """Breaks off with its third picture."""

    def stream(self, request: DiffusionRequest) -> Iterator[Step | Picture]:
        if len(self.requests) == 2:
            raise EngineFailed("draw.engine", reason="tired")
        return super().stream(request)


def test_an_error_in_the_middle_keeps_what_is_finished(tmp_path: Path) -> None:
    easel = Easel(Tiring(), tmp_path)
    seen: list[Any] = []
    with pytest.raises(EngineFailed):
        seen.extend(easel.events(axis("seed", "1-5")))
    last = [event for event in seen if isinstance(event, Plotted)][-1]
    assert easel.kept == {last.file, *last.cells[0][:2]}


class Strict(Illustrator):
    """Refuses what a content check would: everything with an odd seed."""

    def draw(self, request: PictureRequest) -> Iterator[Any]:
        for event in super().draw(request):
            if isinstance(event, Drawn) and event.seed % 2:
                event.files[0].unlink()
                raise InvalidRequest("nsfw.refused", pictures=1)
            yield event


def test_the_place_of_a_refused_picture_stays_empty(easel: Easel) -> None:
    outputs = easel.folder / "outputs"
    strict = Strict(easel.registry, outputs)
    easel.plotter = Plotter(strict, easel.registry, Phrasing(easel.folder), outputs)
    done = easel.plotted(axis("seed", "1-5"))
    assert [cell is None for cell in done.cells[0]] == [True, False, True, False, True]
    assert (done.done, done.total, done.refused) == (5, 5, 3)
    before = easel.kept
    with pytest.raises(InvalidRequest, match=r"."):
        easel.plotted(axis("seed", "1, 3"))
    assert easel.kept == before


@pytest.mark.parametrize(
    ("x", "y", "fields", "says"),
    [
        (axis("steps", "1-20"), axis("seed", "1-6"), {}, "20 times 6 values make 120 pictures"),
        (axis("steps", "1, 2"), axis("steps", "3, 4"), {}, "Both axes vary “steps”"),
        (axis("strength", "0.1, 0.2"), None, {}, "changes nothing in a picture from words"),
        (axis("hires_steps", "1, 2"), None, {}, "there is no second pass"),
        (axis("variation_seed", "1, 2"), None, {}, "changes nothing"),
        (axis("prompt", "dog, mouse"), None, {}, "“dog” is not in the prompt"),
        (axis("prompt", 'a cat, ""'), None, {}, "is empty"),
        (axis("styles", "no-such"), None, {}, "no-such"),
        (axis("prompt", "cat, <lora:none:1>"), None, {}, "none"),
        (axis("hires_scale", "1.5, 4"), None, {"width": 2048}, "second pass would draw"),
        (axis("steps", "2, 4"), None, {"fast": True}, "few-step"),
        (axis("steps", "2, 4"), None, {"controls": [{"model": "outlines"}]}, "outlines"),
    ],
)
def test_plots_that_cannot_be_are_refused_before_anything_is_drawn(
    easel: Easel, engine: ColourEngine, x: Any, y: Any, fields: dict[str, Any], says: str
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        easel.plotted(x, y, **fields)
    assert says in refused.value.explain()
    assert refused.value.explain("zh-CN")
    assert engine.requests == []
    assert easel.kept == set()


def test_a_model_that_is_not_there_is_refused_before_anything_is_drawn(easel: Easel, engine: ColourEngine) -> None:
    with pytest.raises(UnknownModel):
        easel.plotted(axis("model", "colours, no-such"))
    with pytest.raises(UnknownModel):
        easel.plotted(axis("hires_upscaler", "latent, no-such"), hires_scale=2)
    assert engine.requests == []


def test_axes_may_need_each_other(easel: Easel, engine: ColourEngine) -> None:
    easel.plotted(axis("hires_scale", "1.5, 2"), axis("hires_strength", "0.4, 0.8"))
    assert {(request.width, request.strength) for request in engine.requests[1::2]} == {
        (width, strength) for width in (144, 192) for strength in (0.4, 0.8)
    }


def test_stable_diffusion_draws_the_same_in_a_plot_as_alone(tmp_path: Path) -> None:
    folder = save_tiny_stable_diffusion(tmp_path / "tiny")
    easel = Easel(DiffusersLoader()(spec("tiny", task="image"), folder, "cpu"), tmp_path)
    done = easel.plotted(axis("sampler", "Euler a, DDIM"), axis("clip_skip", "1, 2"), width=64, seed=11)
    alone = easel.alone(sampler="DDIM", clip_skip=2, width=64, seed=11)
    np.testing.assert_array_equal(pixels(done.cells[1][1]), pixels(alone.files[0]))
    assert len({pixels(cell).tobytes() for row in done.cells for cell in row}) == 4


@pytest.mark.parametrize("largest", [(64, 64), (512, 768), (4096, 4096), (64, 2048), (2048, 64)])
@pytest.mark.parametrize("count", [(1, 1), (20, 1), (1, 20), (20, 5), (5, 20)])
def test_no_sheet_is_longer_than_viewers_take(largest: tuple[int, int], count: tuple[int, int]) -> None:
    labels = [[f"Steps: {number} with a long name of several words" for number in range(many)] for many in count]
    layout = laid_out(largest, *labels)
    assert max(layout.size) <= LONGEST_SIDE
    right, bottom = layout.place(count[0] - 1, count[1] - 1)
    assert (right + layout.cell[0], bottom + layout.cell[1]) == layout.size


@pytest.mark.parametrize(
    "text", ["short", "several words that go on for longer", "x" * 5000, "黄昏的灯塔油画" * 20, ""]
)
def test_labels_fit_their_room(text: str) -> None:
    font = font_for([text], 20)
    lines = wrapped(text, font, 128)
    assert len(lines) <= MOST_LINES
    assert all(font.getlength(line) <= 128 for line in lines)
    assert "".join(lines).replace(" ", "").startswith(text.replace(" ", "")[:5])


def test_small_pictures_are_shown_as_large_squares_of_the_same_pixels(tmp_path: Path) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (64, 48, 3), np.uint8)
    Image.fromarray(picture).save(tmp_path / "small.png")
    sheet = Sheet(["a label of a few words"], [""])
    sheet.put(0, 0, tmp_path / "small.png")
    drawn = np.asarray(sheet.image)
    np.testing.assert_array_equal(drawn[-256:, :192], picture.repeat(4, axis=0).repeat(4, axis=1))


def test_a_picture_larger_than_those_before_makes_room_for_itself(tmp_path: Path) -> None:
    sheet = Sheet(["a", "b"], [""])
    for number, (side, colour) in enumerate(((64, "red"), (128, "blue"))):
        Image.new("RGB", (side, side), colour).save(tmp_path / f"{number}.png")
        sheet.put(number, 0, tmp_path / f"{number}.png")
    drawn = np.asarray(sheet.image)
    red, blue = (np.nonzero((drawn == colour).all(axis=2)) for colour in ((255, 0, 0), (0, 0, 255)))
    assert (len(red[0]), len(blue[0])) == (128 * 128, 256 * 256)
    assert red[0].mean() == blue[0].mean()
