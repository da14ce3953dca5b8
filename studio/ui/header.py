"""The header: name, the models' state in words, language, light or dark."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from itertools import islice
from typing import Any

import gradio as gr
from gradio.blocks import Block

from studio.studio import Studio
from studio.ui.accounting import owner_or_local
from studio.ui.chip import chip
from studio.ui.gate.doors import SIGN_OUT
from studio.ui.start_stop import QUIET
from studio.ui.words import both

SWITCHES = """
<div class="switches" role="group">
  <button type="button" data-locale="zh-CN" lang="zh-CN">中文</button>
  <button type="button" data-locale="en" lang="en">English</button>
  <button type="button" data-theme-switch><i aria-hidden="true">◐</i><span class="quiet">{theme}</span></button>
</div>
"""
SWITCHED_JS = "document.addEventListener('studio:locale', () => trigger('change'));"
LEAVE = '<form method="post" action="{action}"><button class="tool">{word}</button></form>'
STOP_JS = """
element.addEventListener('click', (event) => { if (event.target.closest('[data-stop-fetching]')) trigger('submit'); });
"""
TICK_SECONDS = 1.0


@dataclass(frozen=True)
class Follower:
    """Something on the page that says which models are here: `tell(*inputs)` is what `output` shows."""

    tell: Callable[..., Any]
    inputs: Sequence[Block]
    output: Block


class Header:
    """What stands over all tabs; `chip` tells about models, `switches` change when the language does."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        with gr.Row(elem_id="header"):
            gr.HTML(f"<h1>{both('app.name')}</h1>", elem_id="name", min_width=80)
            self.chip = gr.HTML(elem_id="chip", elem_classes="chip", min_width=80, js_on_load=STOP_JS)
            self.owner = gr.HTML(elem_id="owner", visible=False, min_width=80)
            self.switches = gr.HTML(
                SWITCHES.format(theme=both("app.theme")), elem_id="switches", min_width=80, js_on_load=SWITCHED_JS
            )
        self._timer = gr.Timer(TICK_SECONDS, active=False)

    def wire(self, page: gr.Blocks, followers: Sequence[Follower]) -> None:
        """Follow what is fetched, for as long as something is; tell `followers` when it is here, or is not coming."""
        watched: list[Block] = [self.chip, self._timer]
        page.load(self._look, None, watched, **QUIET)
        if self._studio.identity.mode in ("users", "proxy", "huggingface"):
            page.load(self._whose, None, self.owner, **QUIET)
        self.chip.submit(self._stop, None, watched, **QUIET)
        inputs = [block for follower in followers for block in follower.inputs]
        outputs = [*watched, *(follower.output for follower in followers)]

        def tick(*values: Any) -> list[Any]:
            if self._studio.registry.fetching():
                return [*self._look(), *(gr.skip() for _ in followers)]
            given = iter(values)
            return [*self._look(), *(each.tell(*islice(given, len(each.inputs))) for each in followers)]

        self._timer.tick(tick, inputs, outputs, **QUIET)

    def _whose(self, request: gr.Request) -> Any:
        """Who is signed in, and the way out; a proxy has its own."""
        owner = owner_or_local(request)
        leave = LEAVE.format(action=SIGN_OUT, word=both("app.sign_out"))
        way_out = "" if self._studio.identity.mode == "proxy" else leave
        return gr.update(value=f"<span>{escape(owner.name)}</span>{way_out}", visible=True)

    def _look(self) -> tuple[str, gr.Timer]:
        fetching = self._studio.registry.fetching()
        return chip(self._studio, fetching), gr.Timer(active=bool(fetching))

    def _stop(self, request: gr.Request) -> tuple[str, gr.Timer]:
        # Whoever has no controls is not shown the button.
        if self._studio.identity.controls(owner_or_local(request)):
            self._studio.stop_prefetch()
        return self._look()
