"""A Stable Diffusion of a few hundred thousand random weights, in the folder format of the large ones."""

import json
from pathlib import Path

LETTERS = "abcdefghijklmnopqrstuvwxyz"
TOKENS = 77


def save_tiny_stable_diffusion(folder: Path, *, xl: bool = False, half: bool = False) -> Path:
    """Save a random text-to-image model that draws 64 × 64 in a moment, and return its folder."""
    import torch
    from diffusers import (
        AutoencoderKL,
        DPMSolverMultistepScheduler,
        StableDiffusionPipeline,
        StableDiffusionXLPipeline,
        UNet2DConditionModel,
    )
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    torch.manual_seed(0)
    tokenizer = _tokenizer(folder / "_tokenizer_files")
    text = CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=37,
        num_hidden_layers=2,
        num_attention_heads=4,
        projection_dim=32,
        max_position_embeddings=TOKENS,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    conditioning = (
        {
            "addition_embed_type": "text_time",
            "addition_time_embed_dim": 8,
            "projection_class_embeddings_input_dim": 80,
            "attention_head_dim": (2, 4),
        }
        if xl
        else {}
    )
    unet = UNet2DConditionModel(
        sample_size=8,
        in_channels=4,
        out_channels=4,
        block_out_channels=(32, 64),
        layers_per_block=1,
        norm_num_groups=8,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=64 if xl else 32,
        **conditioning,
    )
    vae = AutoencoderKL(
        block_out_channels=(16, 16, 32, 32),
        layers_per_block=1,
        norm_num_groups=8,
        latent_channels=4,
        sample_size=64,
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
    )
    scheduler = DPMSolverMultistepScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", steps_offset=1, use_karras_sigmas=True
    )
    shared = {"vae": vae, "tokenizer": tokenizer, "unet": unet, "scheduler": scheduler}
    if xl:
        pipe = StableDiffusionXLPipeline(
            text_encoder=CLIPTextModel(text),
            text_encoder_2=CLIPTextModelWithProjection(text),
            tokenizer_2=tokenizer,
            add_watermarker=False,
            **shared,
        )
    else:
        pipe = StableDiffusionPipeline(
            text_encoder=CLIPTextModel(text),
            safety_checker=None,
            feature_extractor=None,
            requires_safety_checker=False,
            **shared,
        )
    if half:
        pipe.to(torch.float16).save_pretrained(folder, variant="fp16")
    else:
        pipe.save_pretrained(folder)
    return folder


def _tokenizer(folder: Path):  # type: ignore[no-untyped-def]
    """A CLIP tokenizer that knows single letters, alone and at the end of a word."""
    from transformers import CLIPTokenizer

    folder.mkdir(parents=True)
    tokens = [*LETTERS, *(f"{letter}</w>" for letter in LETTERS), "<|startoftext|>", "<|endoftext|>"]
    (folder / "vocab.json").write_text(json.dumps({token: number for number, token in enumerate(tokens)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    return CLIPTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"), model_max_length=TOKENS)
