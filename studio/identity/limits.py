"""How much each owner may have: jobs, requests a minute, bytes in and out."""

import math
import threading
from collections import Counter
from dataclasses import dataclass
from typing import Final

from studio.errors import TooMuch
from studio.identity.owners import Owner
from studio.identity.windows import Window

MINUTE: Final = 60
HOUR: Final = 3600
DAY: Final = 24 * HOUR
PER_ADDRESS: Final = 4
"""How many guests' worth one address may take: a classroom behind one is served, a crowd of invented guests is not."""
CROWDED: Final = 4
"""Times the length of a queue that it may have where everybody in it has one job."""
LIGHT_PLACES: Final = 8
"""Times as many light calls as heavy ones may wait."""
LEAST_WAIT: Final = 1
MOST_WAIT: Final = 600
USUAL_JOB: Final = 10.0
"""Seconds, where nothing ran yet."""


@dataclass(frozen=True)
class Allowance:
    """What one owner may have. Sizes are bytes."""

    running: int
    """Jobs of one lane at the same time."""
    waiting: int
    """Jobs of one lane in the queue."""
    requests: int
    """A minute."""
    uploaded: int
    """An hour."""
    made: int
    """A day, of finished files."""


class Limits:
    """Counts what owners take. The one person of a local studio is only held to what the machine bears."""

    def __init__(self, allowance: Allowance, queue_length: int) -> None:
        """`queue_length` is how many jobs of all owners may wait in one lane."""
        self.allowance, self.queue_length = allowance, queue_length
        self._requests = Window(allowance.requests, MINUTE)
        self._crowds = Window(PER_ADDRESS * allowance.requests, MINUTE)
        self._uploads = Window(allowance.uploaded, HOUR)
        self._made = Window(allowance.made, DAY)
        self._seconds: dict[str, float] = {}
        self._lock = threading.Lock()

    def request(self, owner: Owner, address: str) -> None:
        """Count one request.

        Raises:
            TooMuch: there were too many within a minute.
        """
        if owner.local:
            return
        if wait := self._requests.take(owner.id):
            raise TooMuch("limit.requests", seconds=_shown(wait))
        if owner.guest and (wait := self._crowds.take(address)):
            raise TooMuch("limit.requests", seconds=_shown(wait))

    def upload(self, owner: Owner, size: int) -> None:
        """Count bytes that are about to come in.

        Raises:
            TooMuch: they are more than one hour's.
        """
        if not owner.local and (wait := self._uploads.take(owner.id, size)):
            raise TooMuch("limit.uploaded", seconds=_shown(wait), minutes=math.ceil(wait / MINUTE))

    def made(self, owner: Owner, size: int) -> None:
        """Count the bytes of a finished file."""
        if not owner.local:
            self._made.add(owner.id, size)

    def join(self, owner: Owner, lane: str, waiting: Counter[str], *, light: bool = False) -> None:
        """Ask for a place in the queue of a lane; `waiting` counts by owner those who have one.

        Calls that need no model, `light` ones, are over at once and make no files: more of them may wait.

        Raises:
            TooMuch: the owner has as many as one may have, or too many files today, or the lane is full.
        """
        times = LIGHT_PLACES if light else 1
        if not owner.local:
            if waiting[owner.id] >= times * self.allowance.waiting:
                raise TooMuch("limit.waiting", count=waiting[owner.id], seconds=self._comes_free(lane))
            if not light and (wait := self._made.wait(owner.id)):
                raise TooMuch("limit.made", seconds=_shown(wait), minutes=math.ceil(wait / MINUTE))
        # Who has nothing in the queue finds a place in it, however full others have made it.
        most = times * self.queue_length * (1 if waiting[owner.id] else CROWDED)
        if waiting.total() >= most:
            raise TooMuch("limit.queue", seconds=self._comes_free(lane))

    def ran(self, lane: str, seconds: float) -> None:
        """Learn how long jobs of a lane take."""
        with self._lock:
            before = self._seconds.get(lane, seconds)
            self._seconds[lane] = before + 0.2 * (seconds - before)

    def _comes_free(self, lane: str) -> int:
        with self._lock:
            return _shown(self._seconds.get(lane, USUAL_JOB))


def _shown(seconds: float) -> int:
    return int(min(MOST_WAIT, max(LEAST_WAIT, math.ceil(seconds))))
