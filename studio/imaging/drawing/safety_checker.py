"""The check of finished pictures: what is not safe for work is neither written nor shown."""

from collections.abc import Callable, Generator
from typing import Final, TypeVar

from PIL import Image

from studio.engines.classifiers import Classifier
from studio.errors import Busy, EngineFailed, StudioError, UnknownModel
from studio.messages import Locale, message
from studio.registry import LoadProgress, ModelSpec, Registry, Shape

UNSAFE: Final = "unsafe"
"""The field of an entry's defaults that names the labels of what is refused."""

Answer = TypeVar("Answer")


class UncheckedError(EngineFailed):
    """Pictures are to be checked and cannot be, for a reason that has words of its own."""

    def __init__(self, model: str, cause: StudioError) -> None:
        super().__init__("nsfw.unchecked", model=model, cause=cause)
        self._cause = cause

    def text(self, locale: Locale = "en") -> str:
        return message(f"errors.{self.code}", locale, model=self.details["model"], reason=self._cause.text(locale))


class SafetyChecker:
    """Asks the first classifier of a registry, and refuses what is unsafe with a probability of `threshold` or more."""

    def __init__(self, registry: Registry, threshold: float) -> None:
        self._registry = registry
        self._threshold = threshold

    def ready(self) -> Generator[LoadProgress, None, None]:
        """Bring the model, so that nothing is drawn that could not be checked.

        Raises:
            UnknownModel: the catalogue has none.
            UncheckedError: it cannot be brought, or does not know the labels that its entry names.
            Busy: a deadline passed while others held the room.
        """
        spec = self._chosen()
        yield from self._asked(spec, Shape(), lambda classifier: _unsafe(spec, classifier))

    def passes(self, image: Image.Image) -> Generator[LoadProgress, None, bool]:
        """Whether a picture may be seen; raises what `ready` does."""
        spec = self._chosen()

        def safe(classifier: Classifier) -> bool:
            unsafe, shares = _unsafe(spec, classifier), classifier.probabilities(image)
            return sum(share for label, share in shares.items() if label in unsafe) < self._threshold

        return (yield from self._asked(spec, Shape(*image.size), safe))

    def _chosen(self) -> ModelSpec:
        try:
            return self._registry.choose(None, "classify")
        except UnknownModel as error:
            raise UnknownModel("nsfw.no_model") from error

    def _asked(
        self, spec: ModelSpec, shape: Shape, question: Callable[[Classifier], Answer]
    ) -> Generator[LoadProgress, None, Answer]:
        try:
            with self._registry.lease(spec.id, shape=shape) as lease:
                return (yield from lease.ask(question))
        except Busy:
            raise
        except StudioError as error:
            raise UncheckedError(spec.name, error) from error


def _unsafe(spec: ModelSpec, classifier: Classifier) -> frozenset[str]:
    """The labels of what is refused. One that the model does not know would let everything through."""
    named = spec.defaults.get(UNSAFE)
    unsafe = frozenset(map(str, named)) if isinstance(named, list | tuple) else frozenset()
    if not unsafe or not unsafe <= set(classifier.labels):
        told = {"unsafe": ", ".join(sorted(unsafe)) or "—", "known": ", ".join(classifier.labels)}
        raise EngineFailed("nsfw.labels", model=spec.name, **told)
    return unsafe
