"""The writing desk: a brief, an outline and an article in one place."""

from studio.ui.tabs.write.tab import WriteTab

__all__ = ["WriteTab"]
