"""A page of HTML as a PDF, made by WeasyPrint, which is optional and needs Pango of the system."""

import ctypes
import logging
import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from studio.errors import Busy, InvalidRequest
from studio.writing.documents.typesetting import ABSENT

SECONDS: Final = 60.0
"""For which a text may be laid out. The longest that a request can hold needs a quarter of it, unless it is one endless
word or a table of thousands of rows."""
PATIENCE: Final = 30.0
"""Seconds that one waits for a place."""
PLACES: Final = 2
MOST_ASKED: Final = 4
"""How many PDFs one person may have under way, with those that wait."""
# Not as a module: the folder that the studio is run in would come before the libraries.
CHILD: Final = (sys.executable, "-P", str(Path(__file__).with_name("typesetting.py")))
LIBRARIES: Final = (
    ("libpango-1.0.so.0", "libpango-1.0.dylib"),
    ("libpangoft2-1.0.so.0", "libpangoft2-1.0.dylib"),
)
"""What WeasyPrint loads, by its names on Linux and macOS."""
_log = logging.getLogger("studio.writing")


class Press:
    """The places where PDFs are made at the same time; one person has one of them."""

    def __init__(self, places: int = PLACES, patience: float = PATIENCE, most_asked: int = MOST_ASKED) -> None:
        """`patience` is how many seconds one waits, `most_asked` how many one person has or waits for."""
        self._places, self._patience, self._most_asked = places, patience, most_asked
        self._free = threading.Condition()
        self._working: set[str] = set()
        self._asked = Counter[str]()

    @contextmanager
    def place(self, whose: str) -> Iterator[None]:
        """Hold a place.

        Raises:
            Busy: none became free, or this person waits for too many already.
        """
        with self._free:
            if self._asked[whose] >= self._most_asked:
                raise Busy("export.busy")
            self._asked[whose] += 1
            try:
                if not self._free.wait_for(lambda: self._has_place(whose), self._patience):
                    raise Busy("export.busy")
                self._working.add(whose)
            except BaseException:
                self._left(whose)
                raise
        try:
            yield
        finally:
            with self._free:
                self._working.discard(whose)
                self._left(whose)
                self._free.notify_all()

    def _has_place(self, whose: str) -> bool:
        return whose not in self._working and len(self._working) < self._places

    def _left(self, whose: str) -> None:
        self._asked -= Counter([whose])


PRESS: Final = Press()


def pdf_document(html: bytes, whose: str = "", child: Sequence[str] = CHILD, seconds: float = SECONDS) -> bytes:
    """The PDF of a page that holds all it shows; nothing that it names is fetched.

    Title, language, description and keywords come from its head, the look from its rules for print. It is laid out in a
    process that ends when it takes too long or too much memory; `child` is its command, `whose` the person it is for.

    Raises:
        InvalidRequest: WeasyPrint or Pango is not here, or it takes too much.
        Busy: others have theirs made.
    """
    with PRESS.place(whose):
        try:
            done = subprocess.run(child, input=html, capture_output=True, timeout=seconds, check=False)  # noqa: S603
        except subprocess.TimeoutExpired as error:
            raise InvalidRequest("export.too_much") from error
    if done.returncode == ABSENT:
        raise InvalidRequest("export.no_pdf")
    if done.returncode:
        _log.error("a PDF failed with status %d: %s", done.returncode, done.stderr.decode(errors="replace"))
        raise InvalidRequest("export.too_much")
    return done.stdout


@lru_cache(maxsize=8)
def makes_pdf(package: str = "weasyprint", libraries: tuple[tuple[str, ...], ...] = LIBRARIES) -> bool:
    """Whether PDFs can be made here, as far as can be told without importing anything."""
    if find_spec(package) is None:
        return False
    return os.name == "nt" or all(any(map(_loads, names)) for names in libraries)


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True
