"""The pictures of the model card: what the family draws, and how its training went.

python -m recipes.starter_diffusion.sheets --work DIR
"""

import argparse
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from recipes.starter_diffusion import control, loop, scenes
from recipes.starter_diffusion.evaluate import Family, held_out, prompt_of
from recipes.starter_diffusion.export import ADAPTER
from recipes.starter_diffusion.sprites import Sprites, sprites
from recipes.starter_diffusion.train import TARGET
from studio.engines.diffusion import Adapter, ControlUnit

PROMPTS = (
    "a red apple on a blue background",
    "two cats on a yellow background",
    "a panda, green background",
    "a rocket on a black background",
    "a sunflower, sky blue background",
    "a car and a tree, white background",
    "a big birthday cake on a pink background",
    "a small snail on an orange background",
    "three stars on a purple background",
    "a whale to the left of a sailboat, teal background",
    "a sticker of an owl on a gray background",
    "a house on a green gradient background",
    "蓝色背景上的一个红苹果",
    "两只猫，黄色背景",
    "一只熊猫，绿色背景",
    "黑色背景上的一枚火箭",
    "一朵向日葵，天蓝色背景",
    "左边一辆汽车，右边一棵树，白色背景",
    "粉色背景上的一个大大的生日蛋糕",
    "三颗星星，紫色背景",
    "青色背景，一条鲨鱼",
    "一把吉他，棕色背景",
    "一杯咖啡和一块饼干，浅蓝色背景",
    "红色背景上的一只企鹅",
)
"""Twelve in English and twelve in Chinese, drawn with the seeds 0 to 23: none was chosen by its picture."""
COLUMNS, GAP, CELL = 6, 4, 192
STAGES = ("autoencoder", "text", "things", "denoiser", *(f"control-{kind}" for kind in control.KINDS), "lora")
LINE, PAPER, INK = (66, 92, 214), (255, 255, 255), (110, 112, 120)


def sheet(pictures: list[np.ndarray], columns: int = COLUMNS) -> Image.Image:
    """Pictures side by side, each enlarged to `CELL` px."""
    rows = -(-len(pictures) // columns)
    page = Image.new("RGB", (columns * (CELL + GAP) - GAP, rows * (CELL + GAP) - GAP), PAPER)
    for number, picture in enumerate(pictures):
        cell = Image.fromarray(picture).resize((CELL, CELL), Image.Resampling.LANCZOS)
        page.paste(cell, (number % columns * (CELL + GAP), number // columns * (CELL + GAP)))
    return page


def led(family: Family, pack: Sprites) -> Image.Image:
    """Rows of six: a scene's edges, what they led to, its scribble, what that led to, the flat style, and unled."""
    nets = {kind: family.control(kind) for kind in control.KINDS}
    flat = (Adapter(family.folder / ADAPTER),)
    pictures = []
    for number, scene in list(held_out(4)):
        picture, mask = scenes.render(scene, pack, family.size)
        prompt = prompt_of(number, scene, "en")
        for kind in control.KINDS:
            lines = control.lines(kind, picture, mask, np.random.default_rng(number))
            pictures.append(np.repeat(lines[..., None], 3, axis=-1))
            unit = ControlUnit(nets[kind], Image.fromarray(lines))
            pictures.append(family.draw(prompt, number, controls=(unit,)))
        pictures.append(family.draw(prompt, number, adapters=flat))
        pictures.append(family.draw(prompt, number))
    return sheet(pictures)


def curves(work: Path, width: int = 360, height: int = 180) -> Image.Image:
    """The loss of every stage over its steps, each chart from its lowest to its highest tenth."""
    told = [(name, list(loop.curve(work, name))) for name in STAGES if (work / f"{name}.jsonl").is_file()]
    page = Image.new("RGB", (3 * width, -(-len(told) // 3) * height), PAPER)
    for number, (name, lines) in enumerate(told):
        left, top = number % 3 * width, number // 3 * height
        values = np.array([line["loss"] for line in lines])
        low, high = values.min(), np.quantile(values, 0.9)
        across = left + 20 + (width - 40) * np.arange(len(values)) / max(len(values) - 1, 1)
        down = top + 40 + (height - 60) * (1 - ((values - low) / max(high - low, 1e-9)).clip(0, 1))
        draw = ImageDraw.Draw(page)
        title = f"{name}: {lines[-1]['step']} steps, loss {values[0]:.3g} to {values[-1]:.3g}"
        draw.text((left + 20, top + 14), title, fill=INK)
        draw.line(list(zip(across, down, strict=True)), fill=LINE, width=2)
    return page


def main() -> None:
    """Draws the sheets beside the weights."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="where training kept its packages and logs")
    parser.add_argument("--target", type=Path, default=TARGET, help="the family to draw with")
    arguments = parser.parse_args()
    family = Family(arguments.target)
    pack = sprites(arguments.work, family.size)
    sheet([family.draw(prompt, seed) for seed, prompt in enumerate(PROMPTS)]).save(arguments.target / "sheet.webp")
    led(family, pack).save(arguments.target / "led.webp")
    curves(arguments.work).save(arguments.target / "curves.webp", lossless=True)


if __name__ == "__main__":
    main()
