"""The fold for LoRAs and embeddings, without a browser."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import save, save_file

from studio import Studio
from studio.identity.owners import LOCAL
from studio.imaging.adapters.hub import AdapterHub
from studio.imaging.adapters.library import AdapterLibrary
from studio.registry import Catalogue, LoadProgress, Source
from studio.settings import Settings
from studio.ui.start_stop import Lane, TabContext
from studio.ui.tabs.image.adapters import AdapterFold
from tests.support.hub import LocalHub, local_hub
from tests.support.registries import spec

LAYER = "unet.down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_k"


def lora(text: int) -> dict[str, Any]:
    return {f"{LAYER}.lora_A.weight": np.zeros((4, text)), f"{LAYER}.lora_B.weight": np.zeros((8, 4))}


class Form:
    """A prompt and a model with the fold under them."""

    def __init__(self, studio: Studio, library: AdapterLibrary) -> None:
        with gr.Blocks() as self.page:
            lane = Lane("image", 1)
            context = TabContext(studio, gr.HTML(), gr.Textbox(), gr.Tabs(), lane, lane, lane)
            self.prompt, self.model = gr.Textbox(), gr.Dropdown(["", "sd"])
            self.fold = AdapterFold(context, library, self.prompt, self.model)

    @property
    def ids(self) -> set[str]:
        return {str(block.elem_id) for block in self.page.blocks.values() if block.elem_id}


@pytest.fixture
def hub() -> Iterator[LocalHub]:
    with local_hub(
        {"maker/new": {"new.safetensors": save(lora(768), {"modelspec.trigger_phrase": "newest"})}}
    ) as served:
        yield served


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for name, text in (("ink", 768), ("deep/glow", 2048)):
        file = tmp_path / "data" / "loras" / f"{name}.safetensors"
        file.parent.mkdir(parents=True, exist_ok=True)
        save_file(lora(text), file, {"modelspec.trigger_phrase": f"<b>{name}</b>"})
    (tmp_path / "data/loras/evil.pt").write_bytes(b"x")
    Image.new("RGB", (64, 64), "red").save(tmp_path / "data/loras/ink.png")
    return tmp_path / "data"


def form_of(folder: Path, hub: LocalHub, **options: Any) -> Iterator[Form]:
    (folder / "sd" / "unet").mkdir(parents=True, exist_ok=True)
    (folder / "sd" / "unet" / "config.json").write_text(json.dumps({"cross_attention_dim": 768}))
    entry = spec("sd", task="image", engine="diffusers", sources=[Source(path=str(folder / "sd"))])
    made = Settings(cache=folder / "cache", outputs=folder / "outputs", data=folder / "data", **options)
    environ = {"HF_ENDPOINT": hub.endpoint, "HF_HUB_CACHE": str(folder / "shared")}
    with Studio(made, catalogue=Catalogue([entry])) as studio:
        bringing = AdapterHub(made.data, made.cache, environ=environ)
        yield Form(studio, AdapterLibrary(made.data, studio.registry, bringing))


@pytest.fixture
def form(tmp_path: Path, data: Path, hub: LocalHub) -> Iterator[Form]:
    yield from form_of(tmp_path, hub, controls=True)


@pytest.fixture
def guarded(tmp_path: Path, data: Path, hub: LocalHub) -> Iterator[Form]:
    yield from form_of(tmp_path, hub, controls=False)


def test_the_list_tells_what_goes_with_the_model(form: Form, data: Path) -> None:
    updates = form.fold.found("lora", "", "sd", "ink")
    listed = updates[form.fold.choice]
    assert [value for _, value in listed["choices"]] == ["ink", "evil.pt", "glow"]
    labels = [label for label, _ in listed["choices"]]
    assert labels[0].startswith("ink · Stable Diffusion 1.5 · ")
    assert labels[1].startswith("✕ evil.pt")
    assert labels[2].startswith("⚠ deep/glow · SDXL")
    assert listed["value"] == "ink"
    assert "Made for Stable Diffusion 1.5" in updates[form.fold.note], "what is chosen stays, and is told of"
    assert updates[form.fold.picture]["visible"] is True
    found = form.fold.found("lora", "DEEP glow", "sd", "ink")
    assert [value for _, value in found[form.fold.choice]["choices"]] == ["glow"]
    assert found[form.fold.choice]["value"] is None
    assert f"1 of 3 files. Yours go into {data / 'loras'}." in found[form.fold.note]
    assert found[form.fold.picture]["visible"] is False


def test_an_empty_folder_says_where_it_is(form: Form, data: Path) -> None:
    updates = form.fold.found("inversion", "", "sd", None)
    assert updates[form.fold.choice]["choices"] == []
    assert f"The folder {data / 'embeddings'} is empty" in updates[form.fold.note]
    assert "还是空的" in updates[form.fold.note]
    assert updates[form.fold.weight]["visible"] is False, "words have no weight of this kind"


def test_a_file_is_described_with_its_picture(form: Form) -> None:
    told = form.fold.told("lora", "ink", "sd")
    assert "Made for Stable Diffusion 1.5" in told[form.fold.note]
    assert "&lt;b&gt;ink&lt;/b&gt;" in told[form.fold.note], "what a file says is text and nothing else"
    assert told[form.fold.picture]["visible"] is True
    assert told[form.fold.picture]["value"].size == (64, 64)
    told = form.fold.told("lora", "glow", "sd")
    assert "made for SDXL; sd is Stable Diffusion 1.5" in told[form.fold.note]
    assert told[form.fold.picture]["visible"] is False


def test_what_is_chosen_is_written_into_the_prompt_once(form: Form) -> None:
    first = form.fold.added("a cat", "lora", "ink", "sd", 0.8)
    assert first[form.prompt] == "a cat <lora:ink:0.8>"
    assert "&lt;lora:ink:0.8&gt;" in first[form.fold.note]
    assert form.fold.added(first[form.prompt], "lora", "ink", "sd", 1)[form.prompt] == "a cat <lora:ink:1>"


@pytest.mark.parametrize(
    ("name", "says"), [(None, "No file is chosen"), ("gone", "not there"), ("glow", "SDXL"), ("evil.pt", "programs")]
)
def test_what_cannot_be_added_leaves_the_prompt_alone(name: str | None, says: str, form: Form) -> None:
    updates = form.fold.added("a cat", "lora", name, "sd", 1)
    assert set(updates) == {form.fold.note}
    assert says in updates[form.fold.note]


def test_a_file_of_the_hub_is_brought_and_chosen(form: Form, data: Path) -> None:
    *before, last = form.fold.fetch(LOCAL, "maker/new", "new.safetensors", "sd")
    assert all(isinstance(step, LoadProgress) for step in before)
    assert isinstance(last, dict)
    assert last[form.fold.choice]["value"] == "new"
    assert "newest" in last[form.fold.note]
    assert "“new” is here" in last[form.fold.status]
    assert (data / "loras/new.safetensors").is_file()


def test_visitors_without_controls_bring_nothing_and_see_no_path(guarded: Form, form: Form, data: Path) -> None:
    assert "image-adapters-repository" not in guarded.ids
    assert "image-adapters-repository" in form.ids
    note = guarded.fold.found("lora", "", "sd", None)[guarded.fold.note]
    assert "go into loras" in note
    assert str(data) not in note
