"""Looking after a live studio's models from another program."""

import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError
from prometheus_client.parser import text_string_to_metric_families

from tests.support.server import LiveServer, live_server

TEXT = "smollm2-135m"
UPSCALER = "realesr-animevideo-x4"


@pytest.fixture(scope="module")
def client(server: LiveServer) -> Client:
    return Client(server.url, verbose=False)


@pytest.fixture
def loaded(client: Client) -> Iterator[str]:
    client.predict(UPSCALER, api_name="/load_model")
    yield UPSCALER
    client.predict(UPSCALER, api_name="/unpin_model")
    client.predict(UPSCALER, api_name="/drop_model")


def there(client: Client) -> dict[str, Any]:
    return {model["id"]: model for model in client.predict(api_name="/memory")["models"]}


def metric(server: LiveServer, name: str, **labels: str) -> float | None:
    text = urllib.request.urlopen(f"{server.url}/metrics", timeout=20).read().decode()
    return next(
        (
            sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == f"studio_registry_{name}" and labels.items() <= sample.labels.items()
        ),
        None,
    )


def test_memory_tells_who_holds_how_much_and_what_happened(client: Client, loaded: str) -> None:
    memory = client.predict(api_name="/memory")
    host = next(device for device in memory["devices"] if device["name"] == "cpu")
    assert set(host) == {"name", "budget", "held", "reserved"}
    assert 0 < host["held"] < host["budget"]
    model = next(model for model in memory["models"] if model["id"] == loaded)
    assert set(model) == {"id", "state", "device", "rung", "holds", "in_use", "pinned", "busy"}
    assert model["state"] == "device"
    assert model["holds"]["cpu"] > 1_000_000
    record = next(r for r in reversed(memory["journal"]) if (r["event"], r["model"]) == ("loaded", loaded))
    assert set(record) == {"seq", "at", "event", "model", "device", "bytes", "seconds", "why", "text"}
    assert "is ready (main memory)" in record["text"]


def test_only_the_records_after_a_number_come_and_in_the_language_asked_for(client: Client, loaded: str) -> None:
    last = client.predict(api_name="/memory")["journal"][-1]["seq"]
    assert client.predict(last, api_name="/memory")["journal"] == []
    client.predict(loaded, api_name="/pin_model")
    (record,) = client.predict(last, "zh", api_name="/memory")["journal"]
    assert (record["seq"], record["event"], record["model"]) == (last + 1, "pinned", loaded)
    assert "常驻" in record["text"]


def test_a_model_is_pinned_unpinned_and_dropped(client: Client, loaded: str) -> None:
    assert client.predict(loaded, api_name="/pin_model") == {"id": loaded, "pinned": True}
    assert there(client)[loaded]["pinned"] is True
    assert client.predict(loaded, api_name="/unpin_model") == {"id": loaded, "pinned": False}
    assert there(client)[loaded]["pinned"] is False
    assert client.predict(loaded, api_name="/drop_model")["state"] == "disk"
    assert loaded not in there(client)


def test_a_budget_is_changed_and_measured_again(client: Client, loaded: str) -> None:
    measured = client.predict("cpu", api_name="/set_budget")["budget"]
    assert client.predict("cpu", 1_000_000_000, api_name="/set_budget")["budget"] == 1_000_000_000
    client.predict("cpu", 1_000_000, api_name="/set_budget")
    assert loaded not in there(client)
    again = client.predict("cpu", api_name="/set_budget")["budget"]
    assert again > 1_000_000_000
    assert again == pytest.approx(measured, rel=0.5)


@pytest.mark.parametrize(
    ("endpoint", "arguments", "kind", "words"),
    [
        ("/drop_model", ["nonesuch"], "UnknownModel", "nonesuch"),
        ("/pin_model", ["nonesuch"], "UnknownModel", "nonesuch"),
        ("/unpin_model", [["a", "list"]], "InvalidRequest", "text"),
        ("/set_budget", ["cuda:9", 1], "InvalidRequest", "cuda:9"),
        ("/set_budget", ["cpu", 0], "InvalidRequest", "zero"),
        ("/set_budget", ["cpu", -5], "InvalidRequest", "zero"),
        ("/set_budget", ["cpu", "8GB"], "InvalidRequest", "whole number"),
        ("/set_budget", ["cpu", 1.5], "InvalidRequest", "whole number"),
        ("/memory", [-1], "InvalidRequest", "at least 0"),
        ("/memory", [0, "klingon"], "InvalidRequest", "language"),
    ],
)
def test_bad_input_is_refused_in_plain_words(
    client: Client, endpoint: str, arguments: list[Any], kind: str, words: str
) -> None:
    with pytest.raises(AppError) as caught:
        client.predict(*arguments, api_name=endpoint)
    assert words in str(caught.value)
    assert caught.value.title == kind


def test_the_metrics_move_when_a_model_does(server: LiveServer, client: Client, loaded: str) -> None:
    before = metric(server, "load_seconds_count", model=loaded, device="cpu") or 0
    assert (metric(server, "resident_bytes", model=loaded, device="cpu") or 0) > 1_000_000
    assert metric(server, "in_use", model=loaded) == 0
    dropped = metric(server, "evictions_total", model=loaded, reason="dropped") or 0
    client.predict(loaded, api_name="/drop_model")
    assert metric(server, "resident_bytes", model=loaded) is None
    assert metric(server, "evictions_total", model=loaded, reason="dropped") == dropped + 1
    client.predict(loaded, api_name="/load_model")
    assert metric(server, "load_seconds_count", model=loaded, device="cpu") == before + 1
    assert (metric(server, "budget_bytes", device="cpu") or 0) > 1_000_000
    assert metric(server, "wait_seconds_count", outcome="served") is not None


def test_the_metrics_name_no_folder_and_no_secret(server: LiveServer, tmp_path_factory: pytest.TempPathFactory) -> None:
    with urllib.request.urlopen(f"{server.url}/metrics", timeout=20) as answer:
        text = answer.read().decode()
        assert answer.headers["Content-Type"].startswith("text/plain")
    assert str(tmp_path_factory.getbasetemp()) not in text
    assert "/" not in "".join(line for line in text.splitlines() if not line.startswith("#"))


def test_a_studio_for_everybody_refuses_the_controls(tmp_path: Path) -> None:
    with live_server(tmp_path, controls="false") as public:
        visitor = Client(public.url, verbose=False)
        for endpoint, arguments in (
            ("/drop_model", [TEXT]),
            ("/pin_model", [TEXT]),
            ("/unpin_model", [TEXT]),
            ("/set_budget", ["cpu", 1]),
        ):
            with pytest.raises(AppError, match="switched off"):
                visitor.predict(*arguments, api_name=endpoint)
        assert visitor.predict(api_name="/memory")["devices"]
        assert visitor.predict(UPSCALER, api_name="/offload_model")["state"] == "disk"
