import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from studio.engines.text import TextRequest, TransformersLoader
from studio.engines.text.hf import FOUR_BIT, TransformersEngine, fitting
from studio.errors import EngineFailed, InvalidRequest, WeightsUnavailable
from studio.messages import known
from tests.support.text import CITY, ask, joined, text_spec
from tests.support.tiny_text import save_tiny_llama


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_llama(tmp_path_factory.mktemp("llama"))


@pytest.fixture(scope="module")
def engine(folder: Path) -> TransformersEngine:
    return TransformersLoader()(text_spec(), folder, "cpu")


def test_it_writes_what_generate_writes(tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = save_tiny_llama(tmp_path, context=2048)
    tokenizer, peer = AutoTokenizer.from_pretrained(folder), AutoModelForCausalLM.from_pretrained(folder)
    prompt = "Long enough to be read in two batches. " * 14
    given = tokenizer(prompt, return_tensors="pt")
    written = peer.generate(**given, max_new_tokens=8, do_sample=False, repetition_penalty=1.3)
    expected = tokenizer.decode(written[0, len(prompt) :], skip_special_tokens=True)
    request = TextRequest(prompt=prompt, max_tokens=8, temperature=0, repeat_penalty=1.3)
    chunks = list(TransformersLoader()(text_spec(), folder, "cpu").stream(request))
    assert joined(chunks) == expected
    assert chunks[-1].prompt_tokens == len(prompt)


def test_it_counts_and_says_why_it_ended(engine: TransformersEngine) -> None:
    chunks = list(engine.stream(ask("hi", max_tokens=5, seed=1)))
    assert chunks[-1].finish == "length"
    assert chunks[-1].completion_tokens == 5
    assert chunks[-1].prompt_tokens == len("<user>hi\n<assistant>")
    assert engine.count_tokens("hello") == 5


def test_the_same_seed_writes_the_same_and_touches_no_global_seed(engine: TransformersEngine) -> None:
    state = torch.random.get_rng_state()
    request = ask("hi", max_tokens=20, seed=3)
    assert joined(engine.stream(request)) == joined(engine.stream(request))
    assert joined(engine.stream(request)) != joined(engine.stream(replace(request, seed=4)))
    assert torch.equal(state, torch.random.get_rng_state())


@pytest.mark.parametrize("seed", range(3))
def test_even_random_weights_keep_to_a_schema(engine: TransformersEngine, seed: int) -> None:
    chunks = list(engine.stream(ask("a city", json_schema=CITY, max_tokens=300, temperature=1.0, seed=seed)))
    assert chunks[-1].finish == "stop"
    answer = json.loads(joined(chunks))
    assert set(answer) == {"name", "large", "people"}
    assert 0 <= answer["people"] <= 99


def test_a_schema_no_grammar_can_hold_is_refused(engine: TransformersEngine) -> None:
    with pytest.raises(EngineFailed):
        list(engine.stream(ask("x", json_schema={"type": "nonsense"})))


def test_logprobs_are_those_of_the_model(engine: TransformersEngine) -> None:
    chunks = list(engine.stream(ask("hi", max_tokens=4, temperature=0, logprobs=257)))
    tokens = [token for chunk in chunks for token in chunk.tokens]
    assert len(tokens) == 4
    for token in tokens:
        assert token.logprob == pytest.approx(token.alternatives[0][1])
        assert torch.tensor([value for _, value in token.alternatives]).exp().sum() == pytest.approx(1, abs=1e-4)


def test_it_ends_before_a_stop_string(engine: TransformersEngine) -> None:
    request = ask("hi", max_tokens=40, temperature=1.0, seed=5)
    whole = joined(engine.stream(request))
    stop = whole[10:12]
    cut = list(engine.stream(replace(request, stop=(stop,))))
    assert joined(cut) == whole[: whole.index(stop)]
    assert cut[-1].finish == "stop"


def test_closing_a_stream_stops_it(engine: TransformersEngine) -> None:
    stream = engine.stream(ask("hi", max_tokens=400))
    next(stream)
    stream.close()  # type: ignore[attr-defined]
    assert list(stream) == []


def test_a_prompt_longer_than_the_context_is_refused(engine: TransformersEngine) -> None:
    with pytest.raises(InvalidRequest) as invalid:
        list(engine.stream(ask("x" * 600)))
    assert invalid.value.code == "prompt.context"
    last = list(engine.stream(ask("x" * 480, max_tokens=400, temperature=0)))[-1]
    assert last.finish == "length"
    assert last.prompt_tokens + last.completion_tokens == engine.limits.context


def test_torch_files_load_too(tmp_path: Path, engine: TransformersEngine) -> None:
    other = TransformersLoader()(text_spec(), save_tiny_llama(tmp_path, safe=False), "cpu")
    request = ask("hi", max_tokens=6, temperature=0)
    assert joined(other.stream(request)) == joined(engine.stream(request))


def test_damaged_weights_are_named_as_such(tmp_path: Path) -> None:
    folder = save_tiny_llama(tmp_path)
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(WeightsUnavailable) as failed:
        TransformersLoader()(text_spec(), folder, "cpu")
    assert failed.value.code == "weights.corrupt"


def test_missing_weights_are_named_as_such(tmp_path: Path) -> None:
    with pytest.raises(WeightsUnavailable) as failed:
        TransformersLoader()(text_spec(), tmp_path / "nothing", "cpu")
    assert failed.value.code == "weights.missing"


def _full() -> str:
    raise torch.OutOfMemoryError


def test_what_does_not_fit_whole_is_taken_in_four_bits() -> None:
    assert fitting(lambda: "whole", lambda: "small", quantizes=True) == ("whole", False)
    assert fitting(_full, lambda: "small", quantizes=True) == ("small", True)
    with pytest.raises(torch.OutOfMemoryError):
        fitting(_full, lambda: "small", quantizes=False)


def test_four_bits_are_said_once_and_stay_where_they_are(folder: Path) -> None:
    whole = TransformersLoader()(text_spec(), folder, "cpu")
    engine = TransformersEngine(whole._model, whole._tokenizer, whole.limits, name="m", four_bit=True)
    chunks = list(engine.stream(ask("hi", max_tokens=3)))
    assert [chunk.notice for chunk in chunks if chunk.notice] == [FOUR_BIT]
    assert chunks[0].notice == FOUR_BIT
    assert known(FOUR_BIT)
    assert not engine.movable


def test_size_is_measured_and_given_back(folder: Path) -> None:
    engine = TransformersLoader()(text_spec(), folder, "cpu")
    assert engine.movable
    assert engine.nbytes >= (folder / "model.safetensors").stat().st_size * 0.9
    engine.move("cpu")
    engine.close()
