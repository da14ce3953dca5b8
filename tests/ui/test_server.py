"""Serving the page: what is imported by then, ports, and visitors who leave."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from studio.errors import ServerFailed
from studio.settings import Settings
from studio.studio import Studio
from studio.ui.app import serve
from tests.support.server import ROOT, free_port

FIRST_PAGE = """
import sys, urllib.request
from studio.settings import Settings
from studio.studio import Studio
from studio.ui.app import serve
address = serve(Studio(Settings(port=int(sys.argv[1]))), block=False).address
page = urllib.request.urlopen(address).read().decode()
assert "write-topic" in page
heavy = {"torch", "diffusers", "transformers", "xllamacpp", "controlnet_aux", "spandrel"} & set(sys.modules)
assert not heavy, heavy
"""


def test_the_first_page_is_served_before_any_model_library_is_imported(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FIRST_PAGE, str(free_port())],
        cwd=ROOT,
        env={"PATH": "", "HOME": str(tmp_path), "GRADIO_TEMP_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_a_port_that_is_taken_is_said_plainly(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        settings = Settings(port=port, cache=tmp_path, outputs=tmp_path)
        with Studio(settings) as studio, pytest.raises(ServerFailed) as caught:
            serve(studio, block=False)
    assert str(port) in caught.value.text("en")
    assert "STUDIO_PORT" in caught.value.hint("zh-CN")


@pytest.mark.parametrize(
    ("variables", "controls"),
    [({}, "True"), ({"SPACE_ID": "somebody/studio"}, "False"), ({"SPACE_ID": "x", "STUDIO_CONTROLS": "true"}, "True")],
)
def test_a_space_keeps_the_controls_from_its_visitors(tmp_path: Path, variables: dict[str, str], controls: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from studio.settings import Settings; print(Settings().controls)"],
        cwd=ROOT,
        env={"PATH": "", "HOME": str(tmp_path), **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.strip() == controls
