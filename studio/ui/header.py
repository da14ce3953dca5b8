"""The header: name, the models' state in words, language, light or dark."""

from contextlib import suppress

import gradio as gr
from gradio.blocks import Block

from studio.errors import InvalidRequest
from studio.studio import Studio
from studio.ui.chip import chip
from studio.ui.events import QUIET
from studio.ui.words import both

SWITCHES = """
<div class="switches" role="group">
  <button type="button" data-locale="zh-CN" lang="zh-CN">中文</button>
  <button type="button" data-locale="en" lang="en">English</button>
  <button type="button" data-theme-switch><i aria-hidden="true">◐</i><span class="quiet">{theme}</span></button>
</div>
"""
SWITCHED_JS = "document.addEventListener('studio:locale', () => trigger('change'));"
STOP_JS = """
element.addEventListener('click', (event) => { if (event.target.closest('[data-stop-fetching]')) trigger('submit'); });
"""
TICK_SECONDS = 1.0


class Header:
    """What stands over all tabs; `chip` tells about models, `switches` change when the language does."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        with gr.Row(elem_id="header"):
            gr.HTML(f"<h1>{both('app.name')}</h1>", elem_id="name", min_width=80)
            self.chip = gr.HTML(elem_id="chip", elem_classes="chip", min_width=80, js_on_load=STOP_JS)
            self.switches = gr.HTML(
                SWITCHES.format(theme=both("app.theme")), elem_id="switches", min_width=80, js_on_load=SWITCHED_JS
            )
        self.arrivals = gr.State(0)
        """Changes when a model that was fetched by itself is here, or is not coming."""
        self._timer = gr.Timer(TICK_SECONDS, active=False)

    def wire(self, page: gr.Blocks) -> None:
        """Follow what is fetched by itself, for as long as something is."""
        watched: list[Block] = [self.chip, self._timer]
        page.load(self._look, None, watched, **QUIET)
        self._timer.tick(self._look, None, watched, **QUIET).then(
            self._arrived, [self.arrivals], self.arrivals, **QUIET
        )
        self.chip.submit(self._stop, None, watched, **QUIET)

    def _look(self) -> tuple[str, gr.Timer]:
        fetching = self._studio.registry.fetching()
        return chip(self._studio, fetching), gr.Timer(active=bool(fetching))

    def _arrived(self, arrivals: int) -> int:
        return arrivals if self._studio.registry.fetching() else arrivals + 1

    def _stop(self) -> tuple[str, gr.Timer]:
        # Whoever has no controls is not shown the button.
        with suppress(InvalidRequest):
            self._studio.stop_prefetch()
        return self._look()
