"""What is handed on, and what closing does."""

import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio.ui.running.pacing import Paced


@given(st.lists(st.integers(), max_size=50))
def test_everything_arrives_once_and_in_order(numbers: list[int]) -> None:
    assert [number for batch in Paced(iter(numbers), pace=0) for number in batch] == numbers


def test_what_came_before_an_error_is_handed_on_before_it_is_raised() -> None:
    def broken() -> Iterator[int]:
        yield 1
        raise ValueError("broken")

    batches = iter(Paced(broken(), pace=0))
    assert next(batches) == [1]
    with pytest.raises(ValueError, match="broken"):
        next(batches)


def test_an_empty_batch_comes_while_nothing_does() -> None:
    gate = threading.Event()

    def slow() -> Iterator[int]:
        gate.wait(30)
        yield 1

    batches = iter(Paced(slow(), pace=0, pulse=0.01))
    assert next(batches) == []
    gate.set()
    assert [number for batch in batches for number in batch] == [1]


def test_closing_closes_the_source_without_waiting_for_it() -> None:
    gate, closed = threading.Event(), threading.Event()

    def slow() -> Iterator[int]:
        try:
            yield 1
            gate.wait(30)
            yield 2
            yield 3
        finally:
            closed.set()

    batches = iter(Paced(slow(), pace=0))
    assert next(batches) == [1]
    batches.close()
    assert not closed.is_set()
    gate.set()
    assert closed.wait(10)


def test_what_is_stopped_before_it_begins_never_begins() -> None:
    def source() -> Iterator[int]:
        begun.append(True)
        yield 1

    begun: list[bool] = []
    run = Paced(source())
    run.stop()
    assert list(run) == []
    assert begun == []


def test_many_results_come_as_few_batches() -> None:
    batches = list(Paced(iter(range(10_000)), pace=0.05))
    assert sum(map(len, batches)) == 10_000
    assert len(batches) < 100


def test_stopping_ends_the_iteration_and_keeps_what_came() -> None:
    gate, closed = threading.Event(), threading.Event()

    def slow() -> Iterator[int]:
        try:
            yield 1
            gate.wait(30)
            yield 2
        finally:
            closed.set()

    run = Paced(slow(), pace=0)
    batches = iter(run)
    seen = next(batches)
    run.stop()
    run.stop()
    assert seen + [number for batch in batches for number in batch] == [1]
    assert run.stopped
    gate.set()
    assert closed.wait(10)
