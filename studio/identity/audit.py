"""What was done, by whom, when, and how it ended; never what was in it."""

import json
import logging
import sys
import time
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any, Final, Literal

from filelock import FileLock

FILE: Final = "audit.jsonl"
MOST_BYTES: Final = 10 * 2**20
FILES_KEPT: Final = 20
Outcome = Literal["done", "stopped", "refused", "failed"]

_log = logging.getLogger("studio.audit")


@dataclass(frozen=True)
class Entry:
    """One line. Sizes are bytes; `seconds` is how long it took, its wait in the queue included."""

    owner: str
    kind: str
    outcome: Outcome = "done"
    model: str = ""
    asked: int = 0
    """What came in."""
    made: int = 0
    """What went out."""
    seconds: float = 0.0
    why: str = ""
    """The code of an error, or what an admin changed."""
    at: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="milliseconds"))


class _File(RotatingFileHandler):
    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """Leave it to who writes, instead of printing it."""
        _, error, _ = sys.exc_info()
        if error is not None:
            raise error


class Audit:
    """Append-only JSON lines in a folder; a full file is put aside under a number, the oldest go."""

    def __init__(self, folder: Path, *, most_bytes: int = MOST_BYTES, files_kept: int = FILES_KEPT) -> None:
        self._file = folder / FILE
        self._most_bytes, self._files_kept = most_bytes, files_kept

    def write(self, entry: Entry) -> None:
        """Add a line. A disk that refuses is told in the log, and no reason to refuse the work."""
        text = json.dumps({name: value for name, value in asdict(entry).items() if value not in ("", 0, 0.0)})
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            # The command line writes here as well: the file is opened anew each time, under a lock.
            with FileLock(f"{self._file}.lock", mode=0o600):
                handler = _File(
                    self._file, maxBytes=self._most_bytes, backupCount=self._files_kept, encoding="utf-8", delay=True
                )
                try:
                    handler.emit(logging.LogRecord("audit", logging.INFO, "", 0, text, None, None))
                finally:
                    handler.close()
                self._file.chmod(0o600)
        except OSError as error:
            _log.error("the audit cannot be written: %s", error.strerror or type(error).__name__)

    def entries(self, since: str = "", until: str = "") -> Iterator[Mapping[str, Any]]:
        """All lines from the oldest on, or those from one time (ISO 8601, UTC) up to before another."""
        numbered = ((int(file.suffix[1:]), file) for file in self._file.parent.glob(f"{FILE}.*") if _number(file))
        for file in [*(file for _, file in sorted(numbered, reverse=True)), self._file]:
            if not file.exists():
                continue
            with file.open(encoding="utf-8") as lines:
                for line in lines:
                    entry = _parsed(line)
                    at = str(entry.get("at", "")) if entry else ""
                    if entry and since <= at and (not until or at < until):
                        yield entry

    def tail(self, count: int) -> list[Mapping[str, Any]]:
        """The last lines."""
        return list(deque(self.entries(), maxlen=count))

    def follow(self, pause: float = 0.5) -> Iterator[Mapping[str, Any]]:
        """Every line from now on, for ever."""
        seen = self.tail(1)
        last = str(seen[0]["at"]) if seen else ""
        told = {json.dumps(entry) for entry in self.entries(since=last)} if last else set()
        while True:
            for entry in self.entries(since=last):
                text = json.dumps(entry)
                if text in told:
                    continue
                if entry["at"] != last:
                    last, told = str(entry["at"]), set()
                told.add(text)
                yield entry
            time.sleep(pause)


def _number(file: Path) -> bool:
    return file.suffix[1:].isdigit()


def _parsed(line: str) -> dict[str, Any] | None:
    """A line as it was written; None for one that a crash cut short."""
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
