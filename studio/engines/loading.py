"""What the loaders of small networks share."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from studio.engines.memory import first_line, ran_out, release
from studio.errors import OutOfMemory, StudioError, WeightsUnavailable
from studio.registry import ModelSpec

SAFE: Final[Mapping[str, Any]] = MappingProxyType({"local_files_only": True, "trust_remote_code": False})
"""Nothing is fetched while a model is loaded, and no code that comes with it is run."""


@contextmanager
def reading(spec: ModelSpec, weights: Path | None, too_large: str) -> Iterator[Path]:
    """A block that reads a model's weights, whose errors become the studio's; `too_large` is the key of one of them.

    Raises:
        WeightsUnavailable: there are none, or they are damaged.
        OutOfMemory: they cannot be held in memory.
    """
    if weights is None or not weights.exists():
        raise WeightsUnavailable("weights.missing", model=spec.name)
    try:
        yield weights
    except StudioError:
        raise
    except Exception as error:  # every reader of a file format has its own
        if ran_out(error):
            release()
            raise OutOfMemory(too_large, model=spec.name) from error
        raise WeightsUnavailable("weights.damaged", file=weights.name, reason=first_line(error)) from error
