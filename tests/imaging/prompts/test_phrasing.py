"""From what is typed to what is drawn, through the craft, on an engine that remembers what it was asked for."""

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from studio.engines.diffusion import Adapter, Inversion
from studio.engines.diffusion.fake import ColourEngine
from studio.errors import InvalidRequest
from studio.imaging.drawing.illustrator import Illustrator
from studio.imaging.drawing.requests import Drawn, PictureRequest
from studio.imaging.prompts.phrasing import Phrasing
from tests.support.registries import fake_registry, spec


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for name in ("wildcards/animal.txt", "loras/ink.safetensors", "loras/deep/old.safetensors", "embeddings/zeb.pt"):
        file = tmp_path / "data" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        if file.suffix == ".safetensors":
            save_file({"lora_unet_conv_in.lora_down.weight": np.zeros((4, 4), np.float32)}, file)
        else:
            file.write_text("cat\ndog\nfox\n")
    return tmp_path / "data"


@pytest.fixture
def engine() -> ColourEngine:
    return ColourEngine()


@pytest.fixture
def illustrator(engine: ColourEngine, data: Path, tmp_path: Path) -> Illustrator:
    entry = spec("colours", task="image", defaults={"steps": 1, "width": 64, "height": 64})
    registry = fake_registry(entry, loader=lambda *_: engine, cache=tmp_path / "cache", host=10**8)
    return Illustrator(registry, tmp_path / "outputs", Phrasing(data))


def drawn(illustrator: Illustrator, prompt: str, **fields: object) -> Drawn:
    *_, last = illustrator.draw(PictureRequest.of(prompt=prompt, **fields))
    assert isinstance(last, Drawn)
    return last


def test_the_engine_gets_the_words_and_the_infotext_keeps_what_was_typed(
    illustrator: Illustrator, engine: ColourEngine, data: Path
) -> None:
    picture = drawn(illustrator, "a (cat:1.3) <lora:ink:0.5> zeb", negative_prompt="[dog]", seed=1, clip_skip=2)
    request = engine.requests[0]
    assert request.words == (("a ", 1.0), ("cat", 1.3), ("  zeb", 1.0))
    assert request.negative_words == (("dog", 1 / 1.1),)
    assert request.adapters == (Adapter(data / "loras" / "ink.safetensors", 0.5),)
    assert request.inversions == (Inversion("zeb", data / "embeddings" / "zeb.pt"),)
    assert picture.infotext.startswith("a (cat:1.3) <lora:ink:0.5> zeb\nNegative prompt: [dog]\n")
    assert picture.infotext.endswith(", Clip skip: 2")


def test_chance_is_the_seeds_and_the_infotext_tells_what_it_chose(
    illustrator: Illustrator, engine: ColourEngine
) -> None:
    typed = "{red|blue|green} __animal__, __animal__"
    first = drawn(illustrator, typed, seed=5)
    again = drawn(illustrator, typed, seed=5)
    assert first.infotext == again.infotext
    chosen = first.infotext.splitlines()[0]
    assert "_" not in chosen
    assert "{" not in chosen
    assert engine.requests[0].words == ((chosen, 1.0),)
    assert drawn(illustrator, chosen, seed=5).infotext == first.infotext, "the infotext makes the picture again"
    assert len({drawn(illustrator, typed, seed=seed).infotext.splitlines()[0] for seed in range(10)}) > 4


def test_styles_wrap_the_prompt_before_chance_decides(illustrator: Illustrator, engine: ColourEngine) -> None:
    drawn(illustrator, "a {cat|dog}", negative_prompt="rain", styles=["水彩", "photo"], seed=2)
    request = engine.requests[0]
    assert request.prompt.startswith(("watercolour of a cat, ", "watercolour of a dog, "))
    assert request.negative_prompt.startswith("rain, photograph")
    assert "sharp focus" in request.prompt


def test_files_in_folders_inside_are_found_and_one_lora_may_be_worn_twice(
    illustrator: Illustrator, engine: ColourEngine, data: Path
) -> None:
    drawn(illustrator, "<lora:old><lora:old:0.2>")
    old = data / "loras" / "deep" / "old.safetensors"
    assert engine.requests[0].adapters == (Adapter(old, 1.0), Adapter(old, 0.2))
    assert engine.requests[0].words == (("", 1.0),)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"prompt": "a <lora:inc>"}, "ink"),
        ({"prompt": "a <lora:../../secret>"}, "secret"),
        ({"prompt": "a __animals__"}, "animal"),
        ({"prompt": "a", "styles": ["nope"]}, "watercolour"),
        ({"prompt": "a", "styles": ["photo"] * 11}, "styles"),
        ({"prompt": "a", "clip_skip": 0}, "clip_skip"),
        ({"prompt": "a", "clip_skip": 13}, "12"),
        ({"prompt": "x" * 19_990, "styles": ["photo"]}, "too long"),
    ],
)
def test_what_is_not_here_is_told_before_a_model_is_loaded(
    illustrator: Illustrator, engine: ColourEngine, fields: dict[str, object], says: str
) -> None:
    with pytest.raises(InvalidRequest) as caught:
        drawn(illustrator, **fields)  # type: ignore[arg-type]
    assert says in caught.value.explain("en")
    assert caught.value.explain("zh-CN")
    assert engine.requests == []


def test_without_a_tokenizer_nothing_is_counted(illustrator: Illustrator) -> None:
    assert illustrator.count("a cat") is None
