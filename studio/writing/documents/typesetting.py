"""HTML laid out as the pages of a PDF: HTML on standard input, the PDF on standard output.

Run as a file, in a process of its own. It needs nothing of the studio, and WeasyPrint changes how Pillow reads broken
pictures for the whole process it is in.
"""

import sys
import traceback
from contextlib import suppress
from typing import Final

ABSENT: Final = 3
"""The exit status where WeasyPrint, or a library of the system that it needs, is not here."""
FAILED: Final = 4
MOST_MEMORY: Final = 3 * 1024**3


def typeset(html: bytes) -> bytes:
    """The PDF of a page, with bookmarks, and tags for those who have it read to them.

    Nothing is fetched: of all addresses only `data:` is followed, and none is relative to anything.
    """
    from weasyprint import HTML
    from weasyprint.urls import URLFetcher

    page = HTML(string=html.decode(), url_fetcher=URLFetcher(allowed_protocols={"data"}))
    return bytes(page.write_pdf(pdf_tags=True))


def main() -> int:
    """Lay out what standard input holds; returns the exit status."""
    _held()
    html = sys.stdin.buffer.read()
    try:
        import weasyprint  # noqa: F401
    except (ImportError, OSError):
        return ABSENT
    try:
        sys.stdout.buffer.write(typeset(html))
    except Exception as error:
        # Where it happened, without the message, in which there may be words of the text.
        sys.stderr.write(f"{''.join(traceback.format_tb(error.__traceback__))}{type(error).__name__}\n")
        return FAILED
    return 0


def _held() -> None:
    """Keep this process within its memory, where the system can."""
    with suppress(ImportError, OSError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))


if __name__ == "__main__":
    sys.exit(main())
