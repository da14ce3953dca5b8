"""One bar for each memory: which models hold how much of it, what is reserved, what is free."""

from collections.abc import Mapping, Sequence
from html import escape

from studio.messages import LOCALES, data_size, known, message
from studio.registry import DeviceStatus, ModelId, Status
from studio.studio import Studio
from studio.ui.words import both, spans

LEAST_SHARE = 0.006
"""Of a bar's width: a model smaller than this is still seen."""
LABELLED_SHARE = 0.04
"""A number needs this much of it; the legend names the others in their order."""


def bars_html(studio: Studio) -> str:
    """All memories of a studio as bars with a legend each, in both languages."""
    statuses = studio.registry.statuses()
    names = {status.id: studio.name(status.id) for status in statuses}
    memories = "".join(_memory(memory, statuses, names) for memory in studio.registry.devices())
    return f'<div class="memories">{memories}</div>'


def device_name(device: str) -> str:
    """A memory's name for people, as HTML."""
    return both(f"models.memory.{device}") if known(f"models.memory.{device}") else escape(device)


def device_sentence(key: str, device: str, **details: object) -> str:
    """A sentence with the name of a memory in it, as HTML."""
    named = f"models.memory.{device}"
    return spans(
        {
            locale: message(key, locale, device=message(named, locale) if known(named) else device, **details)
            for locale in LOCALES
        }
    )


def _memory(memory: DeviceStatus, statuses: Sequence[Status], names: Mapping[ModelId, str]) -> str:
    used = memory.held + memory.reserved
    whole = max(memory.budget, used, 1)
    held, budget = data_size(memory.held), data_size(memory.budget)
    segments, legend = "", ""
    holders = [status for status in statuses if status.holds.get(memory.name)]
    for number, status in enumerate(holders, 1):
        size = status.holds[memory.name]
        share = max(size / whole, LEAST_SHARE)
        using = " used" if status.in_use else ""
        tone = " odd" if number % 2 else ""
        label = f"<b>{number}</b>" if share >= LABELLED_SHARE else ""
        segments += f'<i class="segment{tone}{using}" style="flex:{share:.4f} 1 0">{label}</i>'
        marks = "".join(f"<em>{both(f'models.{mark}')}</em>" for mark, there in _marks(status) if there)
        legend += (
            f'<li><i class="segment{tone}{using}"><b>{number}</b></i><span>{escape(names[status.id])}</span>'
            f"<span>{data_size(size)}</span>{marks}</li>"
        )
    if memory.reserved:
        segments += f'<i class="reserved" style="flex:{max(memory.reserved / whole, LEAST_SHARE):.4f} 1 0"></i>'
        reserved = both("models.bar.reserved", size=data_size(memory.reserved))
        legend += f'<li><i class="reserved"></i><span>{reserved}</span></li>'
    free = max(memory.budget - used, 0)
    if free:
        segments += f'<i class="free" style="flex:{free / whole:.4f} 1 0"></i>'
    legend += f'<li><i class="free"></i><span>{both("models.bar.free", size=data_size(free))}</span></li>'
    key = "models.bar.over" if memory.held > memory.budget else "models.bar.held"
    label = f"memory-{escape(memory.name)}"
    return (
        f'<section data-device="{escape(memory.name)}"><h3 id="{label}"><span>{device_name(memory.name)}</span>'
        f'<span class="amount">{both(key, held=held, budget=budget)}</span></h3>'
        f'<div class="membar" role="img" aria-labelledby="{label}">{segments}</div><ul>{legend}</ul></section>'
    )


def _marks(status: Status) -> tuple[tuple[str, bool], ...]:
    return ("used", bool(status.in_use)), ("kept", status.pinned)
