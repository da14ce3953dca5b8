"""The first load of a file that nobody vouches for, in a process that may die.

llama.cpp ends the process in which it meets some lies of a file. What it loaded once is remembered by its place, size
and time of change, and is loaded directly from then on.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from studio.errors import WeightsUnavailable
from studio.registry import ModelSpec

FILE: Final = "tried.json"
MOST_REMEMBERED: Final = 200
SECONDS: Final = 600.0
CHILD: Final = (sys.executable, "-m", "studio.engines.text.trial")


class Trial:
    """Tries files, and remembers in a folder which of them were loaded well."""

    def __init__(self, folder: Path, child: Sequence[str] = CHILD, seconds: float = SECONDS) -> None:
        """`child` is the command that loads what it is told on standard input."""
        self._file, self._child, self._seconds = folder / FILE, child, seconds

    def expect(self, spec: ModelSpec, weights: Path) -> None:
        """Make sure that a file can be loaded, at the cost of loading it once more than needed.

        Raises:
            WeightsUnavailable: the process that tried it died, refused it, or did not end.
        """
        if all(source.sha256 or source.package for source in spec.sources):
            return  # the catalogue's digest, or the package index, vouches for it
        mark, known = _mark(weights), self._known()
        if known.get(str(weights)) == mark:
            return
        told = json.dumps({"spec": spec.model_dump(mode="json"), "weights": str(weights)})
        try:
            done = subprocess.run(  # noqa: S603
                self._child, input=told, capture_output=True, text=True, timeout=self._seconds, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise WeightsUnavailable("weights.untried", model=spec.name, reason="timeout") from error
        if done.returncode:
            reason = f"exit {done.returncode}"
            raise WeightsUnavailable("weights.untried", model=spec.name, reason=reason)
        kept = dict([*known.items(), (str(weights), mark)][-MOST_REMEMBERED:])
        with suppress(OSError):  # it is tried once more then
            self._file.parent.mkdir(parents=True, exist_ok=True)
            self._file.write_text(json.dumps(kept), encoding="utf-8")

    def _known(self) -> dict[str, list[int]]:
        try:
            found = json.loads(self._file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}


def _mark(weights: Path) -> list[int]:
    found = weights.stat()
    return [found.st_size, found.st_mtime_ns]


def main() -> None:
    """Load what standard input names, and end well where that went well."""
    from studio.engines.text.llamacpp import LlamaCppLoader

    told = json.load(sys.stdin)
    LlamaCppLoader(slots=1)(ModelSpec.model_validate(told["spec"]), Path(told["weights"]), "cpu").close()


if __name__ == "__main__":
    main()
