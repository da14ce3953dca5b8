"""Settings written into pictures and read back through `gradio_client`."""

from pathlib import Path
from typing import Any

import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image

from tests.support.server import LiveServer

TEXT = "a cat\nNegative prompt: rain\nSteps: 20, Sampler: Euler a, Seed: 5, Size: 512x768, ADetailer model: face"


@pytest.fixture(scope="module")
def client(drawing_server: LiveServer) -> Client:
    return Client(drawing_server.url, verbose=False)


@pytest.mark.parametrize("kind", ["png", "jpeg", "webp"])
def test_a_picture_of_each_format_is_drawn_read_and_leads_to_the_same_picture(client: Client, kind: str) -> None:
    def drawn(**fields: Any) -> tuple[str, dict[str, Any]]:
        answer = client.predict(**fields, format=kind, api_name="/generate_image")
        file = answer["files"][0]
        return str(file["path"] if isinstance(file, dict) else file), answer

    first, answer = drawn(prompt="a boat, a sail", negative_prompt="rain", steps=3)
    told = client.predict(handle_file(first), api_name="/read_infotext")
    assert told == client.predict(text=answer["infotext"], api_name="/read_infotext")
    assert (told["prompt"], told["steps"], told["seed"]) == ("a boat, a sail", 3, answer["seed"])
    names = ("prompt", "negative_prompt", "steps", "guidance_scale", "seed", "width", "height", "model")
    second, _ = drawn(**{name: told[name] for name in names})
    with Image.open(first) as one, Image.open(second) as other:
        assert one.format == kind.upper()
        assert one.tobytes() == other.tobytes()


def test_a_text_is_read_and_what_it_does_not_tell_is_left_out(client: Client) -> None:
    assert client.predict(text=TEXT, api_name="/read_infotext") == {
        "prompt": "a cat",
        "negative_prompt": "rain",
        "steps": 20,
        "sampler": "Euler a",
        "seed": 5,
        "width": 512,
        "height": 768,
        "unknown": {"ADetailer model": "face"},
    }


def test_what_cannot_be_read_is_answered_in_words(client: Client, tmp_path: Path) -> None:
    bare = tmp_path / "bare.png"
    Image.new("RGB", (8, 8)).save(bare)
    for arguments, words in (
        ({}, "either a picture or a text"),
        ({"text": "x" * 1_000_000}, "500000 characters"),
        ({"text": '{"nodes": []}'}, "ComfyUI"),
        ({"image": "/etc/hostname"}, "uploaded file"),
        ({"image": handle_file(str(bare))}, "carries no settings"),
    ):
        with pytest.raises(AppError) as caught:
            client.predict(**arguments, api_name="/read_infotext")
        assert words in str(caught.value)


def test_a_format_that_does_not_exist_is_refused(client: Client) -> None:
    with pytest.raises(AppError) as caught:
        client.predict("a cat", format="tiff", api_name="/generate_image")
    assert "webp" in str(caught.value)
