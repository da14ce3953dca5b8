"""Image models through diffusers: a folder in its format, or one Stable Diffusion checkpoint file."""

import inspect
import json
import queue
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic
from typing import Any, Final

from studio.engines.diffusion.base import DiffusionRequest, Picture, Step
from studio.engines.diffusion.preview import LatentPreview
from studio.engines.diffusion.schedulers import sampler_name, schedule_name
from studio.engines.memory import ran_out, release
from studio.errors import EngineFailed, OutOfMemory, StudioError, WeightsUnavailable
from studio.registry.loaded import DeviceName, Sharing
from studio.registry.spec import ModelSpec

PREVIEW_SECONDS: Final = 0.35
TILED_DECODE_PIXELS: Final = 1024 * 1024
"""Larger pictures are decoded in tiles: a VAE's working memory grows with the area, 4.6 GB at this size in fp16."""
XL_KEY: Final = "conditioner.embedders."
"""Tensors that only the checkpoints of Stable Diffusion XL have begin like this."""


class DiffusersLoader:
    """Loads image models in fp16 on CUDA, in fp32 on a CPU."""

    def __call__(self, spec: ModelSpec, weights: Path | None, device: DeviceName) -> "DiffusersEngine":
        import torch

        if weights is None:
            raise WeightsUnavailable("weights.missing_part", file=spec.name)
        _hush()
        dtype = torch.float32 if device == "cpu" else torch.float16
        try:
            pipe = _from_folder(weights, dtype) if weights.is_dir() else _from_file(spec, weights, dtype)
            engine = DiffusersEngine(pipe)
            engine.move(device)
        except StudioError:
            raise
        except Exception as error:
            if ran_out(error):
                release()
                raise OutOfMemory("draw.load_memory", model=spec.name) from error
            raise EngineFailed("draw.unsupported", model=spec.name, reason=_first_line(error)) from error
        return engine


class DiffusersEngine:
    """One base model's components; every request gets a pipeline and a scheduler of its own, made from them."""

    sharing: Sharing = "exclusive"
    movable = True

    def __init__(self, pipe: Any) -> None:
        self._pipe = pipe
        self._preview: LatentPreview | None = None

    @property
    def nbytes(self) -> int:
        import torch

        modules = [part for part in self._pipe.components.values() if isinstance(part, torch.nn.Module)]
        tensors = {id(t): t for part in modules for t in (*part.parameters(), *part.buffers())}
        return sum(tensor.numel() * tensor.element_size() for tensor in tensors.values())

    def stream(self, request: DiffusionRequest) -> Iterator[Step | Picture]:
        events: queue.SimpleQueue[Step | Picture | BaseException] = queue.SimpleQueue()
        stopped = threading.Event()

        def work() -> None:
            try:
                events.put(self._draw(request, events.put, stopped))
            except BaseException as error:  # handed to the generator, which raises it in the caller's thread
                events.put(error)

        worker = threading.Thread(target=work, name="diffusion", daemon=True)
        worker.start()
        try:
            while True:
                event = events.get()
                if isinstance(event, BaseException):
                    raise _explained(event, request)
                yield event
                if isinstance(event, Picture):
                    return
        finally:
            # The model is in use until the step under way has ended, whatever became of the caller.
            stopped.set()
            worker.join()

    def move(self, device: DeviceName) -> None:
        import torch

        if device == "cpu":
            # Weights parked in host memory stay half as large; `_draw` widens them if they are to run there.
            self._pipe.to(device)
            release()
        else:
            self._pipe.to(device, torch.float16)

    def close(self) -> None:
        self._pipe, self._preview = None, None
        release()

    def _draw(
        self, request: DiffusionRequest, report: Callable[[Step | Picture], None], stopped: threading.Event
    ) -> Picture:
        import torch

        if self._pipe.device.type == "cpu" and self._pipe.dtype != torch.float32:
            self._pipe.to(torch.float32)
        pipe = _derived(self._pipe)
        shown = -PREVIEW_SECONDS

        def on_step(pipe: Any, index: int, _: Any, tensors: dict[str, Any]) -> dict[str, Any]:
            nonlocal shown
            # Pipelines have an interrupt flag of their own, but still decode the latents after it.
            if stopped.is_set():
                raise _StoppedError
            preview = None
            if monotonic() - shown >= PREVIEW_SECONDS:
                preview, shown = self._previewed(tensors.get("latents")), monotonic()
            report(Step(index + 1, int(pipe.num_timesteps), preview))
            return tensors

        if request.width * request.height > TILED_DECODE_PIXELS:
            pipe.vae.enable_tiling()
        else:
            pipe.vae.disable_tiling()
        accepted = inspect.signature(pipe.__call__).parameters
        wanted = {
            "prompt": request.prompt,
            "negative_prompt": request.negative_prompt or None,
            "width": request.width,
            "height": request.height,
            "num_inference_steps": request.steps,
            "guidance_scale": request.guidance_scale,
            # On the CPU whatever the device is, so that a seed means the same picture everywhere.
            "generator": torch.Generator("cpu").manual_seed(request.seed),
            "callback_on_step_end": on_step,
        }
        image = pipe(**{key: value for key, value in wanted.items() if key in accepted}).images[0]
        config = pipe.scheduler.config
        return Picture(
            image=image,
            seed=request.seed,
            sampler=sampler_name(type(pipe.scheduler).__name__, config),
            schedule=schedule_name(config),
            notice="imaging.notice.prompt_cut" if _is_cut(pipe, request) else None,
        )

    def _previewed(self, latents: Any) -> Any:
        if latents is None:
            return None
        if self._preview is None:
            self._preview = LatentPreview(self._pipe.vae)
        return self._preview.picture(latents)


class _StoppedError(Exception):
    """Leaves a pipeline's loop; nobody is listening any more."""


def _derived(pipe: Any) -> Any:
    """A pipeline over the same weights with a scheduler of its own, because schedulers carry a run's state."""
    scheduler = type(pipe.scheduler).from_config(pipe.scheduler.config)
    derived = type(pipe).from_pipe(pipe, scheduler=scheduler, dtype=pipe.dtype)
    derived.set_progress_bar_config(disable=True)
    return derived


def _is_cut(pipe: Any, request: DiffusionRequest) -> bool:
    tokenizer = getattr(pipe, "tokenizer", None)
    if tokenizer is None:
        return False
    prompts = (request.prompt, request.negative_prompt)
    return any(len(tokenizer(text, verbose=False).input_ids) > tokenizer.model_max_length for text in prompts)


def _hush() -> None:
    """Keep the libraries from writing progress bars to the terminal, and the ends of long prompts to the log."""
    import diffusers.utils.logging
    import transformers.utils.logging

    for library in (diffusers.utils.logging, transformers.utils.logging):
        library.set_verbosity_error()
        library.disable_progress_bar()


def _from_folder(folder: Path, dtype: Any) -> Any:
    from diffusers import DiffusionPipeline

    index = folder / "model_index.json"
    try:
        parts = json.loads(index.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise WeightsUnavailable("weights.missing_part", file=index.name) from error
    files = {file.relative_to(folder).as_posix() for file in folder.rglob("*.*")}
    halves = any(name.endswith(".fp16.safetensors") for name in files)
    options: dict[str, Any] = {"variant": "fp16"} if halves else {}
    if any(name.endswith(".safetensors") for name in files):
        options["use_safetensors"] = True
    if "safety_checker" in parts:
        options |= {"safety_checker": None, "requires_safety_checker": False}
    return DiffusionPipeline.from_pretrained(str(folder), dtype=dtype, local_files_only=True, **options)


def _from_file(spec: ModelSpec, file: Path, dtype: Any) -> Any:
    from diffusers import StableDiffusionPipeline, StableDiffusionXLPipeline
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, "pt") as tensors:
            names = list(tensors.keys())
    except (OSError, SafetensorError) as error:
        raise WeightsUnavailable("weights.damaged", file=file.name, reason=_first_line(error)) from error
    kind = StableDiffusionXLPipeline if any(name.startswith(XL_KEY) for name in names) else StableDiffusionPipeline
    options = {"config": spec.defaults["config"]} if "config" in spec.defaults else {}
    return kind.from_single_file(str(file), dtype=dtype, **options)


def _explained(error: BaseException, request: DiffusionRequest) -> BaseException:
    if isinstance(error, StudioError) or not isinstance(error, Exception):
        return error
    if ran_out(error):
        release()
        explained: StudioError = OutOfMemory("draw.memory", width=request.width, height=request.height)
    else:
        explained = EngineFailed("draw.engine", reason=_first_line(error))
    explained.__cause__ = error
    return explained


def _first_line(error: BaseException) -> str:
    return str(error).strip().split("\n")[0].rstrip(".")[:300] or type(error).__name__
