"""An article of the page or of a client as a file."""

import re
from collections.abc import Mapping
from typing import Any, Final

from studio.errors import InvalidRequest, StudioError
from studio.library.library import Library
from studio.writing.documents.exporter import Exported, ExportRequest, exported

FILE: Final = re.compile(r"/library/file/([0-9a-f]{64})$")
FIELDS: Final = tuple(ExportRequest.model_fields)


def article_file(library: Library, owner: str, fields: Mapping[str, Any]) -> Exported:
    """The file of an article, with the pictures in it that are this owner's.

    Raises:
        InvalidRequest: a field is out of bounds, there is no text, or no PDF can be made of it.
        Busy: too many PDFs are being made.
    """
    if not isinstance(fields, Mapping):
        raise InvalidRequest("export.empty")

    def picture(address: str) -> bytes | None:
        named = FILE.search(address)
        try:
            found = library.works.file(owner, named[1]) if named else None
            return found[0].read_bytes() if found else None
        except (StudioError, OSError):
            return None  # deleted meanwhile: its place says what it was

    return exported(ExportRequest.of(**{name: fields[name] for name in FIELDS if name in fields}), picture, owner)
