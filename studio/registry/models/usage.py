"""How often, and how regularly, a model is used."""

import math
from dataclasses import dataclass

MEMORY = 1800.0
"""Seconds after which a return counts 1/e."""
ADAPTATION = 0.25
"""How much the newest interval moves the mean interval."""
REGULAR = 0.25
"""A model is regular while its intervals deviate by less than this share of their mean."""


@dataclass
class Usage:
    """How often, and how regularly, requests came back to a model after being for others.

    Ten pictures in a row with one model are one return: while nothing else is asked for, nothing is evicted.
    """

    returns: float = 0.0
    """Decayed count of returns as of `last_used`; the first use is one."""
    last_used: float = 0.0
    """On the registry's clock, seconds."""
    interval: float = 0.0
    """Running mean of the seconds between a use and the next return; 0 before the second return."""
    deviation: float = 0.0
    """Running mean deviation from `interval`, as TCP estimates round-trip times (RFC 6298, section 2)."""

    @property
    def period(self) -> float:
        """Seconds from a use to the next return where that is predictable, else 0. Takes four intervals to show."""
        return self.interval if self.deviation < REGULAR * self.interval else 0.0

    def use(self, now: float, *, back: bool) -> None:
        """Count a use at `now`; `back` says that the previous request was for other models only."""
        elapsed = max(now - self.last_used, 0.0)
        if back and self.returns and elapsed:
            self._observe(elapsed)
        self.returns = self.returns * math.exp(-elapsed / MEMORY) + (1.0 if back else 0.0)
        self.last_used = now

    def _observe(self, seconds: float) -> None:
        if not self.interval:
            self.interval, self.deviation = seconds, seconds / 2
            return
        error = seconds - self.interval
        self.interval += ADAPTATION * error
        self.deviation += ADAPTATION * (abs(error) - self.deviation)
