"""How the engine for classifiers is bound."""

from studio.engines.classifiers.costs import classifier_costs
from studio.engines.classifiers.loader import ClassifierLoader
from studio.engines.context import EngineContext
from studio.registry import Binding


def classifiers(context: EngineContext) -> Binding:
    """Networks that tell kinds of pictures apart."""
    return Binding(ClassifierLoader(), costs=classifier_costs)
