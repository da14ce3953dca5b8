"""Annotators with small or hand-made weights, saved the way the hub keeps them."""

from pathlib import Path
from typing import Any

import torch

from studio.engines.annotators.networks import LineArtNetwork, SoftEdgeNetwork
from studio.registry import ModelSpec
from tests.support.registries import spec

POSE_SIZE = (64, 48)


def entry(network: str, weights: Path | None = None) -> ModelSpec:
    sources = [{"path": str(weights)}] if weights else []
    return spec(network, 10**8, task="annotate", engine="annotators", defaults={"annotator": network}, sources=sources)


def save_side_edges(file: Path) -> Path:
    """Weights with which the soft-edge network sees where red changes from left to right, and nothing else."""
    network = SoftEdgeNetwork()
    for parameter in network.parameters():
        torch.nn.init.zeros_(parameter)
    block: Any = network.block1
    with torch.no_grad():
        for channel, sign in enumerate((1.0, -1.0)):
            block.convs[0].weight[channel, 0, 1] = torch.tensor([-sign, 0.0, sign])
            block.convs[1].weight[channel, channel, 1, 1] = 1.0
            block.projection.weight[0, channel] = 1.0
        block.projection.bias[0] = -100.0
    torch.save({name: tensor.half() for name, tensor in network.state_dict().items()}, file)
    return file


def save_lines(file: Path, *, seed: int = 0) -> Path:
    """A random line-art network."""
    from safetensors.torch import save_file

    torch.manual_seed(seed)
    save_file(LineArtNetwork().state_dict(), file)
    return file


def save_depth(folder: Path, *, seed: int = 0) -> Path:
    """A random Depth Anything of a few thousand numbers."""
    from transformers import DepthAnythingConfig, DepthAnythingForDepthEstimation, Dinov2Config, DPTImageProcessor

    torch.manual_seed(seed)
    backbone = Dinov2Config(
        hidden_size=16,
        num_hidden_layers=4,
        num_attention_heads=2,
        mlp_ratio=2,
        image_size=28,
        patch_size=14,
        out_features=["stage1", "stage2", "stage3", "stage4"],
        reshape_hidden_states=False,
    )
    config = DepthAnythingConfig(
        backbone_config=backbone,
        reassemble_hidden_size=16,
        neck_hidden_sizes=[8, 8, 8, 8],
        fusion_hidden_size=8,
        head_hidden_size=4,
    )
    network = DepthAnythingForDepthEstimation(config)
    # Untrained ones see every picture as flat.
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    network.save_pretrained(folder)
    DPTImageProcessor(size={"height": 56, "width": 56}, ensure_multiple_of=14, keep_aspect_ratio=True).save_pretrained(
        folder
    )
    return folder


def save_pose(folder: Path, *, seed: int = 0) -> Path:
    """A random ViTPose."""
    from transformers import VitPoseBackboneConfig, VitPoseConfig, VitPoseForPoseEstimation

    torch.manual_seed(seed)
    backbone = VitPoseBackboneConfig(
        image_size=POSE_SIZE, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, out_indices=[2]
    )
    network = VitPoseForPoseEstimation(VitPoseConfig(backbone_config=backbone, num_labels=17, use_simple_decoder=True))
    # Untrained ones are sure of nothing.
    torch.nn.init.normal_(network.head.conv.weight, std=0.5)
    network.save_pretrained(folder)
    return folder


def save_people(folder: Path, *, sure: float, seed: int = 0) -> Path:
    """A random RT-DETR that takes whatever it looks at for a person; `sure` is the logit of every box."""
    from transformers import RTDetrConfig, RTDetrForObjectDetection, RTDetrImageProcessor, RTDetrResNetConfig

    torch.manual_seed(seed)
    backbone = RTDetrResNetConfig(
        embedding_size=8,
        hidden_sizes=[8, 8, 8, 8],
        depths=[1, 1, 1, 1],
        layer_type="basic",
        out_features=["stage2", "stage3", "stage4"],
    )
    config = RTDetrConfig(
        backbone_config=backbone,
        encoder_hidden_dim=16,
        encoder_in_channels=[8, 8, 8],
        encoder_ffn_dim=16,
        encoder_attention_heads=2,
        d_model=16,
        num_queries=5,
        decoder_in_channels=[16, 16, 16],
        decoder_ffn_dim=16,
        decoder_layers=1,
        decoder_attention_heads=2,
        num_denoising=0,
        id2label={0: "person", 1: "bicycle"},
    )
    network = RTDetrForObjectDetection(config)
    for name, parameter in network.named_parameters():
        if "class_embed" in name:
            torch.nn.init.zeros_(parameter)
            if name.endswith("bias"):
                parameter.data[0], parameter.data[1] = sure, -20.0
    network.save_pretrained(folder)
    RTDetrImageProcessor(size={"height": 64, "width": 64}).save_pretrained(folder)
    return folder
