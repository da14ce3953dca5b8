"""Visitors who leave in the middle: the model is free soon after, and others are not held up."""

import json
import time
from typing import Any

import httpx
import pytest

from tests.support.server import LiveServer

MODEL = "smollm2-135m"
LONG = {
    "title": "Bees",
    "language": "en",
    "sections": [{"heading": "Everything about bees", "key_points": ["hives", "honey"], "target_words": 3000}],
}
PATIENCE = 10
"""Seconds; far less than the section takes, far more than leaving should."""


@pytest.fixture
def client(server: LiveServer) -> httpx.Client:
    return httpx.Client(base_url=f"{server.url}/gradio_api", timeout=120)


def begun(client: httpx.Client, endpoint: str, *arguments: Any) -> str:
    answer = client.post(f"/call/{endpoint}", json={"data": list(arguments)})
    return str(answer.raise_for_status().json()["event_id"])


def answered(client: httpx.Client, endpoint: str, *arguments: Any) -> Any:
    with client.stream("GET", f"/call/{endpoint}/{begun(client, endpoint, *arguments)}") as events:
        data = [line.removeprefix("data: ") for line in events.iter_lines() if line.startswith("data: ")]
    return json.loads(data[-1])[0]


def state(client: httpx.Client) -> str:
    return next(model["state"] for model in answered(client, "models") if model["id"] == MODEL)


def test_a_client_that_disconnects_frees_its_model(client: httpx.Client) -> None:
    event = begun(client, "write_section", LONG, 0, "", "", MODEL)
    with client.stream("GET", f"/call/write_section/{event}") as events:
        texts = (line for line in events.iter_lines() if line.startswith("data: ") and len(line) > 40)
        next(texts)
        assert answered(client, "offload_model", MODEL)["state"] == "device"
    end = time.monotonic() + PATIENCE
    while state(client) == "device":
        assert time.monotonic() < end, "the model is still in use"
        time.sleep(0.1)


def test_a_path_on_the_server_is_no_upload(client: httpx.Client) -> None:
    answer = client.post("/call/upscale", json={"data": [{"path": "/etc/hostname"}, None]})
    assert answer.status_code == 403
    assert "upload" in answer.json()["detail"]
