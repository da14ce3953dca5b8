"""YAML as plain data that remembers the line of every value."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from studio.errors import Reason

Location = tuple[str | int, ...]
"""Where a value is: keys and list indices from the top of the document."""

MOST_BYTES = 1_000_000


class YamlError(Exception):
    """The text is not YAML that the studio reads."""

    def __init__(self, line: int, reason: Reason) -> None:
        super().__init__(reason.code)
        self.line = line
        self.reason = reason


@dataclass(frozen=True)
class Document:
    """The data of a YAML file and the line, from 1, of each value in it."""

    data: Any
    lines: Mapping[Location, int]

    def line(self, where: Location) -> int:
        """The line of the value at `where`, or of the nearest value around it."""
        while where and where not in self.lines:
            where = where[:-1]
        return self.lines.get(where, 1)


class _Composer(yaml.SafeLoader):
    """A safe loader without anchors: a reference can make a small file endless, and a catalogue needs none."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            events: Any = self
            raise YamlError(events.peek_event().start_mark.line + 1, Reason("catalogue.reason.alias"))
        node: yaml.Node | None = super().compose_node(parent, index)
        return node


def read_yaml(text: str) -> Document:
    """Parse `text`, a YAML 1.1 document of at most a megabyte.

    Raises:
        YamlError: it is no YAML, too large, nested without end, repeats a key or uses references.
    """
    if len(text.encode()) > MOST_BYTES:
        raise YamlError(1, Reason("catalogue.reason.too_large", {"most": MOST_BYTES}))
    try:
        loader = _Composer(text)
        try:
            root = loader.get_single_node()
            lines: dict[Location, int] = {}
            data = _plain(loader, root, (), lines) if root is not None else None
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise YamlError(line, Reason("catalogue.reason.syntax", {"problem": error.problem or ""})) from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise YamlError(line, Reason("catalogue.reason.character")) from error
    except RecursionError as error:
        raise YamlError(1, Reason("catalogue.reason.too_deep")) from error
    except ValueError as error:
        raise YamlError(1, Reason("catalogue.reason.syntax", {"problem": str(error)})) from error
    return Document(data, lines)


def _plain(loader: _Composer, node: yaml.Node, where: Location, lines: dict[Location, int]) -> Any:
    lines.setdefault(where, node.start_mark.line + 1)
    if isinstance(node, yaml.SequenceNode):
        return [_plain(loader, item, (*where, index), lines) for index, item in enumerate(node.value)]
    if not isinstance(node, yaml.MappingNode):
        return loader.construct_object(node)
    mapping: dict[str, Any] = {}
    for key_node, value_node in node.value:
        line = key_node.start_mark.line + 1
        key = str(key_node.value) if isinstance(key_node, yaml.ScalarNode) else "?"
        if key in mapping:
            first = lines[(*where, key)]
            raise YamlError(line, Reason("catalogue.reason.duplicate_key", {"field": key, "first": first}))
        lines[(*where, key)] = line
        mapping[key] = _plain(loader, value_node, (*where, key), lines)
    return mapping
