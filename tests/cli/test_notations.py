import pytest

from studio.cli.notations import axis, control_unit
from studio.errors import InvalidRequest
from studio.imaging.control.units import ControlUnitRequest
from studio.imaging.plots.axes import Axis


def test_a_unit_is_its_controlnet_and_then_names_with_values() -> None:
    unit = control_unit('edges, "image=a, b.png", annotator=canny, scale = 0.8, low_threshold=50, pixel_perfect=false')
    request = ControlUnitRequest.of(**unit)
    assert (request.model, str(request.image), request.scale) == ("edges", "a, b.png", 0.8)
    assert request.pixel_perfect is False
    assert dict(request.parameters) == {"low_threshold": 50}


@pytest.mark.parametrize(
    "text", ["", "image=a.png", "edges, 0.8", "edges, low_threshold=many, annotator=canny", "edges, scale=9"]
)
def test_what_is_no_unit_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest):
        ControlUnitRequest.of(**control_unit(text))


def test_an_axis_is_what_varies_and_its_values() -> None:
    assert Axis.of(**axis("steps = 2-6 (+2)")).values == ("2", "4", "6")
    assert Axis.of(**axis('prompt=cat, "a=b"')).values == ("cat", "a=b")


def test_an_axis_without_values_is_refused() -> None:
    with pytest.raises(InvalidRequest):
        axis("steps")
