"""Image models behind one `DiffusionEngine` protocol."""

from studio.engines.diffusion.base import (
    BREAK,
    Adapter,
    ControlUnit,
    DiffusionEngine,
    DiffusionRequest,
    Inversion,
    Picture,
    Seeds,
    Step,
    Words,
)

__all__ = [
    "BREAK",
    "Adapter",
    "ControlUnit",
    "DiffusionEngine",
    "DiffusionRequest",
    "Inversion",
    "Picture",
    "Seeds",
    "Step",
    "Words",
]
