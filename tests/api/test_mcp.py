"""The endpoints as tools of the Model Context Protocol."""

import asyncio
from pathlib import Path

from mcp import ClientSession
from mcp.client.streamable_http import streamablehttp_client

from tests.support.server import live_server


async def _asked(url: str) -> tuple[dict[str, str], str]:
    async with (
        streamablehttp_client(f"{url}/gradio_api/mcp/") as (read, write, _),
        ClientSession(read, write) as session,
    ):
        await session.initialize()
        tools = {tool.name: tool.description or "" for tool in (await session.list_tools()).tools}
        name = next(name for name in tools if name.endswith("read_infotext"))
        answer = await session.call_tool(name, {"image": None, "text": "a cat\nSteps: 9, Sampler: DDIM, Seed: 5"})
        return tools, "".join(getattr(part, "text", "") for part in answer.content)


def test_a_language_model_finds_the_tools_and_calls_one(tmp_path: Path) -> None:
    with live_server(tmp_path, mcp="1") as live:
        tools, answer = asyncio.run(_asked(live.url))
    described = {name for name, text in tools.items() if "Draw pictures" in text or "Plan an article" in text}
    assert len(described) == 2
    assert "DDIM" in answer
