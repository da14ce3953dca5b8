"""What tells kinds of pictures apart, behind one `Classifier` protocol."""

from studio.engines.classifiers.base import Classifier
from studio.engines.classifiers.costs import classifier_costs
from studio.engines.classifiers.loader import ClassifierLoader

__all__ = [
    "Classifier",
    "ClassifierLoader",
    "classifier_costs",
]
