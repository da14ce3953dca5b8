from pathlib import Path

import pytest

from studio.engines.text import LlamaCppLoader, TransformersLoader, text_costs
from studio.engines.text.gguf import Header
from studio.registry import Footprint, Placement, Shape
from tests.support.text import smollm2, text_spec
from tests.support.tiny_text import save_tiny_llama

CPU, CUDA = Placement("cpu"), Placement("cuda:0")


def test_llama_cpp_takes_what_was_said_before_it_was_loaded() -> None:
    spec, loader = text_spec(defaults={"context": 512}), LlamaCppLoader(slots=2)
    costs = loader.costs(spec, smollm2())
    engine = loader(spec, smollm2(), "cpu", "whole")
    assert costs.footprint(CPU) == Footprint(engine.nbytes)
    assert costs.footprint(CPU).device > smollm2().stat().st_size
    assert costs.working(CPU, Shape(tokens=500)) == 0
    engine.close()


def test_transformers_take_what_was_said_before_they_were_loaded(tmp_path: Path) -> None:
    folder, spec = save_tiny_llama(tmp_path, context=512), text_spec()
    costs = text_costs(spec, folder)
    measured = TransformersLoader()(spec, folder, "cpu").nbytes
    assert costs.footprint(CPU).device == pytest.approx(measured, rel=0.01)
    assert costs.footprint(CUDA).device == pytest.approx(measured / 2, rel=0.01)
    # Two layers, two key-value heads of eight numbers, keys and values.
    assert costs.working(CUDA, Shape(tokens=100)) == 2 * 2 * 2 * 8 * 2 * 100
    assert costs.working(CPU, Shape(tokens=10_000)) == costs.working(CPU, Shape(tokens=512))
    assert costs.working(CPU, Shape()) == 0


def test_a_quantised_file_is_counted_as_transformers_unpacks_it() -> None:
    costs = text_costs(text_spec(), smollm2())
    assert Header.read(smollm2()).elements == pytest.approx(134_515_008, rel=0.001)
    assert costs.footprint(CPU).device == Header.read(smollm2()).elements * 4
    # SmolLM2-135M: 30 layers, 3 key-value heads of 64.
    assert costs.working(CUDA, Shape(tokens=1)) == 2 * 30 * 3 * 64 * 2


def test_files_that_cannot_be_read_leave_the_catalogue_s_number(tmp_path: Path) -> None:
    spec = text_spec(memory=321)
    (tmp_path / "config.json").write_text("[]")
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(smollm2().read_bytes()[:3000])
    for weights in (None, tmp_path, broken, tmp_path / "nowhere"):
        assert text_costs(spec, weights).footprint(CUDA) == Footprint(321)
        assert LlamaCppLoader().costs(spec, weights).footprint(CPU) == Footprint(321)


def test_torch_files_are_counted_by_their_size(tmp_path: Path) -> None:
    folder = save_tiny_llama(tmp_path, safe=False)
    size = (folder / "pytorch_model.bin").stat().st_size
    assert text_costs(text_spec(), folder).footprint(CUDA) == Footprint(size)
