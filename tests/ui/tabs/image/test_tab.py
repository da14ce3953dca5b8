"""The form of the Image tab follows the model that will draw."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from studio import Studio
from studio.engines.diffusion.fake import ColourEngine
from studio.registry import Binding, Catalogue
from studio.settings import Settings
from studio.ui.start_stop import Lane, TabContext
from studio.ui.tabs.image.tab import ImageTab
from tests.support.registries import spec


@pytest.fixture
def tab(tmp_path: Path) -> Iterator[ImageTab]:
    entries = [
        spec("unet", task="image"),
        spec("transformer", task="image", defaults={"pipeline": "ZImagePipeline"}),
        spec("enlarger", task="upscale"),
    ]
    settings = Settings(cache=tmp_path / "cache", outputs=tmp_path / "outputs", data=tmp_path / "data")
    bindings = {"fake": Binding(lambda *_: ColourEngine())}
    with Studio(settings, catalogue=Catalogue(entries), bindings=bindings) as studio, gr.Blocks():
        lane = Lane("image", 1)
        yield ImageTab(TabContext(studio, gr.HTML(), gr.Textbox(), gr.Tabs(), lane, lane, lane))


def sent(tab: ImageTab, model: str, **filled: Any) -> Any:
    """The request of a form that was filled in and then fitted to a model."""
    named = tab.sampling.fields | {"model": tab.model}
    values = {component: component.value for component in tab.form.components}
    values |= {named[name]: value for name, value in {**filled, "model": model}.items()}
    for component, update in zip(tab.fitted, tab.fit(model, "words"), strict=True):
        if component in values and "value" in update:
            values[component] = update["value"]
    values[tab.prompt] = "a cat"
    return tab.form.request([values[component] for component in tab.form.components])


def test_what_was_chosen_for_another_model_is_not_sent_from_where_nobody_sees_it(tab: ImageTab) -> None:
    chosen = {"sampler": "Euler a", "fast": True, "variation_seed": 7, "variation_strength": 0.5}
    kept, dropped = sent(tab, "unet", **chosen), sent(tab, "transformer", **chosen)
    assert (kept.sampler, kept.fast, kept.variation_strength) == ("Euler a", True, 0.5)
    assert (dropped.sampler, dropped.fast, dropped.variation_strength) == (None, False, 0)
    assert dropped.variation_seed == type(dropped)(prompt="a cat").variation_seed
