"""Which family a file was made for, told from real files in every way that trainers write them."""

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import save_file

from studio.engines.diffusion import HeadError, Make, adapter_make, base_make, compatible, read_head
from studio.engines.heads import MOST_HEAD
from studio.messages import message
from tests.support.properties import PATIENT, examples

RANK = 4
UNET = "down_blocks.1.attentions.0.transformer_blocks.0"
BASES = {
    "sd-1.5": Make("base", "sd1", "unet", 768, (768,)),
    "sd-turbo": Make("base", "sd2", "unet", 1024, (1024,)),
    "sdxl": Make("base", "sdxl", "unet", 2048, (768, 1280)),
    "starter": Make("base", None, "unet", 256, (256,)),
    "flux": Make("base", "flux", "transformer", None, (768, 4096)),
    "other": Make("base", None, "transformer"),
}


def saved(folder: Path, layers: dict[str, tuple[int, ...]], **metadata: str) -> Path:
    """A file of tensors with these shapes."""
    tensors = {name: np.zeros(shape, np.float16) for name, shape in layers.items()}
    save_file(tensors, folder / "a.safetensors", metadata or None)
    return folder / "a.safetensors"


def kohya(layers: dict[str, int]) -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {}
    for name, width in layers.items():
        shapes |= {f"{name}.lora_down.weight": (RANK, width), f"{name}.lora_up.weight": (320, RANK)}
        shapes[f"{name}.alpha"] = ()
    return shapes


def peft(layers: dict[str, int], end: str = "lora_A.weight", other: str = "lora_B.weight") -> dict[str, Any]:
    downs = {f"{name}.{end}": (RANK, width) for name, width in layers.items()}
    return downs | {f"{name}.{other}": (320, RANK) for name in layers}


def kohya_unet(text: int, *encoders: tuple[str, int]) -> dict[str, tuple[int, ...]]:
    flat = f"lora_unet_{UNET.replace('.', '_')}"
    words = {f"{prefix}_text_model_encoder_layers_0_self_attn_q_proj": width for prefix, width in encoders}
    return kohya({f"{flat}_attn1_to_k": 320, f"{flat}_attn2_to_q": 320, f"{flat}_attn2_to_k": text, **words})


def peft_unet(text: int, *encoders: tuple[str, int], **ends: str) -> dict[str, tuple[int, ...]]:
    words = {f"{prefix}.text_model.encoder.layers.0.self_attn.q_proj": width for prefix, width in encoders}
    return peft({f"unet.{UNET}.attn1.to_k": 320, f"unet.{UNET}.attn2.to_v": text, **words}, **ends)


def sgm() -> dict[str, tuple[int, ...]]:
    """Stability's own names for the blocks of SDXL, which kohya keeps."""
    return kohya({"lora_unet_input_blocks_4_1_transformer_blocks_0_attn2_to_k": 2048})


def old_diffusers() -> dict[str, tuple[int, ...]]:
    layer = f"unet.{UNET}.attn2.processor.to_k_lora"
    return {f"{layer}.down.weight": (RANK, 768), f"{layer}.up.weight": (320, RANK)}


def loha() -> dict[str, tuple[int, ...]]:
    layer = f"lora_unet_{UNET.replace('.', '_')}_attn2_to_k"
    return {f"{layer}.hada_w1_a": (320, RANK), f"{layer}.hada_w1_b": (RANK, 1024)}


FLUX_KOHYA = kohya({"lora_unet_double_blocks_18_img_attn_qkv": 3072, "lora_unet_single_blocks_37_linear1": 3072})
FLUX_PEFT = peft({f"transformer.{kind}_blocks.{last}.attn.to_q": 3072 for kind, last in
                  (("transformer", 18), ("single_transformer", 37))})  # fmt: skip
SD3_KOHYA = kohya({"lora_unet_joint_blocks_3_context_block_attn_qkv": 1536})
SD3_PEFT = peft({"transformer.transformer_blocks.3.attn.to_q": 2432})
VIDEO = peft(
    {"transformer.transformer_blocks.19.attn.to_q": 3072, "transformer.single_transformer_blocks.39.attn.to_q": 3072}
)


@pytest.mark.parametrize(
    ("layers", "family", "text", "encoders"),
    [
        (kohya_unet(768, ("lora_te", 768)), "sd1", 768, (768,)),
        (peft_unet(768, ("text_encoder", 768)), "sd1", 768, (768,)),
        (peft_unet(768, end="lora.down.weight", other="lora.up.weight"), "sd1", 768, ()),
        (old_diffusers(), "sd1", 768, ()),
        (kohya_unet(1024, ("lora_te", 1024)), "sd2", 1024, (1024,)),
        (peft_unet(1024), "sd2", 1024, ()),
        (loha(), "sd2", 1024, ()),
        (kohya_unet(2048, ("lora_te1", 768), ("lora_te2", 1280)), "sdxl", 2048, (768, 1280)),
        (peft_unet(2048, ("text_encoder", 768), ("text_encoder_2", 1280)), "sdxl", 2048, (768, 1280)),
        (kohya_unet(2048, ("lora_te2", 1280)), "sdxl", 2048, (None, 1280)),
        (sgm(), "sdxl", 2048, ()),
        (peft_unet(256, ("text_encoder", 256)), None, 256, (256,)),
        (FLUX_KOHYA, "flux", None, ()),
        (FLUX_PEFT, "flux", None, ()),
        (SD3_KOHYA, "sd3", None, ()),
        (SD3_PEFT, "sd3", None, ()),
        (VIDEO, None, None, ()),
    ],
)
def test_the_layers_tell_the_family(
    layers: dict[str, tuple[int, ...]], family: str | None, text: int | None, encoders: Any, tmp_path: Path
) -> None:
    made = adapter_make(read_head(saved(tmp_path, layers)))
    assert (made.kind, made.family, made.text, made.encoders, made.rank) == ("lora", family, text, encoders, RANK)
    assert made.network == ("unet" if text else "transformer")


@pytest.mark.parametrize(
    ("metadata", "family"),
    [
        ({"modelspec.architecture": "stable-diffusion-xl-v1-base/lora"}, "sdxl"),
        ({"ss_base_model_version": "sdxl_base_v1-0"}, "sdxl"),
        ({"ss_base_model_version": "sd_v1"}, "sd1"),
        ({"modelspec.architecture": "stable-diffusion-v1/lora", "ss_base_model_version": "?"}, "sd1"),
        ({"modelspec.architecture": "stable-diffusion-v2-768-v/lora"}, "sd2"),
        ({"modelspec.architecture": "flux-1-dev/lora"}, None),
        ({"ss_base_model_version": "my own"}, None),
    ],
)
def test_where_the_layers_leave_it_open_the_metadata_decides(
    metadata: dict[str, str], family: str | None, tmp_path: Path
) -> None:
    layers = kohya({"lora_unet_mid_block_attentions_0_transformer_blocks_0_attn1_to_q": 1280})
    assert adapter_make(read_head(saved(tmp_path, layers, **metadata))).family == family
    layers = kohya_unet(1024)
    assert adapter_make(read_head(saved(tmp_path, layers, **metadata))).family == "sd2", "layers know better"


@pytest.mark.parametrize(
    ("layers", "kind", "family", "encoders"),
    [
        ({"emb_params": (4, 768)}, "inversion", "sd1", (768,)),
        ({"<toy>": (1024,)}, "inversion", "sd2", (1024,)),
        ({"clip_g": (2, 1280), "clip_l": (2, 768)}, "inversion", "sdxl", (768, 1280)),
        ({"emb_params": (4, 256)}, "inversion", None, (256,)),
        ({"emb_params": (500, 768)}, "other", None, ()),
        ({"conv.weight": (4, 4, 3, 3)}, "other", None, ()),
        ({f"{number}.weight": (4, 4) for number in range(20)}, "other", None, ()),
        ({}, "other", None, ()),
    ],
)
def test_learned_words_are_told_from_loras_and_from_anything_else(
    layers: dict[str, tuple[int, ...]], kind: str, family: str | None, encoders: Any, tmp_path: Path
) -> None:
    made = adapter_make(read_head(saved(tmp_path, layers)))
    assert (made.kind, made.family, made.encoders) == (kind, family, encoders)


@pytest.mark.parametrize(
    ("layers", "base", "says"),
    [
        (kohya_unet(2048), "sd-1.5", "made for SDXL; Model is Stable Diffusion 1.5"),
        (peft_unet(768), "sdxl", "made for Stable Diffusion 1.5; Model is SDXL"),
        (peft_unet(768), "sd-turbo", "Stable Diffusion 2"),
        (peft_unet(768), "starter", "768 numbers a token; Model has 256"),
        (peft_unet(256), "sd-1.5", "256 numbers a token; Model has 768"),
        (FLUX_PEFT, "sdxl", "made for FLUX.1; Model is SDXL"),
        (VIDEO, "sd-1.5", "transformer"),
        (peft_unet(256), "other", "built otherwise"),
        (peft({"text_encoder_2.text_model.encoder.layers.0.self_attn.q_proj": 1280}), "sd-1.5", "2 text encoders"),
        (kohya({"lora_te_text_model_encoder_layers_0_mlp_fc1": 768}), "sd-turbo", "768 numbers a token"),
        ({"emb_params": (4, 768)}, "sdxl", "Stable Diffusion 1.5"),
        ({"emb_params": (4, 1280)}, "sdxl", "1280 numbers; Model needs 768 + 1280"),
        ({"emb_params": (4, 256)}, "sd-1.5", "256 numbers; Model needs 768"),
    ],
)
def test_what_does_not_fit_is_told_in_both_languages(
    layers: dict[str, tuple[int, ...]], base: str, says: str, tmp_path: Path
) -> None:
    made = adapter_make(read_head(saved(tmp_path, layers)))
    reason = compatible(made, BASES[base], file="ink", model="Model")
    assert reason is not None
    assert says in reason.text("en")
    assert "“ink”" in reason.text("zh-CN")
    assert message(f"errors.{reason.code}.hint", "zh-CN", **reason.details)


@pytest.mark.parametrize(
    ("layers", "base"),
    [
        (kohya_unet(768, ("lora_te", 768)), "sd-1.5"),
        (peft_unet(1024), "sd-turbo"),
        (kohya_unet(2048, ("lora_te2", 1280)), "sdxl"),
        (peft_unet(256, ("text_encoder", 256)), "starter"),
        (FLUX_KOHYA, "flux"),
        (VIDEO, "other"),
        (kohya({"lora_unet_mid_block_attentions_0_proj_in": 1280}), "sdxl"),
        ({"emb_params": (4, 768)}, "sd-1.5"),
        ({"clip_g": (2, 1280), "clip_l": (2, 768)}, "sdxl"),
        ({"clip_g": (2, 1280), "clip_l": (2, 768)}, "other"),
        ({"conv.weight": (4, 4, 3, 3)}, "sd-1.5"),
    ],
)
def test_what_fits_or_is_unknown_passes(layers: dict[str, tuple[int, ...]], base: str, tmp_path: Path) -> None:
    made = adapter_make(read_head(saved(tmp_path, layers)))
    assert compatible(made, BASES[base], file="ink", model="Model") is None
    assert compatible(made, base_make(None), file="ink", model="Model") is None


def base(folder: Path, **configs: dict[str, Any]) -> Path:
    for part, config in configs.items():
        (folder / part).mkdir(parents=True)
        (folder / part / "config.json").write_text(json.dumps(config))
    return folder


def test_a_base_is_told_from_its_configurations(tmp_path: Path) -> None:
    text = {"hidden_size": 768}
    assert base_make(base(tmp_path / "1", unet={"cross_attention_dim": 768}, text_encoder=text)) == BASES["sd-1.5"]
    lists = {"cross_attention_dim": [2048, 2048]}
    xl = base(tmp_path / "xl", unet=lists, text_encoder=text, text_encoder_2={"hidden_size": 1280})
    assert base_make(xl) == BASES["sdxl"]
    small = base(tmp_path / "s", unet={"cross_attention_dim": 256}, text_encoder={"hidden_size": 256})
    assert base_make(small) == BASES["starter"]
    kind = {"_class_name": "FluxTransformer2DModel"}
    flux = base(tmp_path / "f", transformer=kind, text_encoder=text, text_encoder_2={"d_model": 4096})
    assert base_make(flux) == BASES["flux"]
    assert base_make(base(tmp_path / "n", unet={"cross_attention_dim": "wide"})) == Make("base")
    assert base_make(tmp_path / "nothing") == Make("base")


def test_a_checkpoint_file_is_told_from_its_layers(tmp_path: Path) -> None:
    name = "model.diffusion_model.input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight"
    assert base_make(saved(tmp_path, {name: (320, 768)})) == Make("base", "sd1", "unet", 768)
    (tmp_path / "b.ckpt").write_bytes(b"PK\x03\x04")
    assert base_make(tmp_path / "b.ckpt") == Make("base")


def headed(head: bytes, data: bytes = b"", length: int | None = None) -> bytes:
    return struct.pack("<Q", len(head) if length is None else length) + head + data


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "no safetensors"),
        (b"1234567", "no safetensors"),
        (b"<!DOCTYPE html>" * 9, "no safetensors"),
        (headed(b"{}", length=2**63), "no safetensors"),
        (headed(b"[1, 2]"), "no safetensors"),
        (headed(b"{" + b" " * MOST_HEAD + b"}"), "no more than 8 MB"),
        (headed(b'{"a":' * 100_000 + b"1" + b"}" * 100_000), "damaged"),
        (headed(b'{"a": {"dtype": "F32", "shape": [Infinity], "data_offsets": [0, 1]}}'), "damaged"),
        (headed(b'{"a": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 1]}}'), "damaged"),
        (headed(b'{"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 1' + b"0" * 4000 + b"]}}"), "damaged"),
        (headed(b'{"a": {"dtype": "F32", "shape": [1], "data_offsets": []}}'), "damaged"),
        (headed(b'{"a": 1}'), "damaged"),
        (headed(b'{"__metadata__": [1]}'), "damaged"),
        (headed(b'{"\xff": 1}'), "damaged"),
        (headed(b'{"a": {"dtype": "F32", "shape": [9], "data_offsets": [0, 3000000]}}', b"12"), "3 MB are missing"),
    ],
)
def test_a_hostile_head_is_refused_in_words(content: bytes, says: str, tmp_path: Path) -> None:
    file = tmp_path / "bad.safetensors"
    file.write_bytes(content)
    with pytest.raises(HeadError) as caught:
        read_head(file)
    assert says in caught.value.reason.text("en")
    assert "bad.safetensors" in caught.value.reason.text("zh-CN")
    assert says in str(caught.value)


@settings(max_examples=examples(150), suppress_health_check=[*PATIENT, HealthCheck.function_scoped_fixture])
@given(head=st.recursive(st.none() | st.integers() | st.floats() | st.text(max_size=5),
                         lambda inner: st.lists(inner, max_size=4) | st.dictionaries(
                             st.sampled_from(["__metadata__", "dtype", "shape", "data_offsets", "a.lora_down.weight"]),
                             inner, max_size=4), max_leaves=20))  # fmt: skip
def test_no_head_does_more_than_be_read_or_refused(head: Any, tmp_path: Path) -> None:
    file = tmp_path / "any.safetensors"
    file.write_bytes(headed(json.dumps({"x": head} if not isinstance(head, dict) else head).encode()))
    try:
        made = adapter_make(read_head(file))
    except HeadError:
        return
    assert made.kind in ("lora", "inversion", "other")
