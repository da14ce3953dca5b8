import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio.engines.annotators import ANNOTATORS, annotator_of, kind, suggested
from studio.errors import InvalidRequest
from studio.messages import LOCALES

NUMBERS = st.one_of(st.integers(-1000, 1000), st.floats(), st.booleans(), st.text(max_size=5), st.none())


def test_every_kind_that_was_promised_is_there_and_works_with_or_without_weights() -> None:
    offline = {name for name, found in ANNOTATORS.items() if not found.networks}
    assert offline == {"none", "canny", "scribble", "lineart_standard", "tile"}
    assert set(ANNOTATORS) - offline == {"softedge", "lineart", "openpose", "depth"}
    for found in ANNOTATORS.values():
        assert (found.draw is None) == bool(found.networks)
        for parameter in found.parameters:
            assert parameter.least <= parameter.default <= parameter.most


@pytest.mark.parametrize(
    ("name", "annotator"),
    [
        ("sd-1.5-control-canny", "canny"),
        ("lllyasviel/control_v11p_sd15_openpose", "openpose"),
        ("lllyasviel/control_v11p_sd15_softedge", "softedge"),
        ("Soft edge, SD 1.5", "softedge"),
        ("control_v11p_sd15s2_lineart_anime", "lineart"),
        ("xinsir/controlnet-scribble-sdxl-1.0", "scribble"),
        ("control_v11f1e_sd15_tile", "tile"),
        ("Depth, SD 1.5", "depth"),
        ("control-lora-sketch-rank128", "scribble"),
        ("sdxl-control-union", "none"),
        ("", "none"),
        ("线稿", "none"),
    ],
)
def test_the_name_of_a_controlnet_suggests_its_annotator(name: str, annotator: str) -> None:
    assert suggested(name) == annotator


def test_the_first_name_that_says_something_decides() -> None:
    assert suggested("my-model", "A model", "someone/controlnet-depth") == "depth"


@pytest.mark.parametrize(
    ("module", "annotator"),
    [("openpose_full", "openpose"), (" Depth_Midas ", "depth"), ("softedge_pidinet", "softedge"), ("none", "none")],
)
def test_the_names_of_infotexts_are_known(module: str, annotator: str) -> None:
    assert annotator_of(module) == annotator
    assert annotator_of("mlsd") is None
    assert annotator_of(None) is None


def test_no_two_kinds_share_a_name_or_a_word() -> None:
    modules = [name for found in ANNOTATORS.values() for name in (found.module, *found.modules)]
    words = [word for found in ANNOTATORS.values() for word in found.words]
    assert len(set(modules)) == len(modules)
    assert len(set(words)) == len(words)


@given(
    st.sampled_from([*ANNOTATORS]), st.dictionaries(st.sampled_from(["threshold", "sigma", "low_threshold"]), NUMBERS)
)
def test_parameters_are_within_bounds_or_refused_in_words(annotator: str, given: dict[str, object]) -> None:
    found = kind(annotator)
    try:
        numbers = found.complete(given)
    except InvalidRequest as refused:
        told = [refused.explain(locale) for locale in LOCALES]
        numbers = {}
    else:
        told = []
    if told:
        assert all(told)
        return
    assert list(numbers) == [parameter.name for parameter in found.parameters]
    for parameter in found.parameters:
        assert parameter.least <= numbers[parameter.name] <= parameter.most
        assert given.get(parameter.name) is not None or numbers[parameter.name] == parameter.default


@pytest.mark.parametrize(
    ("annotator", "parameters", "said"),
    [
        ("canny", {"low_threshold": 256}, "between 1 and 255, not 256"),
        ("canny", {"low_threshold": 0}, "between 1 and 255, not 0"),
        ("scribble", {"threshold": math.nan}, "must be a number, not nan"),
        ("scribble", {"threshold": True}, "must be a number, not True"),
        ("tile", {"down_sampling": "8"}, "must be a number, not 8"),
        ("tile", {"low": 8}, "no parameter “low”. It has down_sampling."),
        ("depth", {"low": 8}, "has nothing to set"),
    ],
)
def test_what_is_wrong_with_a_parameter_is_said(annotator: str, parameters: dict[str, object], said: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        kind(annotator).complete(parameters)
    assert said in refused.value.explain()


def test_an_unknown_annotator_is_told_which_there_are() -> None:
    with pytest.raises(InvalidRequest) as refused:
        kind("cany")
    assert "cany" in refused.value.text()
    assert "canny, softedge" in refused.value.hint()
