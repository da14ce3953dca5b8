"""Which engines a catalogue may name: an entry point of this group for each, of this package or another."""

from importlib.metadata import entry_points
from typing import Final

ENGINE_GROUP: Final = "studio.engines"


def engine_names() -> tuple[str, ...]:
    """The engines that are installed, in the order of the alphabet; none of them is imported for it."""
    return tuple(sorted({engine.name for engine in entry_points(group=ENGINE_GROUP)}))
