import pickle
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from studio.engines.annotators import AnnotatorLoader, annotator_costs
from studio.engines.annotators.costs import AnnotatorCosts
from studio.engines.annotators.depth import draw_depth
from studio.engines.annotators.networks import LineArtNetwork, SoftEdgeNetwork
from studio.engines.annotators.pose import draw_pose
from studio.engines.annotators.skeleton import draw_people, joints_of
from studio.errors import EngineFailed, WeightsUnavailable
from studio.imaging.control.cache import ControlImage
from studio.imaging.control.images import ControlImages
from studio.registry import Binding, Catalogue, Footprint, Placement, Registry, Shape
from tests.engines.annotators.tiny import entry, save_depth, save_lines, save_people, save_pose, save_side_edges
from tests.engines.live_memory import peak_bytes
from tests.support.controls import result
from tests.support.registries import registry_of

CPU = Placement("cpu")
BOX = (30, 20, 90, 79)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("weights")
    return {
        "softedge": save_side_edges(folder / "edges.pth"),
        "lineart": save_lines(folder / "lines.safetensors"),
        "depth": save_depth(folder / "depth"),
        "openpose": save_pose(folder / "pose"),
        "people": save_people(folder / "people", sure=5.0),
    }


class House:
    """ControlImages over a real registry with these networks."""

    def __init__(self, weights: dict[str, Path], cache: Path) -> None:
        specs = [entry(network, file) for network, file in weights.items()]
        bindings = {"annotators": Binding(AnnotatorLoader(), accelerated=lambda: False, costs=annotator_costs)}
        self.registry: Registry = registry_of(specs, bindings, cache)
        self.control_images = ControlImages(self.registry, Catalogue(specs), 10**7)

    def make(self, annotator: str, **options: Any) -> ControlImage:
        return result(self.control_images.control_image(scene(), annotator, size=scene().size, **options))


@pytest.fixture(scope="module")
def house(weights: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    house = House(weights, tmp_path_factory.mktemp("cache"))
    yield house
    house.registry.close()


def scene() -> Image.Image:
    image = Image.new("RGB", (121, 99), "white")
    ImageDraw.Draw(image).rectangle(BOX, fill=(40, 40, 40))
    return image


def load(network: str, weights: Path) -> Any:
    return AnnotatorLoader()(entry(network, weights), weights, "cpu")


def test_soft_edges_are_where_the_network_sees_them(house: House) -> None:
    edges = np.asarray(house.make("softedge").image.convert("L")) > 127
    expected = np.zeros_like(edges)
    # Each step from one pixel to the next is seen from both of them.
    for column in (BOX[0] - 1, BOX[0], BOX[2], BOX[2] + 1):
        expected[BOX[1] : BOX[3] + 1, column] = True
    # The network takes what lies left of a picture for black.
    assert np.array_equal(edges[:, 1:], expected[:, 1:])


def test_line_art_is_what_the_network_draws_with_black_and_white_exchanged(weights: dict[str, Path]) -> None:
    from safetensors.torch import load_file

    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (128, 192, 3), np.uint8))
    network = LineArtNetwork().eval()
    network.load_state_dict(load_file(weights["lineart"]))
    with torch.inference_mode():
        drawn = network(torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None] / 255)[0, 0]
    made = load("lineart", weights["lineart"]).annotate(picture, 128)
    assert np.abs(np.asarray(made)[..., 0] - (1 - drawn.numpy()) * 255).max() < 1


@pytest.mark.parametrize("annotator", ["softedge", "lineart", "depth", "openpose"])
def test_every_network_works_through_the_registry_and_can_leave(house: House, annotator: str) -> None:
    made = house.make(annotator)
    assert made.image.size == (121, 99)
    assert made.image.mode == "RGB"
    assert made.model == annotator
    status = next(status for status in house.registry.statuses() if status.id == annotator)
    assert status.state == "device"
    assert status.in_use == 0
    assert status.bytes
    assert house.registry.offload(annotator)
    assert house.make(annotator, pixel_perfect=False, resolution=64).image.size == (121, 99)


def test_depth_goes_from_black_to_white(house: House) -> None:
    values = np.asarray(house.make("depth").image)
    assert values.min() < 12
    assert values.max() > 243
    assert np.array_equal(values[..., 0], values[..., 2])


class Ramp(torch.nn.Module):
    """A network that sees the same numbers grow from left to right in any picture."""

    def __init__(self, **config: Any) -> None:
        super().__init__()
        self.scale = torch.nn.Parameter(torch.ones(1))
        self.config = SimpleNamespace(**config)

    def forward(self, pixel_values: torch.Tensor) -> Any:
        depth = torch.linspace(1, 5, 40)[None, None].expand(1, 30, 40) * self.scale
        return SimpleNamespace(predicted_depth=depth)


def pixels(images: Image.Image, return_tensors: str) -> dict[str, torch.Tensor]:
    return {"pixel_values": torch.zeros(1, 3, images.height, images.width)}


@pytest.mark.parametrize(
    ("config", "near"),
    [
        ({"model_type": "depth_anything", "depth_estimation_type": "relative"}, "right"),
        ({"model_type": "depth_anything", "depth_estimation_type": "metric"}, "left"),
        ({"model_type": "dpt"}, "right"),
        ({"model_type": "zoedepth"}, "left"),
    ],
)
def test_near_is_white_whether_a_network_tells_distances_or_nearness(config: dict[str, str], near: str) -> None:
    with torch.inference_mode():
        grey = np.asarray(draw_depth(Ramp(**config), scene(), 99, processor=pixels).convert("L"))
    left, right = int(grey[50, 0]), int(grey[50, -1])
    assert (left, right) == ((0, 255) if near == "right" else (255, 0))
    assert grey.shape == (99, 121)


class OneJoint(torch.nn.Module):
    """A pose network that sees every joint at one place of its cut-out."""

    def __init__(self, row: int, column: int, sure: float = 0.9) -> None:
        super().__init__()
        self.scale = torch.nn.Parameter(torch.ones(1))
        self.config = SimpleNamespace(backbone_config=SimpleNamespace(image_size=(64, 48), num_experts=1))
        self.at, self.sure = (row, column), sure

    def forward(self, pixel_values: torch.Tensor, dataset_index: Any = None) -> Any:
        assert pixel_values.shape == (1, 3, 64, 48)
        heat = torch.zeros(1, 17, 16, 12)
        heat[0, :, self.at[0], self.at[1]] = self.sure
        return SimpleNamespace(heatmaps=heat)


class Standing:
    """A finder that sees people at known places."""

    def __init__(self, *boxes: tuple[float, float, float, float]) -> None:
        self.boxes = boxes

    def run(self, image: Image.Image, resolution: int) -> Any:
        return self.boxes


def test_a_joint_is_drawn_where_it_is_in_the_whole_picture() -> None:
    # A box of 120 x 160 is seen with a margin as 150 x 200; its hottest place lies a quarter of the way in.
    people = Standing((100, 100, 220, 260), (300, 50, 420, 210))
    picture = Image.new("RGB", (512, 512))
    drawn = np.asarray(draw_pose(OneJoint(4, 3), picture, 512, confidence=0.3, people=people))
    rows, columns = np.nonzero(drawn.any(axis=2))
    for left, top in ((100, 100), (300, 50)):
        x, y = left - 15 + 3.5 / 12 * 150, top - 20 + 4.5 / 16 * 200
        near = (np.abs(columns - x) < 6) & (np.abs(rows - y) < 6)
        assert near.any()
    assert len(rows) < 2 * 100


def test_joints_nobody_is_sure_of_and_pictures_without_people_stay_black() -> None:
    picture = Image.new("RGB", (64, 64))
    unsure = draw_pose(OneJoint(4, 3, sure=0.2), picture, 64, confidence=0.3)
    empty = draw_pose(OneJoint(4, 3), picture, 64, confidence=0.3, people=Standing())
    assert not np.asarray(unsure).any()
    assert not np.asarray(empty).any()


def test_the_finder_sees_people_only_where_it_is_sure(weights: dict[str, Path], tmp_path: Path) -> None:
    found = load("people", weights["people"]).run(scene(), 99)
    assert len(found) == 5
    assert all(len(box) == 4 for box in found)
    assert load("people", save_people(tmp_path, sure=-5.0)).run(scene(), 99) == ()


def test_the_skeleton_has_openposes_joints_and_colours() -> None:
    keypoints = [(10.0 * number + 20, 100.0) for number in range(17)]
    joints = joints_of(keypoints)
    assert len(joints) == 18
    # Nose, the neck between the shoulders, right wrist, left ear.
    assert (joints[0], joints[1]) == ((20, 100), (75, 100))
    assert (joints[4], joints[17]) == (keypoints[10], keypoints[3])
    nose_only = [None] * 18
    picture = np.asarray(draw_people((200, 200), [[(50.0, 60.0), *nose_only[1:]]]))
    assert tuple(picture[60, 50]) == (255, 0, 0)
    arm = [None if joint not in (3, 4) else (50.0 + 100 * (joint - 3), 60.0) for joint in range(18)]
    picture = np.asarray(draw_people((200, 200), [arm]))
    assert tuple(picture[60, 100]) == (153, 153, 0)
    hidden = joints_of([None if number == 5 else place for number, place in enumerate(keypoints)])
    assert hidden[1] is None


@pytest.mark.parametrize("network", ["softedge", "lineart", "depth", "openpose", "people"])
def test_the_footprint_is_known_before_loading(weights: dict[str, Path], network: str) -> None:
    found = annotator_costs(entry(network, weights[network]), weights[network])
    loaded = load(network, weights[network])
    if network == "softedge":
        # torch's own files do not tell; the catalogue does, and this entry says a round number.
        assert found.footprint(CPU) == Footprint(10**8)
    else:
        assert found.footprint(CPU).device == pytest.approx(loaded.nbytes, rel=0.05)
    assert found.working(CPU, Shape()) == 0


@pytest.mark.parametrize("network", [SoftEdgeNetwork, LineArtNetwork])
def test_working_memory_is_no_less_than_what_a_picture_takes(network: type[torch.nn.Module]) -> None:
    with torch.device("meta"):
        built = network().eval()
        picture = torch.empty(1, 3, 512, 768)
    peak = peak_bytes(lambda: built(picture))
    said = AnnotatorCosts(0).working(CPU, Shape(768, 512))
    assert peak <= said < 2 * peak


def test_code_in_a_weights_file_is_never_run(tmp_path: Path) -> None:
    marker, file = tmp_path / "marker", tmp_path / "weights.pth"

    class Code:
        def __reduce__(self) -> Any:
            return Path.touch, (marker,)

    file.write_bytes(pickle.dumps({"norm": Code()}))
    with pytest.raises(WeightsUnavailable) as refused:
        load("softedge", file)
    assert "weights.pth" in refused.value.explain()
    assert not marker.exists()


def test_weights_that_are_something_else_are_refused_in_words(weights: dict[str, Path], tmp_path: Path) -> None:
    cut = tmp_path / "cut.pth"
    cut.write_bytes(weights["softedge"].read_bytes()[:1000])
    (tmp_path / "empty").mkdir()
    for network, file in (
        ("softedge", weights["lineart"]),
        ("softedge", cut),
        ("depth", tmp_path / "empty"),
        ("depth", weights["openpose"]),
        ("lineart", tmp_path / "missing"),
    ):
        with pytest.raises(WeightsUnavailable):
            load(network, file)
    with pytest.raises(EngineFailed) as refused:
        load("mlsd", weights["lineart"])
    assert "depth" in refused.value.hint()


def test_a_network_that_fails_is_an_error_with_its_reason(weights: dict[str, Path]) -> None:
    closed = load("lineart", weights["lineart"])
    closed.close()
    assert closed.nbytes == 0
    with pytest.raises(EngineFailed, match="annotator broke off"):
        closed.annotate(scene(), 64)
