"""Super-resolution models behind one `Upscaler` protocol."""

from studio.engines.upscalers.base import Upscaler

__all__ = ["Upscaler"]
