"""How an endpoint answers: at a pace a client can follow, and with one sentence when something is wrong."""

import logging
import time
from collections.abc import Callable, Iterator
from typing import Any, Final, TypeVar

import gradio as gr

from studio.errors import StudioError
from studio.keeping.keeper import Unkept
from studio.library.values import Saved
from studio.messages import message
from studio.ui.running.pacing import Paced

Answer = TypeVar("Answer")

PULSE_SECONDS: Final = 0.8
"""Gradio notices that a caller has left only when there is something to send."""

_log = logging.getLogger("studio.api")


def answers(steps: Callable[[], Iterator[Answer | None]], first: Answer) -> Iterator[Answer]:
    """The latest answer at a pace a client can follow, and `first` while there is none.

    An answer is repeated only when a client has heard nothing for `PULSE_SECONDS`. An error's title is its kind, such
    as `OutOfMemory`, so that a program can tell what to do without reading the sentence.
    """
    latest, spoken = first, time.monotonic()
    try:
        for batch in Paced(steps()):
            fresh = [answer for answer in batch if answer is not None]
            if fresh or time.monotonic() - spoken >= PULSE_SECONDS:
                latest, spoken = fresh[-1] if fresh else latest, time.monotonic()
                yield latest
    except StudioError as error:
        raise gr.Error(error.explain("en"), title=error.title, print_exception=False) from error
    except Exception as error:
        _log.exception("unexpected error")
        text = f"{message('errors.unexpected')} {message('errors.unexpected.hint')}"
        raise gr.Error(text, print_exception=False) from error


def kept_as(step: object) -> dict[str, Any]:
    """Where a result is kept, {work, version}, or {unkept}, why not; nothing for any other step."""
    if isinstance(step, Saved):
        return {"work": step.work, "version": step.version}
    return {"unkept": step.error.explain("en")} if isinstance(step, Unkept) else {}
