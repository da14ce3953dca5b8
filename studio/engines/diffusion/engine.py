"""One base model of diffusers in memory."""

import queue
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from time import monotonic
from typing import Any, Final

from studio.engines.diffusion.adapters import Adapters
from studio.engines.diffusion.base import DiffusionRequest, Picture, Preview, Step, plain
from studio.engines.diffusion.conditioning.encoding import Encoding, readers
from studio.engines.diffusion.derivation import Tokenizers, arguments, derived, finished
from studio.engines.diffusion.offload import Offload, modules_of
from studio.engines.diffusion.preview import LatentPreview
from studio.engines.diffusion.schedulers import sampler_name, schedule_name
from studio.engines.diffusion.workers import Workers
from studio.engines.memory import first_line, nbytes, ran_out, release
from studio.engines.shuttle import Shuttle
from studio.errors import EngineFailed, OutOfMemory, StudioError
from studio.registry import DeviceName, Footprint, Rung, Sharing

PREVIEW_SECONDS: Final = 0.35
PREVIEW_SHARE: Final = 0.03
"""Of the time that drawing takes, at most; a slow preview comes less often."""


class DiffusersEngine:
    """One base model's components; every request gets a pipeline and a scheduler of its own, made from them.

    Requests may run at the same time on a CPU; on an accelerator they take turns, because half-precision VAEs are
    widened in place while they decode.
    """

    sharing: Sharing = "exclusive"

    def __init__(
        self,
        pipe: Any,
        *,
        name: str,
        rung: Rung = "whole",
        device: DeviceName = "cpu",
        shuttle: Callable[[Any], Shuttle] = Shuttle,
    ) -> None:
        """Take a pipeline in main memory; on `rung` "whole" it stays there until a `shuttle` moves its components."""
        self._pipe, self._name, self._rung = pipe, name, rung
        self._device: DeviceName = "cpu" if rung == "whole" else device
        self._parked: set[str] = set()
        self._shuttles = {name: shuttle(part) for name, part in modules_of(pipe).items()} if rung == "whole" else {}
        self._turn = threading.Lock()
        self._workers = Workers()
        self._preview: LatentPreview | None = None
        if rung != "whole":
            # With hooks on it, the VAE would push another component off the device in the middle of a picture.
            self._preview = LatentPreview(pipe.vae)
        self._tokenizers = Tokenizers(pipe)
        self._offload = Offload(pipe, rung, device)
        self._adapters = Adapters(pipe, self._offload)

    @property
    def nbytes(self) -> int:
        return nbytes(*modules_of(self._pipe).values())

    @property
    def footprint(self) -> Footprint:
        return self._offload.footprint

    @property
    def movable(self) -> bool:
        return self._rung == "whole"

    @property
    def parts(self) -> Mapping[str, int]:
        """Bytes of each component that can leave the device alone; none where hooks decide."""
        if self._rung != "whole":
            return {}
        return {name: nbytes(part) for name, part in modules_of(self._pipe).items() if name not in self._parked}

    def park(self, parts: tuple[str, ...]) -> None:
        for name in parts:
            self._shuttles[name].park()
            self._parked.add(name)

    def stream(self, request: DiffusionRequest) -> Iterator[Step | Picture]:
        events: queue.SimpleQueue[Step | Picture | BaseException] = queue.SimpleQueue()
        stopped = threading.Event()

        def work() -> None:
            try:
                for picture in self._draw(request, events.put, stopped):
                    events.put(picture)
            except BaseException as error:  # handed to the generator, which raises it in the caller's thread
                events.put(error)

        ended = self._workers.begin(work)
        try:
            left = len(request.seeds)
            while left:
                event = events.get()
                if isinstance(event, BaseException):
                    raise _explained(event, request)
                left -= isinstance(event, Picture)
                yield event
        finally:
            # The model is in use until the step under way has ended, whatever became of the caller.
            stopped.set()
            ended.wait()

    def move(self, device: DeviceName) -> None:
        import torch

        if self._rung != "whole":
            raise RuntimeError(f"{self._name} is spread over main memory and {self._device}")
        try:
            for carrier in self._shuttles.values():
                if device == "cpu":
                    # Weights parked in host memory stay half as large; `_draw` widens them if they are to run there.
                    carrier.park()
                else:
                    carrier.bring(device, torch.float16)
        except Exception as error:
            self._pipe.to("cpu")
            self._device = "cpu"
            if ran_out(error):
                raise OutOfMemory("draw.load_memory", model=self._name) from error
            raise
        else:
            self._device = device
        finally:
            self._parked.clear()

    def close(self) -> None:
        self._workers.close()
        del self._tokenizers, self._offload, self._adapters, self._shuttles
        self._pipe, self._preview = None, None

    def _draw(
        self, request: DiffusionRequest, report: Callable[[Step | Picture], None], stopped: threading.Event
    ) -> list[Picture]:
        wearing = self._adapters.worn(request.adapters, stopped)
        with self._alone(), wearing as ready, self._offload.at_work(), self._tokenizers.lent() as tokenizers:
            if not ready:
                raise _StoppedError
            if self._rung != "whole":
                # Hooks were put on the model's own parts only.
                request = replace(request, vae=None)
            self._widen(request)
            pipe = derived(self._pipe, request, tokenizers)
            spoken, notice = _spoken(pipe, tokenizers, request, stopped)
            latest: list[Any] = []
            on_step = self._watcher(report, stopped, latest, request.preview)
            images = pipe(**spoken, callback_on_step_end=on_step).images
            config = pipe.scheduler.config
            kept = latest[-1].cpu() if request.keep_latents and latest else None
            return [
                Picture(
                    image=finished(image, request),
                    seed=seeds.seed,
                    sampler=sampler_name(type(pipe.scheduler).__name__, config),
                    schedule=schedule_name(config),
                    notice=notice,
                    latents=kept[number : number + 1] if kept is not None else None,
                )
                for number, (image, seeds) in enumerate(zip(images, request.seeds, strict=True))
            ]

    def _alone(self) -> AbstractContextManager[object]:
        return nullcontext() if self._device == "cpu" else self._turn

    def _widen(self, request: DiffusionRequest) -> None:
        """Make everything fp32 that is to run on the CPU and was parked there in half precision."""
        import torch

        if self._device != "cpu":
            return
        with self._turn:
            if self._pipe.dtype != torch.float32:
                self._pipe.to(torch.float32)
            helpers = [unit.model for unit in request.controls] + ([request.vae] if request.vae else [])
            for helper in helpers:
                if helper.module.dtype != torch.float32:
                    helper.module.to(torch.float32)

    def _watcher(
        self,
        report: Callable[[Step | Picture], None],
        stopped: threading.Event,
        latest: list[Any],
        preview: Preview | None,
    ) -> Callable[[Any, int, Any, dict[str, Any]], dict[str, Any]]:
        due = 0.0

        def on_step(pipe: Any, index: int, _: Any, tensors: dict[str, Any]) -> dict[str, Any]:
            nonlocal due
            # Pipelines have an interrupt flag of their own, but still decode the latents after it.
            if stopped.is_set():
                raise _StoppedError
            latest[:] = [tensors.get("latents")]
            image, begun = None, monotonic()
            if begun >= due:
                image, ended = self._previewed(tensors.get("latents"), preview), monotonic()
                due = ended + max(PREVIEW_SECONDS, (ended - begun) / PREVIEW_SHARE)
            report(Step(index + 1, int(pipe.num_timesteps), image))
            return tensors

        return on_step

    def _previewed(self, latents: Any, preview: Preview | None) -> Any:
        if latents is None:
            return None
        try:
            if preview is not None:
                return preview.picture(latents)
            if self._preview is None:
                self._preview = LatentPreview(self._pipe.vae)
            return self._preview.picture(latents)
        except (MemoryError, RuntimeError) as error:
            # What is being drawn is wanted more than a look at it.
            if not ran_out(error):
                raise
            return None


class _StoppedError(Exception):
    """Leaves a pipeline's loop; nobody is listening any more."""


def _spoken(
    pipe: Any, tokenizers: Mapping[str, Any], request: DiffusionRequest, stopped: threading.Event
) -> tuple[dict[str, Any], str | None]:
    """What the pipeline is called with, and what the user should know about the prompts."""

    def proceed() -> None:
        if stopped.is_set():
            raise _StoppedError

    call = arguments(pipe, request)
    found = readers(pipe, tokenizers)
    if not found:
        unused = "imaging.notice.clip_skip" if request.clip_skip else None
        return call, "imaging.notice.prompt_cut" if _is_cut(tokenizers, request) else unused
    encoding = Encoding(pipe, found, request, proceed)
    rest = {key: value for key, value in call.items() if key not in ("prompt", "negative_prompt")}
    return rest | encoding.arguments(), encoding.notice


def _is_cut(tokenizers: Mapping[str, Any], request: DiffusionRequest) -> bool:
    tokenizer = tokenizers.get("tokenizer")
    if tokenizer is None:
        return False
    prompts = (plain(request.said), plain(request.unsaid))
    return any(len(tokenizer(text, verbose=False).input_ids) > tokenizer.model_max_length for text in prompts)


def _explained(error: BaseException, request: DiffusionRequest) -> BaseException:
    if isinstance(error, StudioError) or not isinstance(error, Exception):
        return error
    if ran_out(error):
        release()
        explained: StudioError = OutOfMemory("draw.memory", width=request.width, height=request.height)
    else:
        explained = EngineFailed("draw.engine", reason=first_line(error))
    explained.__cause__ = error
    return explained
