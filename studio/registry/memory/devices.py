"""The places a model can be, and how many bytes each may hold."""

import ctypes
import gc
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, Literal, Protocol

from studio.errors import EngineFailed
from studio.registry.models.loaded import DeviceName

HOST_SHARE: Final = 0.8
"""Of the memory limit; the rest is for the app, pictures and the page cache."""
HOST_MARGIN: Final = 0.05
"""Of the memory limit that stays free whatever else runs on the machine."""
CUDA_SHARE: Final = 0.9
ControlGroup = tuple[str | Path, str | Path, str | Path]
CGROUPS: Final[tuple[ControlGroup, ...]] = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current", "/sys/fs/cgroup/memory.stat"),
    (
        "/sys/fs/cgroup/memory/memory.limit_in_bytes",
        "/sys/fs/cgroup/memory/memory.usage_in_bytes",
        "/sys/fs/cgroup/memory/memory.stat",
    ),
)
"""Limit, use and details of this process's control group, v2 and v1."""


class Device(Protocol):
    """A memory that holds models."""

    limit: int | None
    """Bytes that models may hold at most, set by the host; measured when None."""

    @property
    def name(self) -> DeviceName: ...

    def budget(self, held: int) -> int:
        """Bytes that models may hold here, all together, given that they hold `held` now."""
        ...

    def reclaim(self) -> None:
        """Hand back memory that dropped models left in caches."""
        ...

    def mark(self) -> int | None:
        """Begin to watch for the highest use, and return the use now; None where it cannot be watched."""
        ...

    def peak(self, mark: int) -> int:
        """The highest use since `mark`, less the use at that time."""
        ...


class HostMemory:
    """Main memory, as far as this process may use it."""

    name: Final[DeviceName] = "cpu"

    def __init__(self, limit: int | None = None, cgroups: Sequence[ControlGroup] = CGROUPS) -> None:
        self.limit = limit
        self._cgroups = cgroups

    def budget(self, held: int) -> int:
        if self.limit is not None:
            return self.limit
        import psutil

        machine = psutil.virtual_memory()
        most, used = _cgroup(self._cgroups)
        total = min(machine.total, most)
        available = min(machine.available, most - used)
        return max(0, int(min(total * HOST_SHARE, held + available - total * HOST_MARGIN)))

    def reclaim(self) -> None:
        gc.collect()
        # Without this glibc keeps freed weights in its arenas and the process never shrinks.
        _trim()

    def mark(self) -> int | None:
        # What earlier requests left in the arenas would be used again and not be seen.
        _trim()
        try:
            # Linux forgets the process's highest resident size when told so (proc(5), clear_refs).
            Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
            return _rss_bytes("VmRSS")
        except (OSError, ValueError):
            return None

    def peak(self, mark: int) -> int:
        return max(0, _rss_bytes("VmHWM") - mark)


class CudaMemory:
    """One CUDA device, by index. No CUDA context is made before `budget` is first asked for, at the first load."""

    def __init__(self, index: int = 0, limit: int | None = None) -> None:
        self._index = index
        self.limit = limit
        self.name: DeviceName = f"cuda:{index}"

    def budget(self, held: int) -> int:
        if self.limit is not None:
            return self.limit
        import torch

        free, total = torch.cuda.mem_get_info(self._index)
        # What torch has reserved is either in use by us or cached for us; other processes' memory is neither.
        return int(min(total * CUDA_SHARE, free + torch.cuda.memory_reserved(self._index)))

    def reclaim(self) -> None:
        import torch

        gc.collect()
        torch.cuda.empty_cache()

    def mark(self) -> int | None:
        import torch

        torch.cuda.reset_peak_memory_stats(self._index)
        return int(torch.cuda.memory_allocated(self._index))

    def peak(self, mark: int) -> int:
        import torch

        return max(0, int(torch.cuda.max_memory_allocated(self._index)) - mark)


def find_accelerators(wanted: Literal["auto", "cpu", "cuda"], limit: int | None = None) -> tuple[CudaMemory, ...]:
    """The CUDA devices to use; none to run on the CPU.

    Torch is imported only where a driver is installed or CUDA was demanded, so that a machine without one starts at
    once. (On ZeroGPU the driver is absent until a request runs, and torch is patched to say otherwise.)

    Raises:
        EngineFailed: CUDA was demanded and there is none.
    """
    if wanted == "cpu":
        return ()
    if wanted == "cuda" or _driver_installed():
        import torch

        if torch.cuda.is_available():
            return tuple(CudaMemory(index, limit) for index in range(torch.cuda.device_count()))
    if wanted == "cuda":
        raise EngineFailed("device.no_cuda")
    return ()


def _trim() -> None:
    """Give freed memory back to the system, where glibc can."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:
        trim(0)


def _driver_installed() -> bool:
    if sys.platform == "win32":
        return True
    return any(Path(mark).exists() for mark in ("/proc/driver/nvidia/version", "/dev/nvidiactl", "/dev/dxg"))


def _cgroup(groups: Sequence[ControlGroup]) -> tuple[int, int]:
    """Limit and use of this process's control group in bytes; where there is none, a limit beyond any machine and 0.

    Cached files count as use there, though the kernel gives them up when asked.
    """
    for limit, usage, stat in groups:
        with suppress(OSError, ValueError):
            most, used = (int(Path(file).read_text(encoding="ascii")) for file in (limit, usage))
            lines = dict(line.split() for line in Path(stat).read_text(encoding="ascii").splitlines())
            return most, max(0, used - int(lines.get("inactive_file", lines.get("total_inactive_file", 0))))
    return sys.maxsize, 0


def _rss_bytes(field: Literal["VmRSS", "VmHWM"]) -> int:
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(field):
            return int(line.split()[1]) * 1024
    raise ValueError(field)
