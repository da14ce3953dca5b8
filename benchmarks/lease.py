"""Microseconds that a lease on a resident model costs, with 100 models resident.

uv run python -m benchmarks.lease
"""

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.common import registry_of, spec, verdict
from studio.registry import Binding, HostMemory, Registry, Shape
from studio.registry.models.fake import FakeLoader, FakeMemory

RESIDENTS = 100
LEASES = 20_000
TARGET = 50.0


def microseconds(lease: Callable[[], object]) -> list[float]:
    """What each of many leases takes, one after the other."""
    taken = []
    for _ in range(LEASES):
        begun = time.perf_counter_ns()
        lease()
        taken.append((time.perf_counter_ns() - begun) / 1000)
    return taken


def resident(cache: Path) -> Registry:
    """A registry with every model in (pretend) device memory; main memory is the machine's, and measured."""
    names = [f"model-{number}" for number in range(RESIDENTS)]
    registry = registry_of(
        [spec(name) for name in names],
        {"fake": Binding(FakeLoader(sharing="exclusive"))},
        cache,
        host=HostMemory(),
        accelerators=[FakeMemory("cuda:0", 10**6)],
    )
    for name in names:
        with registry.lease(name) as lease:
            _ = lease.model
    return registry


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        registry = resident(Path(folder))
        names = [status.id for status in registry.statuses()]
        turns = iter(names * (3 * LEASES // RESIDENTS))

        def alone() -> None:
            with registry.lease(next(turns)) as lease:
                _ = lease.model

        def shaped() -> None:
            with registry.lease(next(turns), shape=Shape(512, 512)) as lease:
                _ = lease.model

        def generating() -> None:
            with registry.lease(next(turns)) as lease:
                for _ in lease.arrive():
                    pass

        held = []
        for name, lease in (("a lease", alone), ("with a shape", shaped), ("from a generator", generating)):
            taken = microseconds(lease)
            quarter, _, three = statistics.quantiles(taken, n=4)
            print(f"{name}: quartiles {quarter:.1f} and {three:.1f}, worst {max(taken):.0f} microseconds")
            held.append(verdict(f"{name}, microseconds", [statistics.median(taken)], at_most=TARGET))
        print(f"{sum(held)} of {len(held)} hold")


if __name__ == "__main__":
    main()
