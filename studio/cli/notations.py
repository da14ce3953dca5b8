"""How ControlNet units and the axes of a plot are written as one option each."""

from typing import Any

from studio.errors import InvalidRequest
from studio.imaging.control.units import ControlUnitRequest
from studio.imaging.plots.ranges import shortened, split_values


def control_unit(text: str) -> dict[str, Any]:
    """`starter-control-canny, image=photo.jpg, scale=0.8` as fields of a `ControlUnitRequest`.

    The first part is the ControlNet. What is no field is a parameter of the annotator; a part with a comma in it is put
    in quotation marks.

    Raises:
        InvalidRequest: it names no ControlNet, a part after it has no name, or a quotation mark is left open.
    """
    model, *parts = split_values(text) or [""]
    if not model or "=" in model:
        raise InvalidRequest("control.notation", part=shortened(model))
    unit: dict[str, Any] = {"model": model}
    parameters: dict[str, str] = {}
    for part in parts:
        name, sign, value = (each.strip() for each in part.partition("="))
        if not sign:
            raise InvalidRequest("control.notation", part=shortened(part))
        (unit if name in ControlUnitRequest.model_fields else parameters)[name] = value
    return unit | {"parameters": parameters} if parameters else unit


def axis(text: str) -> dict[str, str]:
    """`steps=4, 8, 12` as fields of an `Axis`.

    Raises:
        InvalidRequest: there is no `=` in it.
    """
    vary, sign, values = text.partition("=")
    if not sign:
        raise InvalidRequest("plot.notation", axis=shortened(text))
    return {"vary": vary.strip(), "values": values}
