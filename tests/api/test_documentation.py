"""The examples of docs/api.md, run against a live studio."""

import contextlib
import re
from pathlib import Path

from tests.support.server import LiveServer

DOCUMENT = Path(__file__).parent.parent.parent / "docs" / "api.md"


def test_every_example_runs_in_the_order_of_the_page(server: LiveServer, tmp_path: Path) -> None:
    blocks = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) > 8
    names: dict[str, object] = {}
    for block in blocks:
        code = block.replace("http://127.0.0.1:7860", server.url)
        with contextlib.chdir(tmp_path):
            exec(compile(code, f"docs/api.md: {code.splitlines()[0]}", "exec"), names)
