"""The doors that an attack found open: names, origins, bodies, the queue's way round, health, and the end."""

import asyncio
import socket
import time
from pathlib import Path

import httpx
import pytest
from starlette.types import Message

from studio.identity.accounts import Accounts
from studio.settings import Settings
from studio.ui.gate.addresses import Names, Proxies, same_origin
from studio.ui.gate.guarded import Guarded, Stalled
from tests.server.conftest import Team
from tests.support.loops import run
from tests.support.server import live_server

API = "/gradio_api"
SPACE = {"SPACE_HOST": "mei-studio.hf.space"}


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("127.0.0.1:7860", True),
        ("localhost", True),
        ("[::1]:7860", True),
        ("192.168.1.7:7860", True),
        ("studio.example.org", True),
        ("STUDIO.example.org.", True),
        ("mei-studio.hf.space", True),
        ("evil.example.com:7860", False),
        ("127.0.0.1.evil.com", False),
        ("", False),
        ("a b", False),
    ],
)
def test_the_studio_answers_under_its_own_names(host: str, allowed: bool) -> None:
    assert Names(Settings(allowed_hosts=("studio.example.org",)), SPACE).allow(host) is allowed


@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        ({}, True),
        ({"origin": "http://127.0.0.1:7860"}, True),
        ({"origin": "http://127.0.0.1:7861"}, False),
        ({"origin": "http://evil.example.com"}, False),
        ({"origin": "null"}, False),
        ({"sec-fetch-site": "cross-site"}, False),
        ({"sec-fetch-site": "same-origin"}, True),
    ],
)
def test_orders_come_from_pages_of_this_very_address(headers: dict[str, str], allowed: bool) -> None:
    assert same_origin(headers, "127.0.0.1:7860") is allowed


def test_only_named_proxies_say_for_whom_they_come() -> None:
    proxies = Proxies(["10.0.0.0/8"])
    assert proxies.trust("10.1.2.3")
    assert not proxies.trust("11.0.0.1")
    assert proxies.client("6.6.6.6, 7.7.7.7, 10.0.0.9", "10.0.0.1") == "7.7.7.7"
    assert proxies.client("", "10.0.0.1") == "10.0.0.1"
    assert Proxies(["*"]).client("6.6.6.6, 10.0.0.9", "10.0.0.1") == "6.6.6.6"


def test_another_host_or_origin_changes_nothing(team: Team) -> None:
    with team.client("ada") as client:
        rebound = client.get("/config", headers={"host": "evil.example.com"})
        assert rebound.status_code == 403
        assert "STUDIO_ALLOWED_HOSTS" in rebound.json()["detail"]
        for path in ("/call/set_budget", "/upload", "/queue/join", "/cancel", "/component_server"):
            order = client.post(
                f"{API}{path}", json={"data": ["cpu", 1]}, headers={"origin": "http://evil.example.com"}
            )
            assert order.status_code == 403, path
        forged = {"x-remote-user": "ada", "x-forwarded-for": "127.0.0.1", "x-studio-inside": "yes"}
        with team.client() as nobody:
            assert nobody.get("/config", headers=forged).status_code == 401


def test_a_body_is_measured_before_it_is_read(team: Team) -> None:
    with team.client("mei") as client:
        large = client.post(f"{API}/call/score_code", content=b"x" * (5 * 2**20))
        assert large.status_code == 413
        assert client.post(f"{API}/component_server", content=b"x" * (5 * 2**20)).status_code == 413
        parts = (b"x" * 2**16 for _ in range(100))
        assert client.post(f"{API}/call/score_code", content=parts).status_code == 413
        assert client.post(f"{API}/upload", content=parts).status_code == 411
        assert client.post("/sign-in", content=b"x" * 2**20).status_code == 413


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{", b'{"data": 1}', b'{"data": []}', b'"x"', b"[" * 5000, b'{"data": [1, 2], "fn_index": "x"}'],
)
def test_what_is_no_call_is_told_so_and_no_error_of_ours(team: Team, body: bytes) -> None:
    with team.client("mei") as client:
        for path in ("/call/score_code", "/queue/join", "/run/score_code", "/call/nothing", "/call/v2/nothing"):
            answer = client.post(f"{API}{path}", content=body, headers={"content-type": "application/json"})
            assert 400 <= answer.status_code < 500, (path, answer.status_code)


def test_no_number_of_a_handler_breaks_anything(team: Team) -> None:
    with team.client("mei") as client:
        for number in (-1, 10**6, 2**70, True, 1.5, "0"):
            answer = client.post(f"{API}/queue/join", json={"data": [], "fn_index": number, "session_hash": "n"})
            assert answer.status_code == 400


def test_there_is_no_way_round_the_queue(team: Team) -> None:
    with team.client("mei") as client:
        answer = client.post(f"{API}/run/score_code", json={"data": ["x = 1", "python"]})
        assert answer.status_code == 404


def test_health_is_told_to_anybody_and_holds_no_path(team: Team) -> None:
    with team.client() as client:
        assert client.get("/healthz").json() == {"status": "alive"}
        ready = client.get("/readyz")
        assert ready.status_code == 200
        assert ready.json()["checks"]["disk.outputs"] == "ok"
        assert "/" not in ready.text


def test_a_client_that_sends_nothing_holds_nobody_up(team: Team) -> None:
    host, port = team.server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as silent, team.client("mei") as client:
        head = f"POST {API}/call/score_code HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {team.tokens['mei']}\r\n"
        silent.sendall(f"{head}Content-Length: 100\r\n\r\n".encode())
        assert client.get("/config").status_code == 200


def test_a_client_that_never_reads_is_dropped() -> None:
    async def never(message: Message) -> None:
        await asyncio.Event().wait()

    async def sent() -> None:
        await Guarded(never, {}, seconds=0.05)({"type": "http.response.body", "body": b"x"})

    with pytest.raises(Stalled):
        run(sent())


def test_who_is_told_to_end_lets_work_end_and_says_so(tmp_path: Path) -> None:
    with live_server(tmp_path, drain="30") as server, httpx.Client(base_url=server.url, timeout=60) as client:
        begun = client.post(f"{API}/call/write_section", json={"data": [outline(), 0, "", "", None]})
        with client.stream("GET", f"{API}/call/write_section/{begun.json()['event_id']}") as events:
            lines = events.iter_lines()
            assert next(lines)
            server.terminate()
            end = time.monotonic() + 20
            while client.get("/readyz").status_code == 200 and time.monotonic() < end:
                time.sleep(0.1)
            refused = client.post(f"{API}/call/score_code", json={"data": ["x", "python"]})
            assert refused.status_code == 503
            assert "event: complete" in "\n".join(lines)


def test_who_is_cut_off_is_told(tmp_path: Path) -> None:
    with live_server(tmp_path, drain="0") as server, httpx.Client(base_url=server.url, timeout=60) as client:
        begun = client.post(f"{API}/call/write_article", json={"data": [outline(), None]})
        with client.stream("GET", f"{API}/call/write_article/{begun.json()['event_id']}") as events:
            lines = events.iter_lines()
            assert next(lines)
            server.terminate()
            assert "was ended while this was under way" in "\n".join(lines)


def outline() -> dict[str, object]:
    sections = [{"heading": "Bees", "key_points": ["what they eat"], "target_words": 60} for _ in range(3)]
    return {"title": "Bees", "language": "en", "sections": sections}


def test_a_greedy_visitor_holds_up_nobody(tmp_path: Path) -> None:
    accounts, tokens = Accounts(tmp_path / "data"), {}
    for name in ("greedy", "modest"):
        accounts.add(name)
        tokens[name] = accounts.issue(name).text
    picture: list[object] = ["a boat", "", 64, 64, 2]
    with live_server(tmp_path, auth="users", owner_waiting="65") as server:
        clients = [
            httpx.Client(base_url=server.url, headers={"authorization": f"Bearer {token}"}, timeout=120)
            for token in tokens.values()
        ]
        greedy, modest = clients

        def begin(client: httpx.Client, name: str, data: list[object]) -> httpx.Response:
            return client.post(f"{API}/call/{name}", json={"data": data})

        jobs = [begin(greedy, "generate_image", fitting(greedy, picture)) for _ in range(65)]
        refused = [job for job in jobs if job.status_code == 429]
        assert all(int(job.headers["retry-after"]) > 0 for job in refused)
        assert sum(job.status_code == 200 for job in jobs) >= 64
        light = begin(modest, "models", []).json()["event_id"]
        assert "event: complete" in modest.get(f"{API}/call/models/{light}").text
        asked = len(done(tmp_path, "user:greedy"))
        mine = begin(modest, "generate_image", fitting(modest, picture)).json()["event_id"]
        assert "event: complete" in modest.get(f"{API}/call/generate_image/{mine}").text
        assert len(done(tmp_path, "user:greedy")) - asked <= 2
        for client in clients:
            client.close()


def fitting(client: httpx.Client, values: list[object]) -> list[object]:
    """As many arguments as the endpoint takes; what comes last is left as it is by itself."""
    told = client.get(f"{API}/info").json()["named_endpoints"]["/generate_image"]["parameters"]
    given = dict(zip(("prompt", "negative_prompt", "width", "height", "steps"), values, strict=False))
    return [given.get(each["parameter_name"], each.get("parameter_default")) for each in told]


def done(folder: Path, owner: str) -> list[str]:
    """The pictures that the audit says an owner got."""
    file = folder / "data" / "audit" / "audit.jsonl"
    text = file.read_text() if file.exists() else ""
    return [line for line in text.splitlines() if f'"{owner}"' in line and '"generate_image"' in line]
