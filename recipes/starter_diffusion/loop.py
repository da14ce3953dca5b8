"""A training loop that can be stopped and goes on where it was: the same data and noise at the same step, always."""

import json
import math
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np
import torch
from torch import nn

from recipes.starter_diffusion.profiles import Stage

WARM_UP = 0.03
"""The share of the steps in which the learning rate rises to its height."""
SAVE_SECONDS = 120.0
LOG_STEPS = 25

Losses = dict[str, torch.Tensor]


def device() -> torch.device:
    """Where training runs."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def compiled(function: Any) -> Any:
    """The function compiled on CUDA. On a CPU a compiled UNet learns at a tenth of the speed of one that is not."""
    return torch.compile(function) if device().type == "cuda" else function


class Loop:
    """The steps of one stage over `trained`, kept in `folder`/`name`.pt and told in `folder`/`name`.jsonl."""

    def __init__(
        self, folder: Path, name: str, stage: Stage, trained: nn.Module, seed: int, average: float = 0.0
    ) -> None:
        self._folder, self._name, self._stage, self._seed = folder, name, stage, seed
        self._trained = trained
        self._average = average
        self._slow = {key: value.detach().clone() for key, value in trained.state_dict().items()} if average else {}
        parameters = [each for each in trained.parameters() if each.requires_grad]
        # Biases and the scales of norms are not decayed.
        groups = [
            {"params": [each for each in parameters if each.ndim > 1], "weight_decay": 0.01},
            {"params": [each for each in parameters if each.ndim <= 1], "weight_decay": 0.0},
        ]
        self._optimizer = torch.optim.AdamW(groups, lr=stage.rate, betas=(0.9, 0.99), fused=True)
        self._steps = math.ceil(stage.samples / stage.batch)
        self._step = 0
        self._resume()

    @property
    def _file(self) -> Path:
        return self._folder / f"{self._name}.pt"

    def run(self, losses: Callable[[np.random.Generator], Losses]) -> None:
        """Every step that is left. `losses` draws its batch from the generator; its `loss` is descended."""
        self._trained.train()
        began = saved = monotonic()
        first = self._step
        recent: list[dict[str, float]] = []
        while self._step < self._steps:
            drawn = self._losses(losses)
            recent.append({key: value.item() for key, value in drawn.items()})
            self._step += 1
            if self._step % LOG_STEPS == 0 or self._step == self._steps:
                rate = (self._step - first) * self._stage.batch / (monotonic() - began)
                self._tell(recent, rate)
                recent = []
            if monotonic() - saved > SAVE_SECONDS:
                self.save()
                saved = monotonic()
        self.save()
        if self._average:
            self._trained.load_state_dict(self._slow)
        self._trained.eval()

    def _losses(self, losses: Callable[[np.random.Generator], Losses]) -> Losses:
        torch.manual_seed(zlib.crc32(f"{self._seed}/{self._name}/{self._step}".encode()))
        drawn = losses(np.random.default_rng((self._seed, zlib.crc32(self._name.encode()), self._step)))
        for group in self._optimizer.param_groups:
            group["lr"] = self._stage.rate * self._share()
        torch.autograd.backward(drawn["loss"])
        torch.nn.utils.clip_grad_norm_(self._trained.parameters(), 1.0)
        self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)
        if self._average:
            self._follow()
        return drawn

    def _share(self) -> float:
        done = (self._step + 1) / self._steps
        falling = (1 - done) / self._stage.fall + 1e-3 if self._stage.fall else 1.0
        return min(1.0, done / WARM_UP, falling)

    @torch.no_grad()
    def _follow(self) -> None:
        # At first the average follows closely, so that it does not remember the random start.
        keep = min(self._average, (1 + self._step) / (10 + self._step))
        moving = [key for key, value in self._slow.items() if value.is_floating_point()]
        now = self._trained.state_dict()
        torch._foreach_lerp_([self._slow[key] for key in moving], [now[key] for key in moving], 1 - keep)

    def _tell(self, recent: list[dict[str, float]], rate: float) -> None:
        means = {key: sum(each[key] for each in recent) / len(recent) for key in recent[0]}
        line = {"step": self._step, "of": self._steps, "per_second": round(rate, 1)}
        line |= {key: round(value, 5) for key, value in means.items()}
        with (self._folder / f"{self._name}.jsonl").open("a") as log:
            log.write(json.dumps(line) + "\n")
        print(self._name, line, flush=True)  # noqa: T201

    def save(self) -> None:
        """Everything that is needed to go on, written whole or not at all."""
        state = {
            "step": self._step,
            "trained": self._trained.state_dict(),
            "slow": self._slow,
            "optimizer": self._optimizer.state_dict(),
        }
        part = self._file.with_suffix(".part")
        torch.save(state, part)
        part.replace(self._file)

    def _resume(self) -> None:
        if self._file.is_file():
            state = torch.load(self._file, map_location="cpu", weights_only=True)
            self._step = int(state["step"])
            self._trained.load_state_dict(state["trained"])
            self._slow = {key: value.to(device()) for key, value in state["slow"].items()}
            self._optimizer.load_state_dict(state["optimizer"])


def trained_state(folder: Path, name: str) -> Mapping[str, torch.Tensor]:
    """The weights a stage came to: averaged over its last steps where the stage keeps an average."""
    state = torch.load(folder / f"{name}.pt", map_location="cpu", weights_only=True)
    learnt: Mapping[str, torch.Tensor] = state["slow"] or state["trained"]
    return learnt


def curve(folder: Path, name: str) -> Iterator[dict[str, float]]:
    """What a stage told of itself, line by line."""
    for line in (folder / f"{name}.jsonl").read_text().splitlines():
        yield json.loads(line)
