"""Finished results go into the library as they pass by, and nothing of a run that was made is lost."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from studio.coding.languages import find
from studio.coding.report.scoring import report
from studio.coding.requests import ScoreRequest, Snippet, SnippetRequest
from studio.errors import EngineFailed
from studio.imaging.drawing.requests import Drawn, PictureRequest
from studio.keeping.intake import outputs_taken, pictures_taken
from studio.keeping.keeper import Keeper, Place, Unkept, titled
from studio.library.library import Library
from studio.library.upkeep import Quota
from studio.library.values import Saved, Search
from studio.writing.requests import Article, ArticleRequest, Brief, Outline, SectionRequest, SectionText

OUTLINE = Outline.model_validate(
    {"title": "Bees", "sections": [{"heading": "One", "key_points": ["a"]}, {"heading": "Two"}]}
)


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path / "library")


@pytest.fixture
def keeper(library: Library) -> Keeper:
    return Keeper(library, lambda model, _: model or "best")


def section(index: int, text: str, *, done: bool = True) -> SectionText:
    return SectionText(index, OUTLINE.sections[index].heading, text, done, 5, 1.0)


def test_an_article_grows_from_its_outline_in_one_work(keeper: Keeper, library: Library) -> None:
    brief = Brief.of(topic="Bees", keywords="honey")
    *_, planned = keeper.keep(Place("ada"), brief, iter([OUTLINE]))
    assert isinstance(planned, Saved)
    whole = ArticleRequest.of(outline=OUTLINE)
    steps = [section(0, "first"), section(1, "second"), Article("# Bees\n", 2, 2, True)]
    *_, written = keeper.keep(Place("ada", planned.work), whole, iter(steps))
    assert written == Saved(planned.work, 2)
    again = SectionRequest.of(outline=OUTLINE, index=1, instruction="shorter")
    place = Place("ada", planned.work, brief={"topic": "Bees", "written": {"0": "first", "1": "second"}})
    *_, rewritten = keeper.keep(place, again, iter([section(1, "2nd")]))
    assert rewritten == Saved(planned.work, 3)
    versions = library.works.versions("ada", planned.work)
    assert versions[2].asked["brief"]["keywords"] == "honey"
    assert versions[1].made["sections"] == {"0": "first", "1": "second"}
    assert versions[0].made["sections"] == {"0": "first", "1": "2nd"}
    assert versions[0].made["text"] == "# Bees\n\n## One\n\nfirst\n\n## Two\n\n2nd\n"
    assert versions[0].asked["instruction"] == "shorter"
    assert versions[0].model == "best"
    assert library.recall.prompts("ada", "write") == ["Bees"]


def test_a_stopped_article_keeps_its_sections_and_the_one_under_way(keeper: Keeper, library: Library) -> None:
    def steps() -> Iterator[SectionText | Article]:
        yield section(0, "first")
        yield Article("# Bees\n\n## One\n\nfirst\n", 1, 2, False)
        yield section(1, "sec", done=False)
        yield section(1, "never", done=False)

    run = keeper.keep(Place("ada"), ArticleRequest.of(outline=OUTLINE), steps())
    for _ in range(4):
        next(run)
    (work,) = library.works.find("ada", Search()).works
    finished = library.works.version("ada", work.id)
    assert (finished.number, finished.made["sections"]) == (1, {"0": "first"})
    run.close()  # type: ignore[attr-defined]
    stopped = library.works.version("ada", work.id)
    assert (stopped.number, stopped.made["sections"]) == (2, {"0": "first", "1": "sec"})
    assert stopped.made["text"] == "# Bees\n\n## One\n\nfirst\n\n## Two\n\nsec\n"
    assert (stopped.asked["written"], stopped.asked["total"]) == (1, 2)


@pytest.mark.parametrize("stopped", [False, True])
def test_what_was_written_before_stays_in_an_article_that_is_gone_on_with(
    keeper: Keeper, library: Library, stopped: bool
) -> None:
    request = ArticleRequest.of(outline=OUTLINE, written={0: "first"})
    steps = [section(1, "sec", done=not stopped), Article("# Bees\n\n## One\n\nfirst\n\n## Two\n\nsec\n", 2, 2, True)]
    list(keeper.keep(Place("ada"), request, iter(steps[:1] if stopped else steps)))
    (work,) = library.works.find("ada", Search()).works
    version = library.works.version("ada", work.id)
    assert version.made["sections"] == {"0": "first", "1": "sec"}
    assert version.made["text"] == "# Bees\n\n## One\n\nfirst\n\n## Two\n\nsec\n"
    assert version.asked["written"] == (1 if stopped else 2)


def test_a_section_stopped_halfway_is_kept_beside_the_others(keeper: Keeper, library: Library) -> None:
    request = SectionRequest.of(outline=OUTLINE, index=1)
    place = Place("ada", brief={"written": {"0": "first"}})
    run = keeper.keep(place, request, iter([section(1, "", done=False), section(1, "half", done=False)]))
    assert [next(run) for _ in range(2)]
    run.close()  # type: ignore[attr-defined]
    (work,) = library.works.find("ada", Search()).works
    assert library.works.version("ada", work.id).made["sections"] == {"0": "first", "1": "half"}


def test_the_model_is_free_before_anything_is_kept(keeper: Keeper, library: Library) -> None:
    seen: list[int] = []

    def steps() -> Iterator[SectionText | Article]:
        try:
            yield section(0, "half", done=False)
            yield section(0, "never", done=False)
        finally:
            seen.append(library.works.find("ada", Search()).total)

    run = keeper.keep(Place("ada"), ArticleRequest.of(outline=OUTLINE), steps())
    next(run)
    run.close()  # type: ignore[attr-defined]
    assert seen == [0]
    assert library.works.find("ada", Search()).total == 1


def test_an_engine_that_breaks_off_costs_nothing_that_was_finished(keeper: Keeper, library: Library) -> None:
    def steps() -> Iterator[SectionText | Article]:
        yield section(0, "first")
        yield Article("# Bees\n\n## One\n\nfirst\n", 1, 2, False)
        raise EngineFailed("engine.failed", reason="x")

    with pytest.raises(EngineFailed):
        list(keeper.keep(Place("ada"), ArticleRequest.of(outline=OUTLINE), steps()))
    assert library.works.find("ada", Search()).total == 1


def test_each_picture_of_a_run_is_a_work_with_its_own_seed(keeper: Keeper, library: Library, tmp_path: Path) -> None:
    files = []
    for colour in ("red", "blue"):
        files.append(tmp_path / f"{colour}.png")
        Image.new("RGB", (8, 8), colour).save(files[-1])
    request = PictureRequest.of(prompt="a flag", count=2, steps=4)
    steps = [Drawn(tuple(files[:1]), (7,), ("one",), 2), Drawn(tuple(files), (7, 8), ("one", "two"), 2)]
    kept = [step for step in keeper.keep(Place("ada"), request, iter(steps)) if isinstance(step, Saved)]
    assert len({saved.work for saved in kept}) == 2
    version = library.works.version("ada", kept[1].work)
    assert (version.settings["seed"], version.settings["count"], version.settings["steps"]) == (8, 1, 4)
    assert (version.asked["prompt"], version.made["infotext"]) == ("a flag", "two")


def test_what_cannot_be_kept_is_told_and_still_handed_on(tmp_path: Path) -> None:
    keeper = Keeper(Library(tmp_path / "library", quota=Quota(owner=10)), lambda model, _: "m")
    file = tmp_path / "cat.png"
    Image.new("RGB", (8, 8)).save(file)
    drawn = Drawn((file,), (1,), ("x",))
    steps = list(keeper.keep(Place("ada"), PictureRequest.of(prompt="a cat"), iter([drawn])))
    assert steps[0] is drawn
    assert isinstance(steps[1], Unkept)
    assert "full" in steps[1].error.explain()
    assert file.is_file()


def test_code_by_hand_is_a_version_once(keeper: Keeper, library: Library) -> None:
    request = SnippetRequest.of(description="add")
    *_, saved = keeper.keep(Place("ada"), request, iter([Snippet("a = 1\n", "python", True, 3, 0.1)]))
    assert isinstance(saved, Saved)
    edited = ScoreRequest.of(code="b = 2\n")
    judged = report(edited.code, find("python"))
    first = keeper.judged(Place("ada", saved.work), edited, judged)
    second = keeper.judged(Place("ada", saved.work), edited, judged)
    assert first == second == Saved(saved.work, 2)
    assert library.works.version("ada", saved.work).how == "edited"


def test_pictures_from_elsewhere_come_with_what_they_say_of_themselves(library: Library, tmp_path: Path) -> None:
    told = PngInfo()
    told.add_text("parameters", "一只猫 on a roof\nNegative prompt: rain\nSteps: 20, Seed: 5, Size: 8x8, Model: old")
    outputs = tmp_path / "outputs" / "2024-01-01"
    outputs.mkdir(parents=True)
    Image.new("RGB", (8, 8), "red").save(outputs / "told.png", pnginfo=told)
    Image.new("RGB", (8, 8), "blue").save(outputs / "plain.png")
    (outputs / "no.png").write_bytes(b"no picture")
    assert outputs_taken(library, "local", tmp_path / "outputs", 10_000) == 2
    assert outputs_taken(library, "local", tmp_path / "outputs", 10_000) == 0
    (found,) = library.works.find("local", Search(query="猫")).works
    version = library.works.version("local", found.id)
    assert (version.asked["negative_prompt"], version.settings["steps"], version.how) == ("rain", 20, "imported")
    library.trash.put("local", [found.id])
    library.trash.empty("local")
    library.upkeep.sweep(0)
    assert (outputs / "told.png").is_file()  # what is not the studio's stays


def test_one_picture_is_taken_in_by_name(library: Library, tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "holiday.jpg")
    ((_, saved),) = pictures_taken(library, "ada", [tmp_path / "holiday.jpg"], 10_000)
    assert isinstance(saved, Saved)
    assert library.works.work("ada", saved.work).title == "holiday"


def test_a_title_is_the_first_line_and_not_too_long() -> None:
    assert titled("\n\n  A cat\nand more") == "  A cat"
    assert len(titled("x" * 500)) == 80
