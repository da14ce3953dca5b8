"""Image models behind one `DiffusionEngine` protocol."""

from studio.engines.diffusion.base import (
    Adapter,
    Control,
    ControlUnit,
    DiffusionEngine,
    DiffusionRequest,
    Picture,
    Step,
)

__all__ = ["Adapter", "Control", "ControlUnit", "DiffusionEngine", "DiffusionRequest", "Picture", "Step"]
