"""The components of an image model on disk, from the heads of its files: which there are, and how large."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from studio.engines.heads import Tensor, Tensors, leaves, read_json, read_safetensors

WEIGHTS: Final = re.compile(r"(diffusion_pytorch_model|model)(\.fp16)?(-\d{5}-of-\d{5})?(\.fp16)?\.safetensors")
"""The files of one component as diffusers names them; others beside them are other versions of it."""
LEFT_OUT: Final = "safety_checker"
CHECKPOINT: Final = {
    "model.diffusion_model.": "unet",
    "first_stage_model.": "vae",
    "cond_stage_model.": "text_encoder",
    "conditioner.embedders.0.": "text_encoder",
    "conditioner.embedders.1.": "text_encoder_2",
}
"""Where a single Stable Diffusion checkpoint keeps each component; what else is in it is not loaded."""
CHECKPOINT_INPUT: Final = "model.diffusion_model.input_blocks.0.0.weight"


@dataclass(frozen=True)
class Component:
    """The tensors and the configuration of one part of a model."""

    tensors: Tensors
    config: Mapping[str, Any] = field(default_factory=dict)

    def nbytes(self, width: int) -> int:
        """Bytes in memory at `width` bytes a number."""
        return sum(tensor.nbytes(width) for tensor in self.tensors.values())

    def largest_layer(self, width: int) -> int:
        """Bytes of its largest single layer."""
        return max(leaves(self.tensors, width).values(), default=0)

    @property
    def channels(self) -> int | None:
        """Channels of its first block."""
        blocks = self.config.get("block_out_channels")
        return int(blocks[0]) if isinstance(blocks, list) and blocks else None

    @property
    def per_latent(self) -> int | None:
        """Pixels along one latent, for a VAE or a ControlNet: each of its blocks but one halves the picture."""
        blocks = self.config.get("conditioning_embedding_out_channels") or self.config.get("block_out_channels")
        return 2 ** (len(blocks) - 1) if isinstance(blocks, list) and blocks else None


def read_components(weights: Path) -> dict[str, Component]:
    """The components of a model in diffusers' folders, of a single component's folder, or of a checkpoint file.

    Raises:
        OSError: a file cannot be read.
        ValueError: a file is damaged, or there are no weights.
    """
    if weights.is_file():
        components = _of_checkpoint(read_safetensors(weights))
    elif (weights / "model_index.json").is_file():
        index = read_json(weights / "model_index.json")
        found = {name: _of_folder(weights / name) for name in _named(index) if (weights / name).is_dir()}
        components = {name: component for name, component in found.items() if component.tensors}
    else:
        components = {"": _of_folder(weights)}
    if not any(component.tensors for component in components.values()):
        raise ValueError("no weights are here")
    return components


def _named(index: Mapping[str, Any]) -> Iterable[str]:
    return (
        name
        for name, kind in index.items()
        if name != LEFT_OUT and isinstance(kind, list) and len(kind) == 2 and kind[1] is not None
    )


def _of_folder(folder: Path) -> Component:
    files = [file for file in sorted(folder.iterdir()) if WEIGHTS.fullmatch(file.name)]
    halves = [file for file in files if ".fp16" in file.name]
    tensors: dict[str, Tensor] = {}
    for file in halves or files:
        tensors |= read_safetensors(file)
    config = read_json(folder / "config.json")
    positions = config.get("max_position_embeddings")
    if tensors and isinstance(positions, int) and "CLIP" in str(config.get("architectures")):
        # CLIP's encoders number their positions in a table that their files leave out.
        tensors["embeddings.position_ids"] = Tensor("I64", (1, positions))
    return Component(tensors, config)


def _of_checkpoint(tensors: Tensors) -> dict[str, Component]:
    parts: dict[str, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        part = next((part for prefix, part in CHECKPOINT.items() if name.startswith(prefix)), None)
        if part is not None:
            parts.setdefault(part, {})[name] = tensor
    first = tensors.get(CHECKPOINT_INPUT)
    configs = {"unet": {"block_out_channels": [first.shape[0]]}} if first is not None and first.shape else {}
    return {name: Component(own, configs.get(name, {})) for name, own in parts.items()}
