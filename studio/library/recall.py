"""Recall: the last prompts of each tab, and forms that somebody gave a name."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

import yaml
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from studio.errors import InvalidRequest
from studio.library.database.database import Database, now
from studio.library.database.records import PresetRow, PromptRow
from studio.library.works import clean

MOST_PROMPTS: Final = 50
MOST_PRESETS: Final = 200
MOST_TEXT: Final = 20_000
MOST_YAML: Final = 2**20
NAME: Final = 100


@dataclass(frozen=True)
class Preset:
    """A tab's form under a name."""

    tab: str
    name: str
    fields: Mapping[str, Any]


class Recall:
    """Each owner's last prompts and presets."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def used(self, owner: str, tab: str, text: str) -> None:
        """Remember a prompt; the oldest go."""
        text = text.strip()[:MOST_TEXT]
        digest = sha256(text.encode("utf-8", "replace")).hexdigest()
        if not text:
            return

        def write(session: Session) -> None:
            mine = (PromptRow.owner == owner, PromptRow.tab == tab)
            row = session.scalar(select(PromptRow).where(*mine, PromptRow.digest == digest))
            if row is None:
                session.add(PromptRow(owner=owner, tab=tab, digest=digest, text=text, used=now()))
                session.flush()
                old = select(PromptRow.key).where(*mine).order_by(PromptRow.used.desc(), PromptRow.key.desc())
                gone = list(session.scalars(old.offset(MOST_PROMPTS)))
                if gone:
                    session.execute(delete(PromptRow).where(PromptRow.key.in_(gone)))
            else:
                row.used = now()

        self._database.write(write)

    def prompts(self, owner: str, tab: str, limit: int = MOST_PROMPTS) -> list[str]:
        """The last ones first."""
        wanted = select(PromptRow.text).where(PromptRow.owner == owner, PromptRow.tab == tab)
        wanted = wanted.order_by(PromptRow.used.desc(), PromptRow.key.desc()).limit(limit)
        return self._database.read(lambda session: list(session.scalars(wanted)))

    def presets(self, owner: str, tab: str = "") -> list[Preset]:
        """By name; of one tab, or of all."""
        wanted = select(PresetRow).where(PresetRow.owner == owner).order_by(PresetRow.tab, PresetRow.name)
        if tab:
            wanted = wanted.where(PresetRow.tab == tab)
        return self._database.read(
            lambda session: [Preset(row.tab, row.name, row.fields) for row in session.scalars(wanted)]
        )

    def keep(self, owner: str, preset: Preset) -> None:
        """Keep a form under a name, in place of what bore it.

        Raises:
            InvalidRequest: it has no name, or there are too many.
        """
        name = clean(preset.name, NAME)
        if not name:
            raise InvalidRequest("library.preset.name")

        def write(session: Session) -> None:
            row = session.get(PresetRow, (owner, preset.tab, name))
            if row is None:
                count = len(list(session.scalars(select(PresetRow.name).where(PresetRow.owner == owner))))
                if count >= MOST_PRESETS:
                    raise InvalidRequest("library.preset.many", most=MOST_PRESETS)
                session.add(PresetRow(owner=owner, tab=preset.tab, name=name, fields=dict(preset.fields)))
            else:
                row.fields = dict(preset.fields)

        self._database.write(write)

    def drop(self, owner: str, tab: str, name: str) -> None:
        """Forget a preset."""
        wanted = delete(PresetRow).where(PresetRow.owner == owner, PresetRow.tab == tab, PresetRow.name == name)
        self._database.write(lambda session: session.execute(wanted) and None)

    def exported(self, owner: str, tab: str = "") -> str:
        """Presets as YAML: {tab: {name: fields}}."""
        told: dict[str, dict[str, Any]] = {}
        for preset in self.presets(owner, tab):
            told.setdefault(preset.tab, {})[preset.name] = dict(preset.fields)
        return yaml.safe_dump(told, allow_unicode=True, sort_keys=True)

    def imported(self, owner: str, text: str, tabs: tuple[str, ...]) -> int:
        """Keep every preset of such a YAML; returns how many. `tabs` are those there are.

        Raises:
            InvalidRequest: it is no such YAML.
        """
        try:
            told = yaml.safe_load(text) if len(text) <= MOST_YAML else None
        except yaml.YAMLError as error:
            raise InvalidRequest("library.preset.yaml") from error
        if not isinstance(told, dict) or not all(
            tab in tabs
            and isinstance(named, dict)
            and all(isinstance(name, str) and isinstance(fields, dict) for name, fields in named.items())
            for tab, named in told.items()
        ):
            raise InvalidRequest("library.preset.yaml")
        found = [Preset(tab, name, fields) for tab, named in told.items() for name, fields in named.items()]
        for preset in found:
            self.keep(owner, preset)
        return len(found)
