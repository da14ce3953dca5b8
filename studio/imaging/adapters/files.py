"""One LoRA or textual inversion in a folder: its name in prompts, and what its file tells of itself."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal

from studio.engines.diffusion import FAMILIES, PICKLES, HeadError, Make, adapter_make, read_head
from studio.errors import Reason

Kind = Literal["lora", "inversion"]
FOLDERS: Final[Mapping[Kind, str]] = {"lora": "loras", "inversion": "embeddings"}
"""Where they are, inside the data folder."""
SUFFIXES: Final[Mapping[Kind, tuple[str, ...]]] = {
    "lora": (".safetensors",),
    "inversion": (".safetensors", ".pt", ".bin"),
}
"""What prompts can name. Vectors in torch's own form are read by the engine as data only."""
PICTURES: Final = (".preview.png", ".png", ".jpg", ".jpeg", ".webp", ".preview.jpg", ".preview.webp")
"""Endings of a picture beside a file that shows what it does, as other tools put it there."""
MOST_TRIGGERS: Final = 10
MOST_TAGS: Final = 100
"""Tags of its training by which a file is found."""
LONGEST_WORD: Final = 120


@dataclass(frozen=True)
class AdapterFile:
    """A LoRA or textual inversion that is in its folder."""

    name: str
    """What prompts call it: the file without its ending, with its folder where that alone tells two apart."""
    kind: Kind
    path: Path
    folder: str
    """The folder inside the folder of its kind; empty when it lies there itself."""
    size: int
    """Bytes."""
    make: Make
    triggers: tuple[str, ...] = ()
    """Words that bring out what it learned, the most used in its training first."""
    tags: tuple[str, ...] = ()
    title: str = ""
    licence: str = ""
    trouble: Reason | None = None
    """Why it cannot be used at all."""
    misfit: Reason | None = None
    """Why it cannot be used with the model that was asked about."""

    @property
    def family(self) -> str:
        """The family it was made for, as people call it; empty where nothing tells."""
        return FAMILIES[self.make.family] if self.make.family else ""

    @property
    def usable(self) -> bool:
        """Whether it can be added to a prompt."""
        return self.trouble is None and self.misfit is None

    @property
    def picture(self) -> Path | None:
        """The picture beside it."""
        beside = (self.path.with_name(self.path.stem + ending) for ending in PICTURES)
        return next((file for file in beside if file.is_file()), None)


def named_files(folder: Path, suffixes: Sequence[str]) -> dict[str, Path]:
    """The files of a folder and of those inside, by what prompts may call them; hidden ones do not count.

    That is the name without its ending, and with its folder as well: `deep/ink`. Of several that share a name, the
    one that lies least deep has it, and a safetensors file goes before any other.
    """
    files = _files(folder, suffixes)
    names: dict[str, Path] = {}
    for file in files:
        names.setdefault(file.relative_to(folder).with_suffix("").as_posix(), file)
    for file in files:
        names.setdefault(file.stem, file)
    return names


def adapter_files(folder: Path, kind: Kind) -> Iterator[tuple[str, Path]]:
    """Each file of a kind, with the shortest name that means it; empty for one that prompts cannot name."""
    names = {
        file: name
        for name, file in named_files(folder, SUFFIXES[kind]).items()
        # The engine knows a learned word by itself, without its folder.
        if kind == "lora" or name == file.stem
    }
    for file in _files(folder, (*SUFFIXES[kind], *PICKLES)):
        yield names.get(file, ""), file


def read_adapter(name: str, file: Path, folder: Path, kind: Kind) -> AdapterFile:
    """What a file tells of itself; one that cannot be used tells why.

    Raises:
        OSError: it went away meanwhile.
    """
    size = file.stat().st_size
    inside = file.parent.relative_to(folder).as_posix().removeprefix(".")
    found = AdapterFile(name or file.relative_to(folder).as_posix(), kind, file, inside, size, Make(kind))
    data_only = file.suffix.lower() in SUFFIXES[kind] and file.suffix.lower() in PICKLES
    if not name and (data_only or file.suffix.lower() not in PICKLES):
        return _broken(found, Reason("adapter.shadowed", {"file": file.name}))
    if set(file.name) & set("<>:"):
        return _broken(found, Reason("adapter.name", {"file": file.name}))
    if data_only:
        return found
    try:
        head = read_head(file)
    except HeadError as error:
        return _broken(found, error.reason)
    except OSError as error:
        return _broken(found, Reason("file.unreadable", {"file": file.name, "reason": error.strerror or ""}))
    make = adapter_make(head)
    if make.kind != kind:
        code = {"lora": "adapter.is_lora", "inversion": "adapter.is_inversion"}.get(make.kind, "adapter.other")
        return _broken(found, Reason(code, {"file": file.name}))
    triggers, tags = _learned(head.metadata)
    title = head.metadata.get("modelspec.title") or head.metadata.get("ss_output_name") or ""
    licence = head.metadata.get("modelspec.license") or head.metadata.get("license") or ""
    return replace(found, make=make, triggers=triggers, tags=tags, title=_short(title), licence=_short(licence))


def _files(folder: Path, suffixes: Sequence[str]) -> list[Path]:
    """Safetensors files first, then by how deep they lie and by name."""
    if not folder.is_dir():
        return []
    any_case = set(suffixes) & set(PICKLES)
    found = [
        file
        for file in folder.rglob("*.*")
        if (file.suffix in suffixes or file.suffix.lower() in any_case)
        and not any(part.startswith(".") for part in file.relative_to(folder).parts)
        and file.is_file()
    ]
    return sorted(found, key=lambda file: (file.suffix != ".safetensors", len(file.parts), file))


def _broken(found: AdapterFile, reason: Reason) -> AdapterFile:
    return replace(found, make=Make("other"), trouble=reason)


def _learned(metadata: Mapping[str, str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Trigger words and tags: those its maker names (`modelspec.trigger_phrase`), then kohya's counts."""
    named = [_short(word) for word in metadata.get("modelspec.trigger_phrase", "").split(",")]
    tags = [_short(tag) for tag in _counted(metadata.get("ss_tag_frequency", ""))]
    unique = tuple(dict.fromkeys(word for word in (*named, *tags) if word))
    return unique[:MOST_TRIGGERS], unique[:MOST_TAGS]


def _counted(text: str) -> list[str]:
    """Tags by how often they were trained with, from kohya's table of tags by folder."""
    counts: Counter[str] = Counter()
    try:
        tables: Any = json.loads(text) if text else {}
        for table in tables.values():
            counts.update({str(tag).strip(): int(count) for tag, count in table.items()})
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError):
        return []
    return [tag for tag, _ in counts.most_common(MOST_TAGS)]


def _short(text: str) -> str:
    """One line that can be shown."""
    return "".join(mark for mark in " ".join(text.split()) if mark.isprintable())[:LONGEST_WORD].strip()
