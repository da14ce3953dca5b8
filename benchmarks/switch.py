"""Seconds to bring a parked image model back to a GPU, against a plain copy of as many bytes in the same run.

uv run python -m benchmarks.switch

Models of the real architectures with random weights: nothing is fetched. Needs a CUDA device.
"""

import gc
import sys
import time
from collections.abc import Callable
from typing import Any

from benchmarks.common import verdict

ROUNDS = 5
TARGET = 1.25
SIZES = {"Stable Diffusion 1.5": False, "Stable Diffusion XL": True}


def seconds(work: Callable[[], object]) -> float:
    """How long `work` takes, with everything that it started on the GPU."""
    import torch

    torch.cuda.synchronize()
    begun = time.perf_counter()
    work()
    torch.cuda.synchronize()
    return time.perf_counter() - begun


def modules(xl: bool) -> list[Any]:
    """UNet, VAE and text encoders as their papers size them, in half precision, on the GPU."""
    import torch
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    vae = AutoencoderKL(
        block_out_channels=(128, 256, 512, 512),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        layers_per_block=2,
        latent_channels=4,
    )
    large = CLIPTextConfig(hidden_size=768, intermediate_size=3072, num_hidden_layers=12, num_attention_heads=12)
    parts = [vae, CLIPTextModel(large)]
    if xl:
        giant = CLIPTextConfig(
            hidden_size=1280, intermediate_size=5120, num_hidden_layers=32, num_attention_heads=20, projection_dim=1280
        )
        parts.append(CLIPTextModelWithProjection(giant))
        unet = UNet2DConditionModel(
            block_out_channels=(320, 640, 1280),
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
            transformer_layers_per_block=(1, 2, 10),
            attention_head_dim=(5, 10, 20),
            cross_attention_dim=2048,
            use_linear_projection=True,
            addition_embed_type="text_time",
            addition_time_embed_dim=256,
            projection_class_embeddings_input_dim=2816,
        )
    else:
        unet = UNet2DConditionModel(cross_attention_dim=768)
    return [part.to("cuda:0", torch.float16).eval() for part in (*parts, unet)]


def switch(name: str, xl: bool) -> bool:
    """Park and bring back, and copy a block of the same size from page-locked memory."""
    import torch

    from studio.engines.diffusion.offload import nbytes
    from studio.engines.shuttle import Shuttle

    parts = modules(xl)
    size = nbytes(*parts)
    shuttles = [Shuttle(part) for part in parts]
    block = torch.empty(size, dtype=torch.uint8).pin_memory()
    there = torch.empty(size, dtype=torch.uint8, device="cuda:0")
    ratios = []
    for _ in range(ROUNDS):
        parking = seconds(lambda: [shuttle.park() for shuttle in shuttles])
        copying = seconds(lambda: there.copy_(block, non_blocking=True))
        bringing = seconds(lambda: [shuttle.bring("cuda:0") for shuttle in shuttles])
        ratios.append(bringing / copying)
        print(
            f"{name}, {size / 1e9:.2f} GB: parked in {parking:.3f} s, back in {bringing:.3f} s, "
            f"copy {copying:.3f} s ({size / copying / 1e9:.1f} GB/s)"
        )
    return verdict(f"{name}, back on the GPU, to a plain copy", ratios, at_most=TARGET)


def main() -> None:
    """Measure and print."""
    import torch

    if not torch.cuda.is_available():
        sys.exit("This benchmark needs a CUDA device, and there is none.")
    held = []
    for name, xl in SIZES.items():
        held.append(switch(name, xl))
        gc.collect()
        torch.cuda.empty_cache()
    print(f"{sum(held)} of {len(held)} hold")


if __name__ == "__main__":
    main()
