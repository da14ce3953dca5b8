"""Five sections of one article, one after another and several at once on the slots of llama.cpp: tokens a second.

    uv run python -m benchmarks.at_once --model qwen2.5-coder-1.5b --slots 2 4

A section that is asked for again counts with all it took, so that rates are compared and not times.
"""

import argparse
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from studio.settings import Settings
from studio.studio import Studio
from studio.writing.requests import Brief, Outline, Section, SectionRequest, SectionText

HEADINGS: Final = ("Why in a city", "The right roof", "The first hive", "A year of work", "Honey for neighbours")
OUTLINE: Final = Outline(
    title="Keeping bees on a roof",
    sections=tuple(Section(heading=heading, target_words=120) for heading in HEADINGS),
    brief=Brief(topic="Keeping bees on a roof", audience="beginners", tone="friendly"),
)


def tokens(studio: Studio, model: str, index: int) -> int:
    """Write one section; returns how many tokens it took."""
    request = SectionRequest.of(outline=OUTLINE, index=index, model=model)
    return [step.tokens for step in studio.writer.write_section(request) if isinstance(step, SectionText)][-1]


def rates(studio: Studio, model: str, slots: list[int]) -> Iterator[tuple[int, float]]:
    """How many at once, and the tokens a second of all together."""
    tokens(studio, model, 0)  # the model is loaded, and what all prompts share is read
    for count in (1, *slots):
        started = time.monotonic()
        with ThreadPoolExecutor(count) as pool:
            written = sum(pool.map(lambda index: tokens(studio, model, index), range(len(HEADINGS))))
        yield count, written / (time.monotonic() - started)


def main() -> None:
    """Print the rates, and each beside that of one after another."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="qwen2.5-coder-1.5b")
    parser.add_argument("--slots", type=int, nargs="+", default=[2, 4])
    options = parser.parse_args()
    alone = 0.0
    with Studio(Settings.read()) as studio:
        for count, rate in rates(studio, options.model, options.slots):
            alone = alone or rate
            print(
                f"{count} at once: {rate:.1f} tokens a second, {rate / alone:.2f} times one after another", flush=True
            )


if __name__ == "__main__":
    main()
