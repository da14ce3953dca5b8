from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio.errors import InvalidRequest
from studio.imaging.drawing.requests import PictureRequest
from studio.imaging.plots.axes import LONGEST, Axis
from studio.imaging.plots.ranges import MOST_VALUES, joined_values, split_values

CAT = PictureRequest.of(prompt="a red cat, oil on canvas", negative_prompt="a red dog")


def values(vary: str, text: object) -> tuple[str, ...]:
    return Axis.of(vary=vary, values=text).values


@pytest.mark.parametrize(
    ("vary", "text", "wanted"),
    [
        ("steps", "7, 9, 11", ("7", "9", "11")),
        ("steps", "7，9、11,", ("7", "9", "11")),
        ("steps", "７，９", ("7", "9")),
        ("steps", "1-5", ("1", "2", "3", "4", "5")),
        ("steps", "1-5 (+2)", ("1", "3", "5")),
        ("steps", "1-6（+2）", ("1", "3", "5")),
        ("steps", "10-5 (-3)", ("10", "7")),
        ("steps", "10~8", ("10", "9", "8")),
        ("steps", "1-10 [5]", ("1", "3", "5", "7", "10")),
        ("steps", "1-10 [1]", ("1",)),
        ("steps", "20, 10-30 (+10), 20", ("20", "10", "30")),
        ("steps", [10, "20-22"], ("10", "20", "21", "22")),
        ("guidance_scale", "7, 7.0, 7.50", ("7", "7.5")),
        ("guidance_scale", "1.0-2.0 (+0.5)", ("1", "1.5", "2")),
        ("strength", "0.1-0.3 (+0.1)", ("0.1", "0.2", "0.3")),
        ("variation_strength", "0-1 [6]", ("0", "0.2", "0.4", "0.6", "0.8", "1")),
        ("seed", "-1, 5, -1, 5", ("-1", "5", "-1")),
        ("seed", "4294967295", ("4294967295",)),
        ("sampler", "euler A, DDIM、“DPM++ 2M”", ("Euler a", "DDIM", "DPM++ 2M")),
        ("schedule_type", "automatic, karras", ("Automatic", "Karras")),
        ("size", "512x768, 64, 512 × 768", ("512x768", "64x64")),
        ("styles", '"", photo, "photo, ink"', ("", "photo", "photo, ink")),
        ("prompt", 'cat, "cat, asleep", ""', ("cat", "cat, asleep", "")),
        ("prompt", '"say ""meow"""', ('say "meow"',)),
        ("prompt", "1-5", ("1-5",)),
    ],
)
def test_values_are_read_as_they_are_meant(vary: str, text: object, wanted: tuple[str, ...]) -> None:
    assert values(vary, text) == wanted


@pytest.mark.parametrize(
    ("vary", "text", "says"),
    [
        ("steps", "", "no values for “steps”"),
        ("steps", ", ,", "no values"),
        ("steps", "10, 0", "“steps” cannot be 0; it must be at least 1"),
        ("steps", "151", "“steps” cannot be 151; it must be at most 150"),
        ("steps", "ten", "“steps” cannot be “ten”; it must be a whole number"),
        ("steps", "1-3 (0.5)", "cannot be “1.5”"),
        ("steps", "1-10000", "more than 20 values"),
        ("steps", "1-10 [9999]", "more than 20 values"),
        ("steps", "1-5 (+0)", "leads nowhere"),
        ("steps", "1-5 (-1)", "leads nowhere"),
        ("steps", "5-1 (+1)", "leads nowhere"),
        ("steps", "1-5 [0]", "leads nowhere"),
        ("steps", "-5--1", "cannot be -5"),
        ("guidance_scale", "nan", "must be a number"),
        ("guidance_scale", "9e999", "must be a number"),
        ("guidance_scale", "9" * 5000, "“guidance_scale” cannot be"),
        ("strength", "0", "more than 0"),
        ("seed", "99999999999", "“seed” cannot be 99999999999; it must be less than 4294967296"),
        ("sampler", "Euler b", "“sampler” cannot be “Euler b”, only one of"),
        ("size", "512by512", "“512by512” is no size"),
        ("size", "65", "cannot be 65; both sides must be multiples of 8"),
        ("size", "90000x64", "“size” cannot be 90000x64"),
        ("prompt", '"cat, dog', "quotation marks"),
        ("prompt", '"cat" dog', "quotation marks"),
        ("prompt", ",".join(map(str, range(21))), "more than 20 values"),
        ("order", "a, b, c, d", "4 parts"),
        ("prompt", "x" * (LONGEST + 1), "longer than"),
        ("steps", ["1"] * (LONGEST + 1), "longer than"),
        ("colour", "red", "vary"),
    ],
)
def test_values_that_cannot_be_are_refused_by_name(vary: str, text: object, says: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        values(vary, text)
    assert says in refused.value.explain()
    assert refused.value.explain("zh-CN")


@given(st.lists(st.text(max_size=12), max_size=8))
def test_whatever_is_joined_comes_apart_again(texts: list[str]) -> None:
    assert split_values(joined_values(texts)) == texts


@given(
    st.text(alphabet=st.sampled_from('0123456789-+.()[]"“”,，、~ \nab'), max_size=60),
    st.sampled_from(["steps", "prompt"]),
)
def test_any_text_is_understood_or_refused_in_words(text: str, vary: str) -> None:
    try:
        found = values(vary, text)
    except InvalidRequest as refused:
        told = refused.explain("zh-CN")
    else:
        told = ", ".join(found) or text
        assert 1 <= len(found) == len(set(found)) <= MOST_VALUES
        assert values(vary, list(found)) == found
    assert told


@given(st.integers(1, 150), st.integers(1, 150), st.integers(1, 150))
def test_a_range_goes_by_its_step_from_its_first_value_and_not_past_its_last(first: int, last: int, step: int) -> None:
    sign = 1 if first <= last else -1
    wanted = list(range(first, last + sign, sign * step))
    text = f"{first}-{last} ({'+' if sign > 0 else '-'}{step})"
    if len(wanted) > MOST_VALUES:
        with pytest.raises(InvalidRequest):
            values("steps", text)
    else:
        assert values("steps", text) == tuple(map(str, wanted))


@given(st.integers(0, 300), st.integers(0, 300), st.integers(2, MOST_VALUES))
def test_a_counted_range_has_both_its_ends_and_even_gaps(first: int, last: int, count: int) -> None:
    low, high = Decimal(first) / 10, Decimal(last) / 10
    found = [Decimal(value) for value in values("guidance_scale", f"{low}-{high} [{count}]")]
    if first == last:
        assert found == [low]
        return
    assert len(found) == count
    assert (found[0], found[-1]) == (low, high)
    gaps = [after - before for before, after in pairwise(found)]
    assert max(gaps) - min(gaps) <= Decimal("0.000002")


def changed(vary: str, text: str) -> list[PictureRequest]:
    axis = Axis.of(vary=vary, values=text)
    axis.check(CAT)
    return [axis.changed(CAT, point) for point in axis.points]


def fields(vary: str, text: str, *names: str) -> list[tuple[Any, ...]]:
    return [tuple(getattr(request, name) for name in names) for request in changed(vary, text)]


def test_each_point_changes_what_varies_and_nothing_else() -> None:
    assert fields("steps", "10, 20", "steps", "prompt") == [(10, CAT.prompt), (20, CAT.prompt)]
    assert fields("size", "64x128", "width", "height") == [(64, 128)]
    assert fields("schedule_type", "Automatic, Karras", "schedule_type") == [(None,), ("Karras",)]
    assert fields("styles", '"", "photo, ink"', "styles") == [((),), (("photo", "ink"),)]


def test_the_first_value_of_a_prompt_axis_is_replaced_in_both_prompts() -> None:
    assert fields("prompt", 'red, "green, dark", ""', "prompt", "negative_prompt") == [
        ("a red cat, oil on canvas", "a red dog"),
        ("a green, dark cat, oil on canvas", "a green, dark dog"),
        ("a  cat, oil on canvas", "a  dog"),
    ]


def test_parts_of_a_prompt_change_places() -> None:
    prompts = [prompt for (prompt,) in fields("order", "oil on canvas, red cat", "prompt")]
    assert prompts == ["a oil on canvas, red cat", "a red cat, oil on canvas"]
    assert len(set(fields("order", "a, red, cat", "prompt"))) == 6


@pytest.mark.parametrize(
    ("vary", "text", "says"),
    [
        ("prompt", "blue, green", "“blue” is not in the prompt"),
        ("prompt", '"", green', "is not in the prompt"),
        ("order", "red, dog", "“dog” is not in the prompt"),
        ("order", "red cat, cat", "shares letters"),
    ],
)
def test_what_the_prompt_does_not_hold_cannot_vary(vary: str, text: str, says: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        changed(vary, text)
    assert says in refused.value.explain()
