"""How the engine for annotators is bound."""

from studio.engines.annotators.costs import annotator_costs
from studio.engines.annotators.loader import AnnotatorLoader
from studio.engines.context import EngineContext
from studio.registry import Binding


def annotators(context: EngineContext) -> Binding:
    """Networks that draw what a ControlNet reads."""
    return Binding(AnnotatorLoader(), costs=annotator_costs)
