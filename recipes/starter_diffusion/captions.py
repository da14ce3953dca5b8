"""Captions of scenes in English and Chinese, in many phrasings, each true of its scene alone."""

from typing import Literal

import numpy as np

from recipes.starter_diffusion.scenes import Scene
from recipes.starter_diffusion.things import COLOURS, Thing, things

Language = Literal["en", "zh"]

NUMBERS_EN = ("", "a", "two", "three")
NUMBERS_ZH = ("", "一", "两", "三")
STYLES_EN = {"fluent": "3d", "noto": "flat"}
STYLES_ZH = {"fluent": "立体", "noto": "扁平"}
PLACES_EN = {"left": "on the left", "right": "on the right", "top": "at the top", "bottom": "at the bottom"}
PLACES_ZH = {"left": "左边", "right": "右边", "top": "上方", "bottom": "下方"}
BARE = 0.95
"""Where the phrasings begin that say nothing of the background."""
COLOURED = 0.3
"""How often a thing that has a colour of its own is called by it."""
SIZES_EN = {"small": ("small", "tiny"), "big": ("big", "large")}
SIZES_ZH = {"small": ("小小的", "小"), "big": ("大大的", "大")}


def caption(scene: Scene, rng: np.random.Generator, language: Language, styles: int = 1, complete: bool = False) -> str:
    """One caption. With more than one style in the data (`styles`), half of the captions name it.

    A `complete` one always tells the background; of the others one in twenty does not.
    """
    named = styles > 1 and rng.random() < 0.5
    kind = rng.random() * (BARE if complete else 1)
    if language == "en":
        return _english(scene, rng, STYLES_EN[scene.style] if named else "", kind)
    return _chinese(scene, rng, STYLES_ZH[scene.style] if named else "", kind)


def _pick(rng: np.random.Generator, options: tuple[str, ...]) -> str:
    return options[rng.integers(len(options))]


def _name(rng: np.random.Generator, count: int) -> int:
    """Which of the names to use: the first more often than the others."""
    return 0 if rng.random() < 0.6 else int(rng.integers(count))


def _english(scene: Scene, rng: np.random.Generator, style: str, kind: float) -> str:
    colour = _pick(rng, COLOURS[scene.background].english)
    subject = _subject_en(scene, rng)
    shade = f"{colour} gradient" if scene.gradient and rng.random() < 0.5 else colour
    what = (f"{style} style " if style else "") + _pick(rng, ("picture", "sticker", "drawing", "illustration"))
    backdrop = _pick(rng, ("background", "background", "backdrop"))
    article = "an" if shade[0] in "aeiou" else "a"
    if style or kind < 0.12:
        return f"a {what} of {subject} on {article} {shade} {backdrop}"
    if kind < 0.5:
        return f"{subject} on {article} {shade} {backdrop}"
    if kind < 0.75:
        return f"{subject}, {shade} {backdrop}"
    if kind < 0.85:
        return f"{shade} {backdrop}, {subject}"
    if kind < BARE:
        return f"{subject} on {shade}"
    return subject


def _subject_en(scene: Scene, rng: np.random.Generator) -> str:
    shown = [things()[index] for index in scene.things]
    if scene.layout == "one":
        sizes = SIZES_EN.get(scene.size)
        adjective = _pick(rng, sizes) if sizes and rng.random() < 0.6 else ""
        noun = shown[0].english[_name(rng, len(shown[0].english))][0]
        bare = rng.random() < 0.25
        words = f"{adjective} {_coloured_en(shown[0], rng)}{noun}".strip()
        subject = words if bare else _with_article(words)
        return f"{subject} {PLACES_EN[scene.place]}" if scene.place != "centre" else subject
    if len(set(scene.things)) == 1:
        noun = shown[0].english[_name(rng, len(shown[0].english))][1]
        return f"{NUMBERS_EN[len(shown)]} {noun}"
    nouns = [
        _with_article(_coloured_en(thing, rng) + thing.english[_name(rng, len(thing.english))][0]) for thing in shown
    ]
    if len(nouns) == 2:
        return _two_en(scene, rng, nouns)
    return f"{nouns[0]}, {nouns[1]} and {nouns[2]}"


def _coloured_en(thing: Thing, rng: np.random.Generator) -> str:
    if thing.colour is None or rng.random() > COLOURED:
        return ""
    return f"{COLOURS[thing.colour].english[0]} "


def _coloured_zh(thing: Thing, rng: np.random.Generator) -> str:
    if thing.colour is None or rng.random() > COLOURED:
        return ""
    names = COLOURS[thing.colour].chinese
    return f"{names[0]}的" if rng.random() < 0.5 else names[-1]


def _two_en(scene: Scene, rng: np.random.Generator, nouns: list[str]) -> str:
    first, second = nouns
    if rng.random() < 0.4:
        return f"{first} and {second}"
    if scene.layout == "row":
        if rng.random() < 0.5:
            return f"{first} to the left of {second}" if rng.random() < 0.6 else f"{first} left of {second}"
        return f"{second} to the right of {first}" if rng.random() < 0.6 else f"{second} right of {first}"
    if rng.random() < 0.5:
        return f"{first} {_pick(rng, ('above', 'over', 'on top of'))} {second}"
    return f"{second} {_pick(rng, ('below', 'under'))} {first}"


def _with_article(words: str) -> str:
    if words.rsplit(maxsplit=1)[-1] in PLURAL_ONLY:
        return words
    return f"{'an' if words[0] in 'aeiou' and not words.startswith(('uni', 'ufo')) else 'a'} {words}"


def _plural_only() -> frozenset[str]:
    alike = (one for thing in things() for one, several in thing.english if one == several)
    return frozenset(one.split()[-1] for one in alike) - {"deer", "sheep", "fish"}


PLURAL_ONLY = _plural_only()


def _chinese(scene: Scene, rng: np.random.Generator, style: str, kind: float) -> str:
    colour = _pick(rng, COLOURS[scene.background].chinese)
    full = _pick(rng, tuple(name for name in COLOURS[scene.background].chinese if name.endswith("色")))
    subject = _subject_zh(scene, rng)
    shade = f"{full}渐变" if scene.gradient and rng.random() < 0.5 else full
    what = (f"{style}风格的" if style else "") + _pick(rng, ("图片", "贴纸", "插画", "画"))
    if style or kind < 0.1:
        return f"{shade}背景上的{subject}的{what}"
    if kind < 0.4:
        return f"{shade}背景上的{subject}"
    if kind < 0.65:
        return f"{subject}，{shade}背景"
    if kind < 0.8:
        return f"{shade}背景，{subject}"
    if kind < BARE:
        return f"{subject}，{colour}底"
    return subject


def _subject_zh(scene: Scene, rng: np.random.Generator) -> str:
    shown = [things()[index] for index in scene.things]
    if scene.layout == "one":
        sizes = SIZES_ZH.get(scene.size)
        adjective = _pick(rng, sizes) if sizes and rng.random() < 0.6 else ""
        noun = shown[0].chinese[_name(rng, len(shown[0].chinese))]
        words = f"{adjective}{_coloured_zh(shown[0], rng)}{noun}"
        subject = words if rng.random() < 0.35 else f"一{shown[0].measure}{words}"
        if scene.place == "centre":
            return subject
        return f"{PLACES_ZH[scene.place]}的{subject}" if rng.random() < 0.5 else f"{subject}在{PLACES_ZH[scene.place]}"
    if len(set(scene.things)) == 1:
        return f"{NUMBERS_ZH[len(shown)]}{_counted_zh(shown[0], rng, number=False)}"
    nouns = [_counted_zh(thing, rng) for thing in shown]
    if len(nouns) == 2:
        return _two_zh(scene, rng, nouns)
    return f"{nouns[0]}、{nouns[1]}和{nouns[2]}"


def _counted_zh(thing: Thing, rng: np.random.Generator, number: bool = True) -> str:
    noun = thing.chinese[_name(rng, len(thing.chinese))]
    return f"{'一' if number else ''}{thing.measure}{_coloured_zh(thing, rng)}{noun}"


def _two_zh(scene: Scene, rng: np.random.Generator, nouns: list[str]) -> str:
    first, second = nouns
    if rng.random() < 0.4:
        return f"{first}和{second}"
    before, after = ("左边", "右边") if scene.layout == "row" else ("上面", "下面")
    kind = rng.random()
    if kind < 0.4:
        return f"{before}{first}，{after}{second}"
    if kind < 0.7:
        return f"{first}在{second}的{before}"
    return f"{second}在{first}的{after}"
