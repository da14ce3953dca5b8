"""Trains the family, stage by stage; a stage that is done is not done again.

python -m recipes.starter_diffusion.train --work DIR [--profile cpu|cuda] [--stage NAME]
"""

import argparse
from dataclasses import replace
from pathlib import Path

import torch

from recipes.starter_diffusion import autoencoder, control, denoiser, lora, text
from recipes.starter_diffusion.export import export
from recipes.starter_diffusion.profiles import Profile, profile
from recipes.starter_diffusion.sprites import sprites

SEED = 20261122
STAGES = ("autoencoder", "text", "things", "denoiser", "control-canny", "control-scribble", "lora", "export")
TARGET = Path(__file__).parents[2] / "assets" / "starter-diffusion"


def main() -> None:
    """Reads the arguments and runs the stages in order."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--work", type=Path, required=True, help="where packages, latents, checkpoints and logs are kept"
    )
    parser.add_argument("--profile", choices=("cpu", "cuda"), help="by default what this machine has")
    parser.add_argument("--stage", choices=STAGES, action="append", help="only these stages; by default all")
    parser.add_argument("--samples", type=int, help="how much the stages see, in place of what the profile says")
    parser.add_argument("--target", type=Path, default=TARGET, help="where the finished family is written")
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    chosen = profile(arguments.profile)
    for stage in arguments.stage or STAGES:
        if arguments.samples:
            part = stage.partition("-")[0]
            chosen = replace(chosen, **{part: replace(getattr(chosen, part), samples=arguments.samples)})
        run(stage, chosen, arguments.work, arguments.target)


def run(stage: str, chosen: Profile, work: Path, target: Path) -> None:
    """One stage, with what the stages before it left in `work`."""
    pack = sprites(work, chosen.size)
    torch.manual_seed(SEED)
    if stage == "autoencoder":
        autoencoder.train(chosen, pack, work, SEED)
    elif stage == "text":
        text.train(chosen, work, SEED)
    elif stage == "things":
        denoiser.learn_things(chosen, pack, work, SEED)
    elif stage == "denoiser":
        denoiser.train(chosen, pack, work, SEED)
    elif stage == "lora":
        lora.train(chosen, pack, work, SEED)
    elif stage == "export":
        export(chosen, pack, work, target, SEED)
    else:
        kind = control.KINDS[0] if stage.endswith("canny") else control.KINDS[1]
        control.train(kind, chosen, pack, work, SEED)


if __name__ == "__main__":
    torch.set_float32_matmul_precision("high")
    main()
