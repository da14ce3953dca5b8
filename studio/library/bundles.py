"""Works in and out as one file: a zip with their files by digest and `works.json`, whose schema is published."""

import json
import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import IO, Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from studio.errors import InvalidRequest, StorageFailed
from studio.library.assets import AssetStore, suffix_of, unkept
from studio.library.values import File, How, Kind, Made, Role, Version, Work
from studio.library.works import Works

FORMAT: Final = "aigc-studio.works/1"
MANIFEST: Final = "works.json"
MOST_ENTRIES: Final = 20_000
MOST_MANIFEST: Final = 256 * 2**20
MOST_FILE: Final = 2**30
MOST_RATIO: Final = 200
"""How many times larger than in the zip what it holds may be; more is a bomb."""
TOP_WORKS: Final = 10_000
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class BundledFile(BaseModel):
    """A file of a version; in the zip it is `files/<sha256><suffix>`."""

    model_config = ConfigDict(extra="forbid")

    sha256: Digest
    name: Annotated[str, Field(max_length=200)]
    bytes: Annotated[int, Field(ge=0)]
    role: Role = "result"


class BundledVersion(BaseModel):
    """One version, oldest first."""

    model_config = ConfigDict(extra="forbid")

    number: Annotated[int, Field(ge=1)]
    parent: int | None = None
    created: float
    how: How = "made"
    asked: dict[str, Any]
    settings: dict[str, Any]
    made: dict[str, Any]
    model: str = ""
    seconds: float | None = None
    tokens: int | None = None
    files: list[BundledFile] = []
    name: str = ""
    rating: Annotated[int, Field(ge=1, le=5)] | None = None
    why: str = ""


class BundledWork(BaseModel):
    """A work with all its versions."""

    model_config = ConfigDict(extra="forbid")

    id: str
    kind: Kind
    title: str
    created: float
    changed: float
    favourite: bool = False
    tags: list[str] = []
    versions: Annotated[list[BundledVersion], Field(min_length=1)]


class Bundle(BaseModel):
    """What `works.json` holds."""

    model_config = ConfigDict(extra="forbid")

    format: Literal["aigc-studio.works/1"] = FORMAT
    works: Annotated[list[BundledWork], Field(max_length=TOP_WORKS)]


def schema() -> dict[str, Any]:
    """The JSON schema of `works.json`."""
    return Bundle.model_json_schema()


class Bundles:
    """Writes and reads bundles of one owner's works."""

    def __init__(self, works: Works, assets: AssetStore) -> None:
        self._works, self._assets = works, assets

    def write(self, owner: str, works: Sequence[str], target: IO[bytes]) -> Iterator[tuple[int, int]]:
        """Write works into a file; says after each how many of how many are done.

        Raises:
            InvalidRequest: one is not this owner's.
            StorageFailed: the disk refuses it, or a file is gone.
        """
        told: list[BundledWork] = []
        written: set[str] = set()
        try:
            with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED, allowZip64=True) as bundle:
                for count, work in enumerate(works, 1):
                    found = self._works.work(owner, work)
                    versions = self._works.versions(owner, work)[::-1]
                    told.append(_bundled(found, versions))
                    for file in {file.digest: file for version in versions for file in version.files}.values():
                        if file.digest not in written:
                            written.add(file.digest)
                            path = self._assets.path(file.digest, suffix_of(file.name))
                            bundle.write(path, f"files/{file.digest}{suffix_of(file.name)}")
                    yield count, len(works)
                text = Bundle(works=told).model_dump_json(indent=1)
                bundle.writestr(MANIFEST, text, zipfile.ZIP_DEFLATED)
        except OSError as error:
            raise unkept(error) from error

    def read(self, owner: str, source: Path) -> Iterator[tuple[int, int, str]]:
        """Take in the works of a bundle; says after each how many of how many are here, and its id.

        What is in the bundle is judged before anything is kept.

        Raises:
            InvalidRequest: it is no bundle, of another format, or something in it is not what it says.
            StorageFailed, TooMuch: it cannot be kept.
        """
        try:
            with zipfile.ZipFile(source) as bundle, tempfile.TemporaryDirectory() as folder:
                entries = _judged(bundle)
                manifest = _manifest(bundle)
                wanted = {file.sha256: file for work in manifest.works for v in work.versions for file in v.files}
                missing = [name for name in map(_entry, wanted.values()) if name not in entries]
                if missing:
                    raise InvalidRequest("bundle.missing", file=missing[0])
                files = {digest: self._unpacked(bundle, file, Path(folder)) for digest, file in wanted.items()}
                for count, work in enumerate(manifest.works, 1):
                    yield count, len(manifest.works), self._taken(owner, work, files)
        except (zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, RuntimeError, EOFError) as error:
            raise InvalidRequest("bundle.unreadable") from error
        except OSError as error:
            raise unkept(error) from error

    @staticmethod
    def _unpacked(bundle: zipfile.ZipFile, file: BundledFile, folder: Path) -> Path:
        store = AssetStore(folder)
        try:
            with bundle.open(_entry(file)) as content:
                size = store.add(content, file.sha256, suffix_of(file.name), file.bytes)  # type: ignore[arg-type]
        except ValueError as error:
            raise InvalidRequest("bundle.wrong_file", file=file.name) from error
        if size != file.bytes:
            raise InvalidRequest("bundle.wrong_file", file=file.name)
        return store.path(file.sha256, suffix_of(file.name))

    def _taken(self, owner: str, work: BundledWork, files: Mapping[str, Path]) -> str:
        into: str | None = None
        numbers: dict[int, int] = {}
        for version in work.versions:
            made = Made(
                kind=work.kind,
                title=work.title,
                asked=version.asked,
                made=version.made,
                settings=version.settings,
                files=tuple(File(files[file.sha256], file.role, file.name) for file in version.files),
                model=version.model,
                seconds=version.seconds,
                tokens=version.tokens,
                how=version.how,
                tags=tuple(work.tags),
                created=version.created,
            )
            parent = numbers.get(version.parent or 0)
            saved = self._works.save(owner, made, into, parent)
            into, numbers[version.number] = saved.work, saved.version
            if version.rating:
                self._works.rate(owner, into, saved.version, version.rating, version.why)
            if version.name:
                self._works.name(owner, into, saved.version, version.name)
        if into is None:
            raise StorageFailed("library.refused", reason="no versions")
        if work.favourite:
            self._works.change(owner, [into], favourite=True)
        return into


def _judged(bundle: zipfile.ZipFile) -> set[str]:
    """The names of what a zip holds, if nothing of it could do harm."""
    entries = bundle.infolist()
    if len(entries) > MOST_ENTRIES:
        raise InvalidRequest("bundle.entries", most=MOST_ENTRIES)
    for entry in entries:
        path = PurePosixPath(entry.filename)
        climbing = path.is_absolute() or ".." in path.parts or "\\" in entry.filename or ":" in entry.filename
        linked = (entry.external_attr >> 16) & 0o170000 == 0o120000
        if climbing or linked:
            raise InvalidRequest("bundle.path", file=entry.filename[:100])
        swollen = entry.file_size > max(2**20, entry.compress_size * MOST_RATIO)
        if entry.file_size > MOST_FILE or swollen:
            raise InvalidRequest("bundle.bomb", file=entry.filename[:100])
    return {entry.filename for entry in entries}


def _manifest(bundle: zipfile.ZipFile) -> Bundle:
    try:
        with bundle.open(MANIFEST) as stream:
            text = stream.read(MOST_MANIFEST + 1)
        told = json.loads(text) if len(text) <= MOST_MANIFEST else None
        if isinstance(told, dict) and told.get("format") != FORMAT:
            raise InvalidRequest("bundle.format", format=str(told.get("format"))[:60], known=FORMAT)
        return Bundle.model_validate(told)
    except KeyError as error:
        raise InvalidRequest("bundle.unreadable") from error
    except ValidationError as error:
        place = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise InvalidRequest("bundle.schema", place=place, reason=error.errors()[0]["msg"]) from error
    except (ValueError, RecursionError) as error:
        raise InvalidRequest("bundle.unreadable") from error


def _entry(file: BundledFile) -> str:
    return f"files/{file.sha256}{suffix_of(file.name)}"


def _bundled(work: Work, versions: Sequence[Version]) -> BundledWork:
    return BundledWork(
        id=work.id,
        kind=work.kind,
        title=work.title,
        created=work.created,
        changed=work.changed,
        favourite=work.favourite,
        tags=list(work.tags),
        versions=[_version(version) for version in versions],
    )


def _version(version: Version) -> BundledVersion:
    names = ("number", "parent", "created", "how", "model", "seconds", "tokens", "name", "rating", "why")
    files = [
        BundledFile(sha256=file.digest, name=file.name, bytes=file.bytes, role=file.role) for file in version.files
    ]
    told = {name: getattr(version, name) for name in names}
    return BundledVersion(
        **told, asked=dict(version.asked), settings=dict(version.settings), made=dict(version.made), files=files
    )
