"""The two small networks that no maintained library carries, built as their published weights are laid out.

Imports torch: import this module inside functions only.
"""

from typing import Any

import torch
from torch import nn
from torch.nn import functional


class SoftEdgeNetwork(nn.Module):
    """Holistically-nested edges: what each of five depths of a VGG takes for an edge.

    Xie and Tu, "Holistically-Nested Edge Detection", 2015, in the layout of `ControlNetHED.pth`.
    """

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.Parameter(torch.zeros(1, 3, 1, 1))
        self.block1 = _EdgeBlock(3, 64, 2)
        self.block2 = _EdgeBlock(64, 128, 2)
        self.block3 = _EdgeBlock(128, 256, 3)
        self.block4 = _EdgeBlock(256, 512, 3)
        self.block5 = _EdgeBlock(512, 512, 3)

    def forward(self, picture: torch.Tensor) -> torch.Tensor:
        """(n, 3, h, w) of 0 to 255, sides multiples of 16, to (n, 1, h, w) of 0 to 1."""
        size = (picture.shape[-2], picture.shape[-1])
        features, seen = picture - self.norm, []
        for depth, block in enumerate((self.block1, self.block2, self.block3, self.block4, self.block5)):
            features = block(functional.max_pool2d(features, 2) if depth else features)
            edges = block.projection(features)
            seen.append(functional.interpolate(edges, size, mode="bilinear", align_corners=False))
        return torch.stack(seen).mean(0).sigmoid()


class _EdgeBlock(nn.Module):
    def __init__(self, channels: int, width: int, depth: int) -> None:
        super().__init__()
        widths = (channels, *(width,) * depth)
        self.convs = nn.ModuleList(nn.Conv2d(widths[i], widths[i + 1], 3, padding=1) for i in range(depth))
        self.projection = nn.Conv2d(width, 1, 1)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        for conv in self.convs:
            features = functional.relu(conv(features))
        return features


class LineArtNetwork(nn.Module):
    """A drawing of a photograph: dark lines on a bright page.

    Chan, Durand and Isola, "Learning to generate line drawings that convey geometry and semantics", 2022, in the layout
    of `sk_model.pth`.
    """

    def __init__(self) -> None:
        super().__init__()
        self.model0 = nn.Sequential(nn.ReflectionPad2d(3), nn.Conv2d(3, 64, 7), *_normalized(64))
        self.model1 = nn.Sequential(
            *(nn.Conv2d(64, 128, 3, stride=2, padding=1), *_normalized(128)),
            *(nn.Conv2d(128, 256, 3, stride=2, padding=1), *_normalized(256)),
        )
        self.model2 = nn.Sequential(*(_Residual(256) for _ in range(3)))
        self.model3 = nn.Sequential(
            *(nn.ConvTranspose2d(256, 128, 3, stride=2, padding=1, output_padding=1), *_normalized(128)),
            *(nn.ConvTranspose2d(128, 64, 3, stride=2, padding=1, output_padding=1), *_normalized(64)),
        )
        self.model4 = nn.Sequential(nn.ReflectionPad2d(3), nn.Conv2d(64, 1, 7), nn.Sigmoid())

    def forward(self, picture: torch.Tensor) -> torch.Tensor:
        """(n, 3, h, w) of 0 to 1, sides multiples of 4, to (n, 1, h, w) of 0 to 1."""
        drawn: Any = picture
        for part in (self.model0, self.model1, self.model2, self.model3, self.model4):
            drawn = part(drawn)
        return torch.as_tensor(drawn)


class _Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv_block = nn.Sequential(
            *(nn.ReflectionPad2d(1), nn.Conv2d(width, width, 3), *_normalized(width)),
            *(nn.ReflectionPad2d(1), nn.Conv2d(width, width, 3), nn.InstanceNorm2d(width)),
        )

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return features + torch.as_tensor(self.conv_block(features))


def _normalized(width: int) -> tuple[nn.Module, nn.Module]:
    return nn.InstanceNorm2d(width), nn.ReLU()
