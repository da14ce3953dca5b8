"""The catalogue: which models exist, read from `models.yaml` and checked line by line."""

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, ValidationError

from studio.errors import CatalogueError, Reason, UnknownModel, whole_numbers
from studio.messages import Locale, known, message
from studio.registry.catalogue.engines import engine_names
from studio.registry.catalogue.spec import ModelId, ModelSpec, Source, Task
from studio.registry.catalogue.yaml_lines import Document, Location, YamlError, read_yaml

VERSION: Final = 1
REMOTE_ENGINE: Final = "openai"

ENDPOINT: Final = ModelSpec(
    id=ModelId("openai-endpoint"),
    name="OpenAI-compatible endpoint",
    task="text",
    engine=REMOTE_ENGINE,
    licence="set by the endpoint",
    languages=("en", "zh"),
)
"""The entry that `STUDIO_OPENAI_BASE_URL` fills in; in every catalogue, listed there or not."""

_ID = re.compile(r"[a-z0-9][a-z0-9._-]*")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")
BASED: Final = ("controlnet", "adapter", "preview", "vae")
"""Tasks of entries that are of use to one model, and to those of its family."""
_REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+", re.ASCII)
_DEVICE = re.compile(r"cpu|cuda:\d+")


class _Defaults(BaseModel):
    """Bounds of the defaults that several engines share; an engine may have more of its own."""

    model_config = ConfigDict(extra="allow")

    context: PositiveInt | None = None
    temperature: float | None = Field(default=None, ge=0, le=2, allow_inf_nan=False)
    top_p: float | None = Field(default=None, ge=0, le=1)
    steps: int | None = Field(default=None, ge=1, le=150)
    guidance_scale: float | None = Field(default=None, ge=0, le=30, allow_inf_nan=False)
    width: int | None = Field(default=None, ge=64, le=4096, multiple_of=8)
    height: int | None = Field(default=None, ge=64, le=4096, multiple_of=8)
    scheduler: str | None = None
    recipe: Literal["form", "draft", "free"] | None = None


class MalformedCatalogueError(CatalogueError):
    """`models.yaml` breaks its schema; every problem is listed with its line."""

    def __init__(self, path: Path, problems: Sequence[tuple[int, str, Reason]]) -> None:
        """`problems` holds line, entry id (empty outside entries) and reason."""
        self.problems = tuple(sorted(problems, key=lambda problem: problem[0]))
        lines = [line for line, _, _ in self.problems]
        super().__init__("catalogue.malformed", path=str(path), lines=lines, problems=self._listed("en"))

    def text(self, locale: Locale = "en") -> str:
        return message("errors.catalogue.malformed", locale, **{**self.details, "problems": self._listed(locale)})

    def _listed(self, locale: Locale) -> str:
        return "\n".join(
            message(f"errors.catalogue.{'entry' if entry else 'line'}", locale, line=line, entry=entry, problem=problem)
            for line, entry, reason in self.problems
            for problem in (reason.text(locale),)
        )


class Catalogue:
    """All models the studio knows, in the order of the file; immutable."""

    def __init__(self, specs: Sequence[ModelSpec]) -> None:
        self._specs: Mapping[str, ModelSpec] = {spec.id: spec for spec in specs}

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read `models.yaml`. A relative `path:` source is taken from the folder of that file.

        Raises:
            CatalogueError: the file cannot be read, or lines of it break the schema.
        """
        try:
            text = path.read_text(encoding="utf-8-sig")
        except FileNotFoundError as error:
            raise CatalogueError("catalogue.missing", path=str(path)) from error
        except UnicodeDecodeError as error:
            raise CatalogueError("catalogue.encoding", path=str(path)) from error
        except OSError as error:
            raise CatalogueError("catalogue.unreadable", path=str(path), reason=error.strerror or str(error)) from error
        try:
            document = read_yaml(text)
        except YamlError as error:
            raise MalformedCatalogueError(path, [(error.line, "", error.reason)]) from error
        reader = _Reader(document)
        specs = reader.specs()
        if reader.problems:
            raise MalformedCatalogueError(path, reader.problems)
        specs = [_anchored(spec, path.absolute().parent) for spec in specs]
        if all(spec.id != ENDPOINT.id for spec in specs):
            specs.append(ENDPOINT)
        return cls(specs)

    def get(self, model: str) -> ModelSpec:
        """The entry with this id.

        Raises:
            UnknownModel: there is none; near misses are named.
        """
        if model in self._specs:
            return self._specs[model]
        near = difflib.get_close_matches(model.strip().lower()[:100], self._specs, n=3, cutoff=0.5)
        if near:
            raise UnknownModel("model.unknown_near", model=model[:100], near=", ".join(near))
        raise UnknownModel("model.unknown", model=model[:100], known=", ".join(self._specs))

    def for_task(self, *tasks: Task) -> tuple[ModelSpec, ...]:
        """The entries made for any of `tasks`, in catalogue order."""
        return tuple(spec for spec in self if spec.task in tasks)

    def __iter__(self) -> Iterator[ModelSpec]:
        return iter(self._specs.values())

    def __len__(self) -> int:
        return len(self._specs)

    def __contains__(self, model: object) -> bool:
        return model in self._specs


class _Reader:
    """Turns one document into entries and collects everything wrong with it."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._engines = engine_names()
        self.problems: list[tuple[int, str, Reason]] = []

    def specs(self) -> list[ModelSpec]:
        entries = self._entries()
        specs: list[ModelSpec] = []
        seen: dict[str, int] = {}
        for index, entry in enumerate(entries):
            spec = self._spec(("models", index), entry)
            if spec is None:
                continue
            if spec.id in seen:
                where: Location = ("models", index, "id")
                self._report(where, spec.id, "duplicate_id", id=spec.id, first=seen[spec.id])
            seen.setdefault(spec.id, self._document.line(("models", index)))
            specs.append(spec)
            self._check(("models", index), spec)
        self._check_bases(entries, specs)
        return specs

    def _entries(self) -> list[Any]:
        data = self._document.data
        if not isinstance(data, dict) or not isinstance(data.get("models"), list):
            self._report(("models",), "", "no_models")
            return []
        if data.get("version") != VERSION:
            self._report(("version",), "", "version", version=data.get("version"), wanted=VERSION)
        for key in data.keys() - {"version", "models"}:
            self._report((key,), "", "extra_forbidden", field=key, near="")
        models: list[Any] = data["models"]
        if not models:
            self._report(("models",), "", "no_models")
        return models

    def _spec(self, where: Location, entry: Any) -> ModelSpec | None:
        if not isinstance(entry, dict):
            self._report(where, "", "not_an_entry")
            return None
        name = str(entry.get("id", ""))
        try:
            spec = ModelSpec.model_validate(entry)
            _Defaults.model_validate(dict(spec.defaults))
        except ValidationError as error:
            inside: Location = ("defaults",) if error.title == "_Defaults" else ()
            for finding in error.errors():
                self._report_finding(where, name, (*inside, *finding["loc"]), finding)
            return None
        return spec

    def _report_finding(self, where: Location, entry: str, loc: Location, finding: Any) -> None:
        field = ".".join(str(part) for part in loc)
        kind = str(finding["type"])
        context = whole_numbers({key: value for key, value in (finding.get("ctx") or {}).items() if key != "error"})
        place = (*where, *loc)
        if not known(f"errors.catalogue.reason.{kind}"):
            self._report(place, entry, "other", field=field, problem=str(finding["msg"]))
            return
        if kind == "extra_forbidden":
            fields = list(ModelSpec.model_fields) if len(loc) == 1 else list(Source.model_fields)
            near = difflib.get_close_matches(str(loc[-1]), fields, n=1)
            kind = "extra_near" if near else kind
            context = {"near": near[0] if near else ""}
        self._report(place, entry, kind, **{"field": field, "value": str(finding.get("input"))[:60], **context})

    def _check(self, where: Location, spec: ModelSpec) -> None:
        """What one entry must fulfil beyond the types of its fields."""
        if not _ID.fullmatch(spec.id):
            self._report((*where, "id"), spec.id, "id", id=spec.id)
        if spec.engine not in self._engines:
            self._report((*where, "engine"), spec.id, "engine", engine=spec.engine, known=", ".join(self._engines))
        if spec.sources and spec.memory is None:
            self._report((*where, "memory"), spec.id, "no_memory")
        if spec.device is not None and not _DEVICE.fullmatch(spec.device):
            self._report((*where, "device"), spec.id, "device", device=spec.device)
        for index, language in enumerate(spec.languages):
            if not _LANGUAGE.fullmatch(language):
                self._report((*where, "languages", index), spec.id, "language", language=language)
        self._check_sources(where, spec)

    def _check_sources(self, where: Location, spec: ModelSpec) -> None:
        if spec.engine != REMOTE_ENGINE and not spec.sources:
            self._report((*where, "sources"), spec.id, "no_sources")
        if spec.engine == REMOTE_ENGINE and spec.sources:
            self._report((*where, "sources"), spec.id, "remote_sources")
        for index, source in enumerate(spec.sources):
            if source.hub and not _REPOSITORY.fullmatch(source.hub):
                self._report((*where, "sources", index, "hub"), spec.id, "repository", repository=source.hub)

    def _check_bases(self, entries: Sequence[Any], specs: Sequence[ModelSpec]) -> None:
        # Entries that are broken elsewhere still count as bases, so that one mistake is reported once.
        images = {e.get("id") for e in entries if isinstance(e, dict) and e.get("task") == "image"}
        for index, entry in enumerate(entries):
            spec = next((spec for spec in specs if isinstance(entry, dict) and spec.id == entry.get("id")), None)
            if spec is None:
                continue
            where: Location = ("models", index)
            if spec.base is None and spec.task in BASED:
                self._report(where, spec.id, "no_base")
            elif spec.base is not None and spec.base not in images:
                self._report((*where, "base"), spec.id, "base", base=spec.base)

    def _report(self, where: Location, entry: str, kind: str, **details: object) -> None:
        reason = Reason(f"catalogue.reason.{kind}", details)
        self.problems.append((self._document.line(where), entry, reason))


def _anchored(spec: ModelSpec, folder: Path) -> ModelSpec:
    """The same entry with relative `path:` sources made absolute."""
    sources = tuple(
        source.model_copy(update={"path": str(folder / source.path)})
        if source.path and not source.path.startswith(("~", "$")) and not Path(source.path).is_absolute()
        else source
        for source in spec.sources
    )
    return spec.model_copy(update={"sources": sources})
