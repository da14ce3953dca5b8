"""Language models behind one `TextEngine` protocol."""

from studio.engines.text.base import Message, TextChunk, TextEngine, TextRequest, TokenLogprob

__all__ = ["Message", "TextChunk", "TextEngine", "TextRequest", "TokenLogprob"]
