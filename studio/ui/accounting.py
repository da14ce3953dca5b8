"""What every run leaves in the audit: whose, what kind, which model, how large, how long, how it ended."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gradio as gr

from studio.errors import Cancelled, EngineFailed, StorageFailed, StudioError
from studio.identity.audit import Entry, Outcome
from studio.identity.owners import LOCAL, Owner
from studio.registry import Task
from studio.studio import Studio
from studio.ui.server.page import owner_of

FAILURES = (EngineFailed, StorageFailed)


@dataclass
class Run:
    """One run of a handler, while it is under way."""

    owner: Owner
    outcome: Outcome = "done"
    why: str = ""
    _texts: dict[str, int] = field(default_factory=dict)
    _files: dict[Path, int] = field(default_factory=dict)

    def made(self, value: Any) -> None:
        """Look at an answer: of texts the latest counts, of files each once."""
        self._texts = {"latest": _measured(value, self._files)}

    def failed(self, error: BaseException) -> None:
        """It ended with an error."""
        found = error if isinstance(error, StudioError) else error.__cause__
        if isinstance(found, Cancelled):
            self.outcome = "stopped"
        elif isinstance(found, StudioError):
            self.outcome = "failed" if isinstance(found, FAILURES) else "refused"
            self.why = found.code
        else:
            self.outcome, self.why = "failed", "unexpected"

    @property
    def file_bytes(self) -> int:
        """Bytes of the files in all answers."""
        return sum(self._files.values())

    @property
    def bytes(self) -> int:
        """Bytes of what was made."""
        return self.file_bytes + sum(self._texts.values())


class Accounting:
    """Writes runs into a studio's audit and holds their files against their owners' limits."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio

    @contextmanager
    def run(
        self, request: gr.Request | None, kind: str, model: str | None = None, tasks: Sequence[Task] = ()
    ) -> Iterator[Run]:
        """Account for the block; `model` is what was asked for, and `tasks` say which one does it by itself."""
        begun, run = time.monotonic(), Run(owner_of(request) or LOCAL)
        try:
            yield run
        except GeneratorExit:
            run.outcome = "stopped"
            raise
        except BaseException as error:
            run.failed(error)
            raise
        finally:
            self._studio.identity.limits.made(run.owner, run.file_bytes)
            self._studio.identity.audit.write(
                Entry(
                    owner=run.owner.id,
                    kind=kind,
                    outcome=run.outcome,
                    model=self._model(model, tasks),
                    asked=_length(request),
                    made=run.bytes,
                    seconds=round(time.monotonic() - begun, 3),
                    why=run.why,
                )
            )

    def _model(self, model: str | None, tasks: Sequence[Task]) -> str:
        """The id of a model of the catalogue, and nothing else that somebody sent in its place."""
        if tasks:
            with suppress(StudioError):
                return self._studio.registry.choose(model or None, *tasks).id
        return next((spec.id for spec in self._studio.catalogue if spec.id == model), "")


def owner_or_local(request: gr.Request | None) -> Owner:
    """Who asks; the local person where a handler is called by no server, as in a test."""
    return owner_of(request) or LOCAL


def _length(request: gr.Request | None) -> int:
    headers = getattr(request, "headers", None) or {}
    told = str(headers.get("content-length", ""))
    return int(told) if told.isdecimal() else 0


def _measured(value: Any, files: dict[Path, int]) -> int:
    if isinstance(value, str):
        return len(value.encode("utf-8", "replace"))
    if isinstance(value, Path):
        return _file(value, files)
    if isinstance(value, dict):
        path = value.get("path")
        if isinstance(path, str):
            return _file(Path(path), files)
        return sum(_measured(each, files) for each in value.values())
    return sum(_measured(each, files) for each in value) if isinstance(value, list | tuple) else 0


def _file(path: Path, files: dict[Path, int]) -> int:
    if path not in files:
        with suppress(OSError, ValueError):
            files[path] = path.stat().st_size
    return 0
