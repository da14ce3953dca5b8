"""Pictures from elsewhere, taken into the library with how they were made."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from studio.errors import StudioError, UnreadablePicture
from studio.imaging.infotext.text import read_infotext
from studio.imaging.reuse import picture_text
from studio.keeping.keeper import Kept, Unkept, titled
from studio.library.library import Library
from studio.library.values import File, Made, Saved

PICTURES: Final = (".png", ".jpg", ".jpeg", ".webp")


def pictures_taken(library: Library, owner: str, files: Iterable[Path], max_pixels: int) -> Iterator[tuple[Path, Kept]]:
    """Take in pictures from elsewhere, with how they were made where they say so; what is no picture is passed over."""
    for file in files:
        try:
            infotext = picture_text(file, max_pixels)
            told = read_infotext(infotext).plain()
        except UnreadablePicture:
            continue
        except StudioError:
            infotext, told = "", {}
        asked = {name: str(told.pop(name, "") or "") for name in ("prompt", "negative_prompt")}
        title = titled(asked["prompt"]) or file.stem
        model = str(told.get("model") or "")
        made = {"infotext": infotext, "seed": told.get("seed", -1)}
        result = Made("picture", title, asked, made, told, (File(file),), model, how="imported", created=_time(file))
        try:
            yield file, library.works.save(owner, result)
        except StudioError as error:
            yield file, Unkept(error)


def outputs_taken(library: Library, owner: str, outputs: Path, max_pixels: int) -> int:
    """Take in, once, the pictures of an outputs folder from before there was a library; returns how many."""
    if not library.first_time(outputs):
        return 0
    files = [path for path in sorted(outputs.glob("*/*")) if path.suffix.lower() in PICTURES and path.is_file()]
    fresh = (path for path in files if not library.holds(path))
    return sum(1 for _, kept in pictures_taken(library, owner, fresh, max_pixels) if isinstance(kept, Saved))


def _time(file: Path) -> float:
    return file.stat().st_mtime
