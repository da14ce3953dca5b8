"""How well a snippet is written, judged without running it."""

from studio.coding.report.scoring import PARTS, report

__all__ = ["PARTS", "report"]
