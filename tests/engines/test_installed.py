"""An engine that another package brings: the one of docs/adding-an-engine.md, installed from that page."""

import logging
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from studio.engines.installed import default_bindings
from studio.errors import CatalogueError, EngineFailed
from studio.registry import Catalogue
from studio.settings import Settings
from studio.studio import Studio
from studio.writing.requests import Outline, Section, SectionRequest, SectionText

PAGE = Path(__file__).parents[2] / "docs" / "adding-an-engine.md"
OUTLINE = Outline(title="Bees", sections=(Section(heading="In the city", target_words=60),))
OWN = {"annotators", "classifiers", "diffusers", "llamacpp", "openai", "spandrel", "transformers"}


def block(language: str) -> str:
    """The one block of the page in this language."""
    [found] = re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    return str(found)


def install(folder: Path, code: str) -> None:
    """What an installer makes of the page's package."""
    (folder / "loud.py").write_text(code, encoding="utf-8")
    info = folder / "loud-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: loud\nVersion: 1.0\n", encoding="ascii")
    points = re.sub(r'\[project.entry-points."([\w.]+)"\]', r"[\1]", block("toml")).replace('"', "")
    (info / "entry_points.txt").write_text(points, encoding="ascii")


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    yield folder
    sys.modules.pop("loud", None)


def studio_of(folder: Path) -> Studio:
    weights = folder / "loud.weights"
    weights.touch()
    catalogue = folder / "models.yaml"
    catalogue.write_text(block("yaml").replace("loud.weights", str(weights)), encoding="utf-8")
    return Studio(Settings.read(cache=folder / "cache", outputs=folder / "out", data=folder, catalogue=catalogue))


def written(studio: Studio) -> str:
    steps = list(studio.writer.write_section(SectionRequest.of(outline=OUTLINE, index=0)))
    assert isinstance(steps[-1], SectionText)
    return steps[-1].text


def test_the_engine_of_the_page_writes_a_section(package: Path, tmp_path: Path) -> None:
    install(package, block("python"))
    with studio_of(tmp_path) as studio:
        assert "IN THE CITY" in written(studio)
        assert [status.engine for status in studio.registry.statuses() if status.id == "loud-one"] == ["loud"]


def test_without_the_package_the_catalogue_says_which_engines_there_are(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match="loud") as refused:
        studio_of(tmp_path)
    assert all(name in refused.value.text() for name in OWN)


def test_an_engine_that_cannot_be_imported_is_told_when_it_is_needed(
    package: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    install(package, "import a_library_that_is_not_here\n")
    with (
        caplog.at_level(logging.ERROR),
        studio_of(tmp_path) as studio,
        pytest.raises(EngineFailed, match="a_library_that_is_not_here") as failed,
    ):
        written(studio)
    assert failed.value.text("zh-CN") != failed.value.text("en")
    assert failed.value.hint()


def test_the_engines_of_the_studio_are_bound_by_name(tmp_path: Path) -> None:
    settings = Settings.read(cache=tmp_path)
    assert set(default_bindings(settings)) == OWN
    assert set(default_bindings(settings, engines={"openai"})) == {"openai"}
    assert {spec.engine for spec in Catalogue.read(Settings.read().catalogue)} <= OWN
