"""What turns pictures into control images, behind one `Annotator` protocol."""

from studio.engines.annotators.base import ANNOTATORS, Annotator, Kind, Parameter, annotator_of, kind, suggested

__all__ = ["ANNOTATORS", "Annotator", "Kind", "Parameter", "annotator_of", "kind", "suggested"]
