"""How often models are loaded when five sections of an article get their pictures, one for each.

    STUDIO_HOST_BUDGET=720000000 uv run python -m benchmarks.illustrating

The models are those that the studio would take; `STUDIO_DEFAULT_MODELS` names others. With room for both at once
nothing is loaded twice anyway, so the figure says something only where the memory for models holds either and not both,
as above for Qwen2.5-Coder 0.5B and Starter stickers on a CPU.
"""

import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Final

from benchmarks.common import verdict
from studio.illustrating.article import Illustrated, IllustrateRequest
from studio.settings import Settings
from studio.studio import Studio
from studio.writing.requests import Outline, Section

MOST: Final = 2
"""Loads beyond one for each model that is used."""
TEXTS: Final = {
    "A walk to the market": "On Saturdays we walk to the market with a basket. The apples are red, and we buy six.",
    "What the cat does": "The cat sleeps on the kitchen chair until the fish is unpacked. Then she is awake at once.",
    "Soup for four": "Carrots, an onion and a leek go into the pot. After half an hour the house smells of soup.",
    "The old bicycle": "In the yard stands a blue bicycle that nobody rides. Its bell still rings.",
    "Evening": "When the lamp is lit, we read. The moon stands over the roofs, and the tea grows cold.",
}


def main() -> None:
    """Measure and print."""
    outline = Outline(title="A slow Saturday", sections=tuple(Section(heading=heading) for heading in TEXTS))
    request = IllustrateRequest.of(outline=outline, texts=dict(enumerate(TEXTS.values())))
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings.read(outputs=Path(folder) / "outputs", data=Path(folder) / "data")
        with Studio(settings) as studio:
            began = time.perf_counter()
            steps = list(studio.article_illustrator.illustrate("local", request))
            seconds = time.perf_counter() - began
            records = studio.registry.journal.records()
            budgets = {device.name: device.budget for device in studio.registry.devices()}
    drawn = sum(isinstance(step, Illustrated) for step in steps)
    loads = Counter(record.model for record in records if record.event == "loaded")
    # A lease of several is served in the name of its first: the others are known by having been loaded.
    used = {record.model for record in records if record.event == "served"} | set(loads)
    for name, budget in budgets.items():
        print(f"memory for models on {name}: {budget / 1e6:.0f} MB")
    print(f"{drawn} of {len(TEXTS)} pictures in {seconds:.1f} s; {loads.total()} loads of {len(used)} models:")
    for model in sorted(used):
        print(f"  {model}: {loads[model]}")
    verdict("loads beyond one for each model used", [loads.total() - len(used)], at_most=MOST)


if __name__ == "__main__":
    main()
