"""Where an image model's weights are: rungs, parts that leave alone, and moves that fail."""

from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import StableDiffusionPipeline

from studio.engines.diffusion import Adapter
from studio.engines.diffusion.engine import DiffusersEngine
from studio.engines.shuttle import Shuttle
from studio.errors import OutOfMemory
from studio.registry import Rung
from studio.registry.models.loaded import Partial, Spread
from tests.support.drawing import CAT, control, drawn, half, loaded, same
from tests.support.tiny_diffusion import save_tiny_controlnet, save_tiny_lora


@pytest.mark.parametrize("rung", ["model_offload", "group_offload"])
def test_lower_rungs_draw_the_same_pictures(rung: Rung, engine: DiffusersEngine, folder: Path, tmp_path: Path) -> None:
    spread = loaded(folder, rung)
    assert isinstance(spread, Spread)
    assert spread.footprint.device < spread.footprint.host == spread.nbytes == loaded(folder).nbytes
    assert not spread.movable
    assert spread.parts == {}
    with pytest.raises(RuntimeError):
        spread.move("cpu")
    style, start = save_tiny_lora(tmp_path / "style.safetensors", folder), half(64)
    edges = save_tiny_controlnet(tmp_path / "edges")
    for changes in (
        {},
        {"seed": 3, "scheduler": "Euler a"},
        {"image": start},
        {"image": start, "mask": start},
        {"controls": (control(edges),)},
        {"adapters": (Adapter(style),)},
        {"width": 96},
    ):
        assert same(drawn(engine, **changes), drawn(spread, **changes)), changes
    events = spread.stream(CAT)
    next(events)
    events.close()  # type: ignore[attr-defined]
    assert same(drawn(engine), drawn(spread))


def test_parts_leave_and_come_back(folder: Path) -> None:
    engine = loaded(folder)
    before, parts = drawn(engine), dict(engine.parts)
    assert isinstance(engine, Partial)
    assert set(parts) == {"vae", "text_encoder", "unet"}
    assert sum(parts.values()) == engine.nbytes == engine.footprint.device
    engine.park(("text_encoder", "vae"))
    assert engine.parts == {"unet": parts["unet"]}
    engine.move("cpu")
    assert engine.parts == parts
    assert same(before, drawn(engine))


class FullCard(Shuttle):
    """Takes a component to a card that has no room for all of it."""

    def bring(self, device: str, dtype: Any = None) -> None:
        next(self._module.children()).to(dtype)
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB")


def test_a_move_that_fails_leaves_it_whole_in_main_memory(folder: Path) -> None:
    engine = DiffusersEngine(StableDiffusionPipeline.from_pretrained(folder), name="Tiny", shuttle=FullCard)
    with pytest.raises(OutOfMemory) as failed:
        engine.move("cuda:0")
    assert failed.value.details == {"model": "Tiny"}
    assert len(engine.parts) == 3
    assert drawn(engine).image.size == (64, 64)


def test_running_out_while_drawing_is_told_and_the_next_picture_is_drawn(folder: Path) -> None:
    for rung in ("whole", "group_offload"):
        engine = loaded(folder, rung)  # type: ignore[arg-type]
        expected = drawn(engine)
        hook = engine._pipe.unet.mid_block.register_forward_hook(_out_of_memory)
        with pytest.raises(OutOfMemory) as failed:
            drawn(engine)
        assert failed.value.details == {"width": 64, "height": 64}
        hook.remove()
        assert same(expected, drawn(engine))


def _out_of_memory(*_: Any) -> None:
    raise torch.OutOfMemoryError("CUDA out of memory")
