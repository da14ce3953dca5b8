"""Measures the shipped family through the studio's own engine, and draws the sheets of its model card.

python -m recipes.starter_diffusion.evaluate --work DIR [--only NAME]
"""

import argparse
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from statistics import mean, median
from time import perf_counter
from typing import Any

import numpy as np
import torch
from PIL import Image

from recipes.starter_diffusion import control, judge, scenes
from recipes.starter_diffusion.autoencoder import to_pictures, to_tensor
from recipes.starter_diffusion.captions import Language, caption
from recipes.starter_diffusion.export import ADAPTER
from recipes.starter_diffusion.sprites import Sprites, sprites
from recipes.starter_diffusion.text import LANGUAGES
from recipes.starter_diffusion.train import TARGET
from studio.engines.diffusion import Adapter, ControlUnit, DiffusersLoader, DiffusionRequest, Picture
from studio.registry import ModelSpec

COUNT = 200
SOME = 60
SEED = 4_000_000
STEPS = 20
GENTLE = 2.0
"""Guidance at which lines are followed more closely."""
STRENGTHS = (0.2, 0.4, 0.6, 0.8, 1.0)
STYLE = "fluent"
ELSEWHERE: tuple[tuple[scenes.Size, scenes.Place], ...] = (
    ("middle", "left"),
    ("middle", "right"),
    ("small", "top"),
    ("big", "centre"),
)
"""Sizes and places of things of which the words say nothing."""
REQUEST = DiffusionRequest("", steps=STEPS, guidance_scale=4.0)
"""How the catalogue draws with the family; only the prompt, the seed and the size are to be filled in."""


class Family:
    """The shipped models, loaded as the studio loads them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.device = "cuda:0" if torch.cuda.is_available() else "cpu"
        self.engine: Any = DiffusersLoader()(_spec("image"), folder, self.device)
        self.size = json.loads((folder / "vae" / "config.json").read_text())["sample_size"]

    def control(self, kind: str) -> Any:
        """One of its ControlNets."""
        return DiffusersLoader()(_spec("controlnet"), self.folder / f"control-{kind}", self.device)

    def draw(self, prompt: str, seed: int, **more: Any) -> judge.Pixels:
        """A picture as uint8 (size, size, 3)."""
        request = replace(REQUEST, prompt=prompt, seed=seed, width=self.size, height=self.size, **more)
        *_, picture = self.engine.stream(request)
        assert isinstance(picture, Picture)  # noqa: S101
        return np.asarray(picture.image)

    def restored(self, picture: judge.Pixels) -> judge.Pixels:
        """A picture through the autoencoder and back."""
        vae = self.engine._pipe.vae
        with torch.no_grad():
            latents = vae.encode(to_tensor(np.stack([picture])).to(vae.dtype)).latent_dist.mode()
            decoded: judge.Pixels = to_pictures(vae.decode(latents).sample)[0]
        return decoded


def _spec(task: str) -> ModelSpec:
    source = [{"path": "here"}]
    return ModelSpec.model_validate(
        {
            "id": "starter",
            "name": "starter",
            "task": task,
            "engine": "diffusers",
            "sources": source,
            "licence": "Apache-2.0",
        }
    )


def held_out(count: int) -> Iterator[tuple[int, scenes.Scene]]:
    """Scenes of one thing whose combination with its background was never trained on, with their seeds."""
    for number in range(count):
        rng = np.random.default_rng((SEED, number))
        while (scene := scenes.sample_of(rng, (STYLE,), held_out=True)).layout != "one":
            pass
        yield number, replace(scene, size="middle", place="centre")


def prompt_of(number: int, scene: scenes.Scene, language: Language) -> str:
    """The prompt of a held-out scene; it always tells the background."""
    return caption(scene, np.random.default_rng((SEED, number, 1)), language, complete=True)


def autoencoder(family: Family, pack: Sprites) -> dict[str, float]:
    """How well held-out scenes of every kind come back."""
    values = []
    for number in range(COUNT):
        rng = np.random.default_rng((SEED, number, 2))
        scene = scenes.sample_of(rng, (STYLE,), held_out=True)
        picture = scenes.render(scene, pack, family.size)[0]
        values.append(judge.psnr(picture, family.restored(picture)))
    return {"psnr_mean": mean(values), "psnr_median": median(values)}


def prompts(family: Family, pack: Sprites) -> dict[str, float]:
    """Whether background and thing are those of the prompt, in either language, with the same seeds."""
    recogniser = judge.Recogniser(pack, STYLE, family.size)
    figures: dict[str, float] = {}
    for language in LANGUAGES:
        backgrounds, first, fifth = [], [], []
        for number, scene in held_out(COUNT):
            picture = family.draw(prompt_of(number, scene, language), number)
            ranked = recogniser.ranked(picture)
            backgrounds.append(judge.background(picture) == scene.background)
            first.append(ranked[0] == scene.things[0])
            fifth.append(scene.things[0] in ranked[:5])
        for name, right in (("background", backgrounds), ("thing", first), ("thing_in_five", fifth)):
            figures[f"{name}_{language}"] = float(np.mean(right))
    real = [
        recogniser.ranked(scenes.render(scene, pack, family.size)[0])[0] == scene.things[0]
        for _, scene in held_out(COUNT)
    ]
    return figures | {"thing_in_the_data_itself": float(np.mean(real))}


def controls(family: Family, pack: Sprites) -> dict[str, float]:
    """F1 of the edges of what was drawn against those of the scene, led by its lines and not led.

    Once where the words say all that the scene shows, and once where the thing is of another size or in another place
    than the words lead to: there only the lines tell. The first also with less guidance, which pulls away from lines.
    """
    told = [(number, scene, scene) for number, scene in held_out(SOME)]
    untold = []
    for number, scene in held_out(SOME // 2):
        rng = np.random.default_rng((SEED, number, 4))
        size, place = ELSEWHERE[rng.integers(len(ELSEWHERE))]
        untold.append((number, scene, replace(scene, size=size, place=place)))
    figures = _led(family, pack, told, "") | _led(family, pack, untold, "_untold")
    return figures | _led(family, pack, told, "_gentle", guidance_scale=GENTLE)


def _led(
    family: Family, pack: Sprites, scenery: list[tuple[int, scenes.Scene, scenes.Scene]], suffix: str, **more: Any
) -> dict[str, float]:
    # Of each: its number, the scene of its words, and the scene of its lines.
    figures: dict[str, float] = {}
    shown = {number: scenes.render(scene, pack, family.size) for number, _, scene in scenery}
    wanted = {number: control.edges(picture) for number, (picture, _) in shown.items()}
    words = {number: prompt_of(number, scene, "en") for number, scene, _ in scenery}
    free = mean(judge.edge_f1(family.draw(words[number], number, **more), wanted[number]) for number in shown)
    figures[f"edges_free{suffix}"] = free
    # As far as the autoencoder lets anyone come.
    whole = [judge.edge_f1(family.restored(picture), wanted[number]) for number, (picture, _) in shown.items()]
    figures[f"edges_whole{suffix}"] = mean(whole)
    for kind in control.KINDS:
        net = family.control(kind)
        scores = []
        for number, (picture, mask) in shown.items():
            lines = control.lines(kind, picture, mask, np.random.default_rng((SEED, number, 3)))
            unit = ControlUnit(net, Image.fromarray(lines))
            led = family.draw(words[number], number, controls=(unit,), **more)
            scores.append(judge.edge_f1(led, wanted[number]))
        figures[f"edges_{kind}{suffix}"] = mean(scores)
        figures[f"gain_{kind}{suffix}"] = mean(scores) - free
    return figures


def editing(family: Family, pack: Sprites) -> dict[str, Any]:
    """What a mask keeps, what it changes, and how far each strength goes from the source."""
    kept, changed = [], []
    distances: dict[float, list[float]] = {strength: [] for strength in STRENGTHS}
    side = family.size
    mask = Image.new("L", (side, side))
    mask.paste(255, (side // 4, side // 4, 3 * side // 4, 3 * side // 4))
    outside = np.asarray(mask) == 0
    scenery = list(held_out(SOME // 2))
    for (number, scene), (_, other) in zip(scenery, scenery[1:] + scenery[:1], strict=True):
        source = scenes.render(scene, pack, side)[0]
        prompt = prompt_of(number, replace(other, background=scene.background), "en")
        image = Image.fromarray(source)
        painted = family.draw(prompt, number, image=image, mask=mask, strength=1.0)
        kept.append(min(99.0, judge.psnr(source[outside], painted[outside])))
        changed.append(judge.psnr(source[~outside], painted[~outside]))
        for strength in STRENGTHS:
            varied = family.draw(prompt_of(number, other, "en"), number, image=image, strength=strength)
            distances[strength].append(float(np.sqrt(np.square(varied.astype(float) - source).mean())))
    return {
        "outside_psnr_lowest": min(kept),
        "inside_psnr_mean": mean(changed),
        "distance_by_strength": {str(strength): round(mean(each), 1) for strength, each in distances.items()},
    }


def adapters(family: Family, pack: Sprites) -> dict[str, float]:
    """Whether the flat style is nearer to the flat pictures than without it, for things it was not shown."""
    flat, plain = (judge.Recogniser(pack, style, family.size) for style in ("noto", STYLE))
    worn = (Adapter(family.folder / ADAPTER),)
    nearer = []
    for number, scene in held_out(SOME // 2):
        thing = scene.things[0]
        without, with_it = (
            family.draw(prompt_of(number, scene, "en"), number, adapters=choice) for choice in ((), worn)
        )
        lean = [flat.distance(each, thing) - plain.distance(each, thing) for each in (without, with_it)]
        nearer.append(lean[1] < lean[0])
    return {"flat_style_nearer": float(np.mean(nearer))}


def speed(family: Family, _: Sprites) -> dict[str, float]:
    """Seconds of one picture of `STEPS` steps, the median of five after a first."""
    family.draw("a cat", 0)
    seconds = []
    for seed in range(5):
        began = perf_counter()
        family.draw("a red apple on a blue background", seed)
        seconds.append(perf_counter() - began)
    return {"picture_seconds": median(seconds), "threads": torch.get_num_threads()}


MEASURES = {
    "autoencoder": autoencoder,
    "prompts": prompts,
    "controls": controls,
    "editing": editing,
    "adapters": adapters,
    "speed": speed,
}


def main() -> None:
    """Measures what was asked for and adds it to `evaluation.json` beside the weights."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="where training kept its packages")
    parser.add_argument("--target", type=Path, default=TARGET, help="the family to measure")
    parser.add_argument("--only", choices=MEASURES, action="append", help="only these measures; by default all")
    arguments = parser.parse_args()
    family = Family(arguments.target)
    pack = sprites(arguments.work, family.size)
    kept = arguments.target / "evaluation.json"
    figures = json.loads(kept.read_text()) if kept.is_file() else {}
    for name in arguments.only or MEASURES:
        found = MEASURES[name](family, pack)
        figures[name] = {key: round(value, 3) if isinstance(value, float) else value for key, value in found.items()}
        print(name, figures[name], flush=True)  # noqa: T201
        kept.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
