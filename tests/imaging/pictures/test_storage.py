import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from studio.errors import StorageFailed
from studio.imaging.pictures.storage import Draft, PictureStore, _moved, sweep


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_two_pictures_of_one_second_are_both_kept(tmp_path: Path) -> None:
    store = PictureStore(tmp_path)
    for content in (b"one", b"two", b"three"):
        with store.new("cat") as draft:
            draft.write(content)
    assert sorted(path.read_bytes() for path in files(tmp_path)) == [b"one", b"three", b"two"]


def test_an_error_leaves_nothing_behind(tmp_path: Path) -> None:
    def fail(draft: Draft) -> None:
        draft.write(b"half")
        raise RuntimeError

    with pytest.raises(RuntimeError), PictureStore(tmp_path).new("cat") as draft:
        fail(draft)
    assert files(tmp_path) == []


def test_nothing_is_seen_under_the_final_name_before_it_is_whole(tmp_path: Path) -> None:
    with PictureStore(tmp_path).new("cat") as draft:
        draft.write(b"half")
        draft.flush()
        assert list(tmp_path.rglob("*.png")) == []
    assert [path.read_bytes() for path in files(tmp_path)] == [b"half"]
    assert draft.path == files(tmp_path)[0]


def test_pictures_finished_at_the_same_moment_are_all_kept_whole(tmp_path: Path) -> None:
    def write(number: int) -> Path:
        with PictureStore(tmp_path).new("cat", ".jpg") as draft:
            draft.write(b"%04d" % number * 1000)
        return draft.path

    with ThreadPoolExecutor(8) as pool:
        paths = list(pool.map(write, range(32)))
    assert sorted(paths) == files(tmp_path)
    assert [path.read_bytes()[:4] for path in paths] == [b"%04d" % number for number in range(32)]
    assert {(path.stat().st_size, path.suffix, path.parent.name) for path in paths} == {
        (4000, ".jpg", paths[0].parent.name)
    }


def test_a_disk_on_which_a_file_has_one_name_only_keeps_pictures_as_well(tmp_path: Path) -> None:
    (tmp_path / "taken.png").write_bytes(b"earlier")
    (tmp_path / "draft").write_bytes(b"new")
    assert not _moved(tmp_path / "draft", tmp_path / "taken.png")
    assert _moved(tmp_path / "draft", tmp_path / "free.png")
    assert {path.name: path.read_bytes() for path in files(tmp_path)} == {"taken.png": b"earlier", "free.png": b"new"}


def test_a_full_disk_is_told_in_words() -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this system has no /dev/full")
    with full.open("wb", buffering=0) as stream, pytest.raises(StorageFailed) as caught:
        Draft(stream).write(b"x")
    assert "disk is full" in caught.value.text()
    assert "磁盘已满" in caught.value.text("zh-CN")


def test_a_folder_that_cannot_be_made_is_told_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageFailed, match="could not be saved"), PictureStore(tmp_path / "file").new("cat"):
        pass


def test_what_a_process_that_is_gone_left_half_written_is_swept(tmp_path: Path) -> None:
    folder = tmp_path / "2026-01-01"
    folder.mkdir()
    left, written, kept = folder / ".a.part", folder / ".b.part", folder / "c.png"
    for file in (left, written, kept):
        file.touch()
    for file in (left, kept):
        os.utime(file, (0, 0))
    sweep(tmp_path)
    assert sorted(folder.iterdir()) == sorted([written, kept])
