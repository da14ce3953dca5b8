"""The header's line about models, as HTML."""

from collections.abc import Sequence

from studio.registry import LoadProgress
from studio.studio import Studio
from studio.ui.words import both, left


def chip(studio: Studio, fetching: Sequence[LoadProgress]) -> str:
    """The chip's words: what is on its way, else what is in memory."""
    if not fetching:
        return in_memory(studio)
    step = fetching[0]
    if step.total:
        told = both("app.chip.fetching", name=step.name, share=int(100 * step.done / step.total))
        rest = left(step.seconds_left)
        told += f" {rest}" if rest else ""
    else:
        told = both("app.chip.finding", name=step.name)
    if not studio.settings.controls:
        return told
    stop = f'<i aria-hidden="true">✕</i><span class="quiet">{both("app.chip.stop")}</span>'
    return f'{told} <button type="button" class="tool" data-stop-fetching>{stop}</button>'


def in_memory(studio: Studio) -> str:
    """The chip's words while nothing is under way: which models are in memory."""
    there = [s.id for s in studio.registry.statuses() if s.state in ("host", "device")]
    if not there:
        return both("app.chip.idle")
    names = ", ".join(studio.catalogue.get(model).name for model in there[:2])
    return both("app.chip.ready", names=names + (f" +{len(there) - 2}" if len(there) > 2 else ""))
