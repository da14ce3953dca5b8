"""A content studio: blog posts, code snippets and pictures on one model registry."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from studio.studio import Studio

__all__ = ["Studio"]


def __getattr__(name: str) -> Any:
    """Import the composition root only when it is asked for, so that `import studio.errors` stays light."""
    if name == "Studio":
        from studio.studio import Studio

        return Studio
    raise AttributeError(name)
