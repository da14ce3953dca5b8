"""What tells kinds of pictures apart, behind one `Classifier` protocol."""

from studio.engines.classifiers.base import Classifier

__all__ = ["Classifier"]
