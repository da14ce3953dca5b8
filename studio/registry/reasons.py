"""Why something was refused, kept apart from its words so that it can be told in any language."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from studio.messages import Locale, message


@dataclass(frozen=True)
class Reason:
    """One cause of a failure; `code` names the sentence `errors.<code>` in the locale tables."""

    code: str
    details: Mapping[str, object] = field(default_factory=dict)

    def text(self, locale: Locale = "en") -> str:
        """The cause in one sentence."""
        return message(f"errors.{self.code}", locale, **self.details)
