"""The host's commands."""

import json
import sys
import time
from typing import Annotated

import typer
from rich.live import Live
from rich.table import Table

from studio.cli.console import Json, opened, reported
from studio.cli.gauges import Gauges
from studio.cli.remote import ADDRESS, Orders, RemoteStudio
from studio.cli.remote import watch as follow
from studio.cli.terminal import Terminal
from studio.messages import data_size
from studio.settings import Settings
from studio.studio import Studio


def models(
    fetch: Annotated[
        str | None, typer.Option(help="Fetch this model's weights now, so that they are here later.")
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Follow the memory of a running studio.")] = False,
    load: Annotated[str | None, typer.Option(help="Bring a model into memory in a running studio.")] = None,
    offload: Annotated[str | None, typer.Option(help="Take a model off its device there.")] = None,
    drop: Annotated[str | None, typer.Option(help="Free all memory of a model there.")] = None,
    pin: Annotated[str | None, typer.Option(help="Keep a model in memory there.")] = None,
    unpin: Annotated[str | None, typer.Option(help="Let a model leave memory again there.")] = None,
    budget: Annotated[
        str | None, typer.Option(help="What models may hold there: cuda:0=8GB, or cuda:0=auto to measure it.")
    ] = None,
    at: Annotated[str | None, typer.Option(help=f"The address of the running studio; {ADDRESS} by default.")] = None,
    as_json: Json = False,
) -> None:
    """List the catalogue: what is here, what would be fetched, under which licence. Or look after a running studio."""
    terminal = Terminal(json=as_json)
    orders = Orders(unpin=unpin, drop=drop, offload=offload, budget=budget, load=load, pin=pin)
    if watch or orders or at is not None:
        with reported(terminal):
            _look_after(terminal, RemoteStudio(at or ADDRESS), orders, watch)
        return
    with opened(terminal) as studio:
        if fetch:
            for _ in terminal.follow(studio.load(fetch)):
                pass
        rows = studio.models()
        if as_json:
            sys.stdout.write(json.dumps(rows, ensure_ascii=False) + "\n")
            return
        table = Table(
            *(terminal.say(f"models.{name}") for name in ("id", "task", "engine", "state", "size", "licence"))
        )
        table.columns[0].min_width = max(len(row["id"]) for row in rows)  # an id is there to be copied
        for row in rows:
            size = data_size(row["bytes"])
            table.add_row(row["id"], row["task"], row["engine"], row["state"], size, row["licence"])
        terminal.out.print(table)


def serve(
    host: Annotated[str | None, typer.Option(help="The address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="The port; the first free one from 7860 by default.")] = None,
) -> None:
    """Open the studio in a browser."""
    given = (("host", host), ("port", port))
    chosen = {name: value for name, value in given if value is not None}
    with reported(Terminal()), Studio(Settings.read(**chosen)) as studio:
        from studio.ui.app import serve as open_studio

        open_studio(studio)


def _look_after(terminal: Terminal, remote: RemoteStudio, orders: Orders, watching: bool) -> None:
    """Do what was ordered in a running studio and show its memory, once or until interrupted."""
    calls = tuple(orders.calls())
    before = remote.memory()["journal"] if calls else []
    since = before[-1]["seq"] if before else 0
    for endpoint, arguments in calls:
        remote.call(endpoint, *arguments)
    gauges = Gauges(terminal)
    if not watching:
        memory = remote.memory(since, terminal.locale)
        if terminal.json:
            sys.stdout.write(json.dumps(memory, ensure_ascii=False) + "\n")
        else:
            terminal.out.print(gauges.show(memory))
        return
    changes = follow(lambda since: remote.memory(since, terminal.locale), time.sleep)
    if terminal.out.is_terminal and not terminal.json:
        with Live(console=terminal.out, auto_refresh=False) as live:
            for memory in changes:
                live.update(gauges.show(memory), refresh=True)
    for memory in changes:
        lines = [json.dumps(memory, ensure_ascii=False)] if terminal.json else gauges.lines(memory)
        sys.stdout.writelines(f"{text}\n" for text in lines)
        sys.stdout.flush()
