"""What a catalogue entry says about one model."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, NewType

from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, PositiveInt, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

ModelId = NewType("ModelId", str)

Task = Literal["text", "code", "image", "controlnet", "adapter", "preview", "vae", "annotate", "classify", "upscale"]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Source(_Entry):
    """One place a model's weights may come from; exactly one of `package`, `path` and `hub` is set."""

    package: str | None = None
    """A Python distribution that carries the file; it is located, never imported."""
    path: str | None = None
    """A file or folder on this machine; `~` and environment variables are expanded."""
    hub: str | None = None
    """A Hugging Face repository, `owner/name`; `HF_ENDPOINT` is honoured."""

    file: str | None = None
    """The one file to use. Without it a hub source is the whole repository, filtered by `allow`."""
    allow: tuple[str, ...] = ()
    """Glob patterns of the repository's files to fetch."""
    revision: str = "main"
    """The branch, tag or commit of a hub repository."""
    sha256: Sha256 | None = None
    """The digest of `file`; checked before the weights are used."""

    @model_validator(mode="after")
    def _one_place(self) -> "Source":
        places = [place for place in (self.package, self.path, self.hub) if place]
        if len(places) != 1:
            raise PydanticCustomError("source_place", "a source names exactly one of package, path and hub")
        if self.package and not self.file:
            raise PydanticCustomError("source_file", "a package source names the file inside the package")
        if self.sha256 and not (self.file or self.path):
            raise PydanticCustomError("source_digest", "sha256 belongs to one file")
        return self

    @property
    def label(self) -> str:
        """The source in one word and its address, for people: `hub Qwen/Qwen3-0.6B-GGUF`."""
        kind, place = next((k, v) for k in ("package", "path", "hub") if (v := getattr(self, k)))
        return f"{kind} {place}"


class ModelSpec(_Entry):
    """One model of the catalogue."""

    id: ModelId
    name: str
    task: Task
    engine: str
    """The loader that runs it: `llamacpp`, `transformers`, `openai`, `diffusers`, `annotators`, `classifiers` or
    `spandrel`."""
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
    defaults: Mapping[str, Any] = Field(default_factory=dict)
    """Engine and request defaults: `context`, `temperature`, `steps`, `guidance_scale`, `width`, `height`, …"""

    @property
    def remote(self) -> bool:
        """Whether it runs on another machine, so that nothing is fetched or held here."""
        return not self.sources
