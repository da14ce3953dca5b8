from pathlib import Path

import diffusers
import pytest

from studio.engines.diffusion import Abilities, abilities_of
from studio.engines.diffusion.abilities import FAMILIES, UNKNOWN
from tests.support.drawing import SPEC
from tests.support.tiny_diffusion import save_tiny_stable_diffusion


@pytest.mark.parametrize("name", sorted(FAMILIES))
def test_what_a_family_is_said_to_know_diffusers_knows(name: str) -> None:
    kind = getattr(diffusers, name)
    mapping = diffusers.pipelines.auto_pipeline
    family = next(key for key, each in mapping.AUTO_TEXT2IMAGE_PIPELINES_MAPPING.items() if each is kind)
    told = FAMILIES[name]
    assert told.inpaint == (family in mapping.AUTO_INPAINT_PIPELINES_MAPPING)
    from_pictures = mapping.AUTO_IMAGE2IMAGE_PIPELINES_MAPPING[family]
    assert told.pictures == (from_pictures is not kind)


def test_weights_tell_more_truly_than_the_catalogue(tmp_path: Path) -> None:
    flux = SPEC.model_copy(update={"defaults": {"pipeline": "Flux2KleinPipeline"}})
    assert abilities_of(flux, None) == FAMILIES["Flux2KleinPipeline"]
    assert abilities_of(flux, save_tiny_stable_diffusion(tmp_path / "tiny")) == Abilities()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "model_index.json").write_text('{"_class_name": "NewestPipeline"}')
    assert abilities_of(SPEC, tmp_path / "other") == UNKNOWN


def test_distilled_models_hear_no_guidance() -> None:
    turbo = SPEC.model_copy(update={"defaults": {"guidance_scale": 0.0}})
    assert not abilities_of(turbo, None).guided
    assert abilities_of(SPEC, None).guided
