"""kill -9 at random moments: nothing that was answered as saved is lost, and nothing is left broken."""

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

from studio.library.assets import digested
from studio.library.library import Library

KILLS = int(os.environ.get("STUDIO_TEST_KILLS", "20"))
"""The figure in docs/performance.md is of 200."""


def test_nothing_saved_is_lost_when_the_server_is_killed(tmp_path: Path) -> None:
    chance = random.Random(7)
    answered: list[tuple[str, str]] = []
    drafted = -1
    Library(tmp_path / "library").works.sums()
    for _ in range(KILLS):
        server = subprocess.Popen(
            [sys.executable, "-m", "tests.library.crashing", str(tmp_path)], stdout=subprocess.PIPE, text=True
        )
        assert server.stdout is not None
        lines = [server.stdout.readline()]  # it is at work
        time.sleep(chance.uniform(0, 0.25))
        server.send_signal(signal.SIGKILL)
        lines += server.stdout.read().splitlines(keepends=True)
        server.wait()
        for line in lines:
            if line.endswith("\n") and line.startswith("work "):
                _, work, number = line.split()
                answered.append((work, number))
            elif line.endswith("\n") and line.startswith("draft "):
                drafted = int(line.split()[1])
    with sqlite3.connect(tmp_path / "library" / "library.db") as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()
    library = Library(tmp_path / "library")
    assert len(answered) >= KILLS
    for work, number in answered:
        version = library.works.version("ada", work)
        assert version.made["infotext"] == number
        found = library.works.file("ada", version.files[0].digest)
        assert found is not None
        with found[0].open("rb") as stream:
            assert digested(stream)[0] == version.files[0].digest
    draft = library.drafts.last("ada", "write")
    assert draft is not None
    assert draft.state["number"] in (drafted, drafted + 1, 0)  # told, or saved and killed before it was told
    *_, found_all = library.upkeep.check()
    assert (found_all.missing, found_all.changed, found_all.broken) == ((), (), ())
    list(library.upkeep.check(repair=True))
    *_, mended = library.upkeep.check()
    assert mended.orphans == ()
    library.close()
