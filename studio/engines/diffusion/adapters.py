"""LoRAs on a loaded base: read once a file, worn by the requests that ask for them and by no other."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any, Final

from studio.engines.diffusion.base import Adapter
from studio.engines.diffusion.offload import Offload, modules_of
from studio.engines.heads import read_safetensors
from studio.engines.memory import first_line, ran_out
from studio.errors import EngineFailed, WeightsUnavailable
from studio.registry import DeviceName, Sharing

MOST_KEPT: Final = 8
"""Adapters that stay in memory; the one unused longest goes when another is read."""

File = tuple[Path, int]
"""A file and when it was last written, in nanoseconds: a new version is another file."""
Outfit = Mapping[File, float]
"""Files and weights."""


class CatalogueAdapter:
    """A LoRA of the catalogue: a file that a request wears. Implements `studio.registry.models.loaded.Loaded`.

    What it takes in memory is part of the base that wears it.
    """

    sharing: Sharing = "shared"
    movable = True
    nbytes = 0

    def __init__(self, path: Path) -> None:
        self.path = path

    def move(self, device: DeviceName) -> None:
        """A file is nowhere."""

    def close(self) -> None:
        """Nothing to free."""


class Adapters:
    """The LoRAs of one base pipeline (Hu et al. 2021; the layers are peft's).

    They are part of the weights that all requests share, so requests that wear the same ones may run together, and
    others wait.
    """

    def __init__(self, pipe: Any, offload: Offload) -> None:
        self._pipe, self._offload = pipe, offload
        self._changed = threading.Condition()
        self._worn: Outfit | None = {}
        """None when a change broke off in the middle."""
        self._wearers = 0
        self._names: dict[File, str] = {}
        """What each file is called inside the pipeline; the one unused longest first."""
        self._numbers = count(1)

    @contextmanager
    def worn(self, adapters: tuple[Adapter, ...], stopped: threading.Event) -> Iterator[bool]:
        """Wear exactly these while inside; yields False, and wears nothing, when `stopped` was set while waiting.

        Raises:
            WeightsUnavailable: a file is missing or damaged.
            EngineFailed: a LoRA does not fit the base.
        """
        outfit = _outfit(adapters)
        with self._changed:
            while self._wearers and self._worn != outfit and not stopped.is_set():
                self._changed.wait(0.1)
            free = not self._wearers or self._worn == outfit
            if free and self._worn != outfit:
                self._change(outfit)
            self._wearers += free
        try:
            yield free
        finally:
            with self._changed:
                self._wearers -= free
                self._changed.notify_all()

    def _change(self, outfit: Outfit) -> None:
        self._worn = None
        with self._offload.lifted():
            for file in outfit:
                self._names[file] = self._names.pop(file) if file in self._names else self._read(file)
            for file in [file for file in self._names if file not in outfit][: max(0, len(self._names) - MOST_KEPT)]:
                self._forget(self._names.pop(file))
            for part in modules_of(self._pipe).values():
                _dress(part, {self._names[file]: weight for file, weight in outfit.items()})
        self._worn = outfit

    def _read(self, file: File) -> str:
        path, _ = file
        name = f"lora{next(self._numbers)}"
        try:
            read_safetensors(path)
        except (OSError, ValueError) as error:
            raise WeightsUnavailable("weights.damaged", file=path.name, reason=first_line(error)) from error
        try:
            self._pipe.load_lora_weights(
                str(path.parent), weight_name=path.name, adapter_name=name, use_safetensors=True, local_files_only=True
            )
            if not any(name in getattr(part, "peft_config", {}) for part in modules_of(self._pipe).values()):
                raise ValueError("none of its layers is one of the model's")
        except Exception as error:
            self._forget(name)
            if ran_out(error):
                raise
            raise EngineFailed("draw.adapter", file=path.name, reason=first_line(error)) from error
        return name

    def _forget(self, name: str) -> None:
        for part in modules_of(self._pipe).values():
            if name in getattr(part, "peft_config", {}):
                with suppress(ValueError, KeyError):
                    _remove(part, name)


def _dress(part: Any, weights: Mapping[str, float]) -> None:
    """Give one component the LoRAs it has layers of, at these weights, and no other.

    The pipeline's own `set_adapters` refuses where one of its components has none at all.
    """
    from diffusers.utils.peft_utils import set_adapter_layers, set_weights_and_activate_adapters

    own = [name for name in weights if name in getattr(part, "peft_config", {})]
    set_adapter_layers(part, enabled=bool(own))
    if own:
        set_weights_and_activate_adapters(part, own, [weights[name] for name in own])


def _remove(part: Any, name: str) -> None:
    """Take one LoRA out of a component; encoders of transformers and networks of diffusers differ in how."""
    from diffusers.utils.peft_utils import delete_adapter_layers

    delete_adapter_layers(part, name)
    part.peft_config.pop(name, None)


def _outfit(adapters: tuple[Adapter, ...]) -> dict[File, float]:
    outfit: dict[File, float] = {}
    for adapter in adapters:
        try:
            file = adapter.path.resolve(), adapter.path.stat().st_mtime_ns
        except OSError as error:
            raise WeightsUnavailable("weights.missing_part", file=adapter.path.name) from error
        outfit[file] = outfit.get(file, 0.0) + adapter.weight
    return outfit
