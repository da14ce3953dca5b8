"""Which model does the work when nobody names one."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from studio.errors import UnknownModel
from studio.registry.catalogue.catalogue import Catalogue
from studio.registry.catalogue.spec import ModelSpec, Task

ROOM_FACTOR: Final = 1.5
"""Memory that an embedded default has to find, in sizes of its file: the rest is for the texts it works on."""

TIERS: Final = ("larger", "embedded", "smaller", "starter", "too large")
"""What can do the work without a long wait, best first; what has to be fetched comes after them all."""

Question = Callable[[ModelSpec], bool]


class Choice:
    """The order of preference among the models for a task.

    What is here and larger than the embedded defaults goes first; then those, where memory allows, whether they are
    here or can be fetched; then what is smaller; then the starters; last what would have to be fetched. A remote
    endpoint that is set up goes before all. Models that follow instructions go before those that only complete text.
    Among equals, those made for the first task go first, then the catalogue's order decides.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        *,
        present: Question,
        obtainable: Question,
        admitted: Question,
        budget: Callable[[], int],
        fixed: Mapping[Task, ModelSpec] | None = None,
    ) -> None:
        """`budget` is how many bytes models may hold in main memory; `fixed` is what the host wants for a task."""
        self._catalogue = catalogue
        self._present = present
        self._obtainable = obtainable
        self._admitted = admitted
        self._budget = budget
        self._fixed = fixed or {}

    def best(self, *tasks: Task, without: Sequence[ModelSpec] = ()) -> ModelSpec:
        """The model to use for `tasks`, the first of which it should rather be made for.

        Raises:
            UnknownModel: there is none for them.
        """
        known = self._catalogue.for_task(*tasks)
        candidates = [spec for spec in known if self._admitted(spec) and spec not in without]
        if not candidates:
            raise UnknownModel("model.none_resident" if known else "model.none", wanted=" / ".join(tasks))
        fixed = self._fixed.get(tasks[0])
        if fixed in candidates:
            return fixed
        embedded = max((spec.memory or 0 for spec in candidates if spec.embedded), default=0)
        return min(candidates, key=lambda spec: self._rank(spec, tasks, embedded))

    def present(self, *tasks: Task, without: Sequence[ModelSpec] = ()) -> ModelSpec | None:
        """The best of those that can begin at once, without what is on its way; None where there is none."""
        absent = [spec for spec in self._catalogue.for_task(*tasks) if not self._present(spec)]
        try:
            return self.best(*tasks, without=[*without, *absent])
        except UnknownModel:
            return None

    def _rank(self, spec: ModelSpec, tasks: Sequence[Task], embedded: int) -> tuple[bool, bool, int, bool, int]:
        tier = self._tier(spec, embedded)
        return tier == len(TIERS), not spec.chat, tier, not spec.remote, tasks.index(spec.task)

    def _tier(self, spec: ModelSpec, embedded: int) -> int:
        here = self._present(spec)
        if spec.embedded:
            if not (here or self._obtainable(spec)):
                return len(TIERS)
            room = self._budget() >= (spec.memory or 0) * ROOM_FACTOR
            return TIERS.index("embedded" if room else "too large") if here or room else len(TIERS)
        if not here:
            return len(TIERS)
        if spec.starter:
            return TIERS.index("starter")
        return TIERS.index("larger" if spec.remote or (spec.memory or 0) > embedded else "smaller")
