import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from studio.engines.diffusion import DiffusersLoader, diffusion_costs
from studio.engines.diffusion.loading.costs import (
    DECODE_LIVE,
    NETWORK_LIVE,
    RESIDUALS_LIVE,
    ControlCosts,
    DiffusionCosts,
)
from studio.registry import Footprint, Placement, Shape
from tests.engines.live_memory import peak_bytes
from tests.support.drawing import CONTROL, SPEC, control, loaded
from tests.support.tiny_diffusion import save_tiny_controlnet, save_tiny_stable_diffusion

CPU, CUDA = Placement("cpu"), Placement("cuda:0")
XL = {
    "block_out_channels": (320, 640, 1280),
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
    "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
    "cross_attention_dim": 2048,
    "attention_head_dim": (5, 10, 20),
    "transformer_layers_per_block": (1, 2, 10),
    "use_linear_projection": True,
}
ONE = {"cross_attention_dim": 768, "attention_head_dim": 8}


def costs(folder: Path) -> DiffusionCosts:
    found = diffusion_costs(SPEC, folder)
    assert isinstance(found, DiffusionCosts)
    return found


def test_the_footprint_is_what_is_measured_after_loading(folder: Path) -> None:
    engine = loaded(folder)
    assert costs(folder).footprint(CPU) == Footprint(engine.nbytes)
    for rung in ("model_offload", "group_offload"):
        assert costs(folder).footprint(Placement("cpu", rung)) == loaded(folder, rung).footprint
    assert costs(folder).footprint(CUDA).device == pytest.approx(engine.nbytes / 2, rel=0.01)


def test_half_precision_files_of_the_xl_kind_are_counted_as_they_are_used(tmp_path: Path) -> None:
    folder = save_tiny_stable_diffusion(tmp_path, xl=True, half=True)
    shutil.copy(
        folder / "unet" / "diffusion_pytorch_model.fp16.safetensors",
        folder / "unet" / "diffusion_pytorch_model.safetensors",
    )
    engine = loaded(folder)
    assert costs(folder).footprint(CPU).device == engine.nbytes
    # Its VAE says nothing against decoding in fp32, so it does.
    large = Shape(width=1024, height=1024)
    assert costs(folder).decoding(CUDA, large) == costs(folder).decoding(CPU, large)


def test_a_checkpoint_in_one_file_counts_what_is_loaded_of_it(tmp_path: Path) -> None:
    import torch
    from safetensors.torch import save_file

    file = tmp_path / "checkpoint.safetensors"
    tensors = {
        "model.diffusion_model.input_blocks.0.0.weight": torch.zeros(64, 4, 3, 3, dtype=torch.float16),
        "first_stage_model.decoder.conv_in.weight": torch.zeros(8, 4, 3, 3),
        "cond_stage_model.transformer.text_model.embeddings.position_ids": torch.zeros(1, 77, dtype=torch.int64),
        "model_ema.decay": torch.zeros(1000),
    }
    save_file(tensors, file)
    found = costs(file)
    assert found.footprint(CUDA) == Footprint((64 * 36 + 8 * 36) * 2 + 77 * 8)
    assert found.footprint(Placement("cuda:0", "model_offload")).device == 64 * 36 * 2
    assert found.denoising(CUDA, Shape(512, 512)) * 5 == pytest.approx(
        DiffusionCosts({}).denoising(CUDA, Shape(512, 512))
    )


def test_files_that_cannot_be_read_leave_the_catalogue_s_number(tmp_path: Path, folder: Path) -> None:
    spec = SPEC.model_copy(update={"memory": 123})
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"\xff" * 100)
    copy = shutil.copytree(folder, tmp_path / "copy")
    for file in copy.rglob("*.safetensors"):
        file.write_bytes(file.read_bytes()[:20])
    for weights in (None, broken, tmp_path / "nowhere", copy):
        assert diffusion_costs(spec, weights).footprint(CUDA) == Footprint(123)
        assert diffusion_costs(spec.model_copy(update={"task": "controlnet"}), weights).footprint(CUDA).device == 123


def test_working_memory_grows_with_the_picture_until_it_is_decoded_in_tiles() -> None:
    found = DiffusionCosts({})
    sizes = [found.working(CUDA, Shape(side, side)) for side in (256, 512, 768, 1024)]
    assert sizes == sorted(sizes)
    assert found.working(CUDA, Shape(1024, 1024)) == 2200 * 1024 * 1024 * 2
    assert found.working(CUDA, Shape(1024, 1024, batch=2)) == 2 * sizes[-1]
    assert found.working(CPU, Shape(512, 512)) == 2 * sizes[1]
    assert found.decoding(CUDA, Shape(2048, 2048)) == 1.25 * found.decoding(CUDA, Shape(512, 512))
    assert found.working(CUDA, Shape(8192, 8192)) == found.denoising(CUDA, Shape(8192, 8192))
    assert found.working(CUDA, Shape()) == 0


def _unet(settings: dict[str, Any], side: int) -> Callable[[], object]:
    import torch
    from diffusers import UNet2DConditionModel

    with torch.device("meta"):
        unet = UNet2DConditionModel(**settings).half()
        text = torch.empty(2, 77, settings["cross_attention_dim"], dtype=torch.half)
        latents, time = torch.empty(2, 4, side, side, dtype=torch.half), torch.empty((), dtype=torch.long)
    return lambda: unet(latents, time, text)


@pytest.mark.parametrize("side", [64, 96])
def test_the_formula_covers_the_large_networks(side: int) -> None:
    """Real sizes, without weights: what is counted layer by layer is what the formula says, or less."""
    said = NETWORK_LIVE * 320 * 2 * side * side * 2
    one, xl = peak_bytes(_unet(ONE, side)), peak_bytes(_unet(XL, side))
    assert one == pytest.approx(said, rel=0.01)
    assert 0.5 * said < xl < said


def test_decoding_and_steering_stay_under_their_formulas() -> None:
    import torch
    from diffusers import AutoencoderKL, ControlNetModel

    with torch.device("meta"):
        vae = AutoencoderKL(
            block_out_channels=(128, 256, 512, 512),
            layers_per_block=2,
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
        ).half()
        latents = torch.empty(1, 4, 64, 64, dtype=torch.half)
        steering = ControlNetModel(**ONE).half()
        inputs = torch.empty(2, 4, 64, 64, dtype=torch.half), torch.empty((), dtype=torch.long)
        text = torch.empty(2, 77, 768, dtype=torch.half)
        edges = torch.empty(2, 3, 512, 512, dtype=torch.half)
    decoding = peak_bytes(lambda: vae.decode(latents)) / (512 * 512 * 2)
    assert decoding == pytest.approx(768, rel=0.01)
    assert decoding < DECODE_LIVE
    with torch.no_grad():
        found = steering(*inputs, text, edges)
    kept = sum(each.numel() for each in (*found.down_block_res_samples, found.mid_block_res_sample))
    assert kept / (2 * 64 * 64 * 320) == RESIDUALS_LIVE
    assert peak_bytes(lambda: steering(*inputs, text, edges)) < NETWORK_LIVE * 320 * 2 * 64 * 64 * 2


def test_a_controlnet_costs_its_file_and_little_beside_it(tmp_path: Path) -> None:
    folder = save_tiny_controlnet(tmp_path)
    found = diffusion_costs(CONTROL, folder)
    model = control(folder).model
    assert isinstance(found, ControlCosts)
    assert found.footprint(CPU).device == model.nbytes  # type: ignore[attr-defined]
    assert DiffusersLoader()(CONTROL, folder, "cpu", "group_offload").nbytes == model.nbytes  # type: ignore[attr-defined]
    large = Shape(1024, 1024)
    assert 0 < ControlCosts(found.component).working(CUDA, large) < DiffusionCosts({}).working(CUDA, large) / 10
