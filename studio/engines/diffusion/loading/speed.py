"""Ways to draw faster that a host may choose; docs/performance.md says what each gains."""

import logging
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Literal

from studio.engines.diffusion.offload import modules_of

Attention = Literal["sdpa", "xformers"]

_log = logging.getLogger("studio.engines.diffusion")


@dataclass(frozen=True)
class Speed:
    """What is done to every pipeline when it is loaded. Pixels change by rounding at most."""

    attention: Attention = "sdpa"
    """`sdpa` is torch's own; `xformers` is taken where it is installed and works on the device."""
    compiled: bool = False
    """Compile the denoising network: the first picture of each size waits for minutes, the others are faster."""
    channels_last: bool = False
    """Keep convolutions' weights in the order that tensor cores read them in."""

    def apply(self, pipe: Any, device: str) -> None:
        """Change a pipeline that is about to work on `device`."""
        import torch

        network = getattr(pipe, "unet", None) or getattr(pipe, "transformer", None)
        if self.channels_last:
            for part in modules_of(pipe).values():
                part.to(memory_format=torch.channels_last)
        if self.attention == "xformers" and works(device):
            pipe.enable_xformers_memory_efficient_attention()
        if self.compiled and network is not None:
            network.compile()


def works(device: str) -> bool:
    """Whether xformers is there and runs on `device`: its wheels are built for some devices, and fail on others."""
    if not device.startswith("cuda") or find_spec("xformers") is None:
        _log.warning("xformers is not to be had on %s; torch's own attention is used", device)
        return False
    import torch

    try:
        from xformers.ops import memory_efficient_attention

        probe = torch.zeros(1, 16, 1, 64, dtype=torch.float16, device=device)
        memory_efficient_attention(probe, probe, probe)
    except Exception as error:  # whatever a kernel that was not built for this device makes of it
        _log.warning("xformers does not run on %s (%s); torch's own attention is used", device, error)
        return False
    return True
