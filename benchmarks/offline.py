"""The least reload seconds that any policy could reach on a trace it knows from beginning to end."""

from collections.abc import Mapping, Sequence

import numpy as np

from benchmarks.eviction_traces import Model, Request


def optimum(trace: Sequence[Request], budget: int, models: Mapping[str, Model]) -> float:
    """Exact, by dynamic programming over every set of residents that fits in `budget` bytes.

    Takes time and memory proportional to 2 to the number of distinct models in the trace.
    """
    names = sorted({name for request in trace for name in request.models})
    bit = {name: 1 << position for position, name in enumerate(names)}
    sets = np.arange(1 << len(names))
    nbytes = sum(np.where(sets & bit[name], models[name].nbytes, 0) for name in names)
    fits = nbytes <= budget
    least = np.where(sets == 0, 0.0, np.inf)
    for request in trace:
        wanted = sum(bit[name] for name in request.models)
        spent = least + sum(np.where(sets & bit[name], 0.0, models[name].reload_seconds) for name in request.models)
        least = np.full_like(spent, np.inf)
        np.minimum.at(least, sets | wanted, spent)
        for name in names:
            if name in request.models:
                continue
            without = sets[(sets & bit[name]) == 0]
            least[without] = np.minimum(least[without], least[without | bit[name]])
        least[~fits] = np.inf
    return float(least.min())
