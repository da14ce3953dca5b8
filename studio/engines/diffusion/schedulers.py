"""The names users know diffusers' schedulers by, which are k-diffusion's as AUTOMATIC1111 writes them."""

import inspect
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from studio.errors import InvalidRequest

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
CHOICES: Final[Mapping[str, tuple[str, Mapping[str, Any]]]] = MappingProxyType(
    {
        **{
            # Only the ++ kinds can go down to no noise at all.
            name: (
                "DPMSolverMultistepScheduler",
                {"algorithm_type": kind, "final_sigmas_type": "zero" if "++" in kind else "sigma_min"},
            )
            for kind, name in MULTISTEP.items()
        },
        **{name: (kind, {}) for kind, name in SAMPLERS.items()},
        # Several classes bear one name; this is the one that Stable Diffusion was trained for.
        "Euler": ("EulerDiscreteScheduler", {}),
        "PLMS": ("PNDMScheduler", {"skip_prk_steps": True}),
    }
)
"""The class and options of each sampler."""
OFFERED: Final = tuple(
    sorted(
        # The first draws from a source of noise that all requests share, and the second needs a library of its own.
        (name for name in CHOICES if name not in ("DPM++ SDE", "LMS")),
        key=str.casefold,
    )
)
"""What can be asked for, in the order of the alphabet."""
OFFERED_SCHEDULES: Final = ("Karras", "Exponential")

OTHER_KINDS: Final = ("Flow", "EDM")
"""Models that learned to follow a flow, or with noise on another scale, make nothing of the samplers offered here."""
LATENTS: Final = ("clip_sample", "set_alpha_to_one")
"""What several classes do by default because they were written for pixels, and no model of latents was trained with."""


def chosen(base: Any, sampler: str | None, schedule: str | None) -> Any:
    """A new scheduler of its own for one request, with what `base` was trained for and the sampler asked for.

    Raises:
        InvalidRequest: there is no such sampler or schedule, or the model or the sampler cannot take it.
    """
    if sampler is None and schedule is None:
        return type(base).from_config(base.config)
    kind, options = _kind(base, sampler)
    known = _options(kind)
    options |= {key: False for key in LATENTS if key in known and key not in base.config}
    for key, name in SCHEDULES.items():
        if key in known:
            options[key] = name == schedule
    if schedule is not None and (schedule not in OFFERED_SCHEDULES or schedule not in _spaced(options)):
        raise InvalidRequest("draw.schedule", schedule=schedule, sampler=sampler or sampler_name(kind.__name__, {}))
    # diffusers keeps what a class does not know, and the next reader would take it for that class's own.
    config = {key: value for key, value in base.config.items() if key not in SCHEDULES or key in known}
    return kind.from_config(config, **options)


def _kind(base: Any, sampler: str | None) -> tuple[Any, dict[str, Any]]:
    import diffusers

    if sampler is None or sampler == sampler_name(type(base).__name__, base.config):
        return type(base), {}
    if sampler not in OFFERED:
        raise InvalidRequest("draw.sampler", sampler=sampler, samplers=", ".join(OFFERED))
    name, options = CHOICES[sampler]
    kind = getattr(diffusers, name)
    if type(base).__name__.startswith(OTHER_KINDS):
        raise InvalidRequest("draw.sampler_misfit", sampler=sampler)
    return kind, dict(options)


def _options(kind: Any) -> frozenset[str]:
    return frozenset(inspect.signature(kind.__init__).parameters)


def _spaced(options: Mapping[str, Any]) -> set[str]:
    return {SCHEDULES[key] for key, value in options.items() if key in SCHEDULES and value}


def sampler_name(kind: str, config: Mapping[str, Any]) -> str:
    """The sampler a scheduler class with this config is; its class name where users have no other."""
    if kind == "DPMSolverMultistepScheduler":
        return MULTISTEP.get(str(config.get("algorithm_type")), "DPM++ 2M")
    return SAMPLERS.get(kind, kind.removesuffix("Scheduler"))


def schedule_name(config: Mapping[str, Any]) -> str:
    """How a scheduler spaces its noise levels, empty where it is its own way."""
    return next((name for key, name in SCHEDULES.items() if config.get(key)), "")
