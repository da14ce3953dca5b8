"""Counting within a span of time, for limits that come to an end by themselves."""

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Final

MOST_KEYS: Final = 10_000
"""Beyond it the key that was used longest ago is forgotten, so that inventing keys fills no memory."""


class Window:
    """How much each key took within the last `seconds`, against a limit. Safe from several threads."""

    def __init__(self, limit: int, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.limit, self.seconds = limit, seconds
        self._clock = clock
        self._taken: OrderedDict[str, deque[tuple[float, int]]] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, key: str, amount: int = 1) -> float:
        """Take an amount where the limit allows it.

        Returns 0 where it was taken, or else the seconds after which it can be; what is larger than the whole limit is
        never taken, and told the whole span.
        """
        with self._lock:
            wait = self._wait(key, amount)
            if not wait:
                self._row(key).append((self._clock(), amount))
            return wait

    def wait(self, key: str, amount: int = 1) -> float:
        """Seconds until an amount can be taken; 0 where it can be now."""
        with self._lock:
            return self._wait(key, amount)

    def add(self, key: str, amount: int = 1) -> None:
        """Count what is done already, also beyond the limit."""
        with self._lock:
            self._row(key).append((self._clock(), amount))

    def forget(self, key: str) -> None:
        """Let a key begin anew."""
        with self._lock:
            self._taken.pop(key, None)

    def _row(self, key: str) -> deque[tuple[float, int]]:
        row = self._taken.setdefault(key, deque())
        self._taken.move_to_end(key)
        if len(self._taken) > MOST_KEYS:
            self._taken.popitem(last=False)
        return row

    def _wait(self, key: str, amount: int) -> float:
        if amount > self.limit:
            return self.seconds
        row, now = self._taken.get(key, deque()), self._clock()
        while row and row[0][0] <= now - self.seconds:
            row.popleft()
        over = sum(taken for _, taken in row) + amount - self.limit
        for at, taken in row:
            if over <= 0:
                break
            over -= taken
            if over <= 0:
                return at + self.seconds - now
        return 0.0
