import os
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from studio.engines.upscalers import RealEsrganLoader, Upscaler
from studio.engines.upscalers.fake import NearestUpscaler
from studio.errors import OutOfMemory, UnknownModel, UnreadablePicture
from studio.imaging.enlarging.enlarger import Enlarger
from studio.imaging.enlarging.requests import Enlarged, EnlargeRequest, EnlargingProgress
from studio.registry import Binding, Registry
from studio.registry.models.fake import FakeMemory
from tests.support.pictures import photo, save_bomb, save_photo
from tests.support.registries import PretendCosts, fake_registry, spec, use
from tests.support.registries import registry_of as registry_over
from tests.support.upscalers import cat, edge_energy, upscaler_spec, weights

MOST = 1_000_000


def registry_of(engine: Upscaler, folder: Path) -> Registry:
    models = (spec("nearest", task="upscale"), spec("writer"))
    return fake_registry(*models, loader=lambda *_: engine, cache=folder / "cache", host=10**8)


def enlarger_of(engine: Upscaler, folder: Path) -> Enlarger:
    return Enlarger(registry_of(engine, folder), folder / "outputs", MOST)


def kept(folder: Path) -> list[Path]:
    return sorted(path for path in (folder / "outputs").rglob("*") if path.is_file())


def finished(enlarger: Enlarger, file: Path) -> Enlarged:
    last = list(enlarger.enlarge(EnlargeRequest.of(file=file)))[-1]
    assert isinstance(last, Enlarged)
    return last


def test_a_picture_comes_back_larger_with_progress(tmp_path: Path) -> None:
    file = save_photo(tmp_path / "my 猫.png", 300, 200)
    events = list(enlarger_of(NearestUpscaler(4), tmp_path).enlarge(EnlargeRequest.of(file=file)))
    tiles = [event for event in events if isinstance(event, EnlargingProgress)]
    assert [event.tile for event in tiles] == list(range(tiles[0].total + 1))
    assert tiles[-1].seconds_left == 0
    result = events[-1]
    assert isinstance(result, Enlarged)
    assert (result.width, result.height, result.source, result.notice) == (800, 1200, file, None)
    assert kept(tmp_path) == [result.file]
    assert "my-猫-x4" in result.file.name
    with Image.open(result.file) as image:
        np.testing.assert_array_equal(np.asarray(image), photo(300, 200).repeat(4, axis=0).repeat(4, axis=1))


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    enlarger = enlarger_of(NearestUpscaler(2), tmp_path)
    file = save_photo(tmp_path / "a.png")
    assert len({finished(enlarger, file).file for _ in range(4)}) == len(kept(tmp_path)) == 4


def test_stopping_leaves_no_file_and_frees_the_model(tmp_path: Path) -> None:
    engine = NearestUpscaler(4)
    registry = registry_of(engine, tmp_path)
    enlarger = Enlarger(registry, tmp_path / "outputs", MOST)
    turned = tmp_path / "turned.tiff"
    Image.fromarray(photo(500, 500)).save(turned)
    events = enlarger.enlarge(EnlargeRequest.of(file=turned))
    while not isinstance(event := next(events), EnlargingProgress) or event.tile < 2:
        pass
    events.close()  # type: ignore[attr-defined]
    assert kept(tmp_path) == []
    assert len(engine.tiles) == 2
    assert use(registry, "nearest") is engine


def test_what_needs_too_much_memory_is_done_in_smaller_tiles(tmp_path: Path) -> None:
    result = finished(
        enlarger_of(NearestUpscaler(4, most_pixels=50 * 50), tmp_path), save_photo(tmp_path / "a.png", 200, 90)
    )
    with Image.open(result.file) as image:
        np.testing.assert_array_equal(np.asarray(image), photo(200, 90).repeat(4, axis=0).repeat(4, axis=1))


def test_where_memory_is_short_the_tiles_are_small_from_the_start(tmp_path: Path) -> None:
    sides: list[int] = []
    engine = NearestUpscaler(4, on_tile=lambda tile: sides.append(max(tile.shape[:2])))
    binding = Binding(lambda *_: engine, accelerated=lambda: False, costs=lambda *_: PretendCosts(engine.nbytes))
    memory = FakeMemory("cpu", engine.nbytes + 64 * 64 + 100)
    registry = registry_over([spec("nearest", task="upscale")], {"fake": binding}, tmp_path / "cache", host=memory)
    result = finished(Enlarger(registry, tmp_path / "outputs", MOST), save_photo(tmp_path / "a.png", 200, 90))
    with Image.open(result.file) as image:
        np.testing.assert_array_equal(np.asarray(image), photo(200, 90).repeat(4, axis=0).repeat(4, axis=1))
    assert max(sides) <= 64


def test_no_memory_at_all_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    enlarger = enlarger_of(NearestUpscaler(4, most_pixels=9), tmp_path)
    with pytest.raises(OutOfMemory) as caught:
        finished(enlarger, save_photo(tmp_path / "a.png"))
    assert caught.value.explain("zh-CN")
    assert kept(tmp_path) == []


def test_bad_files_and_models_are_refused_before_a_model_is_loaded(tmp_path: Path) -> None:
    loads: list[object] = []
    registry = fake_registry(
        spec("nearest", task="upscale"), spec("writer"), loader=lambda *a: loads.append(a), cache=tmp_path
    )
    enlarger = Enlarger(registry, tmp_path / "outputs", MOST)
    with pytest.raises(UnreadablePicture):
        finished(enlarger, save_bomb(tmp_path / "bomb.png"))
    for model in ("writer", "no-such"):
        with pytest.raises(UnknownModel):
            list(enlarger.enlarge(EnlargeRequest.of(file=save_photo(tmp_path / "a.png"), model=model)))
    assert (loads, kept(tmp_path)) == ([], [])


def test_transparency_is_enlarged_with_it(tmp_path: Path) -> None:
    file = tmp_path / "cut-out.png"
    opacity = np.tile(np.linspace(0, 255, 150).astype(np.uint8), (300, 1))
    Image.fromarray(np.dstack([photo(300, 150), opacity])).save(file)
    result = finished(enlarger_of(NearestUpscaler(4), tmp_path), file)
    whole = Image.fromarray(opacity).resize((600, 1200), Image.Resampling.LANCZOS)
    with Image.open(result.file) as image:
        assert (image.mode, image.size) == ("RGBA", (600, 1200))
        np.testing.assert_allclose(np.asarray(image)[..., 3].astype(int), np.asarray(whole).astype(int), atol=1)


def test_what_was_converted_is_shown_beside_the_result(tmp_path: Path) -> None:
    file = tmp_path / "print.jpg"
    Image.new("CMYK", (40, 30), (0, 200, 200, 0)).save(file)
    result = finished(enlarger_of(NearestUpscaler(2), tmp_path), file)
    assert result.notice == "imaging.notice.cmyk"
    assert kept(tmp_path) == sorted([result.file, result.source])
    with Image.open(result.source) as image:
        assert (image.format, image.mode, image.size) == ("PNG", "RGB", (40, 30))


def test_one_pixel_becomes_a_few_and_says_that_it_is_tiny(tmp_path: Path) -> None:
    file = tmp_path / "dot.png"
    Image.new("RGB", (1, 1), (9, 99, 199)).save(file)
    result = finished(enlarger_of(NearestUpscaler(4), tmp_path), file)
    assert result.notice == "imaging.notice.tiny"
    with Image.open(result.file) as image:
        assert image.getcolors() == [(16, (9, 99, 199))]


def test_generation_settings_are_carried_over(tmp_path: Path) -> None:
    chunks = PngInfo()
    chunks.add_text("parameters", "猫\nSteps: 3")
    file = tmp_path / "a.png"
    Image.new("RGB", (20, 20)).save(file, pnginfo=chunks)
    with Image.open(finished(enlarger_of(NearestUpscaler(2), tmp_path), file).file) as image:
        assert image.info["parameters"] == "猫\nSteps: 3"


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from studio.engines.upscalers.fake import NearestUpscaler
from studio.errors import StorageFailed
from tests.imaging.enlarging.test_enlarger import enlarger_of, finished
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
try:
    finished(enlarger_of(NearestUpscaler(4), Path(sys.argv[1])), Path(sys.argv[2]))
except StorageFailed as refused:
    print(refused.text())
"""


@pytest.mark.skipif(not hasattr(resource, "RLIMIT_FSIZE"), reason="this system has no limit on the size of files")
def test_a_full_disk_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    file = save_photo(tmp_path / "a.png", 200, 200)
    result = subprocess.run(
        [sys.executable, "-c", FULL_DISK, tmp_path, file],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[3],
        env={**os.environ, "PYTHONPATH": "."},
    )
    assert "disk is full" in result.stdout
    assert kept(tmp_path) == []


def test_a_real_photo_is_enlarged_without_seams(tmp_path: Path) -> None:
    name = "realesr-animevideov3-x4"
    engine = RealEsrganLoader(tmp_path / "cache")(upscaler_spec(name), weights(name), "cpu")
    picture = cat(20, 60, 180)
    file = tmp_path / "cat.png"
    Image.fromarray(picture).save(file)
    with Image.open(finished(enlarger_of(engine, tmp_path), file).file) as image:
        tiled = np.asarray(image)
    whole = engine.enlarge(picture)
    assert tiled.shape == whole.shape == (720, 720, 3)
    inner = (slice(64, -64), slice(64, -64))
    # Away from the picture's own edge, tiles and the whole differ no more than arithmetic does.
    assert np.abs(tiled[inner].astype(int) - whole[inner].astype(int)).max() <= 24
    assert edge_energy(tiled) == pytest.approx(edge_energy(whole), rel=0.02)
