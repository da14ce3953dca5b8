"""The endpoints as tools of the Model Context Protocol."""

import json
from pathlib import Path

import httpx
import pytest
from mcp import ClientSession
from mcp.client.streamable_http import streamablehttp_client

from studio.identity.accounts import Accounts
from tests.support.loops import run
from tests.support.server import live_server


async def _asked(url: str, headers: dict[str, str] | None = None) -> tuple[dict[str, str], str]:
    async with (
        streamablehttp_client(f"{url}/gradio_api/mcp/", headers=headers) as (read, write, _),
        ClientSession(read, write) as session,
    ):
        await session.initialize()
        tools = {tool.name: tool.description or "" for tool in (await session.list_tools()).tools}
        name = next(name for name in tools if name.endswith("read_infotext"))
        answer = await session.call_tool(name, {"image": None, "text": "a cat\nSteps: 9, Sampler: DDIM, Seed: 5"})
        return tools, "".join(getattr(part, "text", "") for part in answer.content)


def test_a_language_model_finds_the_tools_and_calls_one(tmp_path: Path) -> None:
    with live_server(tmp_path, mcp="1") as live:
        tools, answer = run(_asked(live.url))
    described = {name for name, text in tools.items() if "Draw pictures" in text or "Plan an article" in text}
    assert len(described) == 2
    assert "DDIM" in answer


def test_with_accounts_it_works_in_the_name_of_whose_token_it_has(tmp_path: Path) -> None:
    accounts = Accounts(tmp_path / "data")
    accounts.add("mei")
    headers = {"authorization": f"Bearer {accounts.issue('mei').text}"}
    with live_server(tmp_path, mcp="1", auth="users") as live:
        _, answer = run(_asked(live.url, headers))
        assert "DDIM" in answer
        assert httpx.post(f"{live.url}/gradio_api/mcp/", json={}).status_code == 401
        with pytest.raises(BaseException):  # noqa: B017, PT011 - a group of what its tasks raised
            run(_asked(live.url))
    lines = [json.loads(line) for line in (tmp_path / "data" / "audit" / "audit.jsonl").read_text().splitlines()]
    assert {(line["owner"], line["kind"]) for line in lines} == {("user:mei", "read_infotext")}
