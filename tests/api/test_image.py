"""Text to image through `gradio_client`, on a tiny random Stable Diffusion."""

from base64 import b64decode
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image

from tests.support.drawing import half
from tests.support.server import LiveServer


@pytest.fixture(scope="module")
def client(drawing_server: LiveServer) -> Client:
    return Client(drawing_server.url, verbose=False)


def path_of(file: Any) -> str:
    return str(file["path"] if isinstance(file, dict) else file)


def test_a_picture_comes_with_its_seed_and_an_infotext_inside_the_file(client: Client) -> None:
    answer = client.predict("a lighthouse at dawn", negative_prompt="rain", seed=7, api_name="/generate_image")
    assert set(answer) == {"files", "seed", "infotext", "infotexts", "work", "version", "works"}
    assert answer["infotexts"] == [answer["infotext"]]
    assert answer["seed"] == 7
    with Image.open(path_of(answer["files"][0])) as picture:
        assert picture.size == (64, 64)
        assert picture.text["parameters"] == answer["infotext"]
    prompt, negative, parameters = answer["infotext"].splitlines()
    assert prompt == "a lighthouse at dawn"
    assert negative == "Negative prompt: rain"
    assert "Steps: 4" in parameters
    assert "Seed: 7" in parameters
    assert "Size: 64x64" in parameters


def test_the_same_seed_draws_the_same_picture_and_another_one_does_not(client: Client) -> None:
    def drawn(seed: int) -> bytes:
        answer = client.predict("a boat", seed=seed, api_name="/generate_image")
        with Image.open(path_of(answer["files"][0])) as picture:
            return picture.tobytes()

    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)


def test_a_picture_can_be_enlarged_and_keeps_its_infotext(client: Client) -> None:
    answer = client.predict("a boat", seed=3, api_name="/generate_image")
    larger, _ = client.predict(handle_file(path_of(answer["files"][0])), api_name="/upscale")
    with Image.open(larger) as picture:
        assert picture.size == (256, 256)
        assert picture.text["parameters"] == answer["infotext"]


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """Noise of 96 × 64, and a mask over its left third beside it."""
    pixels = np.random.default_rng(1).integers(0, 256, (64, 96, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "photo.png")
    mask = Image.new("L", (96, 64))
    mask.paste(255, (0, 0, 32, 64))
    mask.save(tmp_path / "mask.png")
    return tmp_path / "photo.png"


def pixels_of(answer: dict[str, Any]) -> np.ndarray:
    with Image.open(path_of(answer["files"][0])) as picture:
        return np.asarray(picture.convert("RGB"))


def test_the_less_strength_the_nearer_to_the_picture_it_began_from(client: Client, photo: Path) -> None:
    def distance(strength: float) -> float:
        answer = client.predict(
            "a boat", image=handle_file(str(photo)), strength=strength, seed=4, api_name="/generate_image"
        )
        assert f"Denoising strength: {strength:g}" in answer["infotext"]
        began = np.asarray(Image.open(photo).resize((96, 64)), int)
        return float(np.abs(pixels_of(answer) - began).mean())

    assert distance(0.25) < distance(1.0)


@pytest.mark.parametrize("area", ["picture", "masked"])
def test_what_is_not_masked_comes_back_to_the_pixel(client: Client, photo: Path, area: str) -> None:
    answer = client.predict(
        "a boat",
        image=handle_file(str(photo)),
        mask=handle_file(str(photo.with_name("mask.png"))),
        inpaint_area=area,
        mask_blur=0,
        width=96,
        height=64,
        seed=4,
        api_name="/generate_image",
    )
    before, after = np.asarray(Image.open(photo)), pixels_of(answer)
    assert np.array_equal(after[:, 32:], before[:, 32:])
    assert not np.array_equal(after[:, :32], before[:, :32])
    assert ("Inpaint area: Only masked" in answer["infotext"]) == (area == "masked")


def test_pictures_that_do_not_go_together_are_refused(client: Client, photo: Path, tmp_path: Path) -> None:
    Image.new("L", (10, 10), 255).save(tmp_path / "small.png")
    (tmp_path / "text.png").write_text("no picture")
    cases: list[tuple[dict[str, Any], str]] = [
        ({"mask": handle_file(str(tmp_path / "small.png"))}, "10 × 10"),
        ({"image": handle_file(str(tmp_path / "text.png"))}, "text.png"),
        ({"image": {"path": str(photo)}}, "uploaded"),
        ({"strength": 0}, "strength"),
        ({"inpaint_area": "everything"}, "inpaint_area"),
    ]
    for changed, words in cases:
        arguments = {"image": handle_file(str(photo))} | changed
        with pytest.raises(AppError, match=words):
            client.predict("a boat", **arguments, api_name="/generate_image")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"width": 100}, "8"),
        ({"width": 8}, "64"),
        ({"steps": 0}, "1"),
        ({"steps": 10_000}, "150"),
        ({"guidance_scale": -1}, "0"),
        ({"seed": -5}, "-1"),
        ({"seed": 2**40}, "seed"),
        ({"prompt": ""}, "prompt"),
    ],
)
def test_a_request_out_of_bounds_is_refused_in_plain_words(
    client: Client, arguments: dict[str, Any], words: str
) -> None:
    with pytest.raises(AppError) as caught:
        client.predict(**{"prompt": "a cat", **arguments}, api_name="/generate_image")
    assert words in str(caught.value)


def test_styles_chance_and_clip_skip_are_arguments_and_the_infotext_tells_them(client: Client) -> None:
    def drawn(**fields: Any) -> dict[str, Any]:
        return client.predict("a {red|blue} (boat:1.2)", seed=4, api_name="/generate_image", **fields)

    answer = drawn(styles=["watercolour"], clip_skip=2)
    prompt, negative, parameters = answer["infotext"].splitlines()
    assert prompt.startswith(("watercolour of a red (boat:1.2), ", "watercolour of a blue (boat:1.2), "))
    assert "frame" in negative
    assert "Clip skip: 2" in parameters
    assert drawn(styles=["水彩"], clip_skip=2)["infotext"] == answer["infotext"]
    with pytest.raises(AppError, match="watercolour"):
        drawn(styles=["no such style"])


def test_several_pictures_come_one_after_the_other_and_each_is_what_its_seed_alone_gives(client: Client) -> None:
    asked = {"sampler": "DPM++ 2M", "schedule_type": "Karras", "steps": 3}
    job = client.submit("a boat", seed=8, count=3, **asked, api_name="/generate_image")
    whole = job.result()
    assert [len(answer["files"]) for answer in job.outputs() if answer] == [1, 2, 3]
    assert all("Sampler: DPM++ 2M, Schedule type: Karras" in text for text in whole["infotexts"])
    alone = client.predict("a boat", seed=10, **asked, api_name="/generate_image")
    assert whole["infotexts"][2] == alone["infotext"]
    with Image.open(path_of(whole["files"][2])) as one, Image.open(path_of(alone["files"][0])) as other:
        assert one.tobytes() == other.tobytes()


@pytest.mark.parametrize(
    ("arguments", "words"), [({"sampler": "Euler b"}, "Euler a"), ({"count": 0}, "1"), ({"count": 10**6}, "100")]
)
def test_unknown_samplers_and_counts_out_of_bounds_are_refused_in_words(
    client: Client, arguments: dict[str, Any], words: str
) -> None:
    with pytest.raises(AppError, match=words):
        client.predict("a boat", **arguments, api_name="/generate_image")


def test_a_control_image_is_made_at_the_size_asked_for(client: Client, tmp_path: Path) -> None:
    half(96).save(tmp_path / "half.png")
    answer = client.predict(
        handle_file(str(tmp_path / "half.png")), "canny", width=128, height=64, api_name="/control_image"
    )
    assert (answer["annotator"], answer["width"], answer["height"]) == ("canny", 128, 64)
    with Image.open(path_of(answer["file"])) as lines:
        columns = np.flatnonzero(np.asarray(lines.convert("L")).any(axis=0))
        assert lines.size == (128, 64)
    assert 60 <= columns.min() <= columns.max() <= 68


def test_control_units_through_the_api(client: Client, tmp_path: Path) -> None:
    half(96).save(tmp_path / "half.png")
    unit = {"model": "tiny-edges", "image": handle_file(str(tmp_path / "half.png")), "annotator": "canny"}
    plain = client.predict("a boat", seed=4, api_name="/generate_image")
    steered = client.predict("a boat", seed=4, controls=[unit], api_name="/generate_image")
    assert "Module: canny, Model: tiny-edges" in steered["infotext"]
    assert not np.array_equal(pixels_of(plain), pixels_of(steered))
    for wrong, words in (
        ([{**unit, "image": {"path": "/etc/passwd"}}], "uploaded"),
        ([{"model": "tiny-edges"}], "no picture to follow"),
        ([{**unit, "annotator": "oracle"}], "oracle"),
        (["tiny-edges"], "controls"),
        ([{**unit, "magic": 1}], "magic"),
    ):
        with pytest.raises(AppError, match=words):
            client.predict("a boat", controls=wrong, api_name="/generate_image")


def test_adapters_are_listed_by_kind(client: Client) -> None:
    (shipped,) = client.predict(api_name="/adapters")
    assert (shipped["name"], shipped["rank"], shipped["trouble"]) == ("flat-style", 4, None)
    assert client.predict("inversion", api_name="/adapters") == []
    with pytest.raises(AppError, match="no kind"):
        client.predict("hat", api_name="/adapters")


def test_a_stream_says_how_far_the_work_is_and_shows_it(client: Client) -> None:
    job = client.submit("a boat", steps=30, count=2, stream=True, api_name="/generate_image")
    job.result(timeout=120)
    told = [answer for answer in job.outputs() if answer]
    progress = [answer for answer in told if "progress" in answer]
    assert progress
    places = [(answer["progress"]["picture"], answer["progress"]["step"]) for answer in progress]
    assert places == sorted(places)
    assert {answer["progress"]["total"] for answer in progress} == {30}
    shown = next(answer["preview"] for answer in progress if answer["preview"])
    with Image.open(BytesIO(b64decode(shown.partition(",")[2]))) as preview:
        assert preview.format == "JPEG"
    assert len(told[-1]["files"]) == 2


def test_a_plot_has_a_picture_for_every_pair_of_values(client: Client) -> None:
    answer = client.predict(
        {"prompt": "a boat", "seed": 3},
        {"vary": "steps", "values": "2, 4"},
        {"vary": "sampler", "values": "Euler, DDIM"},
        api_name="/plot_images",
    )
    assert (answer["done"], answer["total"]) == (4, 4)
    infotexts = []
    for file in (cell for row in answer["cells"] for cell in row):
        with Image.open(path_of(file)) as cell:
            infotexts.append(cell.text["parameters"])
    settings = [("2", "Euler"), ("4", "Euler"), ("2", "DDIM"), ("4", "DDIM")]
    assert all(f"Steps: {n}, Sampler: {name}" in text for text, (n, name) in zip(infotexts, settings, strict=True))
    with Image.open(path_of(answer["file"])) as sheet:
        assert sheet.size == (answer["width"], answer["height"])
    with pytest.raises(AppError, match="steps"):
        client.predict({"prompt": "a boat"}, {"vary": "steps", "values": "0"}, api_name="/plot_images")


@pytest.mark.parametrize(
    ("picture", "x", "field"),
    [
        (["a boat"], {"vary": "steps", "values": "2"}, "picture"),
        ({"prompt": "a boat"}, "steps", "x"),
        ({"prompt": "a boat"}, {"vary": "steps"}, "x.values"),
        ({"prompt": "a boat", "controls": "canny"}, {"vary": "steps", "values": "2"}, "controls"),
    ],
)
def test_a_plot_of_another_shape_is_refused_by_its_field(client: Client, picture: Any, x: Any, field: str) -> None:
    with pytest.raises(AppError, match=rf"“.*{field}”"):
        client.predict(picture, x, api_name="/plot_images")
