"""The data of the starter family: captions that are true, pictures that show what they say."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from recipes.starter_diffusion import control, judge, scenes
from recipes.starter_diffusion.captions import caption
from recipes.starter_diffusion.sprites import Sprites
from recipes.starter_diffusion.things import COLOURS, things

SEEDS = st.integers(0, 2**32 - 1)


def test_every_name_belongs_to_one_thing() -> None:
    for names in ([one for t in things() for one, _ in t.english], [name for t in things() for name in t.chinese]):
        assert len(names) == len(set(names))
    assert len(things()) >= 200


@given(SEEDS)
def test_a_complete_caption_names_every_thing_and_the_background(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scene = scenes.sample(rng, ("fluent", "noto"))
    english = caption(scene, rng, "en", 2, complete=True)
    chinese = caption(scene, rng, "zh", 2, complete=True)
    for index in scene.things:
        thing = things()[index]
        assert any(name in english for pair in thing.english for name in pair), english
        assert any(name in chinese for name in thing.chinese), chinese
    assert any(name in english for name in COLOURS[scene.background].english), english
    assert any(name in chinese for name in COLOURS[scene.background].chinese), chinese


@pytest.mark.parametrize("size", [64, 128])
@given(seed=SEEDS)
def test_things_stay_inside_the_picture_and_apart_from_each_other(size: int, seed: int) -> None:
    scene = scenes.sample(np.random.default_rng(seed), ("fluent",))
    placed = scenes.boxes(scene, size)
    assert len(placed) == len(scene.things)
    for left, top, width in placed:
        assert min(left, top) >= 0
        assert max(left, top) + width <= size + 1
    for (left, top, width), (other_left, other_top, _) in pairwise(placed):
        along, other = (left, other_left) if scene.layout == "row" else (top, other_top)
        assert along + width <= other + 1


@given(SEEDS)
def test_the_place_in_a_caption_is_where_the_thing_is(seed: int) -> None:
    scene = scenes.sample(np.random.default_rng(seed), ("fluent",))
    if scene.place == "centre":
        return
    ((left, top, width),) = scenes.boxes(scene, 100)
    middle = {"left": 100 - left, "right": left + width, "top": 100 - top, "bottom": top + width}
    centre = left + width / 2 if scene.place in {"left", "right"} else top + width / 2
    assert (centre < 50) == (scene.place in {"left", "top"}), (scene.place, middle)


@given(SEEDS)
def test_a_scene_and_its_picture_are_the_same_on_every_machine(seed: int) -> None:
    first, again = (scenes.sample(np.random.default_rng(seed), ("fluent",)) for _ in range(2))
    assert first == again
    assert first.held_out == again.held_out


def test_a_twentieth_of_the_combinations_is_held_out_and_no_thing_or_colour_is_missing() -> None:
    pairs = [
        scenes.Scene((thing,), "one", colour, gradient=False, style="fluent")
        for thing in range(len(things()))
        for colour in range(len(COLOURS))
    ]
    kept = [scene for scene in pairs if scene.held_out]
    assert 0.04 < len(kept) / len(pairs) < 0.06
    trained = [scene for scene in pairs if not scene.held_out]
    assert {scene.things[0] for scene in trained} == set(range(len(things())))
    assert {scene.background for scene in trained} == set(range(len(COLOURS)))


def test_the_measure_of_backgrounds_is_right_on_the_data_itself(shapes: Sprites) -> None:
    for seed in range(100):
        scene = scenes.sample(np.random.default_rng(seed), ("fluent",))
        if scene.layout != "one" or scene.size == "big":
            continue
        assert judge.background(scenes.render(scene, shapes, 64)[0]) == scene.background


def test_the_measure_of_things_finds_a_thing_again_wherever_it_stands(shapes: Sprites) -> None:
    recogniser = judge.Recogniser(shapes, "fluent", 64)
    scenery = [scenes.sample(np.random.default_rng(seed), ("fluent",)) for seed in range(200)]
    single = [scene for scene in scenery if scene.layout == "one" and scene.size != "small"]
    ranks = [recogniser.ranked(scenes.render(scene, shapes, 64)[0]) for scene in single]
    found = [scene.things[0] in rank[:5] for scene, rank in zip(single, ranks, strict=True)]
    assert np.mean(found) > 0.8  # the pretended shapes repeat; chance is one in fifty


def test_edges_are_where_the_things_are(shapes: Sprites) -> None:
    scene = scenes.Scene((0,), "one", 12, gradient=False, style="fluent")
    picture, mask = scenes.render(scene, shapes, 64)
    found = control.edges(picture)
    assert found.any()
    inside = np.asarray(Image.fromarray(mask).resize((64, 64))) > 0
    rows, columns = np.nonzero(inside)
    away = np.ones((64, 64), bool)
    away[rows.min() - 2 : rows.max() + 3, columns.min() - 2 : columns.max() + 3] = False
    assert not found[away].any()
    assert judge.edge_f1(picture, found) == 1.0


@pytest.mark.parametrize("kind", control.KINDS)
def test_lines_are_white_on_black_and_the_same_for_the_same_seed(kind: control.Kind, shapes: Sprites) -> None:
    scene = scenes.Scene((3,), "one", 6, gradient=True, style="fluent")
    picture, mask = scenes.render(scene, shapes, 64)
    first, again = (control.lines(kind, picture, mask, np.random.default_rng(5)) for _ in range(2))
    assert set(np.unique(first)) == {0, 255}
    assert 0.01 < (first == 255).mean() < 0.5
    assert np.array_equal(first, again)
