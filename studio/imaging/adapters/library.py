"""The LoRAs and textual inversions of a studio: found, told apart, put into prompts, and brought from the hub."""

import re
import threading
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import replace
from math import isfinite
from pathlib import Path
from typing import Final

from PIL import Image

from studio.engines.diffusion import Adapter, Make, base_make, compatible
from studio.errors import InvalidRequest, StudioError, UnknownModel
from studio.imaging.adapters.files import FOLDERS, AdapterFile, Kind, adapter_files, read_adapter
from studio.imaging.adapters.hub import AdapterHub
from studio.imaging.pictures.opening import open_picture
from studio.registry import LoadProgress, ModelSpec, Registry

MOST_WEIGHT: Final = 10.0
PREVIEW_SIDE: Final = 384
"""Pixels of the longer side."""
PREVIEW_PIXELS: Final = 24_000_000

_Key = tuple[str, Path, Kind]
"""A file under the name that prompts have for it, which changes when others come and go."""
_Version = tuple[int, int]
"""When a file was last written, in nanoseconds, and its bytes: another version is another file."""


class AdapterLibrary:
    """The folders `loras` and `embeddings` inside `data`; neither has to be there.

    Files are looked for anew each time, and read again only when they have changed. With a `registry`, it can tell
    which of them go with a model; with a `hub`, it can bring more.
    """

    def __init__(
        self,
        data: Path,
        registry: Registry | None = None,
        hub: AdapterHub | None = None,
        shipped: Path | None = None,
    ) -> None:
        """`shipped` holds folders of the same names with what comes with the studio; names in `data` go first."""
        self._data, self._registry, self._hub, self._shipped = data, registry, hub, shipped
        self._lock = threading.Lock()
        self._read: dict[_Key, tuple[_Version, AdapterFile]] = {}

    def folder(self, kind: Kind) -> Path:
        """Where files of a kind are put."""
        return self._data / FOLDERS[kind]

    def find(self, kind: Kind, query: str = "", model: str | None = None) -> tuple[AdapterFile, ...]:
        """The files in which all words of `query` occur, in any order; usable ones first, then by name.

        With `model`, an image model's id or "" for the one that would draw, each tells whether it goes with it. A
        model whose files are not here goes with all, as far as anybody can tell.

        Raises:
            UnknownModel: no such image model.
        """
        found = [file for file in self._all(kind) if _mentions(file, _words(query))]
        if model is not None and self._registry is not None:
            spec = self._spec(self._registry, model)
            found = self._judged(found, spec) if spec else found
        return tuple(sorted(found, key=lambda file: (not file.usable, file.name.casefold(), file.name)))

    def get(self, kind: Kind, name: str, model: str | None = None) -> AdapterFile:
        """The file that prompts call `name`.

        Raises:
            InvalidRequest: there is none.
        """
        file = next((file for file in self.find(kind, model=model) if file.name == name), None)
        if file is None:
            raise InvalidRequest("adapter.missing", name=name)
        return file

    def check(self, adapters: Sequence[Adapter], spec: ModelSpec) -> None:
        """Refuse what cannot work with a model, before that is loaded. What nothing is known of passes.

        Raises:
            InvalidRequest: a LoRA is broken or made for another family.
        """
        for adapter in adapters:
            file = self._version(adapter.path.stem, adapter.path, "lora")
            for judged in self._judged([file] if file else [], spec):
                if reason := judged.trouble or judged.misfit:
                    raise InvalidRequest.of(reason)

    def text(self, adapter: AdapterFile, weight: float = 1.0) -> str:
        """What to write into a prompt: `<lora:name:0.8>`, or the word of a textual inversion.

        Raises:
            InvalidRequest: the file cannot be used, or the weight is no number of at most 10 either way.
        """
        if adapter.trouble:
            raise InvalidRequest(adapter.trouble.code, **adapter.trouble.details)
        if adapter.kind == "inversion":
            return adapter.path.stem
        if not isfinite(weight) or abs(weight) > MOST_WEIGHT:
            raise InvalidRequest("prompt.lora_weight", name=adapter.name, weight=f"{weight:g}")
        return f"<lora:{adapter.name}:{weight:.4g}>"

    def added(self, prompt: str, adapter: AdapterFile, weight: float = 1.0) -> str:
        """The prompt with an adapter in it, once: one that is there already gets the new weight, where it stands.

        Raises:
            InvalidRequest: as `text` does.
        """
        said = self.text(adapter, weight)
        if adapter.kind == "inversion":
            there = re.search(rf"(?<!\w){re.escape(said)}(?!\w)", prompt, re.IGNORECASE)
            return prompt if there else ", ".join(filter(None, (prompt.rstrip(" ,\n"), said)))
        called = re.compile(rf"<lora:\s*{re.escape(adapter.name)}\s*(?::[^<>]*)?>")
        first, *others = called.split(prompt)
        if not others:
            return " ".join(filter(None, (prompt.rstrip(), said)))
        return first + said + "".join(others)

    def preview(self, adapter: AdapterFile) -> Image.Image | None:
        """The picture beside a file, made small; None where there is none that can be shown."""
        if adapter.picture is None:
            return None
        try:
            image = open_picture(adapter.picture, PREVIEW_PIXELS).image
        except StudioError:
            return None
        image.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE))
        return image

    def fetch(self, repository: str, file: str = "") -> Iterator[LoadProgress | AdapterFile]:
        """Bring a file of the hub into the folder of its kind, see `AdapterHub.fetch`; the last item is the file.

        Raises:
            InvalidRequest: this library has no hub; and what `AdapterHub.fetch` raises.
        """
        if self._hub is None:
            raise InvalidRequest("controls.off")
        for step in self._hub.fetch(repository, file):
            yield step if isinstance(step, LoadProgress) else self._arrived(step)

    def _arrived(self, file: Path) -> AdapterFile:
        kind: Kind = "lora" if file.is_relative_to(self.folder("lora")) else "inversion"
        return next(found for found in self._all(kind) if found.path == file)

    def _all(self, kind: Kind) -> list[AdapterFile]:
        found = list(adapter_files(self.folder(kind), kind))
        if self._shipped is not None:
            own = {name for name, _ in found}
            found += [each for each in adapter_files(self._shipped / FOLDERS[kind], kind) if each[0] not in own]
        versions = (self._version(name, file, kind) for name, file in found)
        return [file for file in versions if file is not None]

    def _version(self, name: str, file: Path, kind: Kind) -> AdapterFile | None:
        """What a file tells, read once for each version of it; None where it has gone."""
        key = name, file, kind
        try:
            status = file.stat()
            version = status.st_mtime_ns, status.st_size
            with self._lock:
                known = self._read.get(key)
            if known is None or known[0] != version:
                folder = self.folder(kind)
                known = version, read_adapter(name, file, folder if file.is_relative_to(folder) else file.parent, kind)
                with self._lock:
                    self._read[key] = known
        except OSError:
            with self._lock:
                self._read.pop(key, None)
            return None
        return known[1]

    def _judged(self, files: Sequence[AdapterFile], spec: ModelSpec) -> list[AdapterFile]:
        base = base_make(self._registry.weights(spec)) if self._registry and files else Make("base")
        return [replace(file, misfit=compatible(file.make, base, file=file.name, model=spec.name)) for file in files]

    @staticmethod
    def _spec(registry: Registry, model: str) -> ModelSpec | None:
        try:
            return registry.choose(model or None, "image")
        except UnknownModel:
            if model:
                raise
            return None


def _words(text: str) -> list[str]:
    return unicodedata.normalize("NFKC", text).casefold().split()


def _mentions(file: AdapterFile, words: Sequence[str]) -> bool:
    said = "\n".join((file.name, file.folder, file.path.name, file.title, file.family, *file.tags, *file.triggers))
    text = " ".join(_words(said))
    return all(word in text for word in words)
