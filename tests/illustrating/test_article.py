"""Pictures for an article, over the fakes that ship with the studio."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from studio import Studio
from studio.engines.diffusion.fake import ColourEngine
from studio.engines.text.echo import EchoEngine
from studio.errors import InvalidRequest, UnknownModel
from studio.illustrating.article import Drawing, Illustrated, IllustrateRequest
from studio.library.values import Search
from studio.registry import Binding, Catalogue
from studio.settings import Settings
from studio.writing.documents.importing import parted
from studio.writing.documents.markdown import article_markdown
from studio.writing.requests import COVER, Outline, PicturePrompt, Section
from tests.support.registries import spec

SECTIONS = ("One", "Two", "Three", "Four", "Five")
OUTLINE = Outline(title="Bees", sections=tuple(Section(heading=heading) for heading in SECTIONS))
TEXTS = {index: f"Text of {heading}." for index, heading in enumerate(SECTIONS)}
SAID = [f"a hive [number {number}]" for number in range(len(SECTIONS))]


@pytest.fixture
def writing() -> EchoEngine:
    return EchoEngine(SAID)


def opened(folder: Path, writing: EchoEngine, **fields: Any) -> Studio:
    settings = Settings(
        cache=folder / "cache",
        outputs=folder / "outputs",
        data=folder / "data",
        prefetch=False,
        openai_base_url="x",
        openai_model="x",
    )
    image = spec("colours", task="image", engine="colours", defaults={"width": 64, "height": 64, "steps": 2}, **fields)
    bindings = {
        "echo": Binding(lambda *_: writing),
        "colours": Binding(lambda *_: ColourEngine()),
    }
    return Studio(settings, catalogue=Catalogue([spec("echo", task="text", engine="echo"), image]), bindings=bindings)


@pytest.fixture
def studio(tmp_path: Path, writing: EchoEngine) -> Iterator[Studio]:
    with opened(tmp_path, writing) as studio:
        yield studio


def test_every_section_gets_a_picture_that_is_a_work_of_its_own(studio: Studio) -> None:
    request = IllustrateRequest.of(outline=OUTLINE, texts=TEXTS)
    steps = list(studio.article_illustrator.illustrate("local", request))
    done = [step for step in steps if isinstance(step, Illustrated)]
    assert [step.index for step in done] == [0, 1, 2, 3, 4]
    assert [step.prompt for step in done] == SAID
    works = {work.id: work for work in studio.library.works.find("local", Search()).works}
    for step in done:
        assert step.text.startswith(f"{TEXTS[step.index]}\n\n![a hive (number {step.index})](/library/file/")
        digest = step.text.rstrip(")\n").rpartition("/")[2]
        found = studio.library.works.file("local", digest)
        assert found is not None
        assert found[0].is_file()
        assert works[step.kept.work].kind == "picture"


def test_models_change_places_as_few_times_as_they_can(studio: Studio) -> None:
    steps = list(studio.article_illustrator.illustrate("local", IllustrateRequest.of(outline=OUTLINE, texts=TEXTS)))
    kinds = [type(step) for step in steps]
    assert max(place for place, kind in enumerate(kinds) if kind is PicturePrompt) < kinds.index(Drawing)
    loads = [line for line in studio.memory()["journal"] if "loaded" in str(line).casefold()]
    assert 0 < len(loads) <= 2 + 2


def test_the_whole_piece_gets_a_cover_and_is_drawn_first(studio: Studio, writing: EchoEngine) -> None:
    request = IllustrateRequest.of(outline=OUTLINE, texts=TEXTS, pictures="all")
    done = [s for s in studio.article_illustrator.illustrate("local", request) if isinstance(s, Illustrated)]
    assert [step.index for step in done] == [COVER, 0, 1, 2, 3, 4]
    assert done[0].text.startswith("![a hive (number 0)](/library/file/")
    said = "".join(message.content for message in writing.requests[0].messages)
    assert "One; Two; Three; Four; Five" in said
    whole = article_markdown(OUTLINE.model_copy(update={"cover": done[0].text}), {0: "Text."})
    assert whole.startswith(f"# Bees\n\n{done[0].text}\n\n## One\n\nText.")
    outline, texts = parted(whole, "")
    assert (outline.cover, texts) == (done[0].text, {0: "Text."})


def test_a_cover_needs_no_text(studio: Studio) -> None:
    request = IllustrateRequest.of(outline=OUTLINE, texts={}, pictures="cover")
    done = [s for s in studio.article_illustrator.illustrate("local", request) if isinstance(s, Illustrated)]
    assert [step.index for step in done] == [COVER]


def test_all_pictures_are_drawn_with_the_settings_that_were_given_one_of_each(studio: Studio) -> None:
    settings = {"width": 96, "steps": 3, "negative_prompt": "people", "count": 4, "prompt": "not this"}
    request = IllustrateRequest.of(outline=OUTLINE, texts={0: "One.", 2: "Three."}, settings=settings)
    done = [s for s in studio.article_illustrator.illustrate("local", request) if isinstance(s, Illustrated)]
    assert [step.index for step in done] == [0, 2]
    version = studio.library.works.version("local", done[1].kept.work)
    assert version.asked == {"prompt": SAID[1], "negative_prompt": "people"}
    assert (version.settings["width"], version.settings["steps"]) == (96, 3)
    assert len(studio.library.works.find("local", Search()).works) == 2


def test_only_the_sections_that_were_asked_for_are_drawn(studio: Studio) -> None:
    request = IllustrateRequest.of(outline=OUTLINE, texts={1: "Two.", 3: "Four."}, sections=(3, 4))
    done = [s for s in studio.article_illustrator.illustrate("local", request) if isinstance(s, Illustrated)]
    assert [step.index for step in done] == [3]


def test_the_image_models_language_is_asked_for(tmp_path: Path, writing: EchoEngine) -> None:
    chinese = OUTLINE.model_copy(update={"language": "zh"})
    with opened(tmp_path, writing, languages=("en",)) as studio:
        list(studio.article_illustrator.illustrate("local", IllustrateRequest.of(outline=chinese, texts={0: "一。"})))
    assert "The picture shows:" in writing.requests[0].messages[-1].content
    with opened(tmp_path / "both", writing, languages=("en", "zh")) as studio:
        list(studio.article_illustrator.illustrate("local", IllustrateRequest.of(outline=chinese, texts={0: "一。"})))
    assert "图上是：" in writing.requests[1].messages[-1].content


def test_nothing_written_and_no_such_model_are_told_before_anything_begins(studio: Studio, writing: EchoEngine) -> None:
    for texts in ({}, {0: " \n"}):
        with pytest.raises(InvalidRequest):
            list(studio.article_illustrator.illustrate("local", IllustrateRequest.of(outline=OUTLINE, texts=texts)))
    request = IllustrateRequest.of(outline=OUTLINE, texts=TEXTS, image_model="nonesuch")
    with pytest.raises(UnknownModel):
        list(studio.article_illustrator.illustrate("local", request))
    assert writing.requests == []


def test_a_stop_frees_both_models_and_keeps_the_pictures_that_are_done(studio: Studio) -> None:
    run = studio.article_illustrator.illustrate("local", IllustrateRequest.of(outline=OUTLINE, texts=TEXTS))
    for step in run:
        if isinstance(step, Illustrated):
            break
    run.close()
    assert studio.library.works.find("local", Search()).total == 1
    assert all(status.in_use == 0 for status in studio.registry.statuses())
