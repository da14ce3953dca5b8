import math
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from studio.engines.classifiers.fake import PretendClassifier
from studio.engines.diffusion import DiffusionRequest
from studio.engines.diffusion.fake import ColourEngine, colour_of
from studio.engines.installed import default_bindings
from studio.engines.upscalers.fake import NearestUpscaler
from studio.errors import EngineFailed, InvalidRequest, OutOfMemory, StudioError, UnknownModel, WeightsUnavailable
from studio.hosting.crafts import Host
from studio.hosting.fake import ForkingGpu
from studio.imaging.drawing.illustrator import Illustrator
from studio.imaging.drawing.requests import DrawingProgress, Drawn, PictureRequest
from studio.imaging.drawing.safety_checker import SafetyChecker, UncheckedError
from studio.messages import LOCALES
from studio.registry import ModelSpec, Registry
from studio.settings import Settings
from tests.support.registries import PATIENCE, fake_registry, spec
from tests.support.server import ROOT

DEFAULTS = {"steps": 3, "width": 96, "height": 64}
CHECKER = spec("checker", task="classify", device="cpu", defaults={"unsafe": ["nsfw"]})


def unsafe(*seeds: int, prompt: str = "a cat") -> Callable[[Image.Image], float]:
    """A judge that knows by their colours what these seeds give."""
    colours = {colour_of(DiffusionRequest(prompt, seed=seed)) for seed in seeds}
    return lambda image: 0.9 if image.convert("RGB").getpixel((0, 0)) in colours else 0.1


class Scene:
    """An illustrator whose pictures are checked, and what its models were asked."""

    def __init__(
        self,
        folder: Path,
        judge: Callable[[Image.Image], float] = lambda image: 0.0,
        *,
        threshold: float = 0.7,
        checker: ModelSpec | None = CHECKER,
        load: StudioError | None = None,
        **options: Any,
    ) -> None:
        self.outputs = folder / "outputs"
        self.engine = ColourEngine()
        self.classifier = PretendClassifier(judge, **options)
        self.load = load
        entries = [spec("colours", task="image", defaults=DEFAULTS), spec("nearest", task="upscale")]
        self.registry = fake_registry(
            *entries, *([checker] if checker else []), loader=self._loaded, cache=folder / "cache", host=10**8
        )
        checks = SafetyChecker(self.registry, threshold)
        self.illustrator = Illustrator(self.registry, self.outputs, checker=checks)

    def _loaded(self, entry: ModelSpec, *_: Any) -> Any:
        if entry.task == "classify" and self.load is not None:
            raise self.load
        return {"checker": self.classifier, "nearest": NearestUpscaler(tile=32)}.get(entry.id, self.engine)

    def draw(self, **fields: Any) -> list[Any]:
        return list(self.illustrator.draw(PictureRequest.of(**{"prompt": "a cat", "seed": 1, **fields})))

    def refusal(self, **fields: Any) -> tuple[StudioError, list[Any]]:
        """What a drawing was refused with, and what came before that."""
        request = PictureRequest.of(**{"prompt": "a cat", "seed": 1, **fields})
        events: list[Any] = []
        with pytest.raises(StudioError) as refused:
            events.extend(self.illustrator.draw(request))
        return refused.value, events

    def kept(self) -> list[Path]:
        return sorted(path for path in self.outputs.rglob("*") if path.is_file())

    def in_use(self) -> int:
        return sum(status.in_use for status in self.registry.statuses())


def told(error: StudioError) -> list[str]:
    return [error.explain(locale) for locale in LOCALES]


def test_a_picture_that_does_not_pass_is_neither_written_nor_shown(tmp_path: Path) -> None:
    scene = Scene(tmp_path, unsafe(1))
    error, events = scene.refusal()
    assert isinstance(error, InvalidRequest)
    assert "prompt" in error.hint("en")
    assert "种子" in error.hint("zh-CN")
    steps = [event for event in events if isinstance(event, DrawingProgress)]
    assert [event.step for event in steps] == [1, 2, 3]
    assert all(event.preview is None for event in steps)
    assert not any(isinstance(event, Drawn) for event in events)
    assert scene.kept() == []
    assert scene.in_use() == 0


def test_a_picture_that_passes_is_the_one_that_would_be_drawn_without_a_check(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    *events, done = scene.draw()
    plain = list(Illustrator(scene.registry, scene.outputs).draw(PictureRequest.of(prompt="a cat", seed=1)))
    assert all(event.preview is None for event in events if isinstance(event, DrawingProgress))
    assert all(event.preview is not None for event in plain if isinstance(event, DrawingProgress))
    assert done.infotexts == plain[-1].infotexts
    assert done.notices == ()
    with Image.open(done.files[0]) as checked, Image.open(plain[-1].files[0]) as unchecked:
        assert checked.tobytes() == unchecked.tobytes()


@pytest.mark.parametrize(
    ("share", "threshold", "passes"),
    [
        (0.7, 0.7, False),
        (math.nextafter(0.7, 0), 0.7, True),
        (0.5, 0.5, False),
        (1.0, 1.0, False),
        (math.nextafter(1, 0), 1.0, True),
        (0.0, 0.5, True),
    ],
)
def test_the_threshold_itself_is_refused(tmp_path: Path, share: float, threshold: float, passes: bool) -> None:
    scene = Scene(tmp_path, lambda image: share, threshold=threshold)
    if passes:
        assert len(scene.draw()[-1].files) == 1
    else:
        assert scene.refusal()[0].code == "nsfw.refused"
    assert len(scene.kept()) == passes


@given(refused=st.sets(st.integers(0, 5)), count=st.integers(1, 6))
def test_whatever_is_refused_the_others_are_kept_and_counted(
    tmp_path_factory: pytest.TempPathFactory, refused: set[int], count: int
) -> None:
    scene = Scene(tmp_path_factory.mktemp("run"), unsafe(*refused))
    passing = [seed for seed in range(count) if seed not in refused]
    if not passing:
        error, _ = scene.refusal(seed=0, count=count)
        assert error.code == ("nsfw.refused" if count == 1 else "nsfw.refused_all")
        assert count == 1 or all(str(count) in text for text in told(error))
        assert scene.kept() == []
        return
    events = scene.draw(seed=0, count=count)
    done = events[-1]
    assert isinstance(done, Drawn)
    assert done.seeds == tuple(passing)
    assert done.refused == count - len(passing)
    assert done.pictures == len(done.files)
    assert sorted(done.files) == scene.kept()
    assert ("errors.nsfw.withheld" in done.notices) == bool(done.refused)
    assert all(event.files for event in events if isinstance(event, Drawn))
    assert scene.engine.drawn == 3 * count


def test_stopping_keeps_what_passed_before(tmp_path: Path) -> None:
    scene = Scene(tmp_path, unsafe(2))
    events = scene.illustrator.draw(PictureRequest.of(prompt="a cat", seed=1, count=4))
    with closing(events):  # type: ignore[type-var]
        for event in events:
            if isinstance(event, Drawn) and event.refused:
                break
    assert event.seeds == (1,)
    assert scene.kept() == list(event.files)
    assert scene.in_use() == 0


def test_a_picture_drawn_from_another_is_checked(tmp_path: Path) -> None:
    Image.new("RGB", (96, 64), "blue").save(tmp_path / "blue.png")
    scene = Scene(tmp_path, unsafe(1))
    assert scene.refusal(image=tmp_path / "blue.png")[0].code == "nsfw.refused"


def test_what_is_checked_is_the_whole_picture_as_it_would_be_kept(tmp_path: Path) -> None:
    Image.new("RGB", (200, 120), "red").save(tmp_path / "red.png")
    mask = Image.new("L", (200, 120))
    mask.paste(255, (150, 80, 160, 90))
    mask.save(tmp_path / "mask.png")
    # Red is what was there before, outside of what is drawn.
    scene = Scene(tmp_path, lambda image: float(image.getpixel((0, 0)) == (255, 0, 0)))
    repainted = {"image": tmp_path / "red.png", "mask": tmp_path / "mask.png", "inpaint_area": "masked"}
    assert scene.refusal(**repainted)[0].code == "nsfw.refused"
    assert scene.classifier.seen == [(200, 120)]
    assert scene.kept() == []


def test_of_two_passes_the_second_is_checked(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    *_, done = scene.draw(hires_scale=2, hires_upscaler="nearest")
    assert scene.classifier.seen == [(192, 128)]
    assert len(done.files) == 1


def test_without_a_model_for_it_nothing_is_drawn(tmp_path: Path) -> None:
    scene = Scene(tmp_path, checker=None)
    error, events = scene.refusal()
    assert isinstance(error, UnknownModel)
    assert all("STUDIO_NSFW_CHECK" in text and "models.yaml" in text for text in told(error))
    assert events == []
    assert scene.engine.requests == []


def test_weights_that_cannot_be_had_are_told_and_nothing_is_drawn(tmp_path: Path) -> None:
    missing = CHECKER.model_copy(update={"sources": spec("x", sources=[{"path": "/nowhere/at-all"}]).sources})
    scene = Scene(tmp_path, checker=missing)
    error, _ = scene.refusal()
    assert isinstance(error, UncheckedError)
    assert all("STUDIO_NSFW_CHECK" in text and "/nowhere/at-all" in text for text in told(error))
    assert "不存在" in error.text("zh-CN")
    assert scene.engine.requests == []
    assert scene.in_use() == 0


@pytest.mark.parametrize(
    "cause", [OutOfMemory("nsfw.load_memory", model="Checker"), WeightsUnavailable("weights.missing", model="Checker")]
)
def test_a_model_that_cannot_be_loaded_is_told_and_nothing_is_drawn(tmp_path: Path, cause: StudioError) -> None:
    scene = Scene(tmp_path, load=cause)
    error, _ = scene.refusal()
    assert isinstance(error, UncheckedError)
    assert scene.engine.requests == []


def test_a_picture_that_could_not_be_checked_is_not_kept(tmp_path: Path) -> None:
    scene = Scene(tmp_path, failure=EngineFailed("nsfw.engine", reason="it fell over"))
    error, events = scene.refusal(count=3)
    assert "it fell over" in error.text("en")
    assert "it fell over" in error.text("zh-CN")
    assert not any(isinstance(event, Drawn) for event in events)
    assert scene.kept() == []
    assert len(scene.engine.requests) == 1


@pytest.mark.parametrize("labels", [None, [], ["porn"], ["nsfw", "porn"], "nsfw", 5])
def test_an_entry_that_names_no_label_of_its_model_is_told_before_anything_is_drawn(
    tmp_path: Path, labels: object
) -> None:
    wrong = CHECKER.model_copy(update={"defaults": {"unsafe": labels}})
    scene = Scene(tmp_path, checker=wrong)
    error, _ = scene.refusal()
    assert all("normal, nsfw" in text for text in told(error))
    assert scene.engine.requests == []


def test_all_labels_that_an_entry_names_count_together(tmp_path: Path) -> None:
    both = CHECKER.model_copy(update={"defaults": {"unsafe": ["porn", "hentai"]}})
    scene = Scene(tmp_path, lambda image: 0.5, checker=both, labels=("porn", "hentai"))
    assert scene.refusal()[0].code == "nsfw.refused"


def test_the_reason_survives_the_way_between_processes() -> None:
    error = UncheckedError("Checker", WeightsUnavailable("weights.missing", model="Checker"))
    assert told(pickle.loads(pickle.dumps(error))) == told(error)


def test_requests_that_are_wrong_are_refused_without_the_model(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    error, _ = scene.refusal(image=tmp_path / "none.png")
    assert error.code != "nsfw.unchecked"
    assert all(status.state != "device" for status in scene.registry.statuses())


@pytest.fixture
def gpu() -> Iterator[ForkingGpu]:
    lender = ForkingGpu(patience=PATIENCE)
    yield lender
    lender.close()


def test_pictures_are_checked_where_a_lent_gpu_draws_them(gpu: ForkingGpu, tmp_path: Path) -> None:
    def loaded(entry: ModelSpec, *_: Any) -> Any:
        return PretendClassifier(unsafe(2)) if entry.id == "checker" else ColourEngine()

    weights = tmp_path / "weights"
    weights.touch()
    colours = spec("colours", task="image", defaults=DEFAULTS, sources=[{"path": str(weights)}])
    registry: Registry = fake_registry(
        colours, CHECKER, loader=loaded, cache=tmp_path / "cache", host=10**8, device=10**8, residents=["colours"]
    )
    registry.load_residents()
    registry.survive_forks()
    plain = Illustrator(registry, tmp_path / "outputs", checker=SafetyChecker(registry, 0.7))
    illustrator = Host(registry, registry.catalogue, gpu).illustrator(plain)
    *events, done = illustrator.draw(PictureRequest.of(prompt="a cat", seed=1, count=3))
    assert (done.seeds, done.refused) == ((1, 3), 1)
    assert all(event.preview is None for event in events if isinstance(event, DrawingProgress))
    with pytest.raises(InvalidRequest) as refused:
        list(illustrator.draw(PictureRequest.of(prompt="a cat", seed=2)))
    assert refused.value.code == "nsfw.refused"
    assert gpu.forked
    assert sorted(path for path in (tmp_path / "outputs").rglob("*") if path.is_file()) == sorted(done.files)


@pytest.mark.parametrize(
    ("variables", "check"),
    [({}, "False"), ({"SPACE_ID": "somebody/studio"}, "True"), ({"SPACE_ID": "x", "STUDIO_NSFW_CHECK": "no"}, "False")],
)
def test_on_a_space_pictures_are_checked_unless_its_host_says_otherwise(
    tmp_path: Path, variables: dict[str, str], check: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from studio.settings import Settings; print(Settings().nsfw_check)"],
        cwd=ROOT,
        env={"PATH": "", "HOME": str(tmp_path), **variables},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == check


@pytest.mark.parametrize("threshold", [0.49, 1.01, math.nan, -1, "x"])
def test_a_threshold_out_of_bounds_is_refused_by_the_name_of_its_variable(threshold: object) -> None:
    with pytest.raises(InvalidRequest, match="STUDIO_NSFW_THRESHOLD"):
        Settings.read(nsfw_threshold=threshold)


def test_the_studio_can_load_what_checks() -> None:
    assert "classifiers" in default_bindings(Settings.read())
