"""Drafts on the page: each tab's form is saved a moment after it changes, and is there again on the next visit."""

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final, Protocol

import gradio as gr
from gradio.blocks import Block

from studio.errors import StudioError
from studio.keeping.keeper import TABS
from studio.library.values import Version, Work
from studio.studio import Studio
from studio.ui.accounting import owner_or_local
from studio.ui.remembering.forms import Form, copied
from studio.ui.start_stop import QUIET, Updates

MOST_STATE: Final = 4 * 2**20
WORK_JS: Final = "() => [new URLSearchParams(location.search).get('work') || '']"


class Remembered(Protocol):
    """A tab whose form is remembered."""

    draft: Form
    restored: list[Block]
    """What `follows` may update."""
    statuses: list[Block]
    """The lines that tell of the last run."""

    def follows(self, state: Mapping[str, Any]) -> Updates:
        """What follows from a form's state, beside the form itself."""

    def opened(self, work: Work, version: Version) -> Mapping[str, Any]:
        """The form's state that a version came of."""


class Drafts:
    """Saves and restores the forms of all tabs."""

    def __init__(self, studio: Studio, tabs: Mapping[str, Remembered], selected: gr.Tabs) -> None:
        self._studio, self._tabs, self._selected = studio, tabs, selected

    def wire(self, page: gr.Blocks) -> None:
        """Bind everything; call it once, when the tabs are there."""
        for name, tab in self._tabs.items():
            # The page's script clicks it, a moment after something in the tab was changed.
            saving = gr.Button("", elem_id=f"{name}-remember", elem_classes="never")
            saving.click(
                self._saver(name, tab.draft), tab.draft.components, None, preprocess=False, trigger_mode="always_last",
                **QUIET,
            )  # fmt: skip
        asked = gr.Textbox("", visible=False)
        begun = page.load(None, None, asked, js=WORK_JS, **QUIET)
        outputs = [self._selected, *self.outputs]
        restored = begun.then(self.restore, asked, outputs, **QUIET)
        # After the forms are there, not beside it: what a run shows is newer than any draft.
        restored.then(None, None, None, js="() => window.studioLibrary?.attach()", **QUIET)

    @property
    def outputs(self) -> list[Block]:
        """What restoring may update."""
        tabs = self._tabs.values()
        found = [block for tab in tabs for block in (*tab.draft.components, *tab.restored, *tab.statuses)]
        return list(dict.fromkeys(found))

    def restore(self, work: str, request: gr.Request) -> Updates:
        """Each tab as its owner left it; a work that the address names is opened."""
        owner = owner_or_local(request).id
        updates: Updates = {}
        library = self._studio.library
        for name, tab in self._tabs.items():
            try:
                draft = library.drafts.last(owner, name)
            except StudioError:
                return {self._selected: gr.skip()}
            if draft is not None:
                updates |= self._filled(owner, tab, draft.state)
        if work:
            # Somebody else's, or gone: the page is as it was left.
            with suppress(StudioError):
                updates |= self.open(owner, work, None)
        return updates or {self._selected: gr.skip()}

    def open(self, owner: str, work: str, number: int | None, keep: Callable[[str], bool] | None = None) -> Updates:
        """A work in its tab: its draft where it is the last version, else the form that the version came of.

        Raises:
            StudioError: it is not this owner's, or is gone.
        """
        library = self._studio.library
        found, version = library.works.work(owner, work), library.works.version(owner, work, number)
        name = TABS[found.kind]
        tab = self._tabs[name]
        draft = library.drafts.of(owner, name, work) if number is None else None
        state = dict(draft.state) if draft else dict(tab.opened(found, version))
        if keep is not None:
            state = {field: value for field, value in state.items() if keep(field)}
        # What the last run said is not about this work.
        silent: Updates = dict.fromkeys(tab.statuses, "")
        return {self._selected: gr.Tabs(selected=name), **silent, **self._filled(owner, tab, state)}

    def _filled(self, owner: str, tab: Remembered, state: Mapping[str, Any]) -> Updates:
        return {**tab.draft.updates(owner, state), **tab.follows({**state, "kept": self._result(owner, state)})}

    def _result(self, owner: str, state: Mapping[str, Any]) -> dict[str, Any] | None:
        """The picture that a form's last result is, with how it was made and what it was made from."""
        kept = state.get("kept")
        kept = json.loads(kept) if isinstance(kept, str) else kept
        if not isinstance(kept, dict) or not kept.get("work"):
            return None
        library = self._studio.library
        try:
            version = library.works.version(owner, str(kept["work"]), int(kept["version"]))
            files = {file.role: library.works.file(owner, file.digest) for file in reversed(version.files)}
        except (StudioError, TypeError, ValueError):
            return None
        told = {name: str(copied(found[0])) for name, found in files.items() if found and found[0].is_file()}
        result = {"file": told.get("result"), "source": told.get("source")}
        return kept | result | {name: version.made.get(name) for name in ("infotext", "seed")}

    def _saver(self, name: str, form: Form) -> Callable[..., None]:
        def save(request: gr.Request, *values: Any) -> None:
            owner = owner_or_local(request).id
            state, digests = form.state(values)
            if len(repr(state)) > MOST_STATE:
                return
            work = str(state.get("work") or "")
            self._studio.library.drafts.save(owner, name, state, work, digests)

        return save
