import json
import string
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.errors import InvalidRequest
from studio.imaging.infotext.text import LONGEST, format_infotext, read_infotext
from tests.support.properties import examples

LINE = {
    "Steps": 20,
    "Sampler": "DPM++ 2M",
    "Schedule type": "Karras",
    "CFG scale": 7.0,
    "Seed": 5,
    "Size": "64x96",
}


def told(text: str) -> dict[str, Any]:
    return read_infotext(text).plain()


def test_it_reads_as_users_know_it() -> None:
    assert format_infotext("a cat\non a mat", "blurry", LINE) == (
        "a cat\non a mat\nNegative prompt: blurry\n"
        "Steps: 20, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 7, Seed: 5, Size: 64x96"
    )


def test_what_is_not_known_is_left_out() -> None:
    assert format_infotext("猫", "", {"Steps": 0, "Model hash": None, "Schedule type": ""}) == "猫\nSteps: 0"


def test_values_that_would_break_the_line_are_quoted() -> None:
    text = format_infotext("x", "", {"Model": 'a, "b": c', "Version": "猫:1", "Note": "two\nlines"})
    assert text == 'x\nModel: "a, \\"b\\": c", Version: "猫:1", Note: "two\\nlines"'


def test_a_number_is_written_with_all_its_digits() -> None:
    text = format_infotext("x", "", {**LINE, "CFG scale": 7.123456789})
    assert read_infotext(text).guidance_scale == 7.123456789


A1111 = (
    "portrait of a (wizard:1.2), ratio 16:9\nsecond line\n"
    "Negative prompt: lowres, (bad hands:1.4)\nsigned\n"
    "Steps: 28, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 6.5, Seed: 4294967295, Size: 512x768, "
    "Model hash: 6ce0161689, Model: v1-5-pruned-emaonly, Denoising strength: 0.4, Clip skip: 2, "
    'Hires upscale: 1.5, Hires steps: 12, Hires upscaler: R-ESRGAN 4x+, Lora hashes: "ink: 0123456789ab, b: 00", '
    "Version: v1.10.1"
)
CONTROL = (
    "a house\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1, Size: 512x512, Model: x, "
    'ControlNet 0: "Module: canny, Model: control_v11p_sd15_canny [d14c016b], Weight: 0.8, '
    "Resize Mode: Crop and Resize, Processor Res: 512, Threshold A: 100, Threshold B: 200, Guidance Start: 0.1, "
    'Guidance End: 0.9, Pixel Perfect: True, Control Mode: Balanced", '
    'ControlNet 1: "Module: depth_midas, Model: depth, Weight: 1.0, Guidance Start: 0.0, Guidance End: 1.0, '
    'Control Mode: My prompt is more important", Version: v1.6.0'
)
OLDER_CONTROL = (
    "a house\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1, Size: 512x512, "
    'ControlNet 0: "preprocessor: openpose, model: pose [ab], weight: 1, starting/ending: (0, 0.5), '
    'resize mode: Crop and Resize, control mode: Balanced, preprocessor params: (512, 64, 64)"'
)
OLDEST_CONTROL = (
    "a house\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1, ControlNet Enabled: True, ControlNet Module: hed, "
    "ControlNet Model: hed [13fee50b], ControlNet Weight: 0.7, ControlNet Guidance Start: 0, "
    "ControlNet Guidance End: 1, ControlNet-1 Module: canny, ControlNet-1 Weight: 2"
)

TEXTS: list[tuple[str, str, dict[str, Any]]] = [
    (
        "A1111 1.10",
        A1111,
        {
            "prompt": "portrait of a (wizard:1.2), ratio 16:9\nsecond line",
            "negative_prompt": "lowres, (bad hands:1.4)\nsigned",
            "steps": 28,
            "sampler": "DPM++ 2M",
            "schedule_type": "Karras",
            "guidance_scale": 6.5,
            "seed": 4294967295,
            "width": 512,
            "height": 768,
            "strength": 0.4,
            "clip_skip": 2,
            "model": "v1-5-pruned-emaonly",
            "hires": {"upscale": 1.5, "steps": 12, "upscaler": "R-ESRGAN 4x+"},
            "unknown": {
                "Model hash": "6ce0161689",
                "Lora hashes": "ink: 0123456789ab, b: 00",
                "Version": "v1.10.1",
            },
        },
    ),
    (
        "A1111 of 2022, the schedule in the sampler's name",
        "a cat\nSteps: 20, Sampler: DPM++ SDE Karras, CFG scale: 7, Seed: 9, Size: 512x512, ENSD: 31337",
        {
            "prompt": "a cat",
            "steps": 20,
            "sampler": "DPM++ SDE",
            "schedule_type": "Karras",
            "guidance_scale": 7.0,
            "seed": 9,
            "width": 512,
            "height": 512,
            "unknown": {"ENSD": "31337"},
        },
    ),
    (
        "Forge with Flux",
        "a fox\nSteps: 20, Sampler: Euler, Schedule type: Simple, CFG scale: 1, Distilled CFG Scale: 3.5, Seed: 7, "
        "Size: 896x1152, Model: flux1-dev, Version: f2.0.1v1.10.1, Module 1: ae, Module 2: clip_l",
        {
            "prompt": "a fox",
            "steps": 20,
            "sampler": "Euler",
            "schedule_type": "Simple",
            "guidance_scale": 1.0,
            "seed": 7,
            "width": 896,
            "height": 1152,
            "model": "flux1-dev",
            "unknown": {
                "Distilled CFG Scale": "3.5",
                "Version": "f2.0.1v1.10.1",
                "Module 1": "ae",
                "Module 2": "clip_l",
            },
        },
    ),
    (
        "Civitai, JSON without quotes around it",
        'a dog\nSteps: 25, Sampler: Euler a, CFG scale: 4, Seed: 3, Clip skip: 2, Civitai resources: [{"type":"lora",'
        '"weight":0.8,"modelName":"Ink, wash: two"}], Civitai metadata: {}',
        {
            "prompt": "a dog",
            "steps": 25,
            "sampler": "Euler a",
            "guidance_scale": 4.0,
            "seed": 3,
            "clip_skip": 2,
            "unknown": {
                "Civitai resources": '[{"type":"lora","weight":0.8,"modelName":"Ink, wash: two"}]',
                "Civitai metadata": "{}",
            },
        },
    ),
    (
        "Dynamic Prompts, lines after the settings",
        "a red cat\nNegative prompt: dog\nSteps: 20, Sampler: DDIM, CFG scale: 7, Seed: 3\nTemplate: a {red|blue} cat",
        {
            "prompt": "a red cat",
            "negative_prompt": "dog",
            "steps": 20,
            "sampler": "DDIM",
            "guidance_scale": 7.0,
            "seed": 3,
            "unknown": {"Template": "a {red|blue} cat"},
        },
    ),
    (
        "an old comma without quotes",
        "x\nSteps: 20, Model: one, two, Seed: 3, Size: 64x64",
        {"prompt": "x", "steps": 20, "model": "one, two", "seed": 3, "width": 64, "height": 64},
    ),
    (
        "no prompt at all",
        "Negative prompt: blur\nSteps: 20, Sampler: DDIM, Seed: 3",
        {"negative_prompt": "blur", "steps": 20, "sampler": "DDIM", "seed": 3},
    ),
    (
        "lines of Windows",
        "a\r\nb\r\nNegative prompt: c\r\nSteps: 2, Seed: 3, Size: 8 x 16",
        {"prompt": "a\nb", "negative_prompt": "c", "steps": 2, "seed": 3, "width": 8, "height": 16},
    ),
    ("no settings", "a cat, (a hat:1.3)\n二行目", {"prompt": "a cat, (a hat:1.3)\n二行目"}),
    ("weights are no settings", "(a b:1.3), (c d:1.2), (e f:1.1)", {"prompt": "(a b:1.3), (c d:1.2), (e f:1.1)"}),
    ("a variant is no JSON", "{a|b}", {"prompt": "{a|b}"}),
    (
        "a closing quote is missing",
        'x\nSteps: 20, Model: "half, Seed: 3, Size: 64x64',
        {"prompt": "x", "steps": 20, "model": '"half', "seed": 3, "width": 64, "height": 64},
    ),
]


@pytest.mark.parametrize(("text", "expected"), [case[1:] for case in TEXTS], ids=[case[0] for case in TEXTS])
def test_what_other_versions_and_programs_write_is_read(text: str, expected: dict[str, Any]) -> None:
    assert told(text) == expected


@pytest.mark.parametrize(
    ("text", "units"),
    [
        (
            CONTROL,
            [
                {
                    "module": "canny",
                    "model": "control_v11p_sd15_canny [d14c016b]",
                    "weight": 0.8,
                    "start": 0.1,
                    "end": 0.9,
                    "mode": "Balanced",
                },
                {
                    "module": "depth_midas",
                    "model": "depth",
                    "weight": 1.0,
                    "start": 0.0,
                    "end": 1.0,
                    "mode": "My prompt is more important",
                },
            ],
        ),
        (
            OLDER_CONTROL,
            [
                {
                    "module": "openpose",
                    "model": "pose [ab]",
                    "weight": 1.0,
                    "start": 0.0,
                    "end": 0.5,
                    "mode": "Balanced",
                }
            ],
        ),
        (
            OLDEST_CONTROL,
            [
                {"module": "hed", "model": "hed [13fee50b]", "weight": 0.7, "start": 0.0, "end": 1.0},
                {"module": "canny", "weight": 2.0},
            ],
        ),
    ],
)
def test_controlnet_units_are_read_in_all_their_forms(text: str, units: list[dict[str, Any]]) -> None:
    assert told(text)["controlnet"] == units


def test_what_a_unit_tells_beyond_its_fields_is_kept() -> None:
    unknown = told(CONTROL)["unknown"]
    assert unknown["ControlNet 0 Threshold A"] == "100"
    assert unknown["ControlNet 0 Pixel Perfect"] == "True"
    assert told(OLDER_CONTROL)["unknown"]["ControlNet 0 preprocessor params"] == "(512, 64, 64)"


@pytest.mark.parametrize(
    "pair",
    [
        "Steps: 0",
        "Steps: 99999999999999999999999999",
        "Steps: twenty",
        "Steps: -3",
        "CFG scale: nan",
        "CFG scale: inf",
        "CFG scale: 1e999",
        "Seed: -1",
        "Seed: 18446744073709551616",
        "Size: 0x512",
        "Size: 512x99999",
        "Size: big",
        "Clip skip: 400",
        "Denoising strength: 3",
        "Hires upscale: -1",
    ],
)
def test_a_number_out_of_bounds_is_kept_as_text(pair: str) -> None:
    key, _, text = pair.partition(": ")
    answer = told(f"a cat\nVersion: 1, Model: m, Sampler: Euler, {pair}")
    assert answer["unknown"] == {"Version": "1", key: text}
    assert set(answer) == {"prompt", "model", "sampler", "unknown"}


PROMPTS = (
    st.text(st.characters(exclude_categories=("Cs", "Cc"), include_characters="\n\t"), max_size=200)
    .map(str.strip)
    .filter(lambda text: all(not line.strip().startswith("Negative prompt:") for line in text.split("\n")))
)
KEYS = st.text(string.ascii_letters, min_size=9, max_size=12)
VALUES = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=40)


@given(PROMPTS.filter(bool), PROMPTS, st.dictionaries(KEYS, VALUES, max_size=8))
@settings(max_examples=examples(300))
def test_whatever_is_written_is_read_back(prompt: str, negative: str, extra: dict[str, str]) -> None:
    answer = read_infotext(format_infotext(prompt, negative, {**LINE, **extra}))
    assert (answer.prompt, answer.negative_prompt) == (prompt, negative)
    assert (answer.steps, answer.sampler, answer.schedule_type) == (20, "DPM++ 2M", "Karras")
    assert (answer.guidance_scale, answer.seed, answer.width, answer.height) == (7, 5, 64, 96)
    assert dict(answer.unknown) == extra


@given(st.text(st.sampled_from('abS:,"\\\n[{(x1 ')))
@settings(max_examples=examples(300))
def test_no_text_breaks_the_reader(text: str) -> None:
    try:
        answer = read_infotext(f"a{text}")
    except InvalidRequest as error:
        pytest.fail(error.explain())
    assert json.loads(json.dumps(answer.plain())) == answer.plain()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x" * 1_000_000, "500000 characters"),
        ("Steps: 1, " + "a: b, " * 80_000, "more than 1000 settings"),
        ("a:" * 200_000, None),
        ('Steps: 1, Seed: 2, Size: 3x3, k: "' + 'a, b: "' * 60, None),
        ('k: "\\",' * 900, None),
        ("k: [," * 900 + "[" * 400_000, None),
        ('k: ["a,' * 900, None),
        ("[" * 400_000, None),
        ("{" * 200_000 + "}" * 200_000, None),
        ("Negative prompt:\n" * 20_000, None),
        (" " * 400_000 + "x: y, z", None),
        ("Steps: 1\n" * 40_000, None),
        ("  ", "no text"),
        ('{"3": {"class_type": "KSampler", "inputs": {}}}', "ComfyUI"),
        ('{"nodes": [], "links": []}', "ComfyUI"),
        ('{"positive_prompt": "a cat", "seed": 3}', "InvokeAI"),
        ('{"prompt": "a cat", "uc": "b", "steps": 28}', "NovelAI"),
        ('{"sui_image_params": {"prompt": "a"}}', "SwarmUI"),
        ('{"something": "else"}', "does not know"),
    ],
)
def test_hostile_and_foreign_texts_are_answered_in_words_or_read(text: str, words: str | None) -> None:
    if words is None:
        assert read_infotext(text)
        return
    with pytest.raises(InvalidRequest) as caught:
        read_infotext(text)
    assert words in caught.value.explain("en")
    assert caught.value.explain("zh-CN")


def test_the_longest_prompts_fit_several_times() -> None:
    text = format_infotext("猫" * 20_000, "狗" * 20_000, LINE)
    assert len(text) * 4 < LONGEST
    assert len(read_infotext(text).negative_prompt) == 20_000
