"""How the engine for diffusion models is bound."""

from studio.engines.context import EngineContext
from studio.engines.diffusion.loading.costs import diffusion_costs
from studio.engines.diffusion.loading.pipeline import DiffusersLoader
from studio.engines.diffusion.loading.speed import Speed
from studio.registry import Binding


def diffusers(context: EngineContext) -> Binding:
    """Pipelines and their helpers, as diffusers loads them."""
    settings = context.settings
    return Binding(
        DiffusersLoader(Speed(settings.attention, settings.compile, settings.channels_last)),
        rungs=("whole", "model_offload", "group_offload"),
        costs=diffusion_costs,
    )
