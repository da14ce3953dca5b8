import pytest

from studio.engines.diffusion.schedulers import sampler_name, schedule_name


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
