"""Files of Hugging Face repositories: what the cache holds, and how the rest gets there.

The folders are those of `huggingface_hub` (`models--owner--name/refs`, `snapshots/<commit>`), so its tools can read
them. The transfer is our own: since version 2 `hf_hub_download` throws a partial file away when it is interrupted
(`_download_to_tmp_and_move`), and it cannot be stopped while a server is silent.
"""

import fnmatch
import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from studio.errors import Reason
from studio.registry.catalogue.spec import Source
from studio.registry.weights.digests import Digests
from studio.registry.weights.download import Progress, Remote, SourceError, detached

DEFAULT_ENDPOINT: Final = "https://huggingface.co"
COMMIT: Final = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True)
class HubCache:
    """A folder of repositories in the layout of `huggingface_hub`."""

    root: Path

    def repository(self, source: Source) -> Path:
        """The folder of one repository."""
        return self.root / f"models--{(source.hub or '').replace('/', '--')}"

    def commit(self, source: Source) -> str | None:
        """The commit that the source's revision had when it was last fetched."""
        if COMMIT.fullmatch(source.revision):
            return source.revision
        try:
            commit = _inside(self.repository(source) / "refs", source.revision).read_text().strip()
        except (OSError, ValueError, SourceError):
            return None
        return commit if COMMIT.fullmatch(commit) else None

    def receipt(self, source: Source, commit: str) -> Path:
        """The file that says which files of a commit were fetched for this source, written when all were."""
        wish = json.dumps([source.file, sorted(source.allow)]).encode()
        return self.repository(source) / "complete" / f"{commit}-{hashlib.sha256(wish).hexdigest()[:16]}.json"

    def complete(self, source: Source) -> Path | None:
        """The file or folder of a source that this studio fetched, if every file still has its size."""
        commit = self.commit(source)
        if commit is None:
            return None
        folder = self.repository(source) / "snapshots" / commit
        try:
            sizes: Mapping[str, int] = json.loads(self.receipt(source, commit).read_text())
            if any((folder / name).stat().st_size != size for name, size in sizes.items()):
                return None
        except (OSError, ValueError, AttributeError):
            return None
        return folder / source.file if source.file else folder

    def plausible(self, source: Source) -> Path | None:
        """The same for a cache that other programs fill, which keep no receipts.

        A snapshot counts when every pattern of `allow` matches one of its files, all shards that an index names are
        there, and no download of the repository is under way.
        """
        commit = self.commit(source)
        if commit is None:
            return None
        folder = self.repository(source) / "snapshots" / commit
        if source.file:
            return folder / source.file if (folder / source.file).is_file() else None
        if not folder.is_dir() or any((self.repository(source) / "blobs").glob("*.incomplete")):
            return None
        names = [file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()]
        patterns = source.allow or ("*config.json",)
        if not all(any(fnmatch.fnmatch(name, pattern) for name in names) for pattern in patterns):
            return None
        return folder if all(_shards_present(folder / name) for name in names if name.endswith(".index.json")) else None


class Hub:
    """Fetches from a hub into one cache; `environ` gives `HF_ENDPOINT`, `HF_TOKEN`, `HF_HUB_OFFLINE`."""

    def __init__(self, cache: HubCache, digests: Digests, environ: Mapping[str, str]) -> None:
        self._cache = cache
        self._digests = digests
        self._environ = environ

    @property
    def endpoint(self) -> str:
        """The hub's address, read anew each time so that a mirror can be set while the studio runs."""
        return (self._environ.get("HF_ENDPOINT") or DEFAULT_ENDPOINT).rstrip("/")

    def complete(self, source: Source) -> Path | None:
        """The file or folder of a source, if an earlier fetch brought all of it."""
        return self._cache.complete(source)

    def fetch(self, source: Source, progress: Progress, cancelled: Callable[[], bool]) -> Path:
        """Bring a source's file or snapshot into the cache, going on where an earlier attempt ended.

        Raises:
            SourceError: the hub cannot be reached, refuses, or sends something else than it lists.
            StorageFailed: the disk is full or refuses the write.
            Cancelled: `cancelled` turned true; what has arrived is kept.
        """
        if self._environ.get("HF_HUB_OFFLINE", "").lower() in ("1", "true", "yes", "on"):
            raise SourceError(Reason("weights.reason.offline"))
        return detached(lambda: self._fetch(source, progress), cancelled)

    async def _fetch(self, source: Source, progress: Progress) -> Path:
        repository = self._cache.repository(source)
        async with Remote(self.endpoint, self._token()) as remote:
            listing = await remote.listing(source)
            snapshot = repository / "snapshots" / listing.commit
            wanted = [(file, _inside(snapshot, file.path)) for file in listing.wanted(source)]
            remote.expect(wanted, progress)
            for file, target in wanted:
                partial = _inside(repository / "partial" / listing.commit, file.path)
                digest = await remote.download(source, listing.commit, file, partial, target)
                if digest:
                    self._digests.remember(target, digest)
        receipt = self._cache.receipt(source, listing.commit)
        _write(receipt, json.dumps({file.path: target.stat().st_size for file, target in wanted}))
        if source.revision != listing.commit:
            _write(_inside(repository / "refs", source.revision), listing.commit)
        return snapshot / source.file if source.file else snapshot

    def _token(self) -> str | None:
        if token := self._environ.get("HF_TOKEN"):
            return token
        from huggingface_hub import constants

        try:
            return Path(constants.HF_TOKEN_PATH).read_text().strip() or None
        except OSError:
            return None


def shared_cache(environ: Mapping[str, str]) -> HubCache:
    """The cache that `huggingface_hub` and a Space's `preload_from_hub` use on this machine."""
    if folder := environ.get("HF_HUB_CACHE"):
        return HubCache(Path(folder).expanduser())
    if home := environ.get("HF_HOME"):
        return HubCache(Path(home).expanduser() / "hub")
    base = environ.get("XDG_CACHE_HOME") or "~/.cache"
    return HubCache(Path(base).expanduser() / "huggingface" / "hub")


def _inside(folder: Path, name: str) -> Path:
    """`folder/name`, refusing a name that leads out of the folder: listings come from other people's servers."""
    parts = PurePosixPath(name).parts
    if not parts or "\\" in name or "\0" in name or any(part in ("..", "/") or ":" in part for part in parts):
        raise SourceError(Reason("weights.reason.malformed", {"host": name[:100]}))
    return folder.joinpath(*parts)


def _shards_present(index: Path) -> bool:
    try:
        shards = set(json.loads(index.read_text())["weight_map"].values())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return True
    # An index of weights that the patterns left out names shards of which none is there.
    present = [(index.parent / shard).is_file() for shard in shards]
    return all(present) or not any(present)


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    beside = file.with_name(f"{file.name}.new")
    beside.write_text(text)
    beside.replace(file)
