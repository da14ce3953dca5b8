"""The catalogue's table and the journal in plain words."""

import re
from collections.abc import Iterator
from pathlib import Path

import gradio as gr
import pytest

from studio.identity.owners import LOCAL
from studio.messages import table
from studio.settings import Settings
from studio.studio import Studio
from studio.ui.start_stop import Lane, TabContext
from studio.ui.tabs.models import SHOWN_RECORDS, ModelsTab
from tests.ui.pretend import GB, pretend_studio

MODEL = "smollm2-135m"
NEEDY = next(key.removeprefix("errors.") for key, text in table("en").items() if "{name}" in text and "errors." in key)
"""An error whose sentence cannot be told without its details."""


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    with Studio(Settings(cache=tmp_path, outputs=tmp_path)) as studio:
        yield studio


def tab_of(studio: Studio) -> ModelsTab:
    lane = Lane("text", 1)
    with gr.Blocks():
        chip, locale = gr.HTML(), gr.Textbox()
        with gr.Tabs() as tabs, gr.Tab():
            return ModelsTab(TabContext(studio, chip, locale, tabs, lane, lane, lane))


@pytest.fixture
def tab(studio: Studio) -> ModelsTab:
    return tab_of(studio)


@pytest.fixture
def pretend(tmp_path: Path) -> Iterator[Studio]:
    """Two accelerators; on cuda:0 `coder`, for which `writer` went to main memory, and `base` on cuda:1."""
    with pretend_studio(tmp_path) as studio:
        for model in ("writer", "coder", "base"):
            load(studio, model)
        yield studio


def load(studio: Studio, model: str) -> None:
    for _ in studio.load(model):
        pass


def row(html: str, model: str) -> str:
    return next(part for part in html.split("<tr")[1:] if f'data-id="{model}"' in part)


def buttons(html: str) -> list[str]:
    return re.findall(r'data-act="(\w+)"', html)


def section(html: str, device: str) -> str:
    return next(part for part in html.split("<section")[1:] if f'data-device="{device}"' in part)


def english(html: str) -> str:
    """What a reader of English sees of a piece of HTML."""
    said = re.sub(r'<span class="say" lang="zh-CN">.*?</span>', "", html)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", said))


def test_every_model_has_a_row_with_its_state_and_licence(tab: ModelsTab, studio: Studio) -> None:
    _, html, _, _ = tab.look()
    for spec in studio.catalogue:
        assert f'data-id="{spec.id}"' in html
        assert spec.licence in html
    assert "on disk" in html
    assert "尚未下载" in html


@pytest.mark.parametrize("why", ["cancelled", NEEDY, "RuntimeError", "<b>", ""])
def test_the_journal_bears_any_cause(tab: ModelsTab, studio: Studio, why: str) -> None:
    studio.registry.journal.write(studio.catalogue.get(MODEL).id, "failed", why=why)
    _, _, journal, _ = tab.look()
    assert "could not be loaded" in journal
    assert "<b>" not in journal


def test_the_journal_shows_the_latest_first_and_not_for_ever(tab: ModelsTab, studio: Studio) -> None:
    name = studio.catalogue.get(MODEL).id
    for _ in range(SHOWN_RECORDS + 5):
        studio.registry.journal.write(name, "pinned")
    studio.registry.journal.write(name, "dropped")
    _, _, journal, _ = tab.look()
    assert journal.count("<li>") == SHOWN_RECORDS
    assert journal.index("left memory as asked") < journal.index("is kept in memory")


def test_the_journal_speaks_both_languages_and_calls_models_by_their_names(pretend: Studio) -> None:
    pretend.set_budget("cuda:0", 4 * GB)
    _, _, journal, _ = tab_of(pretend).look()
    assert "Models may hold 4.0 GB from now on (cuda:0)" in journal
    assert "最多可用 4.0 GB" in journal
    assert "Writer 7B moved from cuda:0 to main memory to make room for Coder 3B" in journal
    assert "Stable Diffusion &lt;XL&gt;" in journal


def test_the_chip_tells_what_is_in_memory(tab: ModelsTab) -> None:
    assert "No model in memory" in tab.look()[3]
    for update in tab.load(LOCAL, ("load", MODEL)):
        assert update
    assert "SmolLM2" in tab.look()[3]
    line, *_ = tab.control(("offload", MODEL))
    assert "has left its device" in line
    assert "No model in memory" in tab.look()[3]


def test_each_memory_has_a_bar_that_says_who_holds_how_much(pretend: Studio) -> None:
    pretend.pin("coder")
    with pretend.registry.lease("base") as lease:
        assert lease.model
        html, *_ = tab_of(pretend).look()
    assert html.count('role="img"') == 3
    host, first, second = (section(html, device) for device in ("cpu", "cuda:0", "cuda:1"))
    assert "Main memory 6.0 GB of 32.0 GB held" in english(host)
    assert "Writer 7B 6.0 GB" in english(host)
    assert "Coder 3B 3.0 GB kept" in english(first)
    assert "in use" not in english(first)
    assert "Stable Diffusion &lt;XL&gt; 5.0 GB in use" in english(second)
    assert "free: 7.0 GB" in english(second)
    assert "使用中" in second


def test_a_bar_says_when_more_is_held_than_allowed(pretend: Studio) -> None:
    with pretend.registry.lease("base") as lease:
        assert lease.model
        pretend.set_budget("cuda:1", 2 * GB)
        html, *_ = tab_of(pretend).look()
        assert "5.0 GB held, 2.0 GB allowed" in english(section(html, "cuda:1"))
    html, *_ = tab_of(pretend).look()
    assert "0 kB of 2.0 GB held" in english(section(html, "cuda:1"))


def test_a_row_says_where_a_model_is_and_offers_what_can_be_done_with_it(pretend: Studio) -> None:
    _, html, _, _ = tab_of(pretend).look()
    assert "in main memory" in english(row(html, "writer"))
    assert buttons(row(html, "writer")) == ["load", "drop", "pin"]
    assert "whole on cuda:0" in english(row(html, "coder"))
    assert buttons(row(html, "coder")) == ["offload", "drop", "pin"]
    assert buttons(row(html, "edges")) == ["load"]


def test_the_buttons_do_what_they_say(pretend: Studio) -> None:
    tab = tab_of(pretend)
    said, _, html, *_ = tab.control(("pin", "coder"))
    assert "Coder 3B stays in memory" in said
    assert buttons(row(html, "coder")) == ["offload", "drop", "unpin"]
    assert "kept" in english(row(html, "coder"))
    said, _, html, *_ = tab.control(("unpin", "coder"))
    assert "may leave memory again" in said
    assert "kept" not in english(row(html, "coder"))
    said, bars, html, *_ = tab.control(("drop", "writer"))
    assert "has left all memory" in said
    assert "Writer" not in bars
    assert 'data-state="device"' not in row(html, "writer")


def test_a_model_in_use_leaves_when_it_is_free(pretend: Studio) -> None:
    tab = tab_of(pretend)
    with pretend.registry.lease("base") as lease:
        assert lease.model
        said, bars, *_ = tab.control(("drop", "base"))
        assert "as soon as its last user is done" in said
        assert "Stable Diffusion" in bars
    assert "Stable Diffusion" not in tab.look()[0]


def test_a_budget_can_be_changed_and_measured_again(pretend: Studio) -> None:
    tab = tab_of(pretend)
    said, bars, *_ = tab.limit("cuda:1", 9.5)
    assert "cuda:1 may hold 9.5 GB" in said
    assert "5.0 GB of 9.5 GB held" in english(section(bars, "cuda:1"))
    assert tab.budget("cuda:1") == 9.5
    said, *_ = tab.measure("cuda:1")
    assert "cuda:1 may hold 12.0 GB" in said


@pytest.mark.parametrize("size", [None, 0, -1, float("nan"), float("inf")])
def test_a_budget_that_is_none_is_refused_in_both_languages(pretend: Studio, size: float | None) -> None:
    said, bars, *_ = tab_of(pretend).limit("cuda:1", size)
    assert 'role="alert"' in said
    assert "内存" in said or "字节" in said
    assert "12.0 GB held" in english(section(bars, "cuda:1"))


def test_a_studio_for_everybody_has_no_such_buttons_and_refuses(tmp_path: Path) -> None:
    with pretend_studio(tmp_path, controls=False) as studio:
        load(studio, "coder")
        tab = tab_of(studio)
        _, html, _, _ = tab.look()
        assert set(buttons(html)) == {"load", "offload"}
        for act in ("drop", "pin", "unpin"):
            said, *_ = tab.control((act, "coder"))
            assert "switched off" in said
        said, *_ = tab.limit("cpu", 1)
        assert "STUDIO_CONTROLS" in said
        assert "Coder 3B" in tab.look()[0]
