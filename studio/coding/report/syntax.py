"""The shape of code as tree-sitter sees it: whether it parses, and where its lines, comments and nodes are."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from studio.coding.languages import CodeLanguage
from studio.coding.requests import Finding, Syntax

if TYPE_CHECKING:
    from tree_sitter import Node, Parser, Tree, TreeCursor

LARGEST: Final = 300_000
"""Bytes; more is not parsed, so that a report stays within seconds."""
LARGEST_OF: Final[Mapping[str, int]] = MappingProxyType({"html": 100_000})
"""Grammars whose time grows with the square of the depth."""
LARGEST_TO_MEND: Final = 20_000
"""Bytes; code up to this size is parsed again with closing brackets to tell broken from cut off."""
SHOWN_ERRORS: Final = 20
PAIRS: Final[Mapping[str, str]] = MappingProxyType({"(": ")", "[": "]", "{": "}"})
BLOCK_ENDS: Final[Mapping[str, str]] = MappingProxyType({"ruby": "\nend", "bash": "\nfi"})
"""Keywords that close a block where brackets do not."""
DEEPEST_BLOCK: Final = 6
OPEN_TEXTS: Final = ("", '"', "'", "`", "}`", "*/", ">")
"""What may be missing before the brackets: the end of a text, a comment or a tag."""
OPENING_TAGS: Final = frozenset(("start_tag", "jsx_opening_element"))
CLOSING_TAGS: Final = frozenset(("end_tag", "erroneous_end_tag", "jsx_closing_element"))
VOID_ELEMENTS: Final = frozenset(
    ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr"]
)
"""Elements without an end tag (HTML Living Standard, 13.1.2)."""


@dataclass(frozen=True)
class Source:
    """Code and its tree."""

    code: str
    language: CodeLanguage
    tree: "Tree | None"
    """None where the grammar is missing or the code is too large."""


@dataclass(frozen=True)
class Verdict:
    """Whether code parses, and if not, where it does not."""

    syntax: Syntax
    findings: tuple[Finding, ...] = ()


def parse(code: str, language: CodeLanguage) -> Source:
    """The tree of `code`; without one where it cannot be had."""
    data = code.encode()
    if len(data) > LARGEST_OF.get(language.id, LARGEST):
        return Source(code, language, None)
    try:
        parser = language.parser()
    except (ImportError, ValueError):
        return Source(code, language, None)
    return Source(code, language, parser.parse(data))


def walk(tree: "Tree") -> Iterator[tuple["Node", int]]:
    """Every node with its depth, parents first. Iterative, because code may nest deeper than Python's stack."""
    cursor = tree.walk()
    depth = 0
    while True:
        node = cursor.node
        if node is not None:
            yield node, depth
        if cursor.goto_first_child():
            depth += 1
            continue
        climbed = _next(cursor)
        if climbed is None:
            return
        depth -= climbed


def _next(cursor: "TreeCursor") -> int | None:
    """Go to the next sibling of this node or of an ancestor: how many levels up, None at the end."""
    climbed = 0
    while not cursor.goto_next_sibling():
        if not cursor.goto_parent():
            return None
        climbed += 1
    return climbed


def verdict(source: Source) -> Verdict:
    """Whether the code parses. `incomplete` is code that would parse if it went on, such as a cut-off answer."""
    if source.tree is None:
        return Verdict("unknown")
    broken = _broken(source.tree)
    if not broken:
        return Verdict("ok")
    findings = tuple(_finding(node) for node in broken[:SHOWN_ERRORS])
    return Verdict("incomplete" if _cut_off(source, broken) else "error", findings)


def _broken(tree: "Tree") -> list["Node"]:
    return [node for node, _ in walk(tree) if node.is_error or node.is_missing or node.type == "erroneous_end_tag"]


def _finding(node: "Node") -> Finding:
    line = node.start_point.row + 1
    if node.is_missing:
        return Finding(line=line, rule="missing", message=f"“{node.type}” is missing here.")
    excerpt = (node.text or b"").decode(errors="replace").strip().split("\n")[0][:40]
    return Finding(line=line, rule="syntax-error", message=f"This does not parse: {excerpt}".rstrip(": "))


def _cut_off(source: Source, broken: list["Node"]) -> bool:
    data = source.code.rstrip().encode()
    last_line = data.rfind(b"\n") + 1
    if _all_at_end(broken, last_line, data):
        return True
    if len(data) > LARGEST_TO_MEND or source.tree is None:
        return False
    closing = _closing(source.tree)
    if closing is None:
        return False
    ends = [closing]
    if keyword := BLOCK_ENDS.get(source.language.id):
        ends += [closing + keyword * count for count in range(1, DEEPEST_BLOCK + 1)]
    parser = source.language.parser()
    return any(
        _mended(parser, data, f"{text}\n{end}".encode(), last_line)
        for end in ends
        for text in OPEN_TEXTS
        if text or end
    )


def _all_at_end(broken: list["Node"], last_line: int, data: bytes) -> bool:
    """Whether nothing is wrong before the last word."""
    for node in broken:
        word = data[node.start_byte :]
        at_end = node.start_byte >= last_line and node.end_byte >= len(data)
        if not (at_end and (node.is_missing or (node.start_byte > last_line and word.isalpha()))):
            return False
    return True


def _mended(parser: "Parser", data: bytes, closing: bytes, last_line: int) -> bool:
    """Whether closing what is open leaves no error before the last line.

    The last line itself may be cut in the middle of an expression, which no bracket mends.
    """
    tree = parser.parse(data + closing)
    if not tree.root_node.has_error:
        return True
    return last_line > 0 and all(node.start_byte >= last_line for node in _broken(tree))


def _closing(tree: "Tree") -> str | None:
    """The brackets and tags that would close what is open at the end; None where they contradict each other."""
    expected: list[str] = []
    for node, _ in walk(tree):
        closes = ""
        if node.is_missing:
            continue
        if node.type in OPENING_TAGS:
            name = _tag(node)
            expected += [] if name in VOID_ELEMENTS else [f"</{name}>"]
        elif node.type in CLOSING_TAGS:
            closes = f"</{_tag(node)}>"
        elif not node.child_count and node.type in PAIRS:
            expected.append(PAIRS[node.type])
        elif not node.child_count and node.type in PAIRS.values():
            closes = node.type
        if closes and (not expected or expected.pop() != closes):
            return None
    return "".join(reversed(expected))


def _tag(node: "Node") -> str:
    names = [
        child for child in node.named_children if child.type in ("tag_name", "erroneous_end_tag_name", "identifier")
    ]
    return (names[0].text or b"").decode(errors="replace") if names else ""
