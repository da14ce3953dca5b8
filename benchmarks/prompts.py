"""Milliseconds that reading a prompt takes, at 10,000 characters of every shape, and how they grow.

uv run python -m benchmarks.prompts
"""

import statistics
import time
from collections.abc import Mapping
from typing import Final

from benchmarks.common import verdict
from studio.imaging.prompts.attention import parse_attention

ROUNDS: Final = 9
LENGTH: Final = 10_000
SHAPES: Final[Mapping[str, str]] = {
    "words": "a lighthouse at dusk, ",
    "weights": "(lighthouse:1.2), ",
    "open brackets": "(",
    "closed brackets": ")",
    "square brackets": "[",
    "nested": "((a) [b] ",
    "escapes": "\\(",
    "backslashes": "\\",
    "colons": "(:",
    "broken weights": "(a:1.x) ",
    "breaks": "BREAK ",
    "Chinese": "一只猫，（水彩）(淡彩:1.1) ",
}


def milliseconds(text: str) -> float:
    """The fastest of some readings."""
    taken = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        parse_attention(text)
        taken.append((time.perf_counter() - began) * 1000)
    return min(taken)


def main() -> None:
    """Measure and print."""
    once, growth = {}, {}
    for name, part in SHAPES.items():
        text = (part * LENGTH)[:LENGTH]
        once[name] = milliseconds(text)
        # Four times the length in four times the time, where it is linear.
        growth[name] = milliseconds((part * LENGTH)[: 4 * LENGTH]) / once[name] / 4
        print(f"{name:16} {once[name]:7.3f} ms, {growth[name]:.2f} of linear")
    verdict(f"milliseconds of the slowest {LENGTH} characters", [max(once.values())], at_most=10)
    verdict("growth against linear, median of the shapes", [statistics.median(growth.values())], at_most=1.3)


if __name__ == "__main__":
    main()
