"""What an engine is given when the studio starts."""

from dataclasses import dataclass, field

from studio.engines.beside import Beside
from studio.settings import Settings


@dataclass(frozen=True)
class EngineContext:
    """The host's settings, and who else needs this machine while a model works."""

    settings: Settings
    beside: Beside = field(default_factory=Beside)
