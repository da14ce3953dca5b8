"""The content check as a host switches it on: settings become a studio whose pictures are checked."""

from pathlib import Path

import pytest

from studio.engines.classifiers.fake import PretendClassifier
from studio.engines.diffusion.fake import ColourEngine
from studio.errors import InvalidRequest
from studio.imaging.drawing.requests import DrawingProgress, Drawn, PictureRequest
from studio.registry import Binding, Catalogue
from studio.settings import Settings
from studio.studio import Studio
from studio.ui.tabs.image.tab import ImageTab
from tests.support.registries import spec

LENIENT = {"nsfw_check": True, "nsfw_threshold": 0.9}


def studio(folder: Path, share: float, **settings: object) -> Studio:
    weights = folder / "weights"
    weights.touch()
    sources = [{"path": str(weights)}]
    colours = spec("colours", task="image", engine="colours", sources=sources, defaults={"width": 64, "height": 64})
    checker = spec("checker", task="classify", engine="checks", sources=sources, defaults={"unsafe": ["nsfw"]})
    bindings = {
        "colours": Binding(lambda *_: ColourEngine(), accelerated=lambda: False),
        "checks": Binding(lambda *_: PretendClassifier(lambda _: share), accelerated=lambda: False),
        "openai": Binding(lambda *_: ColourEngine(), accelerated=lambda: False),
    }
    kept = Settings(cache=folder / "cache", outputs=folder / "outputs", data=folder, **settings)
    return Studio(kept, catalogue=Catalogue([colours, checker]), bindings=bindings)


@pytest.mark.parametrize(("settings", "previews"), [({"nsfw_check": False}, True), (LENIENT, False)])
def test_what_may_be_seen_is_kept(tmp_path: Path, settings: dict[str, object], previews: bool) -> None:
    with studio(tmp_path, 0.8, **settings) as made:
        *events, done = made.illustrator.draw(PictureRequest.of(prompt="a cat", steps=2))
    assert isinstance(done, Drawn)
    assert all((event.preview is not None) == previews for event in events if isinstance(event, DrawingProgress))


def test_what_may_not_be_seen_is_refused(tmp_path: Path) -> None:
    with studio(tmp_path, 0.8, nsfw_check=True) as made:
        drawing = made.illustrator.draw(PictureRequest.of(prompt="a cat", steps=2))
        with pytest.raises(InvalidRequest, match="content check"):
            list(drawing)


def test_the_page_says_how_many_were_withheld() -> None:
    done = Drawn((Path("a.png"),), (1,), ("a cat",), 1, notice="imaging.notice.prompt_cut", refused=2)
    told = ImageTab._report(done, 1)
    assert "Withheld by the content check: 2." in told
    assert "有 2 张图没有通过内容检查" in told
    assert "content check" not in ImageTab._report(Drawn((Path("a.png"),), (1,), ("a cat",)), 1)
