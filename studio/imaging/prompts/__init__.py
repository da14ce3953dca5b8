"""What is typed, and what it means: weights, styles, wildcards."""

from studio.imaging.prompts.attention import parse_attention

__all__ = ["parse_attention"]
