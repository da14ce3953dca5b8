"""A server that saves without end, for a test that kills it: each line it writes is something answered as saved."""

import os
import sys
from itertools import count
from pathlib import Path

from studio.library.library import Library
from studio.library.values import File, Made


def main(folder: Path) -> None:
    """Save works with files, and drafts, until killed."""
    library = Library(folder / "library")
    for number in count():
        # A craft never writes into a file that it has handed over, nor does the next server.
        file = folder / "made" / f"{os.getpid()}-{number}.png"
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(f"{folder} {number}".encode() * 500)
        saved = library.works.save(
            "ada", Made("picture", str(number), {}, {"infotext": str(number)}, {}, (File(file),))
        )
        sys.stdout.write(f"work {saved.work} {number}\n")
        library.drafts.save("ada", "write", {"number": number})
        sys.stdout.write(f"draft {number}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
