"""What turns pictures into control images, behind one `Annotator` protocol."""

from studio.engines.annotators.base import ANNOTATORS, Annotator, Kind, Parameter, annotator_of, kind, suggested
from studio.engines.annotators.costs import annotator_costs
from studio.engines.annotators.loader import AnnotatorLoader
from studio.engines.annotators.resampling import working_size

__all__ = [
    "ANNOTATORS",
    "Annotator",
    "AnnotatorLoader",
    "Kind",
    "Parameter",
    "annotator_costs",
    "annotator_of",
    "kind",
    "suggested",
    "working_size",
]
