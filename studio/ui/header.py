"""The header: name, the models' state in words, language, light or dark."""

import gradio as gr

from studio.ui.words import both

SWITCHES = """
<div class="switches" role="group">
  <button type="button" data-locale="zh-CN" lang="zh-CN">中文</button>
  <button type="button" data-locale="en" lang="en">English</button>
  <button type="button" data-theme-switch><i aria-hidden="true">◐</i><span class="quiet">{theme}</span></button>
</div>
"""


SWITCHED_JS = "document.addEventListener('studio:locale', () => trigger('change'));"


def header() -> tuple[gr.HTML, gr.HTML]:
    """Lay the header out; returns the chip, and the switches, which change when the language does."""
    with gr.Row(elem_id="header"):
        gr.HTML(f"<h1>{both('app.name')}</h1>", elem_id="name", min_width=80)
        chip = gr.HTML(elem_id="chip", elem_classes="chip", min_width=80)
        switches = gr.HTML(
            SWITCHES.format(theme=both("app.theme")), elem_id="switches", min_width=80, js_on_load=SWITCHED_JS
        )
    return chip, switches
