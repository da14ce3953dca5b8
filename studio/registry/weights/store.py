"""Where a model's weights are, and how they get there, in the order in which the catalogue names the sources."""

import os
from collections.abc import Callable, Mapping, Sequence
from importlib import metadata
from pathlib import Path

import filelock

from studio.errors import Cancelled, Reason, WeightsUnavailable
from studio.messages import Locale, message
from studio.registry.catalogue.spec import Source
from studio.registry.weights.digests import Digests, never
from studio.registry.weights.download import CANCEL_CHECK_SECONDS, Progress, SourceError, storage_failed
from studio.registry.weights.hub import Hub, HubCache, shared_cache
from studio.registry.weights.installers import Lookup, find_installers
from studio.registry.weights.wheels import WheelIndex

Failures = Sequence[tuple[Source, Reason]]


class SourcesFailed(WeightsUnavailable):
    """No source of a model delivered; each one's reason is told."""

    def __init__(self, name: str, failures: Failures, *, starter: bool = False) -> None:
        """`name` is the model's for people; the weights of a `starter` come with the studio."""
        self.failures = tuple(failures)
        damaged = [source for source, reason in failures if reason.code == "weights.reason.checksum"]
        code = "weights.checksum" if damaged else "weights.unavailable"
        if starter and not damaged:
            code = "weights.starter"
        sources = [{"source": source.label, "reason": reason.text()} for source, reason in failures]
        super().__init__(code, name=name, sources=sources, reasons=self._told("en"))

    def text(self, locale: Locale = "en") -> str:
        return message(f"errors.{self.code}", locale, **{**self.details, "reasons": self._told(locale)})

    def _told(self, locale: Locale) -> str:
        told = (
            message("errors.weights.source", locale, source=source.label, reason=reason.text(locale))
            for source, reason in self.failures
        )
        return message("errors.weights.between", locale).join(told)


class WeightsStore:
    """The weights on this machine; `cache` is the studio's own folder.

    `environ` gives the usual variables of the hub, of uv and of pip; `installers` finds the latter two.
    """

    def __init__(
        self, cache: Path, environ: Mapping[str, str] = os.environ, installers: Lookup = find_installers
    ) -> None:
        self._own = HubCache(cache / "hub")
        self._shared = shared_cache(environ)
        self._locks = cache / "locks"
        self._digests = Digests(cache / "digests.json")
        self._hub = Hub(self._own, self._digests, environ)
        self._wheels = WheelIndex(cache / "wheels", self._digests, environ, installers)

    def find(self, sources: Sequence[Source]) -> Path | None:
        """The file or folder from these sources that is already here; cheap, without network and without hashing.

        Files once found to have a wrong checksum do not count. `fetch` is what verifies the others.
        """
        return next((path for source in sources if (path := self._here(source)) is not None), None)

    def origin(self, sources: Sequence[Source]) -> Source | None:
        """The source of the file or folder that `find` returns, None where nothing is here."""
        return next((source for source in sources if self._here(source) is not None), None)

    def size(self, sources: Sequence[Source]) -> int | None:
        """Bytes on disk, None where nothing is here."""
        path = self.find(sources)
        if path is None:
            return None
        files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
        return sum(file.stat().st_size for file in files)

    def fetch(
        self,
        name: str,
        sources: Sequence[Source],
        progress: Progress,
        cancelled: Callable[[], bool] = never,
        *,
        starter: bool = False,
    ) -> Path:
        """The verified weights of a model, fetched if they are not here; what is here goes first.

        `name` and `starter` are for the words of a failure, see `SourcesFailed`.

        Raises:
            WeightsUnavailable: no source delivered, or what was delivered is damaged.
            StorageFailed: the disk is full or refuses the write.
            Cancelled: `cancelled` turned true; what has arrived is kept for the next attempt.
        """
        refused: dict[Source, Reason] = {}
        for source in sources:
            if self._here(source) is None:
                continue
            try:
                return self._verified(source, cancelled)
            except SourceError as failure:
                refused[source] = failure.reason
        for source in sources:
            if source in refused and not (source.hub or source.wheels):
                continue
            try:
                return self._fetched(source, progress, cancelled)
            except SourceError as failure:
                refused[source] = failure.reason
        raise SourcesFailed(name, [(source, refused[source]) for source in sources], starter=starter)

    def _here(self, source: Source) -> Path | None:
        if source.package:
            candidates = [_packaged(source)]
        elif source.path:
            candidates = [_on_disk(source)]
        elif source.wheels:
            candidates = [self._wheels.complete(source)]
        else:
            candidates = [self._own.complete(source), self._shared.plausible(source)]
        return next((path for path in candidates if path is not None and not self._known_bad(source, path)), None)

    def _known_bad(self, source: Source, path: Path) -> bool:
        if source.sha256 is None:
            return False
        known = self._digests.known(path)
        return known is not None and known != source.sha256

    def _verified(self, source: Source, cancelled: Callable[[], bool]) -> Path:
        path = self._here(source)
        while path is not None:
            if source.sha256 is None or not path.is_file():
                return path
            try:
                if self._digests.of(path, cancelled) == source.sha256:
                    return path
            except OSError as error:
                reason = Reason("weights.reason.unreadable", {"path": path.name, "reason": error.strerror or ""})
                raise SourceError(reason) from error
            if path.is_relative_to(self._own.root) or path.is_relative_to(self._wheels.root):
                path.unlink(missing_ok=True)
            damaged, path = path, self._here(source)
            if path is None:
                raise SourceError(Reason("weights.reason.checksum", {"file": damaged.name}))
        raise SourceError(_absence(source))

    def _fetched(self, source: Source, progress: Progress, cancelled: Callable[[], bool]) -> Path:
        if not (source.hub or source.wheels):
            raise SourceError(_absence(source))
        remote: Hub | WheelIndex = self._wheels if source.wheels else self._hub
        lock = self._lock(source)
        while True:
            if cancelled():
                raise Cancelled
            try:
                with lock.acquire(timeout=CANCEL_CHECK_SECONDS):
                    # Another process may have fetched it while this one waited.
                    return remote.complete(source) or remote.fetch(source, progress, cancelled)
            except filelock.Timeout:
                continue
            except OSError as error:
                raise storage_failed(error, self._locks.parent) from error

    def _lock(self, source: Source) -> filelock.FileLock:
        """One writer per repository or joined file, also among processes that share the cache."""
        # Every file system takes these names, and a repository's has two hyphens where its slash was.
        name = f"wheels-{source.sha256}" if source.wheels else (source.hub or "").replace("/", "--")
        try:
            self._locks.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise storage_failed(error, self._locks) from error
        return filelock.FileLock(self._locks / f"{name}.lock")


def told_origin(source: Source, locale: Locale = "en") -> str:
    """Where bytes came from, as a short phrase for people, without a path of this machine."""
    kind, place = source.label.split(" ", 1)
    return message(f"errors.weights.from.{kind}", locale, place=place, version=source.version or "")


def _packaged(source: Source) -> Path | None:
    try:
        # Located, never imported: these packages fail to import without the programs they were made for.
        path = Path(str(metadata.distribution(source.package or "").locate_file(source.file or "")))
    except (metadata.PackageNotFoundError, ValueError):
        return None
    return path if path.is_file() else None


def _on_disk(source: Source) -> Path | None:
    path = _expanded(source)
    return path if path.is_file() or (path.is_dir() and any(path.iterdir())) else None


def _expanded(source: Source) -> Path:
    path = Path(os.path.expandvars(source.path or "")).expanduser()
    return path / source.file if source.file else path


def _absence(source: Source) -> Reason:
    """Why a package or path has nothing."""
    if source.path:
        return Reason("weights.reason.no_path", {"path": str(_expanded(source))})
    try:
        metadata.distribution(source.package or "")
    except (metadata.PackageNotFoundError, ValueError):
        return Reason("weights.reason.no_package", {"package": source.package})
    return Reason("weights.reason.no_package_file", {"package": source.package, "file": source.file})
