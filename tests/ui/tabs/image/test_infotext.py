"""What the Image tab's fold for settings puts into the form, without a browser."""

from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from studio import Studio
from studio.imaging.infotext.text import format_infotext
from studio.settings import Settings
from studio.ui.start_stop import Lane, TabContext
from studio.ui.tabs.image.gallery import MOST, Picture, Shown, VisitGallery
from studio.ui.tabs.image.infotext import InfotextFold

LINE = {"Steps": 12, "CFG scale": 5.5, "Seed": 9, "Size": "512x768", "Model": "sd-1.5"}


class Form:
    """A small form with the fold under it."""

    def __init__(self, studio: Studio) -> None:
        with gr.Blocks():
            lane = Lane("image", 1)
            context = TabContext(studio, gr.HTML(), gr.Textbox(), gr.Tabs(), lane, lane, lane)
            self.prompt, self.negative, self.steps = gr.Textbox(), gr.Textbox(), gr.Textbox()
            self.seed, self.model = gr.Number(), gr.Textbox()
            self.size = gr.Dropdown([("any", ""), ("512 × 768", "512x768")], allow_custom_value=True)
            self.styles = gr.Dropdown(["film", "ink"], value=["ink"], multiselect=True)
            fields = {
                "styles": self.styles,
                "prompt": self.prompt,
                "negative_prompt": self.negative,
                "steps": self.steps,
            }
            self.fold = InfotextFold(context, {**fields, "seed": self.seed, "model": self.model}, self.size)


@pytest.fixture(scope="module")
def form(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("studio")
    with Studio(Settings(cache=folder / "cache", outputs=folder / "outputs")) as studio:
        yield Form(studio)


def test_the_form_is_filled_and_what_has_no_place_is_named(form: Form) -> None:
    updates = form.fold.fill(format_infotext("a cat", "rain", {**LINE, "Hires upscale": 2}))
    assert updates[form.prompt] == "a cat"
    assert updates[form.negative] == "rain"
    assert (updates[form.steps], updates[form.seed]) == ("12", 9)
    assert updates[form.size] == "512x768"
    assert updates[form.model] == "sd-1.5"
    assert "CFG scale, Hires" in updates[form.fold.note]
    assert "没有用上" in updates[form.fold.note]
    emptied = form.styles.postprocess(updates[form.styles])
    assert form.styles.preprocess(emptied) == []


def test_any_size_is_taken_and_nothing_else_is_touched(form: Form) -> None:
    updates = form.fold.fill("a cat\nSteps: 5, Size: 640x448")
    assert set(updates) == {form.prompt, form.negative, form.steps, form.size, form.styles, form.fold.note}
    assert updates[form.negative] == ""
    assert updates[form.size] == "640x448"


def test_a_picture_shows_its_text_or_says_that_it_has_none(form: Form, tmp_path: Path) -> None:
    chunks = PngInfo()
    chunks.add_text("parameters", "a cat\nSteps: 5, Seed: 3")
    Image.new("RGB", (8, 8)).save(tmp_path / "with.png", pnginfo=chunks)
    Image.new("RGB", (8, 8)).save(tmp_path / "without.png")
    assert form.fold.read({"path": str(tmp_path / "with.png")})[form.fold.text] == "a cat\nSteps: 5, Seed: 3"
    told = form.fold.read({"path": str(tmp_path / "without.png")})
    assert told[form.fold.text] == ""
    assert "without.png" in told[form.fold.note]


@pytest.mark.parametrize(("text", "words"), [("", "no text"), ('{"uc": "", "steps": 3}', "NovelAI")])
def test_text_that_cannot_be_used_leaves_the_form_alone(form: Form, text: str, words: str) -> None:
    updates = form.fold.fill(text)
    assert set(updates) == {form.fold.note}
    assert words in updates[form.fold.note]


def picture(number: int, before: str | None = None) -> Picture:
    return Picture(f"{number}.png", f"text {number}", number, before)


@pytest.fixture
def gallery() -> VisitGallery:
    with gr.Blocks():
        gallery = VisitGallery()
        compared = gr.ImageSlider(), gr.HTML()
        gallery.wire(Shown(gr.Image(), gr.Textbox(), *compared, gr.State(), gr.State()))
    return gallery


def test_the_newest_picture_comes_first_and_the_oldest_leaves(gallery: VisitGallery) -> None:
    made: list[Any] = []
    for number in range(MOST + 2):
        made = gallery.remember([picture(number)], made)[gallery.made]
    assert len(made) == MOST
    assert made[0] == picture(MOST + 1)


def test_pictures_of_one_run_are_added_as_they_come_and_none_twice(gallery: VisitGallery) -> None:
    run = [picture(number) for number in range(3)]
    made = gallery.remember(run[:1], [picture(9)])[gallery.made]
    made = gallery.remember(run, made)[gallery.made]
    assert [each.seed for each in made] == [2, 1, 0, 9]


def test_a_click_brings_a_picture_back_with_all_that_belongs_to_it(gallery: VisitGallery) -> None:
    event = gr.SelectData(None, {"index": 1, "value": None})
    updates = gallery.back([picture(2), picture(1, "begun.png")], event)
    assert list(updates.values()) == ["1.png", "text 1", ("begun.png", "1.png"), "<i></i>", "1.png", 1]
    event = gr.SelectData(None, {"index": 0, "value": None})
    updates = gallery.back([picture(2), picture(1, "begun.png")], event)
    assert list(updates.values()) == ["2.png", "text 2", None, "", "2.png", 2]
