"""Real-ESRGAN weights in ncnn form (`.bin` beside `.param`), turned once into safetensors.

The layout of `.bin`, in the order of `.param`: for each convolution a 4-byte tag, the weights (out, in, height, width)
as fp16 padded to 4 bytes or as fp32, then the fp32 bias; for each PReLU its fp32 slopes without a tag.
"""

import hashlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from studio.errors import WeightsUnavailable

if TYPE_CHECKING:
    import torch

MAGIC: Final = "7767517"
HALF: Final = 0x01306B47
SINGLE: Final = 0

Arrays = dict[str, NDArray[np.floating]]


@dataclass(frozen=True)
class Layer:
    """One layer of `.param` that has weights."""

    kind: Literal["Convolution", "PReLU"]
    out: int
    """Output channels, or slopes of a PReLU."""
    kernel: int = 1
    weights: int = 0
    """How many numbers the kernel has in all."""

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(out, in, height, width) of the kernel."""
        inputs, rest = divmod(self.weights, self.out * self.kernel**2)
        if rest or not inputs:
            raise ValueError(f"a convolution of {self.weights} weights does not divide into {self.out} outputs")
        return self.out, inputs, self.kernel, self.kernel


def read_layers(text: str) -> Iterator[Layer]:
    """The layers of a `.param` file that have weights, in order.

    Raises:
        ValueError: it is not such a file, or a convolution has no bias.
    """
    lines = text.split("\n")
    if lines[0].strip() != MAGIC:
        raise ValueError("the .param file does not begin with ncnn's magic number")
    for line in lines[2:]:
        words = line.split()
        if not words or words[0] not in ("Convolution", "PReLU"):
            continue
        inputs, outputs = int(words[2]), int(words[3])
        options = dict(word.split("=", 1) for word in words[4 + inputs + outputs :])
        if words[0] == "PReLU":
            yield Layer("PReLU", int(options["0"]))
            continue
        if options.get("5") != "1":
            raise ValueError(f"{words[1]} has no bias")
        yield Layer("Convolution", int(options["0"]), int(options["1"]), int(options["6"]))


def read_arrays(layers: tuple[Layer, ...], blob: bytes) -> Iterator[tuple[Layer, tuple[NDArray[np.floating], ...]]]:
    """Each layer with its weight and bias, or with its slopes.

    Raises:
        ValueError: the bytes do not fit the layers, to the last one.
    """
    at = 0

    def take(dtype: str, count: int) -> NDArray[np.floating]:
        nonlocal at
        size = np.dtype(dtype).itemsize * count
        if at + size > len(blob):
            raise ValueError(f"the file ends at byte {len(blob)}, {at + size} were expected")
        array: NDArray[np.floating] = np.frombuffer(blob, dtype, count, at)
        if not np.isfinite(array).all():
            raise ValueError(f"the weights at byte {at} are not finite")
        at += size + -size % 4
        return array

    for layer in layers:
        if layer.kind == "PReLU":
            yield layer, (take("<f4", layer.out),)
            continue
        tag = int.from_bytes(blob[at : at + 4], "little")
        at += 4
        if tag not in (HALF, SINGLE):
            raise ValueError(f"unknown tag {tag:#010x} at byte {at - 4}")
        weight = take("<f2" if tag == HALF else "<f4", layer.weights).reshape(layer.shape)
        yield layer, (weight, take("<f4", layer.out))
    if at != len(blob):
        raise ValueError(f"{len(blob) - at} bytes are left over")


def compact_names(layers: tuple[Layer, ...]) -> tuple[str, ...]:
    """Names in SRVGGNetCompact: one sequence of convolutions and slopes (Real-ESRGAN, Wang et al. 2021)."""
    return tuple(f"body.{index}" for index in range(len(layers)))


def rrdb_names(layers: tuple[Layer, ...]) -> tuple[str, ...]:
    """Names in RRDBNet: blocks of three times five convolutions between one before and five after (ESRGAN, 2018).

    Raises:
        ValueError: the layers do not come out even.
    """
    blocks, rest = divmod(len(layers) - 6, 15)
    if rest or blocks < 1:
        raise ValueError(f"{len(layers)} convolutions are neither RRDBNet nor SRVGGNetCompact")
    body = (f"body.{block}.rdb{dense}.conv{i}" for block in range(blocks) for dense in (1, 2, 3) for i in range(1, 6))
    return ("conv_first", *body, "conv_body", "conv_up1", "conv_up2", "conv_hr", "conv_last")


def read_ncnn(param: str, blob: bytes) -> Arrays:
    """The state dict of a Real-ESRGAN network, in the names of its PyTorch original.

    Raises:
        ValueError: the two files do not fit each other, or are another kind of network.
    """
    layers = tuple(read_layers(param))
    compact = any(layer.kind == "PReLU" for layer in layers)
    names = compact_names(layers) if compact else rrdb_names(layers)
    state: Arrays = {}
    for name, (_, arrays) in zip(names, read_arrays(layers, blob), strict=True):
        state |= {f"{name}.{part}": array for part, array in zip(("weight", "bias"), arrays, strict=False)}
    return state


class NcnnConversions:
    """A folder of safetensors made from ncnn weights; each name carries its source's digest, so each is made once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def state_dict(self, weights: Path) -> "dict[str, torch.Tensor]":
        """The weights of `weights` (`.bin`, with its `.param` beside it) as tensors, checked by building the network.

        Raises:
            WeightsUnavailable: a file is missing, truncated, or describes another kind of network.
        """
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        param = weights.with_suffix(".param")
        try:
            text, blob = param.read_bytes(), weights.read_bytes()
        except OSError as error:
            raise WeightsUnavailable("weights.missing_part", file=error.filename or param.name) from error
        digest = hashlib.sha256(text + blob).hexdigest()
        converted = self._folder / f"{weights.stem}-{digest[:16]}.safetensors"
        try:
            return load_file(converted)
        except (OSError, SafetensorError):
            return self._convert(weights.name, text, blob, converted)

    def _convert(self, name: str, param: bytes, blob: bytes, target: Path) -> "dict[str, torch.Tensor]":
        import torch
        from safetensors.torch import save
        from spandrel import ModelLoader

        try:
            arrays = read_ncnn(param.decode(), blob)
            state = {key: torch.from_numpy(array.copy()) for key, array in arrays.items()}
            ModelLoader().load_from_state_dict(dict(state))
        except Exception as error:  # whatever the bytes provoke, the file is not what the catalogue says
            raise WeightsUnavailable("weights.damaged", file=name, reason=str(error)) from error
        _write_whole(target, save(state))
        return state


def _write_whole(target: Path, content: bytes) -> None:
    """Write so that no other process ever reads half a file; a cache that cannot be written is done without."""
    partial = target.with_name(f".{target.name}.{uuid4().hex}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(content)
        partial.replace(target)
    except OSError:
        with suppress(OSError):
            partial.unlink()
