"""How many bytes each memory may hold, holds, and has promised."""

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from studio.registry.memory.devices import Device
from studio.registry.models.entry import Entry
from studio.registry.models.loaded import DeviceName
from studio.registry.reporting.status import DeviceStatus

FRESH_SECONDS: Final = 0.5
"""A measured budget is believed for this long: asking a driver or the kernel costs more than a whole lease."""


class Ledger:
    """The memories and their accounts; all but `discover` is called under the registry's lock."""

    def __init__(
        self,
        host: Device,
        find_accelerators: Callable[[], Iterable[Device]] = lambda: (),
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`find_accelerators` is called once, when the first model that can use one is needed."""
        self._devices: dict[DeviceName, Device] = {host.name: host}
        self._find = find_accelerators
        self._found = False
        self._finding = threading.Lock()
        self._clock = clock
        self._held: dict[DeviceName, int] = defaultdict(int)
        self._claimed: dict[DeviceName, int] = defaultdict(int)
        self._reserved: dict[DeviceName, int] = defaultdict(int)
        self._budgets: dict[DeviceName, tuple[float, int]] = {}

    def discover(self) -> None:
        """Find the accelerators. May import torch; call it without the lock.

        Raises:
            EngineFailed: one was demanded and there is none.
        """
        with self._finding:
            if not self._found:
                found = {device.name: device for device in self._find()}
                for device in found.values():
                    # The first question to a driver takes a second, which nobody should spend under the lock.
                    device.budget(0)
                # A new table, not a changed one: others read it without this lock.
                self._devices = {**self._devices, **found}
                self._found = True

    @property
    def accelerators(self) -> tuple[DeviceName, ...]:
        """Names of the accelerators found so far."""
        return tuple(name for name in self._devices if name != "cpu")

    def device(self, name: DeviceName) -> Device:
        """A memory by its name.

        Raises:
            KeyError: there is none.
        """
        return self._devices[name]

    def knows(self, name: DeviceName) -> bool:
        """Whether there is such a memory here."""
        return name in self._devices

    def budget(self, name: DeviceName) -> int:
        """Bytes that models and requests may take, all together."""
        known = self._budgets.get(name)
        if known is None or self._clock() - known[0] >= FRESH_SECONDS:
            known = (self._clock(), self._devices[name].budget(self._held[name]))
            self._budgets[name] = known
        return known[1]

    def limit(self, name: DeviceName, limit: int | None) -> None:
        """Set what a memory may hold; None to measure it."""
        self._devices[name].limit = limit
        self._budgets.pop(name, None)

    def held(self, name: DeviceName) -> int:
        """Bytes that models take now."""
        return self._held[name]

    def reserved(self, name: DeviceName) -> int:
        """Bytes promised to requests under way."""
        return self._reserved[name]

    def promised(self, name: DeviceName) -> int:
        """Bytes promised to requests under way and to models on their way."""
        return self._reserved[name] + self._claimed[name]

    def free(self, name: DeviceName) -> int:
        """Bytes that nothing holds and nobody was promised; negative after a budget shrank."""
        return self.budget(name) - self._held[name] - self.promised(name)

    def claim(self, entry: Entry, claims: Mapping[DeviceName, int]) -> None:
        """Promise bytes to a model that is about to be loaded, instead of what it was promised before."""
        for name, size in entry.claims.items():
            self._claimed[name] -= size
        entry.claims = dict(claims)
        for name, size in claims.items():
            self._claimed[name] += size

    def book(self, entry: Entry, holds: Mapping[DeviceName, int]) -> None:
        """Write down what a model takes from now on."""
        for name, size in entry.holds.items():
            self._held[name] -= size
            self._budgets.pop(name, None)
        entry.holds = dict(holds)
        for name, size in holds.items():
            self._held[name] += size
            self._budgets.pop(name, None)

    def reserve(self, name: DeviceName, size: int) -> None:
        """Promise bytes to a request; negative to take the promise back."""
        self._reserved[name] += size

    def statuses(self) -> tuple[DeviceStatus, ...]:
        """All memories, main memory first."""
        return tuple(
            DeviceStatus(name, self.budget(name), self._held[name], self._reserved[name]) for name in self._devices
        )
