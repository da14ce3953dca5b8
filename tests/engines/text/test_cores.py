import os
import subprocess
import sys

import pytest

from studio.engines.text.cores import WAITING, llama_cpp, others_running, writing_cores

LOAD = "from studio.engines.text.cores import llama_cpp; llama_cpp()"


def test_few_cores_all_write_unless_a_browser_beside_them_needs_one() -> None:
    cores = (1, 2, 4, 7, 8, 64)
    assert [writing_cores(number, beside=False) for number in cores] == [1, 2, 4, 7, 7, 63]
    assert [writing_cores(number, beside=True) for number in cores] == [1, 1, 3, 6, 7, 63]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not tell how many programs run")
def test_what_keeps_a_core_busy_is_noticed() -> None:
    busy = subprocess.Popen([sys.executable, "-c", "print(flush=True)\nwhile True: pass"], stdout=subprocess.PIPE)
    try:
        assert busy.stdout is not None
        busy.stdout.readline()
        assert others_running()
    finally:
        busy.kill()
        busy.wait()


def test_what_works_now_and_then_keeps_no_core_busy() -> None:
    assert not others_running(iter([3, 2, 2, 1, 4, 4, 4, 4]).__next__, apart=0)
    assert others_running(iter([2] * 8).__next__, apart=0)


def test_loading_the_library_leaves_the_environment_as_it_was() -> None:
    before = dict(os.environ)
    assert llama_cpp().CommonParams().cpuparams is not None
    assert llama_cpp() is llama_cpp()
    assert dict(os.environ) == before


def openmp(**given: str) -> str:
    """What the OpenMP library says of itself while the program loads llama.cpp."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OMP_", "GOMP_"))}
    done = subprocess.run(
        [sys.executable, "-c", LOAD],
        env={**kept, **given, "OMP_DISPLAY_ENV": "verbose"},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere llama.cpp comes with another OpenMP library, or none")
def test_threads_wait_awake_unless_the_host_says_otherwise() -> None:
    ours = openmp()
    assert f"OMP_WAIT_POLICY = '{WAITING['OMP_WAIT_POLICY'].upper()}'" in ours
    assert f"GOMP_SPINCOUNT = '{WAITING['GOMP_SPINCOUNT']}'" in ours
    theirs = openmp(OMP_WAIT_POLICY="passive", GOMP_SPINCOUNT="7")
    assert "OMP_WAIT_POLICY = 'PASSIVE'" in theirs
    assert "GOMP_SPINCOUNT = '7'" in theirs
