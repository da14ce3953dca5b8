"""How the engine for upscalers is bound."""

from studio.engines.context import EngineContext
from studio.engines.upscalers.costs import upscaler_costs
from studio.engines.upscalers.realesrgan import RealEsrganLoader
from studio.registry import Binding


def spandrel(context: EngineContext) -> Binding:
    """Super-resolution networks that spandrel knows."""
    return Binding(RealEsrganLoader(context.settings.cache), costs=upscaler_costs)
