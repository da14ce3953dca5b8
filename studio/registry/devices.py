"""The places a model can be, and how many bytes each may hold."""

import ctypes
import gc
import sys
from pathlib import Path
from typing import Final, Literal, Protocol

from studio.errors import EngineFailed
from studio.registry.loaded import DeviceName

HOST_SHARE: Final = 0.8
"""Of the memory limit; the rest is for the app, pictures and the page cache."""
CUDA_SHARE: Final = 0.9


class Device(Protocol):
    """A memory that holds models."""

    @property
    def name(self) -> DeviceName: ...

    def budget(self) -> int:
        """Bytes that models may hold here, all together."""
        ...

    def reclaim(self) -> None:
        """Hand back memory that dropped models left in caches."""
        ...


class HostMemory:
    """Main memory, as far as this process may use it."""

    name: Final[DeviceName] = "cpu"

    def __init__(self, limit: int | None = None) -> None:
        self._limit = limit

    def budget(self) -> int:
        if self._limit is not None:
            return self._limit
        import psutil

        return int(min(psutil.virtual_memory().total, _cgroup_limit()) * HOST_SHARE)

    def reclaim(self) -> None:
        gc.collect()
        if sys.platform == "linux":
            # Without this glibc keeps freed weights in its arenas and the process never shrinks.
            trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
            if trim is not None:
                trim(0)


class CudaMemory:
    """One CUDA device, by index. No CUDA context is made before `budget` is first asked for, at the first load."""

    def __init__(self, index: int = 0, limit: int | None = None) -> None:
        self._index = index
        self._limit = limit
        self.name: DeviceName = f"cuda:{index}"

    def budget(self) -> int:
        if self._limit is not None:
            return self._limit
        import torch

        return int(torch.cuda.get_device_properties(self._index).total_memory * CUDA_SHARE)

    def reclaim(self) -> None:
        import torch

        gc.collect()
        torch.cuda.empty_cache()


class FakeMemory:
    """A device of pretend bytes, for tests and simulations."""

    def __init__(self, name: DeviceName, size: int) -> None:
        self.name: DeviceName = name
        self.size = size
        self.reclaimed = 0
        """How often memory was reclaimed."""

    def budget(self) -> int:
        return self.size

    def reclaim(self) -> None:
        self.reclaimed += 1


def find_accelerator(wanted: Literal["auto", "cpu", "cuda"], limit: int | None = None) -> CudaMemory | None:
    """The CUDA device to use, or None to run on the CPU.

    Torch is imported only where a driver is installed, so that a machine without one starts at once.

    Raises:
        EngineFailed: CUDA was demanded and there is none.
    """
    if wanted == "cpu":
        return None
    if _driver_installed():
        import torch

        if torch.cuda.is_available():
            return CudaMemory(limit=limit)
    if wanted == "cuda":
        raise EngineFailed("device.no_cuda")
    return None


def _driver_installed() -> bool:
    if sys.platform == "win32":
        return True
    return any(Path(mark).exists() for mark in ("/proc/driver/nvidia/version", "/dev/nvidiactl", "/dev/dxg"))


def _cgroup_limit() -> int:
    """The memory limit of this process's control group (v2, then v1), or a number beyond any machine."""
    for file in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            return int(Path(file).read_text(encoding="ascii"))
        except (OSError, ValueError):
            continue
    return sys.maxsize
