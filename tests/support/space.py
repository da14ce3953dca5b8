"""What a Space on ZeroGPU does, told as JSON in a file: `python -m tests.support.space fakes|weights FOLDER`.

Run it with `SPACES_ZERO_GPU` and `SPACES_ZERO_DEVICE_API_URL` set.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

from studio.errors import StudioError
from studio.imaging.drawing.requests import PictureRequest
from studio.imaging.enlarging.requests import EnlargeRequest
from studio.settings import Settings
from studio.studio import Studio
from tests.support.hosting import fake_studio, loads


def fakes(folder: Path) -> dict[str, Any]:
    """Draw on pretend models, without torch: `spaces` then has no CUDA to set up in a child."""
    sys.modules["torch"] = None  # type: ignore[assignment]
    with fake_studio(folder, resident=("colours", "nearest")) as studio:
        told: list[str] = []
        for fields in ({"seed": 1}, {"seed": 2, "steps": 9}, {"model": "pastels"}):
            try:
                drawn = list(studio.illustrator.draw(PictureRequest.of(prompt="a cat", **fields)))[-1]
                told.append(str(drawn.seed))
            except StudioError as error:
                told.append(f"{error.code}: {error.explain()}")
        events = studio.illustrator.draw(PictureRequest.of(prompt="a cat", steps=150))
        first = next(iter(events)).step if told[0] == "1" else 0
        events.close()  # type: ignore[attr-defined]
        pictures = list((folder / "outputs").rglob("*.png"))
        in_use = sum(status.in_use for status in studio.registry.statuses())
        mine = [pid == os.getpid() for pid, _, _ in loads(folder)]
        return {"told": told, "first": first, "pictures": len(pictures), "in_use": in_use, "loads": mine}


def weights(folder: Path) -> dict[str, Any]:
    """Put real weights on the card that `spaces` pretends, and ask for it."""
    settings = Settings(
        cache=folder / "cache",
        outputs=folder / "outputs",
        catalogue=folder / "models.yaml",
        resident=("realesr-animevideo-x4",),
    )
    with Studio(settings) as studio:
        from spaces.zero import torch as pretended

        status = next(s for s in studio.registry.statuses() if s.id == "realesr-animevideo-x4")
        answer = {"device": status.device, "bytes": status.bytes, "pretended": pretended.size()}
        try:
            list(studio.enlarger.enlarge(EnlargeRequest.of(file=folder / "red.png")))
        except StudioError as error:
            answer["code"] = error.code
        return answer


if __name__ == "__main__":
    scene, place = sys.argv[1], Path(sys.argv[2])
    found = {"fakes": fakes, "weights": weights}[scene](place)
    (place / "found.json").write_text(json.dumps(found), encoding="utf-8")
