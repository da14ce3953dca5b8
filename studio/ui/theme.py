"""How the page looks: system fonts, one accent colour, 8-pixel spacing, and nothing asked from anywhere else."""

import json
from collections.abc import Sequence
from typing import Any

import gradio as gr
from gradio.themes.utils import colors, sizes

from studio.messages import LOCALES, assets, message, table

SANS = (
    "system-ui",
    "-apple-system",
    "Segoe UI",
    "Noto Sans",
    "PingFang SC",
    "Microsoft YaHei",
    "Noto Sans CJK SC",
    "sans-serif",
)
SCRIPTS = ("studio.js", "library.js", "desk.js")
MONO = ("ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "Noto Sans Mono", "monospace")


def theme() -> gr.themes.Base:
    """The palette and the shapes; the rest is `assets/css/studio.css`."""
    base = gr.themes.Base(
        primary_hue=colors.teal,
        secondary_hue=colors.stone,
        neutral_hue=colors.stone,
        radius_size=sizes.radius_md,
        spacing_size=sizes.spacing_md,
        text_size=sizes.text_md,
        font=[gr.themes.Font(name) for name in SANS],
        font_mono=[gr.themes.Font(name) for name in MONO],
    )
    return base.set(**_tones())


def _tones() -> dict[str, Any]:
    light = {
        "body_background_fill": "#faf9f7",
        "background_fill_primary": "#ffffff",
        "background_fill_secondary": "#f5f3f0",
        "block_background_fill": "transparent",
        "block_border_width": "0px",
        "block_shadow": "none",
        "block_padding": "0px",
        "block_label_background_fill": "transparent",
        "block_title_text_weight": "500",
        "block_title_text_color": "#44403c",
        "block_info_text_color": "#6b645e",
        "body_text_color": "#1c1917",
        "body_text_color_subdued": "#6b645e",
        "border_color_primary": "#e3dfda",
        "input_background_fill": "#ffffff",
        "input_border_color": "#d3cdc6",
        "input_border_color_focus": "#0f766e",
        "input_placeholder_color": "#78716c",
        "input_shadow_focus": "0 0 0 3px #0f766e33",
        "button_primary_background_fill": "#0f766e",
        "button_primary_background_fill_hover": "#115e59",
        "button_primary_text_color": "#ffffff",
        "button_primary_border_color": "#0f766e",
        "button_secondary_background_fill": "#ffffff",
        "button_secondary_background_fill_hover": "#f5f3f0",
        "button_secondary_border_color": "#d3cdc6",
        "button_secondary_text_color": "#292524",
        "button_cancel_background_fill": "#fff1f0",
        "button_cancel_background_fill_hover": "#ffe2df",
        "button_cancel_border_color": "#d9827b",
        "button_cancel_text_color": "#9a2118",
        "link_text_color": "#0f766e",
        "color_accent": "#0f766e",
        "color_accent_soft": "#e3f1ef",
        "checkbox_background_color_selected": "#0f766e",
        "checkbox_border_color_selected": "#0f766e",
    }
    dark = {
        "body_background_fill": "#191817",
        "background_fill_primary": "#211f1e",
        "background_fill_secondary": "#292726",
        "block_background_fill": "transparent",
        "block_border_width": "0px",
        "block_label_background_fill": "transparent",
        "block_title_text_color": "#d6d1cb",
        "block_info_text_color": "#a8a19a",
        "body_text_color": "#ece8e4",
        "body_text_color_subdued": "#a8a19a",
        "border_color_primary": "#3a3735",
        "input_background_fill": "#211f1e",
        "input_border_color": "#4a4643",
        "input_border_color_focus": "#5eead4",
        "input_placeholder_color": "#918a83",
        "input_shadow_focus": "0 0 0 3px #5eead433",
        "button_primary_background_fill": "#2dd4bf",
        "button_primary_background_fill_hover": "#5eead4",
        "button_primary_text_color": "#0b2420",
        "button_primary_border_color": "#2dd4bf",
        "button_secondary_background_fill": "#292726",
        "button_secondary_background_fill_hover": "#34312f",
        "button_secondary_border_color": "#4a4643",
        "button_secondary_text_color": "#ece8e4",
        "button_cancel_background_fill": "#3a1f1d",
        "button_cancel_background_fill_hover": "#4a2624",
        "button_cancel_border_color": "#a4544d",
        "button_cancel_text_color": "#ffc9c4",
        "link_text_color": "#5eead4",
        "color_accent_soft": "#1d3532",
        "checkbox_background_color_selected": "#2dd4bf",
        "checkbox_border_color_selected": "#2dd4bf",
    }
    return {**light, **{f"{name}_dark": value for name, value in dark.items()}}


def css() -> str:
    """The stylesheet."""
    return (assets() / "css" / "studio.css").read_text(encoding="utf-8")


def head(tabs: Sequence[str]) -> str:
    """The page's own script, with the few words it says itself, such as the names of these tabs."""
    words = {
        locale: {
            "copied": message("app.js.copied", locale),
            "queue": message("app.js.queue", locale, place="{place}", count="{count}"),
            "library": {
                key.removeprefix("library."): text
                for key, text in table(locale).items()
                if key.startswith("library.") and not key.startswith("library.server.")
            },
            "tabs": [message(f"app.tab.{name}", locale) for name in tabs],
        }
        for locale in LOCALES
    }
    scripts = "\n".join((assets() / "js" / name).read_text(encoding="utf-8") for name in SCRIPTS)
    told = json.dumps(words, ensure_ascii=False).replace("</", "<\\/")
    return f"<script>window.studioWords = {told};\n{scripts}</script>"
