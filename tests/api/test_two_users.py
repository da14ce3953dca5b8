"""Two people who draw at the same time."""

import time
from typing import Any

import numpy as np
from gradio_client import Client
from PIL import Image

from tests.support.server import LiveServer


def pixels(answer: dict[str, Any]) -> np.ndarray:
    file = answer["files"][0]
    with Image.open(file["path"] if isinstance(file, dict) else file) as picture:
        return np.asarray(picture.convert("RGB"))


def test_each_gets_what_they_would_get_alone_and_a_stop_is_ones_own(drawing_server: LiveServer) -> None:
    one, other = (Client(drawing_server.url, verbose=False) for _ in range(2))
    asked = [{"prompt": "a boat", "seed": 1, "steps": 6}, {"prompt": "a {red|blue} tree", "seed": 2, "steps": 6}]
    alone = [pixels(one.predict(**fields, api_name="/generate_image")) for fields in asked]
    jobs = [
        client.submit(**fields, api_name="/generate_image") for client, fields in zip((one, other), asked, strict=True)
    ]
    together = [pixels(job.result(timeout=120)) for job in jobs]
    assert all(np.array_equal(first, second) for first, second in zip(alone, together, strict=True))
    endless = one.submit("a cloud", steps=150, count=50, stream=True, api_name="/generate_image")
    while not any(endless.outputs()):
        time.sleep(0.1)
    mine = other.submit(**asked[1], api_name="/generate_image")
    endless.cancel()
    assert np.array_equal(pixels(mine.result(timeout=120)), alone[1])
