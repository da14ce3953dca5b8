"""How the libraries below say that memory ran out."""

import gc
from typing import Any


def ran_out(error: BaseException) -> bool:
    """Whether an exception of torch or the allocator means too little memory, on a device or on the host."""
    import torch

    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    # torch's CPU allocator raises a plain RuntimeError.
    return isinstance(error, RuntimeError) and (
        "can't allocate memory" in str(error) or "not enough memory" in str(error)
    )


def release() -> None:
    """Give cached blocks back to the device, after something large was dropped."""
    import torch

    gc.collect()
    torch.cuda.empty_cache()


def nbytes(*modules: Any) -> int:
    """Bytes of all weights of some torch modules, shared ones once."""
    tensors = {id(t): t for module in modules for t in (*module.parameters(), *module.buffers())}
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors.values())


def first_line(error: BaseException) -> str:
    """What an exception says, short enough for a sentence; its kind where it says nothing."""
    return str(error).strip().split("\n")[0].rstrip(".")[:300] or type(error).__name__
