"""Looking after a running studio from a shell."""

import json
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio.cli.gauges import WIDTH, Gauges
from studio.cli.remote import Memory, Orders, RemoteStudio, parse_budget, watch
from studio.cli.terminal import Terminal
from studio.errors import InvalidRequest, ServerFailed, UnknownModel, WeightsUnavailable
from tests.cli.test_commands import COMMAND, environment, studio
from tests.support.server import LiveServer, free_port, live_server

UPSCALER = "realesr-animevideo-x4"


def memory(*models: dict[str, Any], journal: tuple[dict[str, Any], ...] = (), **device: int) -> Memory:
    first = {"name": "cuda:0", "budget": 1000, "held": 0, "reserved": 0, **device}
    return {"devices": [first], "models": list(models), "journal": list(journal)}


def held(name: str, size: int, **fields: Any) -> dict[str, Any]:
    return {"id": name, "holds": {"cuda:0": size}, "in_use": 0, "pinned": False, **fields}


def record(seq: int, text: str = "something") -> dict[str, Any]:
    return {"seq": seq, "at": 0.0, "text": text}


def plain(memory: Memory) -> str:
    terminal = Terminal()
    with terminal.out.capture() as capture:
        terminal.out.print(Gauges(terminal).show(memory))
    return capture.get()


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("cuda:0=8GB", 8 * 10**9),
        ("cuda:0=8 gb", 8 * 10**9),
        ("cuda:0=512MB", 512 * 10**6),
        ("cuda:0=1.5GiB", 3 * 2**29),
        ("cuda:0=2TiB", 2**41),
        ("cuda:0=7k", 7000),
        ("cuda:0=12345", 12345),
        ("cuda:0=12345B", 12345),
        (" cuda:0 = auto ", None),
        ("cuda:0=AUTO", None),
    ],
)
def test_a_budget_is_read_as_people_write_it(text: str, size: int | None) -> None:
    assert parse_budget(text) == ("cuda:0", size)


@pytest.mark.parametrize("text", ["", "8GB", "=8GB", "cuda:0=", "cuda:0=lots", "cuda:0=-1GB", "cuda:0=1e9", "a=8GBB"])
def test_what_is_no_budget_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest, match="size of memory"):
        parse_budget(text)


@given(st.text(max_size=30))
def test_any_text_is_a_budget_or_is_refused(text: str) -> None:
    with suppress(InvalidRequest):
        device, size = parse_budget(text)
        assert device
        assert size is None or size >= 0


@given(st.integers(0, 10**15), st.sampled_from(["", "B", "b"]))
def test_bytes_come_back_as_they_were_written(size: int, unit: str) -> None:
    assert parse_budget(f"cpu={size}{unit}") == ("cpu", size)


def test_what_makes_room_is_done_before_what_takes_it() -> None:
    orders = Orders(load="new", drop="old", budget="cpu=1GB", pin="new")
    assert [endpoint for endpoint, _ in orders.calls()] == ["/drop_model", "/set_budget", "/load_model", "/pin_model"]
    assert not Orders()
    assert Orders(pin="x")


def test_watching_tells_only_what_is_new() -> None:
    asked: list[int] = []
    answers = iter(
        [
            memory(journal=(record(1), record(2))),
            memory(budget=900),
            memory(held("a", 100), held=100),
            memory(held("a", 100), held=100),
            memory(held("a", 100), held=100, journal=(record(3),)),
        ]
    )

    def ask(since: int) -> Memory:
        asked.append(since)
        return next(answers, memory(held("b", 1), held=1))

    changes = watch(ask, lambda seconds: None)
    first, second, third = next(changes), next(changes), next(changes)
    assert [r["seq"] for r in first["journal"]] == [1, 2]
    assert second["devices"][0]["held"] == 100
    assert [r["seq"] for r in third["journal"]] == [3]
    assert asked == [0, 2, 2, 2, 2]


def test_a_bar_is_as_long_as_its_share_and_says_who_is_at_work() -> None:
    shown = plain(memory(held("a", 500, in_use=1), held("b", 250, pinned=True), held=750, reserved=125))
    bar = shown.splitlines()[1]
    assert len(bar) == WIDTH
    assert (bar.count("█"), bar.count("▓"), bar.count("▒")) == (WIDTH // 2, WIDTH // 4, WIDTH // 8)
    assert "a 0 kB (in use)" in shown
    assert "b 0 kB (kept)" in shown


def test_a_studio_that_is_not_there_is_named() -> None:
    address = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(ServerFailed) as caught:
        RemoteStudio(address).memory()
    assert address in caught.value.text("zh-CN")
    assert "studio serve" in caught.value.hint("en")


def test_what_the_studio_refused_comes_back_as_the_same_kind_of_error(server: LiveServer) -> None:
    remote = RemoteStudio(server.url)
    with pytest.raises(UnknownModel, match="nonesuch"):
        remote.call("/drop_model", "nonesuch")
    with pytest.raises(ServerFailed, match="not a studio of this version"):
        remote.call("/no_such_endpoint")


def test_a_shell_loads_pins_and_drops_in_a_running_studio(server: LiveServer, tmp_path: Path) -> None:
    done = studio(tmp_path, "models", "--at", server.url, "--load", UPSCALER, "--pin", UPSCALER, "--json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    model = next(model for model in answer["models"] if model["id"] == UPSCALER)
    assert (model["state"], model["pinned"]) == ("device", True)
    assert "pinned" in [record["event"] for record in answer["journal"]]
    address = server.url.removeprefix("http://")
    done = studio(tmp_path, "models", "--at", address, "--unpin", UPSCALER, "--drop", UPSCALER, LC_ALL="zh_CN.UTF-8")
    assert done.returncode == 0, done.stderr
    assert "已从内存中清除" in done.stdout
    assert "cpu：已用" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--drop", "nonesuch"], 2, "nonesuch"),
        (["--budget", "cuda:9=1GB"], 2, "cuda:9"),
        (["--budget", "cpu=much"], 2, "cpu=much"),
        (["--budget", "cpu=0"], 2, "zero"),
    ],
)
def test_a_bad_order_is_one_sentence_and_an_exit_code(
    server: LiveServer, tmp_path: Path, arguments: list[str], code: int, words: str
) -> None:
    done = studio(tmp_path, "models", "--at", server.url, *arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_weights_that_are_not_to_be_had_are_told_and_counted_as_such(tmp_path: Path) -> None:
    catalogue = tmp_path / "models.yaml"
    catalogue.write_text(
        "version: 1\nmodels:\n"
        "- {id: gone, name: Gone, task: upscale, engine: spandrel, licence: MIT, memory: 1000,\n"
        "   sources: [{path: /nowhere/gone.pth}]}\n",
        encoding="utf-8",
    )
    with live_server(tmp_path, catalogue=str(catalogue)) as server:
        with pytest.raises(WeightsUnavailable, match="Gone"):
            RemoteStudio(server.url).call("/load_model", "gone")
        done = studio(tmp_path, "models", "--at", server.url, "--load", "gone")
    assert (done.returncode, done.stdout) == (3, "")
    assert "Traceback" not in done.stderr


def test_watching_nobody_ends_with_a_hint(tmp_path: Path) -> None:
    done = studio(tmp_path, "models", "--watch", "--at", f"127.0.0.1:{free_port()}")
    assert done.returncode == 5
    assert "studio serve" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="signals differ there")
def test_watching_follows_a_studio_until_it_is_interrupted(server: LiveServer, tmp_path: Path) -> None:
    process = subprocess.Popen(
        [*COMMAND, "models", "--watch", "--json", "--at", server.url],
        env=environment(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert json.loads(process.stdout.readline())["devices"][0]["name"] == "cpu"
    RemoteStudio(server.url).call("/load_model", UPSCALER)
    change = next(line for line in process.stdout if f'"loaded", "model": "{UPSCALER}"' in line)
    assert set(json.loads(change)) == {"devices", "models", "journal"}
    RemoteStudio(server.url).call("/drop_model", UPSCALER)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=200)
    assert process.returncode == 130
    assert "Stopped." in error
    assert "Traceback" not in error
