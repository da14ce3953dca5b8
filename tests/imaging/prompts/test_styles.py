from pathlib import Path

import pytest

from studio.errors import InvalidRequest, StorageFailed
from studio.imaging.prompts.styles import Style, Styles
from studio.messages import assets

BUILT_IN = assets() / "styles.yaml"


@pytest.fixture
def styles(tmp_path: Path) -> Styles:
    return Styles(BUILT_IN, tmp_path / "data" / "styles.yaml")


def test_a_dozen_styles_come_along_in_both_languages(styles: Styles) -> None:
    found = styles.all()
    assert len(found) >= 12
    for style in found:
        assert style.title("en") != style.title("zh-CN")
        assert style.prompt.count("{prompt}") == 1


def test_a_style_wraps_both_prompts_and_several_follow_one_another(styles: Styles) -> None:
    styles.keep(Style(id="end", prompt="at night", negative_prompt="day"))
    styles.keep(Style(id="frame", prompt="a print of {prompt}, framed"))
    assert styles.apply("a cat", "", ["end"]) == ("a cat, at night", "day")
    assert styles.apply("a cat", "rain", ["end", "frame"]) == ("a print of a cat, at night, framed", "rain, day")
    assert styles.apply("a cat", "rain", []) == ("a cat", "rain")


def test_a_style_is_found_by_its_id_and_by_its_name_in_each_language(styles: Styles) -> None:
    assert styles.find("watercolour") == styles.find("水彩") == styles.find("WATERCOLOUR")
    with pytest.raises(InvalidRequest) as caught:
        styles.find("no such")
    assert "watercolour" in caught.value.explain("en")


def test_own_styles_are_kept_across_restarts_and_can_be_removed(styles: Styles, tmp_path: Path) -> None:
    styles.keep(Style(id="我的风格", prompt="{prompt}, 柔和: 光"))
    styles.keep(Style(id="photo", prompt="mine"))
    again = Styles(BUILT_IN, tmp_path / "data" / "styles.yaml")
    assert again.find("我的风格").prompt == "{prompt}, 柔和: 光"
    assert again.find("photo").prompt == "mine"
    again.forget("photo")
    assert again.find("photo").prompt != "mine"
    with pytest.raises(InvalidRequest):
        again.forget("photo")
    assert [file.name for file in (tmp_path / "data").iterdir()] == ["styles.yaml"]


@pytest.mark.parametrize(
    "text", ["a: [", "5", "- 5", "- {prompt: a}", "- {id: a, colour: red}", "- {id: [a]}", "!!python/object:os.x {}"]
)
def test_a_file_that_breaks_its_form_is_told_in_one_line(tmp_path: Path, text: str) -> None:
    file = tmp_path / "styles.yaml"
    file.write_text(text)
    with pytest.raises(InvalidRequest) as caught:
        Styles(BUILT_IN, file).all()
    assert caught.value.code == "style.file"
    assert "\n" not in caught.value.explain("zh-CN")


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file where the folder should be")
    with pytest.raises((StorageFailed, InvalidRequest)):
        Styles(BUILT_IN, tmp_path / "data" / "styles.yaml").keep(Style(id="a"))
