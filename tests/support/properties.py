"""How hard properties are tried: on the same few examples in the suite, on many new ones by night."""

import os
from typing import Final

from hypothesis import HealthCheck, settings

PROFILE: Final = os.environ.get("HYPOTHESIS_PROFILE", "suite")
HARDER: Final = 20 if PROFILE == "nightly" else 1
PATIENT: Final = (HealthCheck.too_slow,)
"""How fast examples are made says how busy the machine is, and nothing about the code."""


def examples(number: int) -> int:
    """As many examples as the suite should try of one property, and more by night."""
    return number * HARDER


def load() -> None:
    """Take the profile that HYPOTHESIS_PROFILE names, `suite` where it names none."""
    settings.register_profile(
        "suite", max_examples=100, derandomize=True, database=None, deadline=None, suppress_health_check=PATIENT
    )
    settings.register_profile(
        "nightly", max_examples=examples(100), deadline=None, print_blob=True, suppress_health_check=PATIENT
    )
    settings.load_profile(PROFILE)
