"""Language models behind one `TextEngine` protocol."""

from studio.engines.beside import Beside
from studio.engines.text.base import Message, TextChunk, TextEngine, TextLimits, TextRequest, TokenLogprob, is_spoken
from studio.engines.text.costs import text_costs
from studio.engines.text.hf import TransformersLoader
from studio.engines.text.llamacpp import LlamaCppLoader
from studio.engines.text.openai import OpenAILoader

__all__ = [
    "Beside",
    "LlamaCppLoader",
    "Message",
    "OpenAILoader",
    "TextChunk",
    "TextEngine",
    "TextLimits",
    "TextRequest",
    "TokenLogprob",
    "TransformersLoader",
    "is_spoken",
    "text_costs",
]
