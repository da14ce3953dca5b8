import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from studio.engines.text import LlamaCppLoader, TextRequest
from studio.engines.text.gguf import Header
from studio.engines.text.llamacpp import LlamaCppEngine, prompt_batch
from studio.errors import EngineFailed, InvalidRequest, WeightsUnavailable
from tests.support.text import CITY, ask, joined, smollm2, text_spec

ROOT = Path(__file__).parent.parent.parent.parent
SPEC = text_spec(defaults={"context": 512})


@pytest.fixture(scope="module")
def engine() -> Iterator[LlamaCppEngine]:
    engine = LlamaCppLoader(slots=2)(SPEC, smollm2(), "cpu")
    yield engine
    engine.close()


def test_it_streams_and_counts(engine: LlamaCppEngine) -> None:
    chunks = list(engine.stream(ask("Tell me about bees.", max_tokens=12, temperature=0)))
    assert len([chunk for chunk in chunks if chunk.text]) > 3
    assert chunks[-1].finish == "length"
    assert chunks[-1].completion_tokens == 12
    assert chunks[-1].prompt_tokens > engine.count_tokens("Tell me about bees.")
    assert all(chunk.finish is None for chunk in chunks[:-1])


def test_the_same_seed_writes_the_same(engine: LlamaCppEngine) -> None:
    request = ask("Name an animal and say why.", max_tokens=16, temperature=1.2, seed=7)
    first, again = joined(engine.stream(request)), joined(engine.stream(request))
    other = joined(engine.stream(replace(request, seed=8)))
    assert first == again != other


def test_json_keeps_to_its_schema(engine: LlamaCppEngine) -> None:
    text = joined(engine.stream(ask("Describe Paris as JSON.", json_schema=CITY, max_tokens=120, seed=1)))
    answer = json.loads(text)
    assert set(answer) == {"name", "large", "people"}
    assert 0 <= answer["people"] <= 99


def test_a_schema_no_grammar_can_hold_is_refused(engine: LlamaCppEngine) -> None:
    with pytest.raises(EngineFailed) as failed:
        list(engine.stream(ask("x", json_schema={"type": "nonsense"})))
    assert failed.value.code == "text.broke"


def test_logprobs_come_with_alternatives(engine: LlamaCppEngine) -> None:
    chunks = list(engine.stream(ask("Say hi.", max_tokens=5, temperature=0, logprobs=3)))
    tokens = [token for chunk in chunks for token in chunk.tokens]
    assert len(tokens) == 5
    for token in tokens:
        assert token.logprob <= 0
        assert len(token.alternatives) == 3
        assert token.logprob == max(logprob for _, logprob in token.alternatives)


def test_it_ends_before_a_stop_string(engine: LlamaCppEngine) -> None:
    request = ask("Tell me about bees.", max_tokens=20, temperature=0)
    whole = joined(engine.stream(request))
    word = whole.split()[3]
    cut = list(engine.stream(replace(request, stop=(word,))))
    assert joined(cut) == whole[: whole.index(word)]
    assert cut[-1].finish == "stop"


def test_a_base_prompt_is_continued(engine: LlamaCppEngine) -> None:
    chunks = list(engine.stream(TextRequest(prompt="Once upon a time", max_tokens=6, temperature=0, logprobs=1)))
    assert joined(chunks)
    assert chunks[-1].completion_tokens == 6
    assert sum(len(chunk.tokens) for chunk in chunks) == 6


def test_every_user_has_the_whole_context(engine: LlamaCppEngine) -> None:
    fits = ask("word " * 420, max_tokens=2)
    assert list(engine.stream(fits))[-1].prompt_tokens > 420
    with pytest.raises(InvalidRequest) as invalid:
        list(engine.stream(ask("word " * 600)))
    assert invalid.value.code == "prompt.context"
    assert invalid.value.details["context"] == 512
    assert "512" in str(invalid.value)


def test_closing_a_stream_frees_its_slot(engine: LlamaCppEngine) -> None:
    for _ in range(4):  # twice as many as there are slots
        stream = engine.stream(ask("Write a long story.", max_tokens=400))
        next(chunk for chunk in stream if chunk.text)
        stream.close()  # type: ignore[attr-defined]
    assert joined(engine.stream(ask("Say hi.", max_tokens=3)))


def test_a_stream_that_waits_for_a_slot_can_be_stopped(engine: LlamaCppEngine) -> None:
    long = ask("Write a long story.", max_tokens=400)
    busy = [engine.stream(long), engine.stream(replace(long, seed=1))]
    for stream in busy:
        next(chunk for chunk in stream if chunk.text)
    waiting = engine.stream(long)
    assert next(waiting).text == ""
    waiting.close()  # type: ignore[attr-defined]
    for stream in busy:
        stream.close()  # type: ignore[attr-defined]
    assert joined(engine.stream(ask("Say hi.", max_tokens=3)))


def test_two_users_see_their_first_words_before_either_has_finished(engine: LlamaCppEngine) -> None:
    seen: list[str] = []
    both = threading.Barrier(2)

    def write(topic: str) -> None:
        both.wait()
        first = True
        for chunk in engine.stream(ask(f"Write a long story about {topic}.", max_tokens=60, temperature=0)):
            if chunk.text and first:
                first = False
                seen.append("first")
        seen.append("last")

    threads = [threading.Thread(target=write, args=(topic,)) for topic in ("cats", "rain")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen[:2] == ["first", "first"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty", b""),
        ("page", b"<html>not found</html>" * 100),
        ("noise", b"GGUF" + bytes(range(256)) * 40),
        ("head", smollm2().read_bytes()[:100_000]),
        ("half", smollm2().read_bytes()[:50_000_000]),
    ],
)
def test_damaged_weights_are_named_as_such(tmp_path: Path, name: str, content: bytes) -> None:
    file = tmp_path / f"{name}.gguf"
    file.write_bytes(content)
    with pytest.raises(WeightsUnavailable) as failed:
        LlamaCppLoader()(SPEC, file, "cpu")
    assert failed.value.code == "weights.corrupt"
    assert "Test model" in str(failed.value)


def test_missing_weights_are_named_as_such(tmp_path: Path) -> None:
    with pytest.raises(WeightsUnavailable) as failed:
        LlamaCppLoader()(SPEC, tmp_path / "nothing.gguf", "cpu")
    assert failed.value.code == "weights.missing"


CLOSING = """
import json, psutil
from studio.engines.text.llamacpp import LlamaCppLoader
from tests.support.text import ask, joined, smollm2, text_spec

def used(engine):
    joined(engine.stream(ask("Say hi.", max_tokens=2)))
    return [c.laddr for c in process.net_connections(kind="inet") if c.status == psutil.CONN_LISTEN]

def load():
    return LlamaCppLoader(slots=2)(text_spec(defaults={"context": 512}), smollm2(), "cpu")

process = psutil.Process()
first = load()
used(first)
first.close()
before = process.memory_info().rss
engine = load()
listening = used(engine)
held = process.memory_info().rss - before
engine.close()
left = process.memory_info().rss - before
print(json.dumps({"listening": listening, "held": held, "said": engine.nbytes, "left": left}))
"""


def test_closing_gives_memory_back_and_leaves_nothing_listening() -> None:
    # In a process of its own: this one's memory and ports are other tests' as well.
    run = subprocess.run([sys.executable, "-c", CLOSING], cwd=ROOT, capture_output=True, text=True, check=True)
    told = json.loads(run.stdout.splitlines()[-1])
    assert told["listening"] == []
    assert 0 < told["held"] <= told["said"] * 2
    assert told["left"] < told["held"] / 2


def test_the_head_of_a_file_tells_what_its_cache_takes() -> None:
    header = Header.read(smollm2())
    assert header.context == 8192
    assert header.cache_bytes(1024) == 1024 * 30 * 3 * (64 + 64) * 2


def test_a_prompt_is_read_in_batches_of_about_a_second() -> None:
    assert [prompt_batch(size) for size in (1, 98_000_000, 400_000_000, 5_000_000_000)] == [512, 256, 64, 32]
