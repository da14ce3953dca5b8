"""Textual inversions (Gal et al. 2022): words whose vectors were learned, for one request and no other."""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from studio.engines.diffusion.base import Inversion
from studio.engines.diffusion.conditioning.chunks import CAPACITY, Learned
from studio.engines.memory import first_line
from studio.errors import WeightsUnavailable

if TYPE_CHECKING:
    import torch

LARGEST: Final = 64 * 2**20
"""Bytes of one file; 75 vectors of the widest encoder are a hundredth of that."""


class Inversions:
    """The learned words of one request that fit one encoder."""

    def __init__(self, words: Mapping[str, "torch.Tensor"]) -> None:
        """`words` are vectors (count, width) by name."""
        self._words = words

    @classmethod
    def read(cls, wanted: Sequence[Inversion], encoder: Any, xl: bool) -> "Inversions":
        """Read the files; a word made for another encoder is left as text.

        Raises:
            WeightsUnavailable: a file is missing, damaged or too large.
        """
        table = encoder.get_input_embeddings().weight
        found = {word.name: _fitting(_tensors(word.path), table.shape[1], xl) for word in wanted}
        return cls({name: vectors for name, vectors in found.items() if vectors is not None})

    @property
    def fitting(self) -> frozenset[str]:
        """The words that this encoder has vectors for."""
        return frozenset(self._words)

    @property
    def vectors(self) -> list["torch.Tensor"]:
        """Every vector, in the order of the rows that `names` gives."""
        return [row for vectors in self._words.values() for row in vectors]

    def names(self, tokenize: Callable[[str], Sequence[int]]) -> Learned:
        """The rows that the tokens of each name stand for."""
        rows: dict[tuple[int, ...], tuple[int, ...]] = {}
        first = 1
        for name, vectors in self._words.items():
            rows[tuple(tokenize(name))] = tuple(-number for number in range(first, first + len(vectors)))
            first += len(vectors)
        return {tokens: numbers for tokens, numbers in rows.items() if tokens}


@contextmanager
def filled_in(encoder: Any, vectors: Sequence["torch.Tensor"], rows: Mapping[int, int]) -> Iterator[None]:
    """While inside, and on this thread, the encoder sees these vectors at these places of what it reads.

    Its table of embeddings stays as it is, so that nothing is left of it and other requests see nothing of it.
    """
    if not rows:
        yield
        return
    thread = threading.get_ident()

    def replace(_: Any, __: Any, embedded: "torch.Tensor") -> "torch.Tensor":
        if threading.get_ident() != thread:
            return embedded
        changed = embedded.clone()
        for place, row in rows.items():
            changed[:, place] = vectors[row].to(changed)
        return changed

    handle = encoder.get_input_embeddings().register_forward_hook(replace)
    try:
        yield
    finally:
        handle.remove()


def _fitting(tensors: Mapping[str, "torch.Tensor"], width: int, xl: bool) -> "torch.Tensor | None":
    """The vectors (count, width) for an encoder of this width: a file for XL has one set for each of its two."""
    if (len(tensors) > 1) != xl:
        return None
    for tensor in tensors.values():
        rows = tensor if tensor.ndim == 2 else tensor[None] if tensor.ndim == 1 else None
        if rows is not None and rows.shape[1] == width and 0 < len(rows) <= CAPACITY and bool(rows.isfinite().all()):
            return rows.float()
    return None


def _tensors(path: Path) -> dict[str, "torch.Tensor"]:
    """The tensors of a file by name: safetensors, or torch's own form read as data only."""
    import torch
    from safetensors.torch import load_file

    try:
        if path.stat().st_size > LARGEST:
            raise ValueError(f"it is larger than {LARGEST >> 20} MiB")
        safe = path.suffix == ".safetensors"
        content: Any = load_file(path) if safe else torch.load(path, map_location="cpu", weights_only=True)
        # The web UI keeps its vectors one level down, beside notes on how they were trained.
        content = content.get("string_to_param", content)
        return {str(name): value.detach() for name, value in content.items() if isinstance(value, torch.Tensor)}
    except FileNotFoundError as error:
        raise WeightsUnavailable("weights.missing_part", file=path.name) from error
    except Exception as error:  # whatever torch, safetensors or pickle make of a file that is none
        raise WeightsUnavailable("weights.damaged", file=path.name, reason=first_line(error)) from error
