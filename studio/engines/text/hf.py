"""Models through Hugging Face transformers, and what it takes to load them."""

import gc
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from studio.engines.memory import nbytes
from studio.engines.shuttle import Shuttle
from studio.engines.text.base import TextChunk, TextLimits, TextRequest
from studio.engines.text.decoding import Decoder
from studio.errors import EngineFailed, InvalidRequest, OutOfMemory, WeightsUnavailable
from studio.registry import DeviceName, ModelSpec, Rung, Sharing

FOUR_BIT: Final = "text.notice.four_bit"
"""The notice on the first chunk of a model that fitted its device only in 4-bit weights."""


class TransformersLoader:
    """Loads folders as the hub keeps them, and GGUF files.

    Weights are bf16 on CUDA, fp16 where the GPU knows no bf16, and fp32 on CPUs, where bf16 decodes up to 20 times
    slower. Code that comes with a model is never run, and torch files are read with `weights_only`.
    """

    def __call__(
        self, spec: ModelSpec, weights: Path | None, device: DeviceName, rung: Rung = "whole"
    ) -> "TransformersEngine":
        import torch

        if weights is None or not weights.exists():
            raise WeightsUnavailable("weights.missing", model=spec.name)
        try:
            model, four_bit = fitting(
                lambda: _model(weights, device, four_bit=False),
                lambda: _model(weights, device, four_bit=True),
                quantizes=device != "cpu" and find_spec("bitsandbytes") is not None,
            )
            tokenizer = _tokenizer(weights)
        except torch.OutOfMemoryError as error:
            raise OutOfMemory("text.memory", model=spec.name, device=device) from error
        except Exception as error:  # every reader of a file format has its own
            raise WeightsUnavailable("weights.corrupt", model=spec.name, reason=type(error).__name__) from error
        trained = getattr(model.config, "max_position_embeddings", None)
        context = int(spec.defaults.get("context") or trained or 2048)
        limits = TextLimits(
            context=min(context, trained or context),
            chat=spec.chat,
            schema=bool(getattr(tokenizer, "is_fast", False)),
        )
        return TransformersEngine(model, tokenizer, limits, name=spec.name, four_bit=four_bit)


def fitting(whole: Callable[[], Any], four_bit: Callable[[], Any], *, quantizes: bool) -> tuple[Any, bool]:
    """The model as it is, or in 4 bits where it does not fit and `quantizes`; and whether it is in 4 bits.

    Raises:
        torch.OutOfMemoryError: it does not fit either way.
    """
    import torch

    try:
        return whole(), False
    except torch.OutOfMemoryError:
        if not quantizes:
            raise
    # Outside the handler, whose traceback would keep what was loaded so far alive.
    _release()
    return four_bit(), True


def _place(weights: Path) -> tuple[Path, dict[str, Any]]:
    """The folder to load from, and the arguments that name a single file in it."""
    shared = {"local_files_only": True, "trust_remote_code": False}
    return (weights.parent, shared | {"gguf_file": weights.name}) if weights.is_file() else (weights, shared)


def _tokenizer(weights: Path) -> Any:
    from transformers import AutoTokenizer

    folder, arguments = _place(weights)
    return AutoTokenizer.from_pretrained(folder, **arguments)


def _model(weights: Path, device: DeviceName, *, four_bit: bool) -> Any:
    import torch
    from transformers import AutoModelForCausalLM, BitsAndBytesConfig

    folder, arguments = _place(weights)
    on_gpu = device != "cpu"
    half = torch.bfloat16 if on_gpu and torch.cuda.is_bf16_supported() else torch.float16
    dtype = half if on_gpu else torch.float32
    if on_gpu:
        arguments["device_map"] = {"": device}
    if four_bit:
        arguments["quantization_config"] = BitsAndBytesConfig(
            load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=dtype
        )
    if weights.is_dir() and any(weights.glob("*.safetensors")):
        arguments["use_safetensors"] = True
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, attn_implementation="sdpa", **arguments)
    return model.eval()


def _release() -> None:
    import torch

    gc.collect()
    torch.cuda.empty_cache()


class TransformersEngine:
    """One model in torch, serving one request at a time. Made by `TransformersLoader`."""

    def __init__(self, model: Any, tokenizer: Any, limits: TextLimits, *, name: str, four_bit: bool = False) -> None:
        self._model, self._tokenizer, self._limits = model, tokenizer, limits
        self._name, self._four_bit = name, four_bit
        self._grammars: Any = None
        self._shuttle: Any = Shuttle(model)

    @property
    def limits(self) -> TextLimits:
        return self._limits

    @property
    def nbytes(self) -> int:
        return nbytes(self._model)

    @property
    def sharing(self) -> Sharing:
        return "exclusive"

    @property
    def movable(self) -> bool:
        return not self._four_bit

    def move(self, device: DeviceName) -> None:
        import torch

        try:
            if device == "cpu":
                self._shuttle.park()
            else:
                self._shuttle.bring(device)
        except torch.OutOfMemoryError as error:
            self._model.to("cpu")
            raise OutOfMemory("text.memory", model=self._name, device=device) from error

    def close(self) -> None:
        self._model = self._tokenizer = self._grammars = self._shuttle = None

    def count_tokens(self, text: str) -> int:
        return len(self._tokenizer(text, add_special_tokens=False)["input_ids"])

    def stream(self, request: TextRequest) -> Iterator[TextChunk]:
        """Write, piece by piece; see `TextEngine.stream`. Chunks without text come while a long prompt is read."""
        import torch

        prompt = self._prompt(request)
        if len(prompt) >= self._limits.context:
            raise InvalidRequest("prompt.context", tokens=len(prompt), context=self._limits.context)
        left = self._limits.context - len(prompt)
        asked = replace(request, max_tokens=min(request.max_tokens, left))
        notice = FOUR_BIT if self._four_bit else None
        try:
            decoder = Decoder(self._model, self._tokenizer, asked, matcher=self._matcher(request))
            for chunk in decoder.chunks(prompt):
                yield replace(chunk, notice=notice)
                notice = None
        except torch.OutOfMemoryError as error:
            raise OutOfMemory("text.memory", model=self._name, device=str(self._model.device)) from error
        except RuntimeError as error:
            raise EngineFailed("text.broke", reason=str(error).partition("\n")[0]) from error

    def _prompt(self, request: TextRequest) -> list[int]:
        """The prompt's token ids; a base model, which has no chat template, gets the messages as text to go on from."""
        if request.prompt is None and getattr(self._tokenizer, "chat_template", None):
            turns = [{"role": message.role, "content": message.content} for message in request.messages]
            begun = bool(turns) and turns[-1]["role"] == "assistant"
            encoded = self._tokenizer.apply_chat_template(
                turns,
                add_generation_prompt=not begun,
                continue_final_message=begun,
                return_dict=True,
                enable_thinking=False,
            )
            return list(encoded["input_ids"])
        text = request.prompt if request.prompt is not None else "\n\n".join(m.content for m in request.messages)
        first = self._tokenizer.bos_token_id or self._tokenizer.eos_token_id or 0
        return list(self._tokenizer(text)["input_ids"]) or [first]

    def _matcher(self, request: TextRequest) -> Any:
        """What allows only tokens that keep to the JSON schema; None where there is none.

        Raises:
            EngineFailed: the schema holds what llguidance cannot express.
        """
        if request.json_schema is None:
            return None
        import llguidance
        import llguidance.hf

        if self._grammars is None:
            size = self._model.get_output_embeddings().weight.shape[0]
            self._grammars = llguidance.hf.from_tokenizer(self._tokenizer, n_vocab=max(size, len(self._tokenizer)))
        schema = {**request.json_schema, "x-guidance": {"whitespace_flexible": False}}
        matcher = llguidance.LLMatcher(self._grammars, llguidance.LLMatcher.grammar_from_json_schema(schema))
        if matcher.is_error():
            raise EngineFailed("text.broke", reason=matcher.get_error())
        return matcher
