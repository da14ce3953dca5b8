from pathlib import Path

import pytest

from studio.engines.upscalers import RealEsrganLoader, upscaler_costs
from studio.engines.upscalers.costs import LIVE_MAPS, WORKSPACE
from studio.engines.upscalers.ncnn import NcnnConversions
from studio.engines.upscalers.realesrgan import CPU_TILE
from studio.registry import Footprint, Placement, Shape
from tests.engines.live_memory import peak_bytes
from tests.support.upscalers import NAMES, upscaler_spec, weights

CPU, CUDA = Placement("cpu"), Placement("cuda:0")
LARGE = Shape(2000, 1000)


def test_the_footprint_is_what_is_measured_after_loading(tmp_path: Path) -> None:
    name = "realesr-animevideov3-x4"
    engine = RealEsrganLoader(tmp_path)(upscaler_spec(name), weights(name), "cpu", "whole")
    found = upscaler_costs(upscaler_spec(name), weights(name))
    assert found.footprint(CPU) == Footprint(engine.nbytes)
    assert found.footprint(CUDA) == Footprint(engine.nbytes // 2)
    converted = next((tmp_path / "converted").glob("*.safetensors"))
    assert upscaler_costs(upscaler_spec(name), converted) == found


@pytest.mark.parametrize("name", NAMES)
def test_the_formula_covers_what_a_tile_takes(name: str, tmp_path: Path) -> None:
    import torch
    from spandrel import ModelLoader

    network = ModelLoader().load_from_state_dict(NcnnConversions(tmp_path).state_dict(weights(name)))
    network.model.to("meta")
    tile = torch.empty(1, 3, CPU_TILE, CPU_TILE, device="meta")
    peak = peak_bytes(lambda: network.model(tile))
    said = upscaler_costs(upscaler_spec(name), weights(name)).working(CPU, LARGE)
    assert peak * WORKSPACE == pytest.approx(said, rel=0.01)


def test_small_pictures_take_less_than_a_tile() -> None:
    found = upscaler_costs(upscaler_spec(NAMES[0]), weights(NAMES[0]))
    assert found.working(CPU, Shape(10, 20)) == WORKSPACE * LIVE_MAPS * 10 * 20 * 16 * 4
    assert found.working(CPU, LARGE) < found.working(CUDA, LARGE)
    assert found.working(CPU, Shape()) == 0


def test_files_that_cannot_be_read_leave_the_catalogue_s_number(tmp_path: Path) -> None:
    spec = upscaler_spec("x").model_copy(update={"memory": 99})
    (tmp_path / "x.bin").write_bytes(b"x")
    (tmp_path / "x.param").write_text("no")
    (tmp_path / "y.safetensors").write_bytes(b"xxxxxxxx")
    for file in (tmp_path / "x.bin", tmp_path / "y.safetensors", tmp_path / "nowhere.pth", None):
        assert upscaler_costs(spec, file).footprint(CPU) == Footprint(99)
