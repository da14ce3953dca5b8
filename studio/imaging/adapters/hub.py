"""Adapters from the hub: one safetensors file of a repository, into the folder of its kind."""

import os
import re
import shutil
import threading
import time
import unicodedata
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Final
from urllib.parse import unquote
from uuid import uuid4

from pydantic import ValidationError

from studio.engines.diffusion import PICKLES, HeadError, adapter_make, read_head
from studio.errors import Cancelled, InvalidRequest
from studio.imaging.adapters.files import FOLDERS
from studio.imaging.pictures.storage import give_name
from studio.messages import Locale, data_size, message
from studio.registry import (
    REPORT_SECONDS,
    LoadProgress,
    ModelId,
    Source,
    SourcesFailed,
    WeightsStore,
    storage_failed,
)

MOST_BYTES: Final = 2 * 2**30
"""Of one file; the largest LoRAs for SDXL have half of it."""
LONGEST_NAME: Final = 150
"""Bytes of a file's name without its ending, which leaves room for what file systems allow, 255."""
GENERIC: Final = ("pytorch_lora_weights", "adapter_model", "learned_embeds", "lora", "model")
"""What libraries call their files in every repository alike; the repository's name says more."""

_REPOSITORY: Final = re.compile(r"[A-Za-z0-9](?:[\w.-]{0,94}\w)?/[A-Za-z0-9_](?:[\w.-]{0,94}\w)?", re.ASCII)
_LINK: Final = re.compile(r"https?://[^/\s]+/([^/\s]+/[^/\s]+)(?:/(?:blob|resolve)/([^/\s]+)/([^?#]+))?/?(?:[?#].*)?")
"""The address of a repository or of its file, as a browser shows it."""
_UNSAYABLE: Final = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*]')
_RESERVED: Final = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\..*)?", re.IGNORECASE)


class AdapterUnavailable(SourcesFailed):
    """The hub did not deliver an adapter; each reason is told."""

    def hint(self, locale: Locale = "en") -> str:
        return message("errors.adapter.unavailable.hint", locale)


@dataclass(frozen=True)
class Wanted:
    """One safetensors file of a repository."""

    repository: str
    file: str
    revision: str = "main"

    @classmethod
    def of(cls, repository: str, file: str = "") -> "Wanted":
        """From what was typed: `owner/name` and a file, or the address of a file alone.

        Raises:
            InvalidRequest: it names no repository, no file, one that is no safetensors file, or no revision.
        """
        repository, file, revision = repository.strip(), file.strip(), "main"
        if link := _LINK.fullmatch(repository):
            repository, revision, file = link[1], unquote(link[2] or revision), file or unquote(link[3] or "")
        if len(repository) > 200 or not _REPOSITORY.fullmatch(repository) or ".." in repository:
            raise InvalidRequest("adapter.repository", repository=repository[:100])
        path = PurePosixPath(file)
        if not file or len(file) > 500 or path.is_absolute() or ".." in path.parts:
            raise InvalidRequest("adapter.repository_file", repository=repository)
        if path.suffix.lower() != ".safetensors":
            code = "adapter.pickle" if path.suffix.lower() in PICKLES else "adapter.not_safetensors"
            raise InvalidRequest(code, file=path.name)
        wanted = cls(repository, file, revision)
        try:
            _ = wanted.source
        except ValidationError as error:
            raise InvalidRequest("adapter.revision", revision=revision[:100]) from error
        return wanted

    @property
    def target(self) -> str:
        """A name for the file that every system takes and prompts can say."""
        own = PurePosixPath(self.file).stem
        named = self.repository.partition("/")[2] if own.casefold() in GENERIC else own
        stem = _UNSAYABLE.sub("_", unicodedata.normalize("NFC", named)).strip(". ")
        while len(stem.encode()) > LONGEST_NAME:
            stem = stem[:-1]
        return f"{'_' if not stem or _RESERVED.fullmatch(stem) else ''}{stem}.safetensors"

    @property
    def source(self) -> Source:
        """The same as the store of weights knows to fetch it."""
        return Source(hub=self.repository, file=self.file, revision=self.revision)


@dataclass
class _Transfer:
    """How far a file is, and whether anybody still wants it."""

    most: int
    done: int = 0
    total: int | None = None
    begun: tuple[float, int] | None = None
    """When the first bytes were counted, and how many."""
    left: threading.Event = field(default_factory=threading.Event)

    def report(self, done: int, total: int | None) -> None:
        self.begun = self.begun or (time.monotonic(), done)
        self.done, self.total = done, total

    @property
    def size(self) -> int:
        return max(self.done, self.total or 0)

    @property
    def too_large(self) -> bool:
        return self.size > self.most

    def cancelled(self) -> bool:
        return self.left.is_set() or self.too_large

    @property
    def seconds_left(self) -> float | None:
        if self.begun is None or not self.total or self.done <= self.begun[1]:
            return None
        return (time.monotonic() - self.begun[0]) / (self.done - self.begun[1]) * (self.total - self.done)


class AdapterHub:
    """Fetches adapters into `data`; `cache` keeps what has arrived of a file that broke off.

    `environ` gives the hub's usual variables: `HF_ENDPOINT`, `HF_TOKEN`, `HF_HUB_OFFLINE`.
    """

    def __init__(
        self, data: Path, cache: Path, *, most_bytes: int = MOST_BYTES, environ: Mapping[str, str] = os.environ
    ) -> None:
        self._data, self._most = data, most_bytes
        self._cache = cache / "adapters"
        self._store = WeightsStore(self._cache, environ)

    def fetch(self, repository: str, file: str = "") -> Iterator[LoadProgress | Path]:
        """Bring one file, going on where an earlier attempt ended; the last item is where it is now.

        `repository` is `owner/name`, or the address of the file as a browser shows it. The file goes into the folder
        of its kind, whole or not at all, and replaces no other. Closing the iterator stops the transfer.

        Raises:
            InvalidRequest: the repository or file is not well named, too large, neither a LoRA nor an inversion, or
                another file has its name.
            WeightsUnavailable: the hub did not deliver it, or what arrived is damaged.
            StorageFailed: the disk is full or refuses the write.
        """
        wanted = Wanted.of(repository, file)
        taken = [folder for folder in FOLDERS.values() if (self._data / folder / wanted.target).exists()]
        if taken:
            raise InvalidRequest("adapter.exists", file=wanted.target, folder=taken[0])
        transfer = _Transfer(self._most)
        with ThreadPoolExecutor(1, "adapter") as pool:
            job = pool.submit(self._placed, wanted, transfer)
            try:
                while not wait([job], REPORT_SECONDS).done:
                    yield _progress(wanted, transfer)
                yield self._outcome(job, wanted, transfer)
            finally:
                transfer.left.set()

    def _outcome(self, job: Future[Path], wanted: Wanted, transfer: _Transfer) -> Path:
        try:
            return job.result()
        except Cancelled:
            if not transfer.too_large:
                raise
            sizes = {"size": data_size(transfer.size), "most": data_size(self._most)}
            raise InvalidRequest("adapter.large", file=wanted.target, **sizes) from None
        except SourcesFailed as error:
            raise AdapterUnavailable(wanted.target, error.failures) from error

    def _placed(self, wanted: Wanted, transfer: _Transfer) -> Path:
        fetched = self._store.fetch(wanted.target, (wanted.source,), transfer.report, transfer.cancelled)
        if fetched.stat().st_size > self._most:
            transfer.report(fetched.stat().st_size, None)
            raise Cancelled
        try:
            target = self._data / self._folder(fetched, wanted) / wanted.target
            target.parent.mkdir(parents=True, exist_ok=True)
            _copy(fetched, target, transfer)
        except FileExistsError:
            raise InvalidRequest("adapter.exists", file=wanted.target, folder=target.parent.name) from None
        except OSError as error:
            raise storage_failed(error, self._data) from error
        finally:
            # It is in its folder now, or of no use; what others keep in a shared cache is theirs.
            if fetched.is_relative_to(self._cache):
                fetched.unlink(missing_ok=True)
        return target

    @staticmethod
    def _folder(fetched: Path, wanted: Wanted) -> str:
        try:
            kind = adapter_make(read_head(fetched)).kind
        except HeadError as error:
            raise InvalidRequest.of(error.reason, file=wanted.target) from error
        if kind not in ("lora", "inversion"):
            raise InvalidRequest("adapter.other", file=wanted.target)
        return FOLDERS["lora" if kind == "lora" else "inversion"]


def _copy(fetched: Path, target: Path, transfer: _Transfer) -> None:
    """Put a copy where nothing is yet, whole or not at all."""
    beside = target.with_name(f".{uuid4().hex}.part")
    try:
        shutil.copyfile(fetched, beside)
        if transfer.left.is_set():
            raise Cancelled
        if not give_name(beside, target):
            raise FileExistsError
    finally:
        with suppress(OSError):
            beside.unlink(missing_ok=True)


def _progress(wanted: Wanted, transfer: _Transfer) -> LoadProgress:
    return LoadProgress(
        ModelId("adapter"),
        wanted.target,
        "fetching",
        transfer.done,
        transfer.total,
        seconds_left=transfer.seconds_left,
    )
