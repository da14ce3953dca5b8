from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.engines.annotators import ANNOTATORS
from studio.errors import InvalidRequest
from studio.imaging.control.units import ControlUnitRequest, infotext_units, unit_extras, unit_fields
from studio.imaging.infotext.text import format_infotext, read_infotext
from tests.support.properties import examples

CANNY = {"model": "sd-1.5-control-canny", "image": Path("house.png"), "annotator": "canny"}


def unit(**fields: Any) -> ControlUnitRequest:
    return ControlUnitRequest.of(**{**CANNY, **fields})


def test_a_unit_is_told_in_the_form_that_a1111_writes() -> None:
    assert infotext_units([unit(resolution=512)]) == {
        "ControlNet 0": "Module: canny, Model: sd-1.5-control-canny, Weight: 1.0, Resize Mode: Crop and Resize, "
        "Processor Res: 512, Threshold A: 100, Threshold B: 200, Guidance Start: 0.0, Guidance End: 1.0, "
        "Pixel Perfect: True, Control Mode: Balanced"
    }


@st.composite
def units(draw: st.DrawFn) -> ControlUnitRequest:
    annotator = draw(st.sampled_from([*ANNOTATORS.values()]))
    parameters = {
        p.name: draw(st.integers(round(p.least), round(p.most)) if p.whole else st.floats(p.least, p.most))
        for p in annotator.parameters
    }
    start = draw(st.floats(0, 0.99))
    return unit(
        model=draw(st.sampled_from(["sd-1.5-control-canny", "control, with: comma", "线稿"])),
        annotator=annotator.id,
        parameters=parameters,
        scale=draw(st.floats(0, 2)),
        start=start,
        end=draw(st.floats(start, 1, exclude_min=True)),
        mode=draw(st.sampled_from(["balanced", "prompt", "control"])),
        resize_mode=draw(st.sampled_from(["stretch", "crop", "pad"])),
        pixel_perfect=draw(st.booleans()),
        resolution=draw(st.integers(64, 2048)),
    )


@given(st.lists(units(), min_size=1, max_size=3))
@settings(max_examples=examples(60))
def test_what_is_written_is_read_back_into_the_same_units(asked: list[ControlUnitRequest]) -> None:
    told = read_infotext(format_infotext("a house", "", {"Steps": 20, "Seed": 1, **infotext_units(asked)}))
    assert len(told.controlnet) == len(asked)
    for number, (wanted, found) in enumerate(zip(asked, told.controlnet, strict=True)):
        fields = unit_fields(found, unit_extras(number, told.unknown))
        again = unit(**{**fields, "image": wanted.image})
        # A control image that is one already was annotated at no resolution.
        lost = {"resolution": 512} if wanted.annotator == "none" else {}
        assert again == wanted.model_copy(update=lost)


def test_units_of_other_programs_fill_what_they_can() -> None:
    text = (
        "a house\nSteps: 20, Seed: 1, Size: 512x512, "
        'ControlNet 0: "Module: openpose_full, Model: control_v11p [ab], Weight: 3.0, Resize Mode: Inner Fit, '
        "Processor Res: -1, Threshold A: -1, Guidance Start: 0.9, Guidance End: 0.2, Pixel Perfect: maybe, "
        'Control Mode: My prompt is more important"'
    )
    told = read_infotext(text)
    fields = unit_fields(told.controlnet[0], unit_extras(0, told.unknown))
    assert fields == {"model": "control_v11p [ab]", "annotator": "openpose", "mode": "prompt", "parameters": {}}
    assert unit_fields(read_infotext(text.replace("openpose_full", "mlsd")).controlnet[0], {}).get("annotator") is None


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"start": 0.5, "end": 0.5}, "would end at 0.5, before or where it starts (0.5)"),
        ({"start": 0.8, "end": 0.2}, "Let it start earlier"),
        ({"scale": 2.1}, "2"),
        ({"scale": float("nan")}, "scale"),
        ({"start": -0.1}, "start"),
        ({"end": 1.5}, "end"),
        ({"resolution": 32}, "64"),
        ({"resolution": 4096}, "2048"),
        ({"annotator": "mlsd"}, "mlsd"),
        ({"parameters": {"low_threshold": 1000}}, "between 1 and 255"),
        ({"parameters": {"low": 1}}, "no parameter “low”"),
        ({"mode": "both"}, "mode"),
        ({"resize_mode": "fill"}, "resize_mode"),
    ],
)
def test_what_is_wrong_with_a_unit_is_said(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        unit(**fields)
    assert said in refused.value.explain()
    assert refused.value.explain("zh-CN")
