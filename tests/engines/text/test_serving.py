"""The server is loaded again for other threads, but never under somebody's hands."""

import threading
from collections.abc import Iterator

import pytest

from studio.engines.text import Beside, LlamaCppLoader
from studio.engines.text.cores import usable_cores, writing_cores
from studio.engines.text.llamacpp import LlamaCppEngine
from studio.engines.text.serving import Serving
from studio.errors import EngineFailed
from tests.support.text import ask, joined, smollm2, text_spec

SPEC = text_spec(defaults={"context": 512})
ALONE, BESIDE = (writing_cores(usable_cores(), beside=beside) for beside in (False, True))


class Server:
    """Says how it was made; nothing listens."""

    listening_address = "http://127.0.0.1:9"

    def __init__(self, threads: int) -> None:
        self.threads = threads


class Situation:
    """How many threads pay, and the servers that were built for it."""

    def __init__(self, threads: int, failures: int = 0) -> None:
        self.threads = threads
        self.failures = failures
        self.built: list[int] = []

    def build(self, threads: int) -> Server:
        if self.built and self.failures:
            self.failures -= 1
            raise EngineFailed("text.refused", model="Test model")
        self.built.append(threads)
        return Server(threads)

    def serving(self, share: float = 0) -> Serving:
        return Serving(self.build, lambda: self.threads, share)


def test_nothing_is_loaded_again_while_nothing_changes() -> None:
    situation = Situation(2)
    served = situation.serving()
    for _ in range(3):
        with served.lent() as server:
            assert server.threads == 2
    assert situation.built == [2]


def test_it_is_loaded_again_for_the_next_reader_when_another_number_pays() -> None:
    situation = Situation(2)
    served = situation.serving()
    situation.threads = 1
    assert served.threads == 2
    with served.lent() as server:
        assert server.threads == served.threads == 1
    assert situation.built == [2, 1]


def test_whoever_reads_keeps_the_server_and_so_does_who_comes_meanwhile() -> None:
    situation = Situation(2)
    served = situation.serving()
    with served.lent() as first:
        situation.threads = 1
        with served.lent() as second:
            assert second is first
        with served.lent() as third:
            assert third is first
    with served.lent() as fourth:
        assert fourth.threads == 1


def test_it_is_kept_for_a_multiple_of_what_loading_took() -> None:
    situation = Situation(2)
    served = situation.serving(share=1e9)
    situation.threads = 1
    with served.lent() as server:
        assert server.threads == 2


def test_a_server_that_could_not_be_loaded_again_is_tried_by_the_next_reader() -> None:
    situation = Situation(2, failures=1)
    served = situation.serving()
    situation.threads = 1
    with pytest.raises(EngineFailed), served.lent():
        pass
    with served.lent() as server:
        assert server.threads == 1


@pytest.fixture
def beside() -> Beside:
    return Beside()


@pytest.fixture
def engine(beside: Beside) -> Iterator[LlamaCppEngine]:
    engine = LlamaCppLoader(slots=2, beside=beside, keep=0, crowded=lambda: False)(SPEC, smollm2(), "cpu")
    yield engine
    engine.close()


def test_a_browser_on_this_machine_gets_a_core(engine: LlamaCppEngine, beside: Beside) -> None:
    assert engine.threads == ALONE
    with beside.shown("127.0.0.1"):
        assert joined(engine.stream(ask("Say hi.", max_tokens=3)))
        assert engine.threads == BESIDE
        assert engine.count_tokens("Say hi.") > 1
    assert joined(engine.stream(ask("Say hi.", max_tokens=3)))
    assert engine.threads == ALONE


def test_what_else_runs_on_this_machine_gets_a_core(beside: Beside) -> None:
    engine = LlamaCppLoader(slots=2, beside=beside, crowded=lambda: True)(SPEC, smollm2(), "cpu")
    assert engine.threads == BESIDE
    engine.close()


def test_browsers_elsewhere_need_none_of_it(engine: LlamaCppEngine, beside: Beside) -> None:
    with beside.shown("192.0.2.7"), beside.shown(None), beside.shown("testclient"):
        assert joined(engine.stream(ask("Say hi.", max_tokens=3)))
        assert engine.threads == ALONE


def test_a_text_under_way_goes_on_when_a_browser_comes(engine: LlamaCppEngine, beside: Beside) -> None:
    stream = engine.stream(ask("Write a long story.", max_tokens=60, temperature=0))
    next(chunk for chunk in stream if chunk.text)
    with beside.shown("::1"):
        assert joined(engine.stream(ask("Say hi.", max_tokens=3)))
        assert engine.threads == ALONE
    assert list(stream)[-1].completion_tokens == 60


def test_many_readers_while_the_situation_changes(engine: LlamaCppEngine, beside: Beside) -> None:
    said: list[str] = []

    def read(number: int) -> None:
        with beside.shown("127.0.0.1" if number % 2 else "192.0.2.7"):
            said.append(joined(engine.stream(ask(f"Say {number}.", max_tokens=3))))

    threads = [threading.Thread(target=read, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(said) == 8
    assert not beside.busy


def test_threads_that_the_host_names_stay(beside: Beside) -> None:
    engine = LlamaCppLoader(threads=1, slots=1, beside=beside, keep=0)(SPEC, smollm2(), "cpu")
    with beside.shown("127.0.0.1"):
        joined(engine.stream(ask("Say hi.", max_tokens=2)))
        assert engine.threads == 1
    engine.close()
