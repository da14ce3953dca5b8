"""Which model works when nobody names one: the embedded defaults, how they come, and what works without them."""

import threading
from pathlib import Path
from typing import Any

import pytest

from studio.errors import UnknownModel, WeightsUnavailable
from studio.registry import Binding, LoadProgress, Loan, ModelSpec, Registry
from studio.registry.errands import under_way
from studio.registry.models.entry import Entry
from studio.registry.models.fake import FakeLoader
from studio.registry.registry import RETRY_SECONDS
from tests.support.hub import LocalHub
from tests.support.registries import FakeClock, fake_registry, spec, wait_until
from tests.support.weights import BIG

HUB = {"sources": [{"hub": "maker/one", "file": "weights.gguf"}]}
NOWHERE = {"sources": [{"hub": "maker/none", "file": "weights.gguf"}]}
EMBEDDED = spec("embedded", 400, task="code", embedded=True, **HUB)
SMALLER = spec("smaller-embedded", 200, task="code", embedded=True, **HUB)
HERE = {"sources": [{"path": __file__}]}
STARTER = spec("starter", 10, starter=True, **HERE)


def registry_with(environ: dict[str, str], folder: Path, *specs: ModelSpec, **options: Any) -> Registry:
    return fake_registry(*specs, loader=FakeLoader(), cache=folder / "cache", environ=environ, **options)


def go_on(hub: LocalHub) -> None:
    """Let a silent hub speak again, and not fall silent any more."""
    silent, hub.faults.silent = hub.faults.silent, None
    assert silent is not None
    silent.set()


def arrived(loan: Loan) -> list[LoadProgress]:
    """Wait for a loan's model, and return what was reported on the way."""
    return list(loan.arrive())


def test_the_embedded_default_works_before_it_is_here(environ: dict[str, str], tmp_path: Path) -> None:
    registry = registry_with(environ, tmp_path, EMBEDDED, SMALLER, STARTER)
    assert registry.choose(None, "text", "code").id == "embedded"
    assert registry.choose(None, "code", "text").id == "embedded"
    # What can begin at once is something else.
    ready = registry.ready("text", "code")
    assert ready is not None
    assert ready.id == "starter"


def test_what_is_here_and_larger_goes_before_the_embedded_default_and_what_is_smaller_after(
    environ: dict[str, str], tmp_path: Path
) -> None:
    small = spec("small", 300, **HERE)
    registry = registry_with(environ, tmp_path, small, spec("large", 500, **HERE), EMBEDDED, STARTER)
    assert registry.choose(None, "text", "code").id == "large"
    registry = registry_with(environ, tmp_path, small, EMBEDDED, STARTER)
    assert registry.choose(None, "text", "code").id == "embedded"


def test_of_what_is_here_the_one_made_for_the_task_goes_first(environ: dict[str, str], tmp_path: Path) -> None:
    registry = registry_with(
        environ, tmp_path, spec("coder", 600, task="code", **HERE), spec("writer", 500, **HERE), EMBEDDED
    )
    assert registry.choose(None, "text", "code").id == "writer"
    assert registry.choose(None, "code", "text").id == "coder"


def test_where_memory_does_not_allow_it_the_smaller_one_works(environ: dict[str, str], tmp_path: Path) -> None:
    specs = EMBEDDED, SMALLER, STARTER
    assert registry_with(environ, tmp_path, *specs, host=599).choose(None, "text", "code").id == "smaller-embedded"
    assert registry_with(environ, tmp_path, *specs, host=600).choose(None, "text", "code").id == "embedded"
    assert registry_with(environ, tmp_path, *specs, host=250).choose(None, "text", "code").id == "starter"


def test_a_host_fixes_the_default_of_a_task(environ: dict[str, str], tmp_path: Path) -> None:
    registry = registry_with(environ, tmp_path, EMBEDDED, STARTER, defaults={"text": "starter"})
    assert registry.choose(None, "text", "code").id == "starter"
    assert registry.choose(None, "code", "text").id == "embedded"
    assert registry.choose("embedded", "text", "code").id == "embedded"
    with pytest.raises(UnknownModel, match="image"):
        registry_with(environ, tmp_path, EMBEDDED, STARTER, defaults={"image": "starter"})


def test_it_is_fetched_before_anybody_needs_it(environ: dict[str, str], tmp_path: Path, hub: LocalHub) -> None:
    hub.faults.silent = threading.Event()
    registry = registry_with(environ, tmp_path, EMBEDDED, STARTER)
    registry.prefetch("embedded")
    registry.prefetch("embedded")
    wait_until(lambda: any(step.done for step in registry.fetching()))
    (step,) = registry.fetching()
    assert (step.model, step.stage, step.total) == ("embedded", "fetching", len(BIG))
    # A request that comes meanwhile waits for the same fetch.
    with registry.lend(None, "text", "code") as loan:
        waiting = loan.arrive()
        assert next(waiting).stage == "fetching"
        go_on(hub)
        for _ in waiting:
            pass
        assert (loan.spec.id, loan.refused) == ("embedded", None)
    assert [record.model for record in registry.journal.records() if record.event == "fetched"] == ["embedded"]
    assert not registry.fetching()
    assert registry.present(EMBEDDED)


def test_a_prefetch_that_is_stopped_goes_on_where_it_was(
    environ: dict[str, str], tmp_path: Path, hub: LocalHub
) -> None:
    hub.faults.silent = threading.Event()
    registry = registry_with(environ, tmp_path, EMBEDDED, STARTER)
    registry.prefetch("embedded")
    wait_until(lambda: any(step.done for step in registry.fetching()))
    registry.stop_prefetch()
    wait_until(lambda: not registry.fetching())
    # Nothing went wrong with it, so it is still what would work.
    assert registry.choose(None, "text", "code").id == "embedded"
    go_on(hub)
    registry.prefetch("embedded")
    wait_until(lambda: registry.present(EMBEDDED) and not registry.fetching())
    assert hub.files[-1].range


def test_to_stop_the_prefetch_does_not_stop_who_waits_for_the_model(
    environ: dict[str, str], tmp_path: Path, hub: LocalHub
) -> None:
    hub.faults.silent = threading.Event()
    registry = registry_with(environ, tmp_path, EMBEDDED)
    registry.prefetch("embedded")
    with registry.lend(None, "text", "code") as loan:
        waiting = loan.arrive()
        next(waiting)
        registry.stop_prefetch()
        go_on(hub)
        for _ in waiting:
            pass
        assert loan.lease.model.spec.id == "embedded"


def test_who_did_not_ask_for_a_model_that_cannot_be_fetched_gets_the_next_one(
    environ: dict[str, str], tmp_path: Path
) -> None:
    clock = FakeClock()
    wanted = spec("embedded", 400, task="code", embedded=True, **NOWHERE)
    registry = registry_with(environ, tmp_path, wanted, STARTER, clock=clock)
    with registry.lend(None, "text", "code") as loan:
        arrived(loan)
        assert loan.spec.id == loan.lease.model.spec.id == "starter"
        assert loan.refused == wanted
    # From now on nobody waits for it in vain, and the reason can be told.
    assert registry.choose(None, "text", "code").id == "starter"
    refusal = registry.refusal(wanted)
    assert isinstance(refusal, WeightsUnavailable)
    assert "maker/none" in refusal.text()
    clock.now += RETRY_SECONDS
    assert registry.refusal(wanted) is None
    assert registry.choose(None, "text", "code").id == "embedded"


def test_who_asked_for_it_is_told_why_it_is_not_there(environ: dict[str, str], tmp_path: Path) -> None:
    wanted = spec("embedded", 400, task="code", embedded=True, **NOWHERE)
    registry = registry_with(environ, tmp_path, wanted, STARTER)
    with registry.lend("embedded", "text", "code") as loan, pytest.raises(WeightsUnavailable, match="maker/none"):
        arrived(loan)
    assert registry.statuses()[1].in_use == 0


def test_where_nothing_else_is_there_the_reason_is_told(environ: dict[str, str], tmp_path: Path) -> None:
    wanted = spec("embedded", 400, task="code", embedded=True, **NOWHERE)
    registry = registry_with(environ, tmp_path, wanted)
    with registry.lend(None, "text", "code") as loan, pytest.raises(WeightsUnavailable, match="maker/none"):
        arrived(loan)


def test_a_fetch_that_succeeds_later_is_used_at_once(environ: dict[str, str], tmp_path: Path, hub: LocalHub) -> None:
    hub.faults.status = 503
    registry = registry_with(environ, tmp_path, EMBEDDED, STARTER)
    registry.prefetch("embedded")
    wait_until(lambda: registry.refusal(EMBEDDED) is not None, 20)
    assert registry.choose(None, "text", "code").id == "starter"
    hub.faults.status = None
    registry.prefetch("embedded")
    wait_until(lambda: registry.present(EMBEDDED) and not registry.fetching())
    assert registry.refusal(EMBEDDED) is None
    assert registry.choose(None, "text", "code").id == "embedded"


def test_the_time_left_counts_only_what_this_fetch_has_brought() -> None:
    entry = Entry(EMBEDDED, Binding(FakeLoader()), busy="fetching", since=100.0)
    entry.report(600, 1000)
    assert under_way(entry, 110.0).seconds_left is None
    entry.report(700, 1000)
    assert under_way(entry, 110.0).seconds_left == 30
