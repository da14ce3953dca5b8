"""The names users know diffusers' schedulers by, which are k-diffusion's as AUTOMATIC1111 writes them."""

from collections.abc import Mapping
from typing import Any, Final

SAMPLERS: Final[Mapping[str, str]] = {
    "DDIMScheduler": "DDIM",
    "DDPMScheduler": "DDPM",
    "DEISMultistepScheduler": "DEIS",
    "DPMSolverSDEScheduler": "DPM++ SDE",
    "DPMSolverSinglestepScheduler": "DPM++ 2S",
    "EDMEulerScheduler": "Euler",
    "EulerAncestralDiscreteScheduler": "Euler a",
    "EulerDiscreteScheduler": "Euler",
    "FlowMatchEulerDiscreteScheduler": "Euler",
    "HeunDiscreteScheduler": "Heun",
    "KDPM2AncestralDiscreteScheduler": "DPM2 a",
    "KDPM2DiscreteScheduler": "DPM2",
    "LCMScheduler": "LCM",
    "LMSDiscreteScheduler": "LMS",
    "PNDMScheduler": "PLMS",
    "TCDScheduler": "TCD",
    "UniPCMultistepScheduler": "UniPC",
}
MULTISTEP: Final[Mapping[str, str]] = {
    "dpmsolver++": "DPM++ 2M",
    "sde-dpmsolver++": "DPM++ 2M SDE",
    "dpmsolver": "DPM 2M",
    "sde-dpmsolver": "DPM 2M SDE",
}
SCHEDULES: Final[Mapping[str, str]] = {
    "use_karras_sigmas": "Karras",
    "use_exponential_sigmas": "Exponential",
    "use_beta_sigmas": "Beta",
    "use_lu_lambdas": "Lu",
}


def sampler_name(kind: str, config: Mapping[str, Any]) -> str:
    """The sampler a scheduler class with this config is; its class name where users have no other."""
    if kind == "DPMSolverMultistepScheduler":
        return MULTISTEP.get(str(config.get("algorithm_type")), "DPM++ 2M")
    return SAMPLERS.get(kind, kind.removesuffix("Scheduler"))


def schedule_name(config: Mapping[str, Any]) -> str:
    """How a scheduler spaces its noise levels, empty where it is its own way."""
    return next((name for key, name in SCHEDULES.items() if config.get(key)), "")
