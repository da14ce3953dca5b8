import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.engines.upscalers.ncnn import NcnnConversions, read_ncnn
from studio.errors import WeightsUnavailable
from tests.support.properties import examples
from tests.support.upscalers import weights

COMPACT = "realesr-animevideov3-x4"


def copied(folder: Path, name: str = COMPACT) -> Path:
    for suffix in (".bin", ".param"):
        shutil.copy(weights(name).with_suffix(suffix), folder)
    return folder / f"{name}.bin"


@pytest.mark.parametrize(
    ("name", "tensors", "numbers"),
    [
        ("realesrgan-x4plus", 702, 16_697_987),
        ("realesrgan-x4plus-anime", 192, 4_467_779),
        ("realesr-animevideov3-x4", 53, 621_424),
    ],
)
def test_every_number_of_the_shipped_weights_is_read(name: str, tensors: int, numbers: int) -> None:
    state = read_ncnn(weights(name).with_suffix(".param").read_text(), weights(name).read_bytes())
    assert len(state) == tensors
    assert sum(array.size for array in state.values()) == numbers


def test_it_is_converted_once(tmp_path: Path) -> None:
    file = copied(tmp_path)
    conversions = NcnnConversions(tmp_path / "converted")
    first = conversions.state_dict(file)
    made = list((tmp_path / "converted").iterdir())
    stamp = made[0].stat().st_mtime_ns
    again = conversions.state_dict(file)
    assert [path.stat().st_mtime_ns for path in (tmp_path / "converted").iterdir()] == [stamp]
    assert all((first[key] == again[key]).all() for key in first)


def test_a_damaged_cache_is_made_anew(tmp_path: Path) -> None:
    file = copied(tmp_path)
    conversions = NcnnConversions(tmp_path / "converted")
    expected = conversions.state_dict(file)
    (made,) = (tmp_path / "converted").iterdir()
    made.write_bytes(made.read_bytes()[:1000])
    assert conversions.state_dict(file).keys() == expected.keys()
    assert made.stat().st_size > 1_000_000


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path: Path) -> None:
    file = copied(tmp_path)
    (tmp_path / "converted").write_text("in the way")
    assert len(NcnnConversions(tmp_path / "converted").state_dict(file)) == 53


def refused(file: Path) -> str:
    with pytest.raises(WeightsUnavailable) as caught:
        NcnnConversions(file.parent / "converted").state_dict(file)
    assert not (file.parent / "converted").exists()
    return caught.value.text()


def test_missing_and_cut_off_parts_are_told(tmp_path: Path) -> None:
    file = copied(tmp_path)
    content = file.read_bytes()
    file.write_bytes(content[:-1000])
    assert "ends at byte" in refused(file)
    file.write_bytes(content + b"more")
    assert "left over" in refused(file)
    file.write_bytes(b"\0\0\0\1" + content[4:])
    assert "unknown tag" in refused(file)
    file.with_suffix(".param").write_text("something else\n")
    assert "magic number" in refused(file)
    file.with_suffix(".param").unlink()
    assert ".param" in refused(file)


@settings(max_examples=examples(60))
@given(line=st.integers(2, 39), change=st.sampled_from(["0=3", "6=12", "1=5", "5=0", "x", ""]))
def test_a_changed_description_never_gives_other_weights(line: int, change: str) -> None:
    lines = weights(COMPACT).with_suffix(".param").read_text().split("\n")
    words = lines[line].split()
    if words[0] not in ("Convolution", "PReLU"):
        return
    option = change.partition("=")[0]
    changed = [change if word.split("=")[0] == option and "=" in word else word for word in words] if change else []
    if changed == words:
        return
    lines[line] = " ".join(changed)
    with pytest.raises((ValueError, KeyError, IndexError)):
        read_ncnn("\n".join(lines), weights(COMPACT).read_bytes())
