"""How the three engines for text are bound."""

from studio.engines.context import EngineContext
from studio.engines.text.costs import text_costs
from studio.engines.text.hf import TransformersLoader
from studio.engines.text.llamacpp import LlamaCppLoader
from studio.engines.text.openai import OpenAILoader
from studio.engines.text.trial import Trial
from studio.registry import Binding


def llamacpp(context: EngineContext) -> Binding:
    """GGUF files, on the CPU: the wheels of the package index have no GPU backend."""
    settings, trial = context.settings, Trial(context.settings.cache)
    loader = LlamaCppLoader(settings.threads, settings.text_slots, context.beside, expect=trial.expect)
    return Binding(loader, accelerated=lambda: False, costs=loader.costs, alone=False)


def transformers(context: EngineContext) -> Binding:
    """Folders of safetensors, and what else transformers reads."""
    return Binding(TransformersLoader(), costs=text_costs)


def openai(context: EngineContext) -> Binding:
    """A server elsewhere that speaks OpenAI's protocol."""
    settings = context.settings
    loader = OpenAILoader(settings.openai_base_url, settings.openai_api_key, settings.openai_model)
    return Binding(loader, accelerated=lambda: False, alone=False)
