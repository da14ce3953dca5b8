"""Seeded noise at every door: fields, bodies, headers, files. The studio answers in the 400s or in words, and lives."""

import json
import random
import string
from collections.abc import Iterator
from typing import Any, Final

import httpx
import pytest

from tests.support.server import LiveServer, live_server

API: Final = "/gradio_api"
ROUNDS: Final = 8
HEAVY: Final = ("generate_image", "plot_images", "load_model", "write_article", "write_section", "outline")
"""With values of any kind these could begin real work; they get only what no request can be made of."""
ODD: Final[tuple[Any, ...]] = (
    None, True, -1, 0, 2**63, 1e308, -0.0, "", " ", "\x00", "\ud83d", "𝕏" * 50, "a" * 600, "../../etc/passwd", "${7*7}",
    "{{7*7}}", "<script>", "'; DROP TABLE", [], {}, [[]], {"path": "/etc/passwd"}, {"a": {"b": []}}, "true", "nan",
)  # fmt: skip


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    with live_server(tmp_path_factory.mktemp("fuzz"), owner_requests="100000") as server:
        yield server


@pytest.fixture(scope="module")
def client(server: LiveServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=60) as client:
        yield client


def text(value: object) -> bytes:
    return json.dumps(value).encode("utf-8", "surrogatepass")


def told(client: httpx.Client, name: str, data: list[Any]) -> str:
    """What a call came to: a status in the 400s, or its stream."""
    begun = client.post(
        f"{API}/call/{name}", content=text({"data": data}), headers={"content-type": "application/json"}
    )
    if begun.status_code != 200:
        assert 400 <= begun.status_code < 500, (name, begun.status_code)
        return begun.text
    return client.get(f"{API}/call/{name}/{begun.json()['event_id']}").text


def test_any_value_in_any_field_is_answered_in_words(client: httpx.Client, server: LiveServer) -> None:
    dice = random.Random(14)
    endpoints = client.get(f"{API}/info").json()["named_endpoints"]
    assert len(endpoints) > 10
    for path, described in endpoints.items():
        name, fields = path.strip("/"), described["parameters"]
        for _ in range(ROUNDS):
            data = [dice.choice(ODD) for _ in fields]
            if name in HEAVY and data:
                data[0] = dice.choice([[], {}, -1, True, "\x00"])
            answer = told(client, name, data)
            assert "Traceback" not in answer
            assert "did not expect" not in answer
    assert client.get("/healthz").status_code == 200
    assert "Traceback" not in "".join(server.log)


def test_noise_in_bodies_and_headers_breaks_nothing(client: httpx.Client, server: LiveServer) -> None:
    dice = random.Random(41)
    paths = ["/queue/join", "/call/score_code", "/call/v2/models", "/run/models", "/cancel", "/reset", "/upload"]
    paths += ["/component_server"]
    for number in range(120):
        noise = bytes(dice.randrange(256) for _ in range(dice.randrange(200)))
        calls = [{"data": dice.choice(ODD)}, dice.choice(ODD), {"fn_index": number}]
        body = dice.choice([noise, *map(text, calls)])
        kind = dice.choice(["application/json", "multipart/form-data; boundary=x", "text/plain", ""])
        odd = "".join(dice.choice(string.printable[:94]) for _ in range(30))
        headers = {"content-type": kind, "range": odd, "cookie": odd, "x-forwarded-host": odd, "accept-language": odd}
        answer = client.post(API + paths[number % len(paths)], content=body, headers=headers)
        assert answer.status_code < 500, (paths[number % len(paths)], body[:80], answer.status_code)
    for _ in range(60):
        path = "".join(dice.choice("/.%25=:~abc\\") for _ in range(dice.randrange(1, 40)))
        assert client.get(f"{API}/file={path}").status_code in (400, 403, 404)
    assert client.get("/healthz").status_code == 200
    assert "Traceback" not in "".join(server.log)


def test_files_that_are_no_pictures_are_told_so(client: httpx.Client, server: LiveServer) -> None:
    dice = random.Random(7)
    heads = [b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"RIFF\xff\xff\xff\xffWEBP", b"GIF89a", b"BM", b"II*\x00"]
    heads += [b"<svg", b"GGUF"]
    for number, head in enumerate(heads * 3):
        content = head + bytes(dice.randrange(256) for _ in range(300))
        sent = client.post(f"{API}/upload", files={"files": (f"{number}.png", content)})
        assert sent.status_code == 200
        named = {"path": sent.json()[0], "meta": {"_type": "gradio.FileData"}}
        assert "event: error" in told(client, "upscale", [named, None])
    assert "Traceback" not in "".join(server.log)
