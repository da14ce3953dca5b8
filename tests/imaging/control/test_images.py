import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from studio.engines.annotators.fake import InvertingAnnotator
from studio.errors import InvalidRequest, OutOfMemory, UnknownModel, UnreadablePicture
from studio.imaging.control.cache import ControlCache, ControlImage, content_key
from studio.imaging.control.images import ControlImages
from studio.imaging.control.units import ControlUnitRequest
from studio.registry import Catalogue, LoadProgress, ModelSpec, Registry
from tests.support.controls import result
from tests.support.pictures import save_bomb, save_photo
from tests.support.registries import fake_registry, spec

MOST = 4_000_000


def entry(name: str, annotator: str, **fields: Any) -> ModelSpec:
    return spec(name, task="annotate", defaults={"annotator": annotator}, sources=({"path": __file__},), **fields)


def controlnet(model: str, **fields: Any) -> ModelSpec:
    return spec(model, task="controlnet").model_copy(update=fields)


class House:
    """ControlImages over a registry of pretend annotators, by the ids of their entries."""

    def __init__(
        self,
        folder: Path,
        *specs: ModelSpec,
        engines: Mapping[str, Any] | None = None,
        finish: threading.Event | None = None,
        **options: Any,
    ) -> None:
        """Loading lasts until `finish` is set."""
        self.engines = engines or {}
        self.finish = finish
        self.loads: list[str] = []
        self.registry: Registry = fake_registry(*specs, loader=self._load, cache=folder, host=10**8)  # type: ignore[arg-type]
        self.control_images = ControlImages(self.registry, Catalogue(specs), MOST, **options)

    def _load(self, found: ModelSpec, *_: object) -> Any:
        self.loads.append(found.id)
        if self.finish is not None:
            self.finish.wait(60)
        return self.engines[found.id]

    def make(self, picture: Any, annotator: str = "canny", **options: Any) -> ControlImage:
        options.setdefault("size", (64, 64))
        return result(self.control_images.control_image(picture, annotator, **options))


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def drawing(width: int = 96, height: int = 96, left: int = 20) -> Image.Image:
    image = Image.new("RGB", (width, height), "white")
    ImageDraw.Draw(image).rectangle((left, 20, left + 40, 70), fill="black")
    return image


def test_the_control_image_has_the_size_of_the_picture_whatever_the_aspect(house: House) -> None:
    for mode in ("stretch", "crop", "pad"):
        made = house.make(drawing(300, 100, left=130), size=(128, 192), resize_mode=mode)
        assert made.image.size == (128, 192)
        assert made.image.mode == "RGB"
        assert np.asarray(made.image).any()


def test_the_same_again_is_the_same_object_and_anything_else_is_not(house: House) -> None:
    first = house.make(drawing())
    assert house.make(drawing()) is first
    others = [
        house.make(drawing(left=21)),
        house.make(drawing(), parameters={"low_threshold": 99}),
        house.make(drawing(), size=(72, 64)),
        house.make(drawing(), "scribble"),
        house.make(drawing(), pixel_perfect=False, resolution=200),
        house.make(drawing(120, 96), resize_mode="pad"),
    ]
    assert all(other is not first for other in others)
    assert house.control_images.cached_bytes == sum(made.nbytes for made in (first, *others))


def test_defaults_spelled_out_are_the_same_request(house: House) -> None:
    first = house.make(drawing())
    assert house.make(drawing(), parameters={"low_threshold": 100.0, "high_threshold": 200}) is first


def test_an_infotext_or_another_file_name_is_the_same_picture(house: House, tmp_path: Path) -> None:
    one, other = save_photo(tmp_path / "a.png", 80, 80), save_photo(tmp_path / "b.bmp", 80, 80)
    assert house.make(one) is house.make(other)


def test_the_cache_is_bounded_in_bytes(tmp_path: Path) -> None:
    house = House(tmp_path, cache_bytes=3 * 64 * 64 * 3)
    for left in range(10):
        house.make(drawing(left=left))
        assert house.control_images.cached_bytes <= 3 * 64 * 64 * 3
    last = house.make(drawing(left=9))
    assert house.make(drawing(left=9)) is last


@given(
    st.integers(0, 2000),
    st.lists(st.tuples(st.integers(0, 12), st.integers(1, 20), st.booleans()), max_size=60),
)
def test_a_cache_holds_the_last_used_and_never_more_than_it_may(most: int, steps: list[tuple[int, int, bool]]) -> None:
    cache, model = ControlCache(most), dict[bytes, ControlImage]()
    sides: dict[int, int] = {}
    for name, side, keeps in steps:
        key = str(name).encode()
        if keeps:
            image = Image.new("RGB", (sides.setdefault(name, side), 10))
            made = ControlImage(image, "canny", 64)
            assert cache.keep(key, made) is model.get(key, made)
            model[key] = model.pop(key, made)
            while sum(held.nbytes for held in model.values()) > most:
                del model[next(iter(model))]
        else:
            assert cache.get(key) is model.get(key)
            if key in model:
                model[key] = model.pop(key)
        assert cache.nbytes == sum(held.nbytes for held in model.values()) <= most
        assert len(cache) == len(model)


def test_threads_agree_on_one_object(house: House) -> None:
    begin, made = threading.Barrier(4), list[ControlImage]()

    def work() -> None:
        begin.wait()
        made.append(house.make(drawing()))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(each) for each in made}) == 1
    assert house.control_images.cached_bytes == made[0].nbytes


def test_pixels_of_another_shape_have_another_key() -> None:
    wide, high = Image.new("RGB", (20, 10)), Image.new("RGB", (10, 20))
    assert content_key(wide, 1) != content_key(high, 1) != content_key(high, 2)


def test_pixel_perfect_annotates_at_what_the_picture_needs(house: House) -> None:
    assert house.make(drawing(192, 96), size=(512, 512)).resolution == 512
    assert house.make(drawing(192, 96), size=(512, 512), resize_mode="pad").resolution == 256
    assert house.make(drawing(), size=(512, 512), pixel_perfect=False, resolution=128).resolution == 128


def test_what_is_transparent_lies_on_a_white_page(house: House) -> None:
    image = drawing().convert("RGBA")
    hidden = Image.new("L", image.size, 255)
    ImageDraw.Draw(hidden).rectangle((0, 0, 95, 95), fill=0)
    image.putalpha(hidden)
    made = house.make(image, "none")
    assert made.image.getextrema() == ((255, 255),) * 3


def test_a_control_image_that_is_one_already_passes_through(house: House) -> None:
    made = house.make(drawing(64, 64), "none")
    assert np.array_equal(np.asarray(made.image), np.asarray(drawing(64, 64)))
    assert made.notice is None


def test_nothing_found_is_said(house: House) -> None:
    assert house.make(Image.new("RGB", (64, 64), "white")).notice == "errors.control.empty"
    assert house.make(drawing()).notice is None


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"size": (0, 64)}, "0 × 64"),
        ({"size": (10_000, 10_000)}, "10000 × 10000"),
        ({"resolution": 63}, "between 64 and 2048"),
        ({"resolution": 4096}, "between 64 and 2048"),
        ({"annotator": "mlsd"}, "no annotator “mlsd”"),
        ({"parameters": {"low_threshold": -1}}, "between 1 and 255"),
    ],
)
def test_what_is_out_of_bounds_is_said(house: House, options: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        house.make(drawing(), **options)
    assert said in refused.value.explain()


def test_files_that_are_no_pictures_are_refused(house: House, tmp_path: Path) -> None:
    empty = tmp_path / "empty.png"
    empty.touch()
    for file in (empty, tmp_path / "missing.png", save_bomb(tmp_path / "bomb.png")):
        with pytest.raises(UnreadablePicture):
            house.make(file)


def test_an_annotator_with_weights_is_leased_and_its_helper_with_it(tmp_path: Path) -> None:
    pose, people = InvertingAnnotator(), InvertingAnnotator()
    specs = (entry("pose", "openpose"), entry("finder", "people"), entry("other", "depth"))
    house = House(tmp_path, *specs, engines={"pose": pose, "finder": people})
    assert house.make(drawing(), "openpose", size=(96, 96)).model == "pose"
    assert sorted(house.loads) == ["finder", "pose"]
    assert pose.asked == [(96, {"confidence": 0.3, "people": people})]
    assert {status.in_use for status in house.registry.statuses()} == {0}
    house.make(drawing(), "openpose", size=(96, 96))
    assert len(pose.asked) == 1


def test_closing_while_it_loads_gives_the_wait_up(tmp_path: Path) -> None:
    finish = threading.Event()
    house = House(tmp_path, entry("deep", "depth"), engines={"deep": InvertingAnnotator()}, finish=finish)
    making = house.control_images.control_image(drawing(), "depth", size=(64, 64))
    assert isinstance(next(making), LoadProgress)
    making.close()
    finish.set()
    # The load goes on for whoever comes next.
    assert house.make(drawing(), "depth").model == "deep"
    assert house.loads == ["deep"]
    assert {status.in_use for status in house.registry.statuses()} == {0}


def test_memory_that_runs_out_once_is_made_room_for(tmp_path: Path) -> None:
    engine = InvertingAnnotator(failures=1)
    house = House(tmp_path, entry("deep", "depth"), engines={"deep": engine})
    assert house.make(drawing(), "depth").model == "deep"
    assert len(engine.asked) == 2


def test_memory_that_runs_out_for_good_is_an_error_with_advice(tmp_path: Path) -> None:
    house = House(tmp_path, entry("deep", "depth"), engines={"deep": InvertingAnnotator(failures=99)})
    with pytest.raises(OutOfMemory):
        house.make(drawing(), "depth")
    assert house.control_images.cached_bytes == 0
    assert {status.in_use for status in house.registry.statuses()} == {0}


def test_an_annotator_whose_model_the_catalogue_lacks_is_refused_in_words(house: House) -> None:
    with pytest.raises(UnknownModel) as refused:
        house.make(drawing(), "depth")
    assert "“depth”" in refused.value.text()
    assert "canny" in refused.value.hint()


def test_the_network_that_is_here_goes_first(tmp_path: Path) -> None:
    absent = spec("far", task="annotate", defaults={"annotator": "depth"}, sources=({"path": "/nowhere/at-all"},))
    house = House(tmp_path, absent, entry("near", "depth"), engines={"near": InvertingAnnotator()})
    assert house.make(drawing(), "depth").model == "near"


def test_suggestions_need_no_download_where_something_comes_close(tmp_path: Path) -> None:
    absent = spec("far", task="annotate", defaults={"annotator": "lineart"}, sources=({"path": "/nowhere/at-all"},))
    nets = (controlnet("sd-1.5-control-lineart"), controlnet("edges-plain"), controlnet("x", name="Pose"))
    told = controlnet("mine", defaults={"annotator": "tile"})
    house = House(tmp_path, absent, *nets, told)
    suggestions = {
        name: house.control_images.suggest(name) for name in ("sd-1.5-control-lineart", "edges-plain", "x", "mine")
    }
    assert suggestions == {
        "sd-1.5-control-lineart": "lineart_standard",
        "edges-plain": "canny",
        "x": "openpose",
        "mine": "tile",
    }
    here = House(tmp_path, entry("near", "lineart"), *nets)
    assert here.control_images.suggest("sd-1.5-control-lineart") == "lineart"
    assert here.control_images.present("lineart")
    assert not here.control_images.present("depth")
    assert here.control_images.present("canny")


def test_a_unit_is_made_as_it_asks(house: House, tmp_path: Path) -> None:
    file = tmp_path / "house.png"
    drawing(192, 96).save(file)
    unit = ControlUnitRequest.of(
        model="edges", image=file, annotator="canny", resize_mode="pad", pixel_perfect=False, resolution=96
    )
    made = result(house.control_images.asked(file, unit, (128, 128)))
    assert (made.image.size, made.resolution, made.annotator) == ((128, 128), 96, "canny")
    # The margins of what fits in whole are as black as the rest.
    assert not np.asarray(made.image)[:20].any()
