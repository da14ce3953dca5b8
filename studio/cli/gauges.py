"""The memories of a running studio in a terminal: a bar for each, and the latest lines of the journal."""

import time
from collections import deque
from collections.abc import Iterator
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.text import Text

from studio.cli.remote import Memory
from studio.cli.terminal import Terminal
from studio.messages import data_size

WIDTH: Final = 48
LINES: Final = 12
GLYPHS: Final = {"used": "█", "idle": "▓", "reserved": "▒", "free": "░"}


class Gauges:
    """What `studio models --watch` shows; it remembers the latest lines of the journal."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._lines: deque[str] = deque(maxlen=LINES)

    def show(self, memory: Memory) -> RenderableType:
        """All bars and the latest lines, as one picture that replaces the one before."""
        self._lines.extend(journal_line(record) for record in memory["journal"])
        rows: list[Text] = []
        for device in memory["devices"]:
            rows += self._device(device, memory["models"])
        legend = "  ".join(f"{glyph} {self._terminal.say(f'memory.{name}')}" for name, glyph in GLYPHS.items())
        return Group(*rows, Text(legend, style="dim"), Text(""), *(Text(text) for text in self._lines))

    def lines(self, memory: Memory) -> Iterator[str]:
        """What is new as plain lines, for a file or a pipe."""
        yield from (journal_line(record) for record in memory["journal"])
        for device in memory["devices"]:
            yield f"{self._head(device)}: {self._models(device, memory['models']) or '-'}"

    def _device(self, device: dict[str, Any], models: list[dict[str, Any]]) -> Iterator[Text]:
        whole = max(device["budget"], device["held"] + device["reserved"], 1)
        bar = Text()
        for model in models:
            if size := model["holds"].get(device["name"]):
                kind = "used" if model["in_use"] else "idle"
                bar.append(GLYPHS[kind] * max(round(WIDTH * size / whole), 1), "green" if kind == "used" else "cyan")
        if device["reserved"]:
            bar.append(GLYPHS["reserved"] * max(round(WIDTH * device["reserved"] / whole), 1), "yellow")
        bar.append(GLYPHS["free"] * (WIDTH - len(bar)), "dim")
        yield Text(self._head(device), style="bold")
        yield bar
        if held := self._models(device, models):
            yield Text(f"  {held}")

    def _head(self, device: dict[str, Any]) -> str:
        held, budget = data_size(device["held"]), data_size(device["budget"])
        return self._terminal.say("memory.device", device=device["name"], held=held, budget=budget)

    def _models(self, device: dict[str, Any], models: list[dict[str, Any]]) -> str:
        return ", ".join(
            " ".join((model["id"], data_size(size), *self._marks(model)))
            for model in models
            if (size := model["holds"].get(device["name"]))
        )

    def _marks(self, model: dict[str, Any]) -> Iterator[str]:
        for name, there in (("used", model["in_use"]), ("kept", model["pinned"])):
            if there:
                yield f"({self._terminal.say(f'memory.{name}')})"


def journal_line(record: dict[str, Any]) -> str:
    """One record of a journal, with the time of day."""
    return f"{time.strftime('%H:%M:%S', time.localtime(record['at']))}  {record['text']}"
