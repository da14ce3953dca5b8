"""The catalogue's table and the journal in plain words."""

from collections.abc import Iterator
from pathlib import Path

import gradio as gr
import pytest

from studio.messages import table
from studio.settings import Settings
from studio.studio import Studio
from studio.ui.events import Lane, Room
from studio.ui.tabs.models import SHOWN_RECORDS, ModelsTab

MODEL = "smollm2-135m"
NEEDY = next(key.removeprefix("errors.") for key, text in table("en").items() if "{name}" in text and "errors." in key)
"""An error whose sentence cannot be told without its details."""


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    with Studio(Settings(cache=tmp_path, outputs=tmp_path)) as studio:
        yield studio


@pytest.fixture
def tab(studio: Studio) -> ModelsTab:
    lane = Lane("text", 1)
    with gr.Blocks():
        chip, locale = gr.HTML(), gr.Textbox()
        with gr.Tabs() as tabs, gr.Tab():
            return ModelsTab(Room(studio, chip, locale, tabs, lane, lane))


def test_every_model_has_a_row_with_its_state_and_licence(tab: ModelsTab, studio: Studio) -> None:
    html, _, _ = tab.look()
    for spec in studio.catalogue:
        assert f'data-id="{spec.id}"' in html
        assert spec.licence in html
    assert "on disk" in html
    assert "尚未下载" in html


@pytest.mark.parametrize("why", ["cancelled", NEEDY, "RuntimeError", "<b>", ""])
def test_the_journal_bears_any_cause(tab: ModelsTab, studio: Studio, why: str) -> None:
    studio.registry.journal.write(studio.catalogue.get(MODEL).id, "failed", why=why)
    _, journal, _ = tab.look()
    assert "could not be loaded" in journal
    assert "<b>" not in journal


def test_the_journal_shows_the_latest_first_and_not_for_ever(tab: ModelsTab, studio: Studio) -> None:
    for _ in range(SHOWN_RECORDS + 5):
        studio.registry.journal.write(studio.catalogue.get(MODEL).id, "loaded")
    studio.registry.journal.write(studio.catalogue.get(MODEL).id, "offloaded")
    _, journal, _ = tab.look()
    assert journal.count("<li>") == SHOWN_RECORDS
    assert journal.index("offloaded") < journal.index("loaded", journal.index("offloaded") + 10)


def test_the_chip_tells_what_is_in_memory(tab: ModelsTab, studio: Studio) -> None:
    assert "No model in memory" in tab.look()[2]
    for update in tab.load(MODEL):
        assert update
    assert "SmolLM2" in tab.look()[2]
    line, *_ = tab.release(MODEL)
    assert "has left the memory" in line
