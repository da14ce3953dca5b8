"""`studio works`, as whoever has the machine uses it."""

import os
import subprocess
import sys
from pathlib import Path

from PIL import Image


def studio(folder: Path, *arguments: str, expect: int = 0) -> str:
    environment = os.environ | {"STUDIO_DATA": str(folder / "data"), "COLUMNS": "200", "LANG": "en_US.UTF-8"}
    command = [sys.executable, "-c", RUN, *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == expect, done.stderr + done.stdout
    return done.stdout


RUN = "import sys; from studio.cli import main; sys.argv[0] = 'studio'; main()"


def test_works_are_brought_in_listed_shown_exported_and_thrown_away(tmp_path: Path) -> None:
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for name in ("cat", "dog"):
        Image.new("RGB", (8, 8), "red" if name == "cat" else "blue").save(pictures / f"{name}.png")
    assert "2 works brought in" in studio(tmp_path, "works", "import", str(pictures))
    listed = studio(tmp_path, "works", "list", "cat")
    assert "cat" in listed
    assert "dog" not in listed
    work = next(word for word in listed.split() if len(word) == 16 and all(c in "0123456789abcdef" for c in word))
    assert ".png" in studio(tmp_path, "works", "show", work)
    bundle = tmp_path / "works.zip"
    assert "2 works written" in studio(tmp_path, "works", "export", str(bundle))
    assert "2 works brought in" in studio(tmp_path, "works", "import", str(bundle), "--owner", "user:ada")
    assert "1 works" in studio(tmp_path, "works", "trash", work)
    assert work not in studio(tmp_path, "works", "list")
    assert work in studio(tmp_path, "works", "list", "--trash")
    assert "1 works" in studio(tmp_path, "works", "trash", "--restore", work)
    told = studio(tmp_path, "works", "check")
    assert "user:ada: 2 works" in told
    studio(tmp_path, "works", "show", "0" * 16, expect=2)


def test_check_ends_badly_where_a_file_is_gone(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "cat.png")
    studio(tmp_path, "works", "import", str(tmp_path / "cat.png"))
    (asset,) = (tmp_path / "data" / "library" / "assets").glob("*/*.png")
    asset.unlink()
    assert f"missing: {asset.stem}" in studio(tmp_path, "works", "check", expect=1)
