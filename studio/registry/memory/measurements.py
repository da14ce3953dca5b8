"""What was measured of each model, remembered across runs in one small file that may be deleted at any time."""

import hashlib
import json
import logging
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from studio.registry.catalogue.spec import ModelSpec
from studio.registry.models.loaded import Footprint, Placement, Shape

VERSION: Final = 1
MARGIN: Final = 1.1
"""Allocators do not repeat themselves to the byte."""

_log = logging.getLogger("studio.registry")


class Measurements:
    """Weights, load times, peaks by request shape, and rungs that failed; safe from any thread.

    A file that is damaged, or was written by another version, is as good as none. Entries belong to a model as the
    catalogue describes it: one whose sources change is measured anew.
    """

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._facts: dict[str, Any] = _read(file) if file else {}
        self._digests: dict[str, tuple[ModelSpec, str]] = {}

    def footprint(self, spec: ModelSpec, placement: Placement) -> Footprint | None:
        """Bytes that its weights took there last time."""
        found = self._get(spec, placement, "footprint")
        return Footprint(*found) if _numbers(found, 2) else None

    def load_seconds(self, spec: ModelSpec, placement: Placement) -> float | None:
        """How long the last load took."""
        found = self._get(spec, placement, "load_seconds")
        return float(found) if isinstance(found, int | float) else None

    def working(self, spec: ModelSpec, placement: Placement, shape: Shape) -> int | None:
        """Bytes that the last request of this shape needed beside the weights, with a margin."""
        found = (self._get(spec, placement, "peaks") or {}).get(str(shape))
        return int(found * MARGIN) if isinstance(found, int) else None

    def fits(self, spec: ModelSpec, placement: Placement, budget: int) -> bool:
        """Whether nothing speaks against a placement: no load under this budget or a larger one has run out there."""
        failed = self._get(spec, placement, "failed_under")
        return not isinstance(failed, int) or budget > failed

    def loaded(self, spec: ModelSpec, placement: Placement, footprint: Footprint, seconds: float) -> None:
        """Remember a load that went well."""
        self._put(spec, placement, footprint=[footprint.device, footprint.host], load_seconds=round(seconds, 3))

    def failed(self, spec: ModelSpec, placement: Placement, budget: int) -> None:
        """Remember that a load ran out of memory there, twice, with everything idle gone."""
        self._put(spec, placement, failed_under=budget)

    def worked(self, spec: ModelSpec, placement: Placement, shape: Shape, peak: int) -> None:
        """Remember what a request needed."""
        known = self._get(spec, placement, "peaks") or {}
        if known.get(str(shape)) != peak:
            self._put(spec, placement, peaks={**known, str(shape): peak})

    def start_over(self) -> None:
        """Go on in a forked child, with a lock that no thread of the parent can be holding."""
        self._lock = threading.Lock()

    def _get(self, spec: ModelSpec, placement: Placement, name: str) -> Any:
        with self._lock:
            return self._facts.get(self._key(spec, placement), {}).get(name)

    def _put(self, spec: ModelSpec, placement: Placement, **facts: Any) -> None:
        with self._lock:
            key = self._key(spec, placement)
            self._facts = {**self._facts, key: {**self._facts.get(key, {}), **facts}}
            if self._file is not None:
                _write(self._file, self._facts)

    def _key(self, spec: ModelSpec, placement: Placement) -> str:
        known = self._digests.get(spec.id)
        if known is None or known[0] is not spec:
            known = (spec, hashlib.sha256(spec.model_dump_json().encode()).hexdigest()[:8])
            self._digests[spec.id] = known
        # Cards of one machine are taken to be alike.
        return f"{spec.id} {known[1]} {placement.device.partition(':')[0]} {placement.rung}"


def _numbers(found: Any, count: int) -> bool:
    return isinstance(found, list) and len(found) == count and all(isinstance(n, int) for n in found)


def _read(file: Path) -> dict[str, Any]:
    with suppress(OSError, ValueError):
        notes = json.loads(file.read_text(encoding="utf-8"))
        models = notes.get("models") if isinstance(notes, dict) and notes.get("version") == VERSION else None
        if isinstance(models, dict) and all(isinstance(facts, dict) for facts in models.values()):
            return models
        _log.info("%s is from another version and is measured anew", file.name)
    return {}


def _write(file: Path, facts: dict[str, Any]) -> None:
    partial = file.with_name(f".{file.name}.{uuid4().hex}")
    # A disk that is full costs the next start some measurements, and no request its answer.
    with suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(json.dumps({"version": VERSION, "models": facts}, indent=1), encoding="utf-8")
        partial.replace(file)
    with suppress(OSError):
        partial.unlink(missing_ok=True)
