"""Image models behind one `DiffusionEngine` protocol."""

from studio.engines.diffusion.abilities import Abilities, abilities_of
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
from studio.engines.diffusion.conditioning.tokens import TokenCount, token_counter
from studio.engines.diffusion.emphasis import Emphasis
from studio.engines.diffusion.families import FAMILIES, Make, adapter_make, base_make, compatible
from studio.engines.diffusion.loading.controlnet import UNION_MODES
from studio.engines.diffusion.loading.costs import diffusion_costs
from studio.engines.diffusion.loading.pipeline import DiffusersLoader
from studio.engines.diffusion.loading.speed import Speed
from studio.engines.diffusion.schedulers import OFFERED, OFFERED_SCHEDULES
from studio.engines.heads import PICKLES, HeadError, read_head

__all__ = [
    "BREAK",
    "FAMILIES",
    "OFFERED",
    "OFFERED_SCHEDULES",
    "PICKLES",
    "UNION_MODES",
    "Abilities",
    "Adapter",
    "ControlUnit",
    "DiffusersLoader",
    "DiffusionEngine",
    "DiffusionRequest",
    "Emphasis",
    "HeadError",
    "Inversion",
    "Make",
    "Picture",
    "Seeds",
    "Speed",
    "Step",
    "TokenCount",
    "Words",
    "abilities_of",
    "adapter_make",
    "base_make",
    "compatible",
    "diffusion_costs",
    "read_head",
    "token_counter",
]
