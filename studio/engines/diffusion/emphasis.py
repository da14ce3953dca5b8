"""Whose word counts more, the prompt's or the control image's, as sd-webui-controlnet weighs it."""

import copy
from collections import OrderedDict
from typing import Any, Final, Literal

Emphasis = Literal["balanced", "prompt", "control"]
FADING: Final = 0.825
"""Each block further from the middle of the UNet hears this much less of the control image."""


def emphasised(module: Any, emphasis: Emphasis, guided: bool) -> Any:
    """The network itself when balanced; else one with the same weights that hands on less of what it says.

    `prompt` fades it towards the outer blocks, where details are drawn; `control` fades it too, and lets it speak only
    where the prompt speaks, so that guidance strengthens both together. Without guidance (`guided` is False) the prompt
    speaks everywhere.
    """
    if emphasis == "balanced":
        return module
    own = copy.copy(module)
    # The copy shares everything with the network that others are using, its hooks included.
    own._forward_hooks = OrderedDict()
    own.register_forward_hook(_prompted if emphasis == "control" and guided else _faded)
    return own


def _faded(module: Any, inputs: Any, output: Any) -> Any:
    down, middle = output
    return [part * FADING ** (len(down) - index) for index, part in enumerate(down)], middle


def _prompted(module: Any, inputs: Any, output: Any) -> Any:
    """Without what belongs to the negative prompts: the first half of a batch."""
    down, middle = _faded(module, inputs, output)
    return [_second_half(part) for part in down], _second_half(middle)


def _second_half(part: Any) -> Any:
    part = part.clone()
    part[: len(part) // 2] = 0
    return part
