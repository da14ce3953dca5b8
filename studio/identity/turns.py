"""Whose turn it is: round robin among owners, first come first served for each of them."""

from collections import Counter
from collections.abc import Iterable, Sequence

MOST_REMEMBERED = 10_000


class Turns:
    """The order of one lane, in which each owner has at most `most_running` jobs at the same time."""

    def __init__(self, most_running: int | None = None) -> None:
        self._most_running = most_running
        self._served: dict[str, int] = {}
        self._count = 0

    def pick(self, waiting: Sequence[str], running: Iterable[str] = ()) -> int | None:
        """The place in `waiting` (owners, in order of arrival) of who is next; None where nobody may begin now.

        It is the first job of the owner whose last turn is longest ago, and of several such owners, of who came first.
        """
        busy = Counter(running)
        places: dict[str, int] = {}
        for place, owner in enumerate(waiting):
            if self._most_running is None or busy[owner] < self._most_running:
                places.setdefault(owner, place)
        if not places:
            return None
        owner = min(places, key=lambda each: (self._served.get(each, 0), places[each]))
        self._count += 1
        self._served.pop(owner, None)
        self._served[owner] = self._count
        if len(self._served) > MOST_REMEMBERED:
            del self._served[next(iter(self._served))]
        return places[owner]
