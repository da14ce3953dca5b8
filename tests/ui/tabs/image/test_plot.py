"""The fold for plots, without a browser."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from studio import Studio
from studio.engines.diffusion.fake import ColourEngine
from studio.errors import InvalidRequest
from studio.identity.owners import LOCAL
from studio.imaging.plots.plotter import Plotter
from studio.registry import Binding, Catalogue
from studio.settings import Settings
from studio.ui.start_stop import Lane, TabContext
from studio.ui.tabs.image.form import PictureForm, prompt_field
from studio.ui.tabs.image.plot import VARIED, PlotFold, hint
from tests.support.registries import spec

DEFAULTS = {"steps": 2, "width": 64, "height": 64}


class Page:
    """A prompt and a seed with the fold under them."""

    def __init__(self, studio: Studio) -> None:
        plotter = Plotter(studio.illustrator, studio.registry, studio.phrasing, studio.settings.outputs)
        with gr.Blocks():
            lane = Lane("image", 1)
            context = TabContext(studio, gr.HTML(), gr.Textbox(), gr.Tabs(), lane, lane, lane)
            form = PictureForm()
            form.add(prompt_field, gr.Textbox())
            form.field("seed", gr.Number())
            self.fold = PlotFold(context, form, plotter)


@pytest.fixture
def fold(tmp_path: Path) -> Iterator[PlotFold]:
    entries = [spec("colours", task="image", defaults=DEFAULTS), spec("enlarger", task="upscale")]
    settings = Settings(cache=tmp_path / "cache", outputs=tmp_path / "outputs", data=tmp_path / "data")
    bindings = {"fake": Binding(lambda *_: ColourEngine())}
    with Studio(settings, catalogue=Catalogue(entries), bindings=bindings) as studio:
        yield Page(studio).fold


def names(update: Any) -> list[str]:
    return [value for _, value in update["choices"]]


def test_the_sheet_is_shown_as_it_grows(fold: PlotFold) -> None:
    steps = fold.draw(LOCAL, "a cat", 7, "steps", "1, 2", "prompt", "cat, dog")
    updates = [each for each in steps if isinstance(each, dict) and fold.kept not in each]
    shown = [each for each in updates if fold.sheet in each]
    assert len(shown) == 4
    assert Path(shown[-1][fold.sheet]).is_file()
    assert "1 of 4 pictures" in shown[0][fold.drawing.status]
    assert "4 pictures on one sheet" in shown[-1][fold.drawing.status]
    assert any("3" in each[fold.drawing.status] and fold.sheet not in each for each in updates)


def test_one_axis_is_enough(fold: PlotFold) -> None:
    *_, last, kept = fold.draw(LOCAL, "a cat", 7, "seed", "1-3", "", "ignored")
    assert set(kept[fold.kept]) == {"work", "version"}
    assert "3 pictures on one sheet" in last[fold.drawing.status]


@pytest.mark.parametrize(
    ("values", "code"),
    [
        (("", 7, "steps", "1", "", ""), "invalid.empty"),
        (("a cat", 7, "steps", "", "", ""), "plot.none"),
        (("a cat", 7, "", "1", "", ""), "plot.none"),
        (("a cat", 7, "steps", "1", "seed", None), "plot.none"),
        (("a cat", 7, "prompt", "dog, cat", "", ""), "plot.search"),
    ],
)
def test_what_cannot_be_plotted_is_refused(fold: PlotFold, values: tuple[Any, ...], code: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        list(fold.draw(LOCAL, *values))
    assert refused.value.code == code


def test_how_many_pictures_it_will_be_is_told_as_the_values_are_typed(fold: PlotFold) -> None:
    assert "6 pictures, 3 across and 2 down" in fold.counted("steps", "1-3", "seed", "1, 2")
    assert "共 6 张" in fold.counted("order", "a, b, c", "", "")
    assert fold.counted("steps", "", "", "") == ""
    assert "at most 150" in fold.counted("steps", "1, 151", "", "")
    assert "make 120 pictures" in fold.counted("steps", "1-20", "seed", "1-6")


def test_names_are_taken_from_a_list(fold: PlotFold) -> None:
    offered = {vary: fold.x.turned(vary)[fold.x.pick] for vary in VARIED}
    assert "Euler a" in names(offered["sampler"])
    assert names(offered["schedule_type"])[:2] == ["Automatic", "Karras"]
    assert names(offered["model"]) == ["colours"]
    assert names(offered["hires_upscaler"]) == ["latent", "enlarger"]
    assert "photo" in names(offered["styles"])
    assert {vary for vary, update in offered.items() if update["visible"]} == {
        "sampler",
        "schedule_type",
        "model",
        "styles",
        "hires_upscaler",
    }


def test_every_axis_says_how_its_values_are_written() -> None:
    assert all("note" in hint(vary) for vary in VARIED)
    assert "10-30 [4]" in hint("steps")
    assert "from the list" in hint("sampler")
    assert hint("") == ""
