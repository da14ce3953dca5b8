"""Running a pipeline whose weights wait in main memory, by diffusers' own two ways."""

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from studio.engines.memory import nbytes
from studio.registry import DeviceName, Footprint, Rung


def modules_of(pipe: Any) -> dict[str, Any]:
    """The components of a pipeline that have weights, by name."""
    import torch

    return {name: part for name, part in pipe.components.items() if isinstance(part, torch.nn.Module)}


class Offload:
    """How one base pipeline is spread over its device and main memory.

    `model_offload` brings each component to the device when its turn comes (accelerate's hooks); `group_offload` brings
    one layer at a time, and takes it back after its work. Layers rather than blocks, because a VAE is entered by its
    `decode`, where only the hooks of its layers are called; and copied without a stream of their own, because
    diffusers waits for such copies only between layers that it has seen in one forward pass.
    """

    def __init__(self, pipe: Any, rung: Rung, device: DeviceName) -> None:
        self._pipe, self._rung, self._device = pipe, rung, device
        # Hooks move weights that all requests share: one picture at a time.
        self._turn: AbstractContextManager[object] = nullcontext() if rung == "whole" else threading.Lock()
        self._spread()

    @property
    def footprint(self) -> Footprint:
        """The largest moment on the device, and what waits in main memory."""
        parts = modules_of(self._pipe)
        whole = nbytes(*parts.values())
        if self._rung == "whole":
            return Footprint(whole)
        if self._rung == "model_offload":
            return Footprint(max(nbytes(part) for part in parts.values()), whole)
        return Footprint(max(_layer_bytes(part) for part in parts.values()), whole)

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """While a pipeline made from this one runs; afterwards everything is in main memory again."""
        with self._turn:
            try:
                yield
            finally:
                self._rest()

    @contextmanager
    def lifted(self) -> Iterator[None]:
        """Without hooks of whole components, while layers are put into them or taken out."""
        if self._rung == "model_offload":
            self._pipe.remove_all_hooks()
        try:
            yield
        finally:
            if self._rung == "model_offload":
                self._spread()

    def _spread(self) -> None:
        import torch

        if self._rung == "model_offload":
            self._pipe.enable_model_cpu_offload(device=self._device)
        elif self._rung == "group_offload":
            self._pipe.enable_group_offload(onload_device=torch.device(self._device), offload_type="leaf_level")

    def _rest(self) -> None:
        if self._rung == "model_offload":
            # The pipelines made from this one know nothing of its hooks, so it has to tidy up for them.
            self._pipe.maybe_free_model_hooks()
        elif self._rung == "group_offload":
            # A layer that broke off, out of memory above all, is still on the device.
            for part in modules_of(self._pipe).values():
                _return_layers(part)


def _return_layers(part: Any) -> None:
    for module in part.modules():
        hooks = getattr(module, "_diffusers_hook", None)
        hook = hooks.get_hook("group_offloading") if hooks else None
        if hook is not None:
            hook.group.offload_()


def _layer_bytes(part: Any) -> int:
    """Bytes of the largest layer: its own weights, without those of layers inside it."""
    return max(
        (
            sum(
                tensor.numel() * tensor.element_size() for tensor in (*module.parameters(False), *module.buffers(False))
            )
            for module in part.modules()
        ),
        default=0,
    )
