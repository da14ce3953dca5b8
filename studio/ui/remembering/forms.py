"""The form of a tab as plain data: what a draft keeps of it, what a preset names, and what brings it back."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import gradio as gr
from gradio.blocks import Block
from gradio.processing_utils import save_file_to_cache
from gradio.utils import get_upload_folder

from studio.errors import StudioError
from studio.library.assets import suffix_of
from studio.library.library import Library
from studio.ui.start_stop import Updates

ASSET: Final = "asset"
Fields = Mapping[str, Block]


def _read(component: Block, value: Any) -> Any:
    """What the page's own components hold as text is kept as what it says."""
    return component.preprocess(value) if isinstance(component, gr.HTML) else value


def copied(path: Path) -> Path:
    """A file of the library where Gradio serves files from."""
    return Path(save_file_to_cache(path, cache_dir=get_upload_folder()))


class Form:
    """A tab's components by the names that drafts, presets and works use."""

    def __init__(self, library: Library, fields: Fields, hidden: Sequence[str] = ()) -> None:
        """`hidden` are those that belong to a work and not to what somebody would use again."""
        self._library, self.fields, self._hidden = library, dict(fields), frozenset(hidden)
        self._kept: dict[str, str] = {}

    @property
    def components(self) -> list[Block]:
        """In the order in which the browser sends their values."""
        return list(self.fields.values())

    def state(self, values: Sequence[Any]) -> tuple[dict[str, Any], list[str]]:
        """What the browser sent, by name; files are kept and told by their digests, which come beside it."""
        digests: list[str] = []
        state = {
            name: self._plain(value, digests) if isinstance(component, gr.Image) else _read(component, value)
            for (name, component), value in zip(self.fields.items(), values, strict=True)
        }
        return state, digests

    def reusable(self, state: Mapping[str, Any]) -> dict[str, Any]:
        """Of a state, what a preset keeps: settings and words, no files and no work."""
        return {
            name: value
            for name, value in state.items()
            if name not in self._hidden and not (isinstance(value, dict) and ASSET in value)
        }

    def updates(self, owner: str, state: Mapping[str, Any]) -> Updates:
        """The components' values for a state; what it does not name stays."""
        updates: Updates = {}
        for name, value in state.items():
            component = self.fields.get(name)
            if component is None:
                continue
            if isinstance(value, dict) and set(value) >= {ASSET}:
                path = self._file(owner, str(value[ASSET]))
                if path is not None:
                    updates[component] = path
            elif isinstance(component, gr.Image):
                continue  # a work or a draft names its own files alone, never a path on this machine
            elif isinstance(component, gr.State):
                updates[component] = value
            else:
                updates[component] = gr.update(value=value)
        return updates

    def _plain(self, value: Any, digests: list[str]) -> Any:
        if not isinstance(value, dict) or not isinstance(value.get("path"), str):
            return value
        path = value["path"]
        if not Path(path).resolve().is_relative_to(Path(get_upload_folder()).resolve()):
            return None
        known = self._kept.get(path)
        if known is None or not self._library.assets.path(known, suffix_of(path)).is_file():
            if len(self._kept) > 1000:
                self._kept.clear()
            self._kept[path] = self._library.drafts.keep(Path(path))
        digests.append(self._kept[path])
        return {ASSET: self._kept[path], "name": value.get("orig_name")}

    def _file(self, owner: str, digest: str) -> str | None:
        try:
            path: Path | None = self._library.drafts.file(owner, digest)
        except StudioError:
            found = self._library.works.file(owner, digest)
            path = found[0] if found else None
        if path is None or not path.is_file():
            return None
        return str(copied(path))
