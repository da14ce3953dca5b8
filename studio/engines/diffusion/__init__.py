"""Image models behind one `DiffusionEngine` protocol."""

from studio.engines.diffusion.base import DiffusionEngine, DiffusionRequest, Picture, Step

__all__ = ["DiffusionEngine", "DiffusionRequest", "Picture", "Step"]
