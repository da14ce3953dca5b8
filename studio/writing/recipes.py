"""How each model is asked to write: small ones are shown the form and held to it, large ones write best freely."""

from dataclasses import dataclass
from typing import Final, Literal

from studio.registry import ModelSpec
from studio.writing.checking.judging import WEIGHTS, Fault

RecipeName = Literal["form", "draft", "free"]
_PARAGRAPHS: Final = r"""("\n\n" paragraph){0,9} "\n"?
paragraph ::= first rest*
first ::= [^\n\r\t #*>|`~•·+=0-9-]
rest ::= [^\n\r]
"""
GOING_ON: Final = f"root ::= rest* {_PARAGRAPHS}"
"""`PROSE` from the middle of a paragraph on."""
PROSE: Final = f"root ::= paragraph {_PARAGRAPHS}"
"""GBNF of running paragraphs: no line begins as a heading, an item of a list, a quotation, a table or code does.

None begins with a number at all: models that may not write "1." write "1/", "1 " or "109" instead.
"""
BROKEN: Final = frozenset[Fault]({"empty", "language", "gibberish"})
"""What nobody could use."""
SMALL: Final = 3_000_000_000
"""Bytes of weights below which a model is asked as a small one where the catalogue says nothing."""


@dataclass(frozen=True)
class Recipe:
    """One way to ask for a section. `docs/performance.md` says which was found best for which model."""

    example: bool
    """Show a section worked out beforehand; the smallest models copy it instead of its form."""
    held: bool
    """Hold the output to `PROSE` where prose is asked for and the engine can."""
    surroundings: bool
    """Show all headings, what each earlier section says, and the end of what stands before: small models copy it."""
    tells: bool
    """Ask for a sentence of its own for each fact that is not in the text, where the model tends to leave them out."""
    again: frozenset[Fault]
    """For which faults to ask once more, somewhat more freely; the better of both is taken."""
    penalty: float
    """Of repeated tokens."""
    reach: float = 0.0
    """The part of its target below which a section is gone on with; 0 takes it as it ends."""


RECIPES: Final[dict[RecipeName, Recipe]] = {
    "form": Recipe(example=False, held=True, surroundings=False, tells=True, again=BROKEN, penalty=1.1, reach=0.75),
    "draft": Recipe(
        example=True, held=True, surroundings=False, tells=True, again=frozenset(WEIGHTS), penalty=1.08, reach=0.75
    ),
    "free": Recipe(example=False, held=False, surroundings=True, tells=False, again=BROKEN, penalty=1.0),
}


def recipe_for(spec: ModelSpec) -> Recipe:
    """The recipe that the catalogue names for a model, else the one for its size."""
    named = spec.defaults.get("recipe")
    if named in RECIPES:
        return RECIPES[named]
    if not bool(spec.defaults.get("example", True)):
        return RECIPES["form"]
    return RECIPES["draft" if spec.memory and spec.memory < SMALL else "free"]
