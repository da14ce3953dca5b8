"""A hub that misbehaves in every way we could think of."""

import os
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.errors import Cancelled, StorageFailed, WeightsUnavailable
from studio.registry import WeightsStore
from tests.support.hub import COMMIT, LocalHub, local_hub
from tests.support.properties import examples
from tests.support.weights import BIG, FOLDER, OTHER, REPOSITORIES, SHA, Reports, fetched, one, spec


def test_a_file_of_the_hub_arrives_with_its_bytes_counted(store: WeightsStore, hub: LocalHub) -> None:
    reports = Reports()
    assert store.find(one().sources) is None
    assert store.size(one().sources) is None
    path = fetched(store, one(sha256=SHA), reports)
    assert path.read_bytes() == BIG
    assert path.name == "weights.gguf"
    assert reports.seen[-1] == (len(BIG), len(BIG))
    assert [done for done, _ in reports.seen] == sorted(done for done, _ in reports.seen)
    assert store.find(one().sources) == path
    assert store.size(one().sources) == len(BIG)


def test_what_is_here_is_not_fetched_again(store: WeightsStore, hub: LocalHub) -> None:
    path = fetched(store, one(), Reports())
    hub.seen.clear()
    assert fetched(store, one(), Reports()) == path
    assert hub.seen == []


def test_the_cache_is_laid_out_as_huggingface_hub_expects(store: WeightsStore, tmp_path: Path) -> None:
    from huggingface_hub import try_to_load_from_cache

    path = fetched(store, one(), Reports())
    found = try_to_load_from_cache("maker/one", "weights.gguf", cache_dir=tmp_path / "cache" / "hub")
    assert found == str(path)


def test_a_snapshot_holds_only_the_files_asked_for(store: WeightsStore, hub: LocalHub) -> None:
    reports = Reports()
    folder = fetched(store, spec(FOLDER), reports)
    names = sorted(file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file())
    assert names == [
        "model_index.json",
        "unet/config.json",
        "unet/model.fp16.safetensors",
        "vae/model.fp16.safetensors",
    ]
    total = sum(len(REPOSITORIES["maker/folder"][name]) for name in names)
    assert reports.seen[-1] == (total, total)
    assert store.size(spec(FOLDER).sources) == total
    assert store.find(spec({**FOLDER, "allow": ["*.json", "*.safetensors"]}).sources) is None


def test_a_snapshot_that_lost_a_file_is_not_complete(store: WeightsStore, hub: LocalHub) -> None:
    folder = fetched(store, spec(FOLDER), Reports())
    (folder / "vae" / "model.fp16.safetensors").unlink()
    assert store.find(spec(FOLDER).sources) is None
    hub.seen.clear()
    assert fetched(store, spec(FOLDER), Reports()) == folder
    assert [seen.path.rsplit("/", 2)[-2:] for seen in hub.files] == [["vae", "model.fp16.safetensors"]]


def test_an_interrupted_snapshot_is_not_found_and_is_finished_later(store: WeightsStore, hub: LocalHub) -> None:
    hub.faults.cut_after, hub.faults.cuts = 1_000_000, 10**9
    reports = Reports(cancel_at=500_000)
    hub.faults.seconds_per_chunk = 0.02
    with pytest.raises(Cancelled):
        fetched(store, spec(FOLDER), reports, reports.cancelled)
    assert store.find(spec(FOLDER).sources) is None
    hub.faults.cut_after, hub.faults.seconds_per_chunk = None, 0.0
    assert (fetched(store, spec(FOLDER), Reports()) / "unet/model.fp16.safetensors").read_bytes() == BIG


def test_a_cut_connection_is_resumed_where_it_broke(store: WeightsStore, hub: LocalHub) -> None:
    hub.faults.cut_after, hub.faults.cuts = 1_000_000, 1
    assert fetched(store, one(sha256=SHA), Reports()).read_bytes() == BIG
    first, second = hub.files
    assert first.range is None
    assert second.range is not None
    start = int(second.range.removeprefix("bytes=").removesuffix("-"))
    assert 0 < start <= 1_000_000


def test_a_cancelled_fetch_stops_and_the_next_one_goes_on(store: WeightsStore, hub: LocalHub) -> None:
    hub.faults.seconds_per_chunk = 0.02
    reports = Reports(cancel_at=300_000)
    with pytest.raises(Cancelled):
        fetched(store, one(), reports, reports.cancelled)
    assert store.find(one().sources) is None
    hub.faults.seconds_per_chunk = 0.0
    reports = Reports()
    assert fetched(store, one(), reports).read_bytes() == BIG
    assert hub.files[-1].range not in (None, "bytes=0-")
    assert reports.seen[0][0] > 0


def test_cancel_is_heard_while_the_server_is_silent(store: WeightsStore, hub: LocalHub) -> None:
    hub.faults.silent = threading.Event()
    outcome: list[BaseException] = []
    stop = threading.Event()

    def fetch() -> None:
        try:
            fetched(store, one(), Reports(), stop.is_set)
        except Cancelled as error:
            outcome.append(error)

    thread = threading.Thread(target=fetch)
    thread.start()
    while not hub.files:
        time.sleep(0.01)
    stop.set()
    # The server would be silent for a minute; the generous limit keeps a loaded machine from failing the test.
    thread.join(45)
    hub.faults.silent.set()
    assert len(outcome) == 1


def test_a_server_without_ranges_starts_over(store: WeightsStore, hub: LocalHub) -> None:
    hub.faults.cut_after, hub.faults.cuts, hub.faults.no_ranges = 1_000_000, 1, True
    assert fetched(store, one(sha256=SHA), Reports()).read_bytes() == BIG


def test_a_server_that_always_cuts_at_the_same_byte_is_given_up(store: WeightsStore, hub: LocalHub) -> None:
    hub.faults.cut_after, hub.faults.no_ranges = 1_000_000, True
    with pytest.raises(WeightsUnavailable, match="broke off"):
        fetched(store, one(), Reports())


def test_wrong_content_is_refused_and_deleted(store: WeightsStore, hub: LocalHub, tmp_path: Path) -> None:
    hub.faults.replace["weights.gguf"] = OTHER * 15
    with pytest.raises(WeightsUnavailable) as caught:
        fetched(store, one(sha256=SHA), Reports())
    assert caught.value.code == "weights.checksum"
    assert "checksum" in str(caught.value)
    assert store.find(one(sha256=SHA).sources) is None
    assert not list((tmp_path / "cache").rglob("weights.gguf"))
    hub.faults.replace.clear()
    assert fetched(store, one(sha256=SHA), Reports()).read_bytes() == BIG


def test_small_files_are_checked_too(store: WeightsStore, hub: LocalHub) -> None:
    hub.faults.replace["unet/config.json"] = b"[]"
    with pytest.raises(WeightsUnavailable, match=r"unet/config\.json"):
        fetched(store, spec(FOLDER), Reports())


def test_a_hub_file_that_is_not_the_one_meant_is_not_even_fetched(store: WeightsStore, hub: LocalHub) -> None:
    with pytest.raises(WeightsUnavailable) as caught:
        fetched(store, one(sha256="0" * 64), Reports())
    assert caught.value.code == "weights.checksum"
    assert hub.files == []


def test_a_file_shorter_than_listed_is_refused(store: WeightsStore, hub: LocalHub) -> None:
    hub.faults.replace["weights.gguf"] = BIG[:1_000_000]
    with pytest.raises(WeightsUnavailable):
        fetched(store, one(), Reports())
    assert store.find(one().sources) is None


def test_weights_truncated_after_they_were_fetched_are_fetched_again(store: WeightsStore, hub: LocalHub) -> None:
    path = fetched(store, one(), Reports())
    os.truncate(path, 1000)
    assert store.find(one().sources) is None
    assert fetched(store, one(), Reports()).read_bytes() == BIG


def test_weights_altered_after_they_were_fetched_are_fetched_again(store: WeightsStore, hub: LocalHub) -> None:
    path = fetched(store, one(sha256=SHA), Reports())
    path.write_bytes(BIG[:-1] + b"!")
    assert fetched(store, one(sha256=SHA), Reports()).read_bytes() == BIG


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ({"hub": "maker/none", "file": "weights.gguf"}, "no public repository maker/none"),
        ({"hub": "maker/one", "file": "other.gguf"}, "no file other.gguf"),
        ({"hub": "maker/one", "file": "weights.gguf", "revision": "v9"}, "no revision “v9”"),
        ({"hub": "maker/folder", "allow": ["*.onnx"]}, "matches *.onnx"),
        ({"hub": "maker/folder", "allow": ["*.json", "unet/model.bin"]}, "no file unet/model.bin"),
        ({"hub": "maker/bad", "allow": ["*"]}, "does not answer as a model hub"),
    ],
)
def test_what_the_hub_does_not_have_is_told_plainly(store: WeightsStore, source: dict[str, Any], told: str) -> None:
    with pytest.raises(WeightsUnavailable) as caught:
        fetched(store, spec(source), Reports())
    assert told in str(caught.value)
    assert "Traceback" not in str(caught.value)


def test_a_listing_cannot_write_outside_the_cache(store: WeightsStore, tmp_path: Path) -> None:
    with pytest.raises(WeightsUnavailable):
        fetched(store, spec({"hub": "maker/bad", "allow": ["*"]}), Reports())
    assert not list(tmp_path.rglob("outside.txt"))


@pytest.mark.parametrize(
    ("status", "code", "told"),
    [(404, "", "no public repository"), (403, "GatedRepo", "accept its terms"), (503, "", "status 503")],
)
def test_a_hub_that_refuses(store: WeightsStore, hub: LocalHub, status: int, code: str, told: str) -> None:
    hub.faults.status, hub.faults.error_code = status, code
    with pytest.raises(WeightsUnavailable) as caught:
        fetched(store, one(), Reports())
    assert told in str(caught.value)


def test_a_gated_repository_opens_with_a_token(hub: LocalHub, environ: dict[str, str], tmp_path: Path) -> None:
    hub.faults.gated = True
    with pytest.raises(WeightsUnavailable, match="HF_TOKEN"):
        fetched(WeightsStore(tmp_path / "cache", {**environ, "HF_HOME": str(tmp_path)}), one(), Reports())
    opened = WeightsStore(tmp_path / "cache", {**environ, "HF_TOKEN": "hf_secret"})
    assert fetched(opened, one(), Reports()).read_bytes() == BIG
    assert hub.files[-1].authorization == "Bearer hf_secret"


def test_large_files_come_from_another_host_which_never_sees_the_token(
    hub: LocalHub, environ: dict[str, str], tmp_path: Path
) -> None:
    hub.faults.elsewhere = True
    hub.faults.cut_after, hub.faults.cuts = 1_000_000, 1
    store = WeightsStore(tmp_path / "cache", {**environ, "HF_TOKEN": "hf_secret"})
    assert fetched(store, one(sha256=SHA), Reports()).read_bytes() == BIG
    served = [seen for seen in hub.seen if seen.path.startswith("/elsewhere/")]
    assert [seen.authorization for seen in served] == [None, None]
    assert served[1].range is not None


def test_the_local_hub_satisfies_huggingface_hub_itself(hub: LocalHub, tmp_path: Path) -> None:
    from huggingface_hub import HfApi, hf_hub_download

    info = HfApi(endpoint=hub.endpoint).model_info("maker/one", revision="main", files_metadata=True)
    assert info.siblings is not None
    assert {file.rfilename: file.size for file in info.siblings}["weights.gguf"] == len(BIG)
    path = hf_hub_download("maker/one", "weights.gguf", endpoint=hub.endpoint, cache_dir=tmp_path)
    assert Path(path).read_bytes() == BIG


def test_a_captive_portal_is_no_hub(store: WeightsStore, hub: LocalHub) -> None:
    hub.faults.page = b"<html>please log in</html>"
    with pytest.raises(WeightsUnavailable, match="does not answer as a model hub"):
        fetched(store, one(), Reports())


@pytest.mark.parametrize(
    ("endpoint", "told"),
    [("http://127.0.0.1:9", "127.0.0.1 cannot be reached"), ("not an address", "no web address")],
)
def test_a_hub_out_of_reach(tmp_path: Path, endpoint: str, told: str) -> None:
    store = WeightsStore(tmp_path / "cache", {"HF_ENDPOINT": endpoint, "HF_HUB_CACHE": str(tmp_path / "shared")})
    with pytest.raises(WeightsUnavailable) as caught:
        fetched(store, one(), Reports())
    assert told in str(caught.value)
    assert "HF_ENDPOINT" in caught.value.hint()


def test_offline_mode_asks_nobody(environ: dict[str, str], hub: LocalHub, tmp_path: Path) -> None:
    store = WeightsStore(tmp_path / "cache", {**environ, "HF_HUB_OFFLINE": "1"})
    with pytest.raises(WeightsUnavailable, match="HF_HUB_OFFLINE"):
        fetched(store, one(), Reports())
    assert hub.seen == []


def test_two_fetches_at_once_share_one_transfer(environ: dict[str, str], tmp_path: Path, hub: LocalHub) -> None:
    hub.faults.seconds_per_chunk = 0.005
    paths: list[Path] = []

    def fetch() -> None:
        paths.append(fetched(WeightsStore(tmp_path / "cache", environ), one(), Reports()))

    threads = [threading.Thread(target=fetch) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(paths) == 3
    assert len(set(paths)) == 1
    assert len(hub.files) == 1


def test_no_room_is_told_before_anything_is_fetched(store: WeightsStore, hub: LocalHub) -> None:
    hub.faults.listed_size = 10**18
    with pytest.raises(StorageFailed) as caught:
        fetched(store, one(), Reports())
    assert caught.value.code == "weights.no_room"
    assert "STUDIO_CACHE" in caught.value.hint()
    assert hub.files == []


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on the size of files")
def test_a_disk_that_fills_up_meanwhile(hub: LocalHub, environ: dict[str, str], tmp_path: Path) -> None:
    """A process that may write files of at most a megabyte meets the same refusal as on a full disk."""
    script = textwrap.dedent(
        """
        import json, os, resource, sys
        from pathlib import Path
        from studio.errors import StorageFailed
        from studio.registry.weights.store import WeightsStore
        from studio.registry.catalogue.spec import ModelSpec

        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
        spec = ModelSpec.model_validate(json.loads(sys.argv[1]))
        try:
            WeightsStore(Path(sys.argv[2]), os.environ).fetch(spec.name, spec.sources, lambda done, total: None)
        except StorageFailed as error:
            print(error.code)
        """
    )
    cache = tmp_path / "cache"
    command = [sys.executable, "-c", script, one().model_dump_json(), str(cache)]
    process_environ = {**os.environ, **environ}
    answer = subprocess.run(command, env=process_environ, capture_output=True, text=True, check=False)
    assert answer.stdout.strip() == "weights.disk_full", answer.stderr
    # What had arrived is kept: with room again, only the rest is asked for.
    hub.seen.clear()
    assert fetched(WeightsStore(cache, environ), one(sha256=SHA), Reports()).read_bytes() == BIG
    assert hub.files[0].range == "bytes=1000000-"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_device_is_told_as_a_full_disk(store: WeightsStore, tmp_path: Path) -> None:
    partial = tmp_path / "cache" / "hub" / "models--maker--one" / "partial" / COMMIT / "weights.gguf"
    partial.parent.mkdir(parents=True)
    partial.symlink_to("/dev/full")
    with pytest.raises(StorageFailed) as caught:
        fetched(store, one(), Reports())
    assert caught.value.code == "weights.disk_full"


@settings(max_examples=examples(15))
@given(cuts=st.lists(st.integers(min_value=1, max_value=900_000), max_size=3))
def test_however_often_it_is_interrupted_the_file_is_whole(
    cuts: list[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("cache")
    with local_hub(REPOSITORIES) as hub:
        store = WeightsStore(folder, {"HF_ENDPOINT": hub.endpoint, "HF_HUB_CACHE": str(folder / "shared")})
        for cut in cuts:
            hub.faults.cut_after, hub.faults.cuts = cut, 1
            reports = Reports(cancel_at=0)
            attempt(lambda reports=reports: fetched(store, one(), reports, reports.cancelled))
        hub.faults.cut_after = None
        assert fetched(store, one(sha256=SHA), Reports()).read_bytes() == BIG


def attempt(fetch: Callable[[], Path]) -> None:
    """A fetch that may be cancelled or come through, whichever is quicker."""
    try:
        fetch()
    except Cancelled:
        return
