"""Carrying weights between a GPU and main memory at the speed of the bus."""

import logging
from collections.abc import Callable
from typing import Any, Final

ALIGNMENT: Final = 512
"""Bytes; copies that begin at such addresses are the fast ones."""

_log = logging.getLogger("studio.engines")

Unlock = Callable[[], None]


class Shuttle:
    """The weights of one module, on a device or parked in page-locked main memory.

    A GPU copies from ordinary memory by way of a small buffer of the driver's, from page-locked memory directly, which
    is several times faster. The weights are packed into one block that is exactly as large as they are: torch's own
    page-locked memory comes in powers of two and is never given back.
    """

    def __init__(self, module: Any, page_lock: "Callable[[Any], Unlock] | None" = None) -> None:
        """`page_lock` locks a block of memory and returns how to unlock it."""
        self._module = module
        self._page_lock = page_lock or lock_pages
        self._unlock: Unlock | None = None

    def park(self) -> None:
        """Move the weights to main memory; those that are there already stay as they are."""
        import torch

        tensors = [tensor for tensor in self._tensors() if self._away(tensor)]
        if not tensors:
            return
        offsets, size = [], 0
        for tensor in tensors:
            offsets.append(size)
            size += -(-tensor.numel() * tensor.element_size() // ALIGNMENT) * ALIGNMENT
        block = torch.empty(size, dtype=torch.uint8)
        self._release()
        self._unlock = self._page_lock(block)
        parked = [_view(block, offset, tensor) for offset, tensor in zip(offsets, tensors, strict=True)]
        for view, tensor in zip(parked, tensors, strict=True):
            view.copy_(tensor, non_blocking=True)
        _wait_for(tensors)
        for view, tensor in zip(parked, tensors, strict=True):
            tensor.data = view

    def bring(self, device: str, dtype: Any = None) -> None:
        """Move the weights to a device; numbers become `dtype`, whole numbers stay what they are.

        Raises:
            torch.OutOfMemoryError: they do not fit; some are there then, and `park` or another `bring` is in order.
        """
        tensors = self._tensors()
        for tensor in tensors:
            wanted = dtype if dtype is not None and tensor.is_floating_point() else tensor.dtype
            tensor.data = tensor.data.to(device, dtype=wanted, non_blocking=True)
        _wait_for(tensors)
        self._release()

    def _away(self, tensor: Any) -> bool:
        return bool(tensor.device.type != "cpu")

    def _tensors(self) -> list[Any]:
        """All parameters and buffers, shared ones once."""
        both = (*self._module.parameters(), *self._module.buffers())
        return list({id(tensor): tensor for tensor in both}.values())

    def _release(self) -> None:
        if self._unlock is not None:
            self._unlock()
            self._unlock = None

    def __del__(self) -> None:
        self._release()


def lock_pages(block: Any) -> Unlock:
    """Lock a block where there is CUDA; where the system refuses, copies are slower and nothing else changes."""
    import torch

    if not torch.cuda.is_available() or not block.numel():
        return _nothing
    runtime: Any = torch.cuda.cudart()  # type: ignore[no-untyped-call]
    if int(runtime.cudaHostRegister(block.data_ptr(), block.numel(), 0)) != 0:
        _log.info("main memory could not be locked; models come back more slowly")
        return _nothing

    def unlock() -> None:
        # The block is named here so that it lives for as long as its pages are locked.
        runtime.cudaHostUnregister(block.data_ptr())

    return unlock


def _nothing() -> None:
    """There is nothing to unlock."""


def _view(block: Any, offset: int, like: Any) -> Any:
    """A place in the block for a tensor, with the same strides, because channels-last weights are meant to stay so."""
    nbytes = like.numel() * like.element_size()
    flat = block[offset : offset + nbytes].view(like.dtype)
    dense = like.is_contiguous() or like.permute(_by_stride(like)).is_contiguous()
    return flat.as_strided(like.size(), like.stride()) if dense else flat.view(like.size())


def _by_stride(tensor: Any) -> list[int]:
    return sorted(range(tensor.dim()), key=lambda dim: -tensor.stride(dim))


def _wait_for(tensors: list[Any]) -> None:
    """Until all copies have arrived."""
    import torch

    for device in {tensor.device for tensor in tensors if tensor.device.type == "cuda"}:
        torch.cuda.synchronize(device)
