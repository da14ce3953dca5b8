import pytest

from studio.engines.diffusion import OFFERED
from studio.engines.diffusion.schedulers import chosen, sampler_name, schedule_name
from studio.errors import InvalidRequest


@pytest.mark.parametrize(
    ("kind", "config", "expected"),
    [
        ("EulerAncestralDiscreteScheduler", {}, ("Euler a", "")),
        ("DPMSolverMultistepScheduler", {"algorithm_type": "dpmsolver++"}, ("DPM++ 2M", "")),
        (
            "DPMSolverMultistepScheduler",
            {"algorithm_type": "sde-dpmsolver++", "use_karras_sigmas": True},
            ("DPM++ 2M SDE", "Karras"),
        ),
        ("PNDMScheduler", {"use_karras_sigmas": False}, ("PLMS", "")),
        ("SomethingNewScheduler", {}, ("SomethingNew", "")),
    ],
)
def test_samplers_are_named_as_users_know_them(kind: str, config: dict[str, object], expected: tuple[str, str]) -> None:
    assert (sampler_name(kind, config), schedule_name(config)) == expected


def test_every_name_is_of_a_scheduler_that_exists() -> None:
    import diffusers

    from studio.engines.diffusion.schedulers import SAMPLERS

    assert [kind for kind in SAMPLERS if not hasattr(diffusers, kind)] == []


def test_models_of_another_kind_keep_their_own_sampler() -> None:
    from diffusers import FlowMatchEulerDiscreteScheduler

    base = FlowMatchEulerDiscreteScheduler(shift=3.0)
    assert sampler_name(type(chosen(base, "Euler", None)).__name__, {}) == "Euler"
    assert chosen(base, None, "Karras").config.shift == 3.0
    with pytest.raises(InvalidRequest) as refused:
        chosen(base, "DDIM", None)
    assert refused.value.details == {"sampler": "DDIM"}


def test_what_a_model_was_trained_with_is_kept_and_latents_are_never_clipped() -> None:
    from diffusers import EulerDiscreteScheduler

    base = EulerDiscreteScheduler(beta_start=0.00085, beta_schedule="scaled_linear", prediction_type="v_prediction")
    for name in OFFERED:
        config = chosen(base, name, None).config
        assert (config.beta_start, config.prediction_type) == (0.00085, "v_prediction")
        assert not config.get("clip_sample")
