"""The token counter and the styles of the Image tab, without a browser."""

from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from studio import Studio
from studio.registry import Catalogue, Source
from studio.settings import Settings
from studio.ui.start_stop import Lane, TabContext
from studio.ui.tabs.image.prompt import PromptTools
from tests.support.registries import spec
from tests.support.tiny_diffusion import save_tiny_stable_diffusion


class Form:
    """A prompt with its tools."""

    def __init__(self, studio: Studio) -> None:
        with gr.Blocks():
            lane = Lane("image", 1)
            context = TabContext(studio, gr.HTML(), gr.Textbox(), gr.Tabs(), lane, lane, lane)
            self.prompt, self.negative, self.model = gr.Textbox(), gr.Textbox(), gr.Dropdown()
            self.tools = PromptTools(context)
            self.tools.counter()
            self.tools.options()
            self.tools.follow(self.prompt, self.negative, self.model)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_stable_diffusion(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def form(weights: Path, tmp_path: Path) -> Any:
    entries = [
        spec("tiny", task="image", engine="diffusers", sources=[Source(path=str(weights))]),
        spec("absent", task="image", engine="diffusers", sources=[Source(path=str(tmp_path / "none"))]),
    ]
    settings = Settings(cache=tmp_path / "cache", outputs=tmp_path / "outputs", data=tmp_path / "data", controls=True)
    with Studio(settings, catalogue=Catalogue(entries)) as studio:
        yield Form(studio)


def test_the_prompt_is_counted_as_it_is_typed(form: Form) -> None:
    assert "4 / 75" in form.tools.count("a (cat:1.3)<lora:x:1>", [], "")
    assert "/ 150" in form.tools.count("a BREAK b", [], "tiny")
    styled = form.tools.count("a cat", ["photo"], "tiny")
    assert "4 / 75" not in styled
    assert "/ 75" in styled


@pytest.mark.parametrize(
    ("prompt", "styles", "model"),
    [("", [], ""), ("a cat", [], "absent"), ("a cat", ["no such"], ""), ("<lora:a:x>", [], ""), ("a", [], "none")],
)
def test_what_cannot_be_counted_shows_nothing(form: Form, prompt: str, styles: list[str], model: str) -> None:
    assert form.tools.count(prompt, styles, model) == ""


def test_a_prompt_is_kept_as_a_style_and_chosen_in_its_place(form: Form) -> None:
    updates = form.tools.kept(" Mine ", "{prompt}, at night", "day")
    assert updates[form.prompt] == ""
    chosen = updates[form.tools.styles]
    assert chosen["value"] == ["Mine"]
    assert ("Mine", "Mine") in chosen["choices"]
    assert ("Watercolour · 水彩", "watercolour") in chosen["choices"]


@pytest.mark.parametrize("name", ["", "  ", "x" * 200])
def test_a_style_without_a_usable_name_is_not_kept(form: Form, name: str) -> None:
    with pytest.warns(UserWarning, match=r"name|Name"):
        assert list(form.tools.kept(name, "a", "b")) == [form.tools.name]


def test_a_broken_file_of_styles_does_not_keep_the_page_from_opening(form: Form, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "styles.yaml").write_text("- {colour: red}")
    with pytest.warns(UserWarning, match=r"styles\.yaml"):
        assert form.tools.refreshed()["choices"] == []
