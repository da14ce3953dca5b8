"""Super-resolution models behind one `Upscaler` protocol."""

from studio.engines.upscalers.base import Upscaler
from studio.engines.upscalers.costs import upscaler_costs
from studio.engines.upscalers.realesrgan import RealEsrganLoader

__all__ = [
    "RealEsrganLoader",
    "Upscaler",
    "upscaler_costs",
]
