import os
import threading
from pathlib import Path

import numpy as np
import pytest

from studio.engines.diffusion import Adapter
from studio.engines.diffusion.adapters import MOST_KEPT
from studio.engines.diffusion.engine import DiffusersEngine
from studio.errors import EngineFailed, WeightsUnavailable
from tests.support.drawing import CAT, drawn, loaded, pixels, same
from tests.support.tiny_diffusion import save_tiny_controlnet, save_tiny_lora


@pytest.fixture(scope="module")
def style(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_lora(tmp_path_factory.mktemp("loras") / "style.safetensors", folder)


@pytest.fixture(scope="module")
def words(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_lora(tmp_path_factory.mktemp("loras") / "words.safetensors", folder, encoder=True)


def test_it_changes_only_the_pictures_of_those_who_ask_for_it(
    engine: DiffusersEngine, folder: Path, style: Path, words: Path
) -> None:
    before, size = drawn(engine), engine.nbytes
    styled = drawn(engine, adapters=(Adapter(style),))
    assert not same(before, styled)
    assert same(before, drawn(engine))
    assert same(styled, drawn(engine, adapters=(Adapter(style),)))
    weaker = drawn(engine, adapters=(Adapter(style, 0.5),))
    assert not same(styled, weaker)
    assert not same(before, weaker)
    assert same(before, drawn(engine, adapters=(Adapter(style, 0.0),)))
    assert 0 < engine.nbytes - size <= style.stat().st_size
    worded = drawn(engine, adapters=(Adapter(words),))
    assert not same(before, worded)
    both = drawn(engine, adapters=(Adapter(style), Adapter(words)))
    fresh = drawn(loaded(folder), adapters=(Adapter(style), Adapter(words)))
    assert np.abs(pixels(both).astype(int) - pixels(fresh)).max() <= 1
    assert same(before, drawn(engine))


def test_a_file_is_read_once_until_it_changes(engine: DiffusersEngine, folder: Path, tmp_path: Path) -> None:
    file = save_tiny_lora(tmp_path / "a.safetensors", folder, seed=5)
    first = drawn(engine, adapters=(Adapter(file),))
    size = engine.nbytes
    drawn(engine, adapters=(Adapter(file, 0.3),))
    assert engine.nbytes == size
    stamp = file.stat().st_mtime_ns
    save_tiny_lora(file, folder, seed=6)
    os.utime(file, ns=(stamp + 1_000_000, stamp + 1_000_000))
    assert not same(first, drawn(engine, adapters=(Adapter(file),)))


def test_those_unused_longest_leave(folder: Path, style: Path, tmp_path: Path) -> None:
    engine = loaded(folder)
    before, bare = drawn(engine), engine.nbytes
    files = [tmp_path / f"{index}.safetensors" for index in range(MOST_KEPT + 2)]
    drawn(engine, adapters=(Adapter(style),), steps=1)
    one = engine.nbytes - bare
    for file in files:
        file.write_bytes(style.read_bytes())
        drawn(engine, adapters=(Adapter(file),), steps=1)
    assert engine.nbytes - bare == MOST_KEPT * one
    assert same(before, drawn(engine))


def test_a_wrong_file_is_refused_and_leaves_nothing_behind(
    engine: DiffusersEngine, style: Path, tmp_path: Path
) -> None:
    before, size = drawn(engine), engine.nbytes
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(style.read_bytes()[:50])
    other = save_tiny_controlnet(tmp_path / "other") / "diffusion_pytorch_model.safetensors"
    for file, kind in ((tmp_path / "none.safetensors", WeightsUnavailable), (broken, WeightsUnavailable)):
        with pytest.raises(kind):
            drawn(engine, adapters=(Adapter(file),))
    with pytest.raises(EngineFailed) as failed:
        drawn(engine, adapters=(Adapter(style), Adapter(other)))
    assert failed.value.details["file"] == other.name
    assert engine.nbytes - size <= style.stat().st_size
    assert same(before, drawn(engine))


def test_users_with_and_without_one_do_not_meet(engine: DiffusersEngine, style: Path) -> None:
    wanted = [(), (Adapter(style),), (Adapter(style, 0.5),), ()]
    alone = [drawn(engine, adapters=adapters) for adapters in wanted]
    found: list[bool] = []

    def work(index: int) -> None:
        found.extend(same(alone[index], drawn(engine, CAT, adapters=wanted[index])) for _ in range(3))

    threads = [threading.Thread(target=work, args=(index,)) for index in range(len(wanted))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [True] * 12
