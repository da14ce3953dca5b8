import logging
import traceback

import httpx
import pytest
from pydantic import SecretStr

from studio.engines.text import OpenAILoader, TextRequest
from studio.engines.text.openai import OpenAIEngine
from studio.errors import EngineFailed, InvalidRequest, StudioError
from tests.support.openai_server import Answer, openai_server
from tests.support.text import CITY, ask, joined, text_spec

KEY = "sk-very-secret-1234"


def connect(url: str | None, key: str | None = KEY, **fields: object) -> OpenAIEngine:
    loader = OpenAILoader(url, SecretStr(key) if key else None, "some-model", backoff=0.01, **fields)  # type: ignore[arg-type]
    return loader(text_spec(), None, "cpu")


def failure(engine: OpenAIEngine, request: TextRequest | None = None) -> StudioError:
    with pytest.raises(StudioError) as failed:
        list(engine.stream(request or ask("hi")))
    return failed.value


def test_it_streams_what_the_endpoint_says() -> None:
    with openai_server(Answer(words=("你好", "，", "world"), finish="length")) as server:
        chunks = list(
            connect(server.url + "/").stream(ask("hi", max_tokens=7, seed=4, stop=("x",), repeat_penalty=1.2))
        )
    assert joined(chunks) == "你好，world"
    assert (chunks[-1].finish, chunks[-1].prompt_tokens, chunks[-1].completion_tokens) == ("length", 9, 21)
    assert server.paths == ["/v1/chat/completions"]
    assert server.keys == [f"Bearer {KEY}"]
    asked = server.asked[0]
    assert asked["model"] == "some-model"
    assert asked["messages"] == [{"role": "user", "content": "hi"}]
    assert (asked["max_tokens"], asked["seed"], asked["stop"]) == (7, 4, ["x"])
    assert asked["frequency_penalty"] == pytest.approx(0.2)


def test_schema_and_logprobs_cross() -> None:
    with openai_server(Answer(logprobs=True, usage=False)) as server:
        chunks = list(connect(server.url).stream(ask("hi", json_schema=CITY, logprobs=1)))
    tokens = [token for chunk in chunks for token in chunk.tokens]
    assert [(token.token, token.logprob, token.alternatives) for token in tokens] == [
        ("Hello", -0.5, (("other", -2.0),)),
        (" world", -0.5, (("other", -2.0),)),
    ]
    assert chunks[-1].completion_tokens == 2
    assert server.asked[0]["response_format"]["json_schema"]["schema"] == CITY
    assert server.asked[0]["top_logprobs"] == 1


def test_a_prompt_goes_to_the_completions() -> None:
    with openai_server() as server:
        assert joined(connect(server.url, key=None).stream(TextRequest(prompt="Once"))) == "Hello world"
    assert server.paths == ["/v1/completions"]
    assert server.asked[0]["prompt"] == "Once"
    assert server.keys == [None]


@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_what_passes_is_asked_again(status: int) -> None:
    with openai_server(Answer(status=status), Answer(status=status, headers={"Retry-After": "0"}), Answer()) as server:
        assert joined(connect(server.url).stream(ask("hi"))) == "Hello world"
    assert len(server.asked) == 3


@pytest.mark.parametrize(
    ("status", "code", "times"),
    [
        (401, "endpoint.refused", 1),
        (403, "endpoint.refused", 1),
        (404, "endpoint.broken", 1),
        (429, "endpoint.busy", 4),
    ],
)
def test_what_stays_is_named(status: int, code: str, times: int) -> None:
    with openai_server(Answer(status=status, error={"message": f"no such model; key {KEY}"})) as server:
        error = failure(connect(server.url))
    assert error.code == code
    assert len(server.asked) == times
    assert "127.0.0.1" in str(error)
    assert KEY not in str(error)


def test_nothing_is_asked_again_once_words_have_come() -> None:
    with openai_server(Answer(words=("half",), finish=None)) as server:
        stream = connect(server.url).stream(ask("hi"))
        assert next(chunk.text for chunk in stream if chunk.text) == "half"
        with pytest.raises(EngineFailed) as failed:
            list(stream)
    assert failed.value.code == "endpoint.broken"
    assert len(server.asked) == 1


def test_an_error_in_the_stream_is_passed_on() -> None:
    with openai_server(Answer(error={"message": "out of memory"}, finish=None)) as server:
        assert "out of memory" in str(failure(connect(server.url)))


def test_a_prompt_that_is_too_long_is_the_users_to_mend() -> None:
    refusal = {"message": "too long", "code": "context_length_exceeded"}
    with openai_server(Answer(status=400, error=refusal)) as server:
        error = failure(connect(server.url), ask("word " * 100))
    assert isinstance(error, InvalidRequest)
    assert error.details["tokens"] == 125


def test_closing_a_stream_leaves_the_endpoint_even_while_it_is_silent() -> None:
    with openai_server(Answer(words=("one",), silent=True)) as server:
        stream = connect(server.url).stream(ask("hi"))
        assert next(chunk.text for chunk in stream if chunk.text) == "one"
        assert next(stream).text == ""
        stream.close()  # type: ignore[attr-defined]
        assert server.left.wait(60)


def test_an_endpoint_that_is_away_is_named() -> None:
    with openai_server() as server:
        url = server.url
    assert failure(connect(url)).code == "endpoint.unreachable"


@pytest.mark.parametrize(
    ("url", "key", "code"),
    [
        (None, KEY, "endpoint.unset"),
        ("", KEY, "endpoint.unset"),
        ("ftp://example.org/v1", KEY, "endpoint.address"),
        ("localhost:8000/v1", KEY, "endpoint.address"),
        ("http://", KEY, "endpoint.address"),
        ("http://localhost/v1", "sk-密钥", "endpoint.key"),
    ],
)
def test_settings_that_cannot_work_are_named(url: str | None, key: str, code: str) -> None:
    with pytest.raises(EngineFailed) as failed:
        connect(url, key)
    assert failed.value.code == code
    assert key not in str(failed.value)


def test_the_key_is_never_shown(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with openai_server(Answer(status=400, error={"message": f"bad {KEY}"})) as server:
        engine = connect(server.url)
        error = failure(engine)
    shown = caplog.text + repr(engine) + str(error) + repr(error.details) + "".join(traceback.format_exception(error))
    assert KEY not in shown


def test_any_transport_will_do() -> None:
    events = 'data: {"choices": [{"delta": {"content": "hi"}, "finish_reason": "stop"}]}\n\ndata: [DONE]\n\n'
    transport = httpx.MockTransport(lambda _: httpx.Response(200, text=events))
    assert joined(connect("http://nowhere.invalid/v1", transport=transport).stream(ask("x"))) == "hi"


@pytest.mark.parametrize("line", ["data: {oops", "data: [1]", 'data: {"error": "no"}'])
def test_an_answer_that_is_no_event_is_named(line: str) -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(200, text=f"{line}\n\n"))
    assert failure(connect("http://nowhere.invalid/v1", transport=transport)).code == "endpoint.broken"


def test_tokens_are_estimated_by_script() -> None:
    engine = connect("http://nowhere.invalid/v1")
    assert engine.count_tokens("eight ch") == 2
    assert engine.count_tokens("城市养蜂") == 4
    assert engine.nbytes == 0
    assert not engine.movable
