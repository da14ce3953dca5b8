import os
import subprocess
import sys
from pathlib import Path

import pytest

from studio.errors import TooMuch
from studio.ui.gate.temporary import Temporary

HELD = "import os, sys; from pathlib import Path; from studio.ui.gate.temporary import Temporary; "
HELD += "held = Temporary.here(10**9, Path(sys.argv[1])); (held.folder / 'x').touch(); print(held.folder, flush=True); "


def started(parent: Path, ending: str) -> "subprocess.Popen[str]":
    environ = {name: value for name, value in os.environ.items() if name != "GRADIO_TEMP_DIR"}
    command = [sys.executable, "-c", HELD + ending, str(parent)]
    pipes = {"stdout": subprocess.PIPE, "stdin": subprocess.PIPE}
    return subprocess.Popen(command, env=environ, text=True, **pipes)  # type: ignore[call-overload,no-any-return]


def test_what_a_dead_process_left_is_swept_and_what_a_living_one_has_is_not(tmp_path: Path) -> None:
    with started(tmp_path, "sys.stdin.read()") as living, started(tmp_path, "os.abort()") as dead:
        folders = [Path((each.stdout.readline() if each.stdout else "").strip()) for each in (living, dead)]
        dead.wait(60)
        assert all((folder / "x").exists() for folder in folders)
        for mark in tmp_path.glob("*.lock"):
            os.utime(mark, (0, 0))
        with started(tmp_path, "") as third:
            third.wait(60)
        assert [(folder / "x").exists() for folder in folders] == [True, False]
        living.communicate("")


def test_uploads_of_all_owners_are_bounded(tmp_path: Path) -> None:
    temporary = Temporary(tmp_path, 1000)
    temporary.expect_room(600)
    with pytest.raises(TooMuch):
        temporary.expect_room(600)
    (tmp_path / "x").write_bytes(b"x" * 900)
    with pytest.raises(TooMuch):
        Temporary(tmp_path, 1000).expect_room(200)
