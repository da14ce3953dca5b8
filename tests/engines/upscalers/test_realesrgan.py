from pathlib import Path

import numpy as np
import pytest

from studio.engines.upscalers import RealEsrganLoader
from studio.engines.upscalers.realesrgan import RealEsrgan
from studio.errors import EngineFailed, WeightsUnavailable
from tests.support.upscalers import NAMES, bicubic, cat, edge_energy, psnr, shrunk, upscaler_spec, weights

COMPACT = "realesr-animevideov3-x4"


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


def load(name: str, cache: Path, file: Path | None = None) -> RealEsrgan:
    return RealEsrganLoader(cache)(upscaler_spec(name), file or weights(name), "cpu")


@pytest.mark.parametrize("name", NAMES)
def test_a_photo_comes_back_four_times_larger_and_sharper(name: str, cache: Path) -> None:
    original = cat(60, 90, 128)
    small = shrunk(original, 4)
    enlarged = load(name, cache).enlarge(small)
    plain = bicubic(small, 4)
    assert enlarged.shape == (128, 128, 3)
    assert edge_energy(plain) * 1.08 < edge_energy(enlarged) < edge_energy(original) * 1.1
    # These networks invent detail, so bicubic wins on mean error; it must still be the same picture.
    assert psnr(enlarged, original) > psnr(plain, original) - 3
    assert psnr(shrunk(enlarged, 4), small) > 27


@pytest.mark.parametrize("name", NAMES)
def test_the_quick_arithmetic_shows_no_difference(name: str, cache: Path) -> None:
    engine = load(name, cache)
    tile = cat(30, 60, 40)
    plain = engine.enlarge_in(tile, "fp32")
    assert psnr(engine.enlarge_in(tile, "bf16-channels-last"), plain) > 50
    assert psnr(engine.enlarge(tile), plain) > 50


def test_one_pixel_and_odd_sizes_are_enlarged(cache: Path) -> None:
    engine = load(COMPACT, cache)
    assert engine.enlarge(cat(0, 0, 1)).shape == (4, 4, 3)
    assert engine.enlarge(cat(0, 0, 37)[:, :5]).shape == (148, 20, 3)


def test_a_torch_file_and_a_safetensors_file_give_the_same(cache: Path, tmp_path: Path) -> None:
    import torch
    from safetensors.torch import load_file

    expected = load(COMPACT, cache).enlarge(cat(10, 10, 24))
    converted = next((cache / "converted").glob(f"{COMPACT}-*.safetensors"))
    torch.save({"params": load_file(converted)}, tmp_path / "weights.pth")
    for file in (converted, tmp_path / "weights.pth"):
        np.testing.assert_allclose(load(COMPACT, cache, file).enlarge(cat(10, 10, 24)), expected, atol=3)


class Trap:
    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (Path("was-run"),))


def test_a_torch_file_runs_no_code(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.chdir(tmp_path)
    torch.save({"params": Trap()}, tmp_path / "trap.pth")
    with pytest.raises(WeightsUnavailable):
        load(COMPACT, cache, tmp_path / "trap.pth")
    assert not (tmp_path / "was-run").exists()


@pytest.mark.parametrize("kind", ["pth", "safetensors"])
@pytest.mark.parametrize("content", [b"", b"not weights at all" * 50, b"PK\x03\x04" + bytes(64)])
def test_damaged_files_are_told_in_words(cache: Path, tmp_path: Path, kind: str, content: bytes) -> None:
    file = tmp_path / f"weights.{kind}"
    file.write_bytes(content)
    with pytest.raises(WeightsUnavailable, match="damaged"):
        load(COMPACT, cache, file)


def test_other_networks_are_refused(cache: Path, tmp_path: Path) -> None:
    import torch
    from safetensors.torch import save_file

    save_file({"some.weight": torch.zeros(3, 3)}, tmp_path / "other.safetensors")
    with pytest.raises(EngineFailed, match="spandrel"):
        load(COMPACT, cache, tmp_path / "other.safetensors")


def test_its_memory_is_counted_and_given_back(cache: Path) -> None:
    engine = load(COMPACT, cache)
    assert engine.nbytes == pytest.approx(621_424 * 4, rel=0.01)
    engine.move("cpu")
    assert engine.enlarge(cat(0, 0, 8)).shape == (32, 32, 3)
    engine.close()
    assert engine.nbytes == 0
