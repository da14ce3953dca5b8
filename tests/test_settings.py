"""What a host sets: bounds, and files that older versions left behind."""

from pathlib import Path

import pytest

from studio.errors import InvalidRequest
from studio.settings import Settings


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("device_budget", -5, "“STUDIO_DEVICE_BUDGET” must be more than 0."),
        ("host_budget", 0, "“STUDIO_HOST_BUDGET” must be more than 0."),
        ("keep_alive", -1, "“STUDIO_KEEP_ALIVE” must be at least 0."),
        ("device", "tpu", "“STUDIO_DEVICE” must be 'auto', 'cpu' or 'cuda'."),
        ("port", "x", "“STUDIO_PORT” must be a whole number."),
    ],
)
def test_a_value_out_of_bounds_is_refused_by_the_name_of_its_variable(name: str, value: object, says: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        Settings.read(**{name: value})
    assert caught.value.text() == says


def test_a_settings_file_of_an_older_version_is_read_as_far_as_it_is_known(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("STUDIO_VRAM_LIMIT=8\nSTUDIO_OFFLOAD_MODE=cpu\nSTUDIO_KEEP_ALIVE=30\nOTHER=1\n", encoding="utf-8")
    settings = Settings.read(_env_file=file)
    assert settings.keep_alive == 30
    assert settings.policy == "lazy"


def test_residents_are_named_with_commas(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("STUDIO_POLICY=resident\nSTUDIO_RESIDENT=sdxl, realesrgan-x4plus\n", encoding="utf-8")
    assert Settings.read(_env_file=file).resident == ("sdxl", "realesrgan-x4plus")
