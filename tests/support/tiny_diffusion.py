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


def save_tiny_controlnet(folder: Path, *, seed: int = 1) -> Path:
    """Save a random ControlNet that fits the tiny model and steers it strongly, and return its folder."""
    import torch
    from diffusers import ControlNetModel

    torch.manual_seed(seed)
    module = ControlNetModel(
        in_channels=4,
        block_out_channels=(32, 64),
        layers_per_block=1,
        norm_num_groups=8,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        cross_attention_dim=32,
        conditioning_embedding_out_channels=(8, 8, 16, 16),
    )
    # Untrained ControlNets end in zeros, so that they steer nothing at all.
    for parameter in module.parameters():
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.3)
    module.save_pretrained(folder)
    return folder


def save_tiny_lora(file: Path, base: Path, *, seed: int = 2, encoder: bool = False) -> Path:
    """Save a random LoRA for the attention of the tiny model in `base`, or of its text encoder, and return its file."""
    import torch
    from diffusers import StableDiffusionPipeline
    from diffusers.utils import convert_state_dict_to_diffusers
    from peft import LoraConfig, get_peft_model_state_dict

    pipe = StableDiffusionPipeline.from_pretrained(base)
    part, targets = (pipe.text_encoder, ["q_proj", "v_proj"]) if encoder else (pipe.unet, ["to_q", "to_v"])
    torch.manual_seed(seed)
    part.add_adapter(LoraConfig(r=4, lora_alpha=4, init_lora_weights=False, target_modules=targets))
    layers = convert_state_dict_to_diffusers(get_peft_model_state_dict(part))
    file.parent.mkdir(parents=True, exist_ok=True)
    names = {"text_encoder_lora_layers" if encoder else "unet_lora_layers": layers}
    pipe.save_lora_weights(str(file.parent), weight_name=file.name, **names)
    return file
