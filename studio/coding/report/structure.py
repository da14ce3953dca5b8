"""What a tree tells about functions: how long, how branched, how deep, and whether they are documented."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from studio.coding.report.node_types import CLASSES, FUNCTIONS, LOOPS_AND_BRANCHES, OTHER_DECISIONS, OTHER_NESTING
from studio.coding.report.syntax import walk

if TYPE_CHECKING:
    from tree_sitter import Node, Tree

JOINTS: Final = frozenset(("&&", "||", "and", "or"))
"""Short-circuit operators: each is one more way through the code (McCabe 1976)."""
ATTRIBUTES: Final = frozenset(("attribute_item", "decorator"))
UNCOUNTED_PARAMETERS: Final = frozenset(("comment", "self_parameter", "positional_separator", "keyword_separator"))


@dataclass
class Function:
    """One function and its measures; `name` is empty for callbacks and other nameless ones."""

    name: str
    line: int
    lines: int
    parameters: int
    public: bool
    """Reachable by name from outside: no leading underscore, not inside another function."""
    branches: int = 0
    nesting: int = 0
    documented: bool = False
    slots: int = 1
    """Parameters that could have a type, and the result."""

    @property
    def complexity(self) -> int:
        """Cyclomatic complexity: ways through the function (McCabe 1976)."""
        return self.branches + 1


@dataclass(frozen=True)
class Structure:
    """The measures of one snippet."""

    code_lines: frozenset[int]
    """Lines, from 1, that hold anything but comments."""
    functions: tuple[Function, ...]
    top_level: Function
    """The code outside all functions."""
    public_classes: int


@dataclass
class _Survey:
    code_lines: set[int] = field(default_factory=set)
    comment_lines: set[int] = field(default_factory=set)
    attribute_lines: set[int] = field(default_factory=set)
    functions: list[Function] = field(default_factory=list)
    public_classes: int = 0


def measure(tree: "Tree") -> Structure:
    """Measure a snippet from its tree, in one walk."""
    survey = _Survey()
    top_level = Function("", 1, 0, 0, public=False)
    scopes: list[tuple[int, Function]] = [(-1, top_level)]
    nests: list[int] = []
    skipped_below: int | None = None
    for node, depth in walk(tree):
        if skipped_below is not None and depth > skipped_below:
            continue
        skipped_below = None
        while scopes[-1][0] >= depth:
            scopes.pop()
        # Nesting counts from the innermost function on, so that a callback starts anew.
        while nests and nests[-1] >= depth:
            nests.pop()
        if "comment" in node.type:
            survey.comment_lines.update(range(node.start_point.row + 1, node.end_point.row + 2))
            skipped_below = depth
            continue
        if not node.child_count and node.end_byte > node.start_byte:
            survey.code_lines.update(range(node.start_point.row + 1, _last_row(node) + 2))
        _note(node, depth, survey, scopes, nests)
    for function in survey.functions:
        function.documented = _is_documented(function, survey)
    return Structure(frozenset(survey.code_lines), tuple(survey.functions), top_level, survey.public_classes)


def _note(node: "Node", depth: int, survey: _Survey, scopes: list[tuple[int, Function]], nests: list[int]) -> None:
    kind, named, function = node.type, node.is_named, scopes[-1][1]
    if not named:
        function.branches += kind in JOINTS
    elif kind in FUNCTIONS:
        made = _function(node, inside_function=len(scopes) > 1)
        survey.functions.append(made)
        scopes.append((depth, made))
    elif kind in LOOPS_AND_BRANCHES:
        function.branches += 1
        if not _is_else_if(node):
            nests.append(depth)
    elif kind in OTHER_DECISIONS:
        function.branches += 1
    elif kind in OTHER_NESTING:
        nests.append(depth)
    elif kind in CLASSES:
        # Python calls the root of every tree a module.
        survey.public_classes += depth > 0 and len(scopes) == 1 and not _name(node).startswith("_")
    elif kind in ATTRIBUTES:
        survey.attribute_lines.update(range(node.start_point.row + 1, node.end_point.row + 2))
    owner_depth, owner = scopes[-1]
    owner.nesting = max(owner.nesting, sum(1 for at in nests if at > owner_depth))


def _last_row(node: "Node") -> int:
    """The last row with text of a node; one that ends at column 0 ends on the row before."""
    return node.end_point.row - (node.end_point.column == 0 and node.end_point.row > node.start_point.row)


def _is_else_if(node: "Node") -> bool:
    parent = node.parent
    if parent is None:
        return False
    if parent.type == "else_clause":
        return True
    return parent.type == node.type and parent.child_by_field_name("alternative") == node


def _function(node: "Node", *, inside_function: bool) -> Function:
    name, parameters = _name(node), _parameters(node)
    typed = [parameter for parameter in parameters if parameter.text not in (b"self", b"cls")]
    return Function(
        name,
        line=node.start_point.row + 1,
        lines=_last_row(node) - node.start_point.row + 1,
        parameters=len(typed),
        public=bool(name) and not name.startswith("_") and not inside_function,
        slots=len(typed) + 1,
    )


def _name(node: "Node") -> str:
    found = node.child_by_field_name("name")
    if found is None:
        # C and C++ wrap the name into declarators; JavaScript names arrows by the variable that holds them.
        found = node.child_by_field_name("declarator")
        while found is not None and (inner := found.child_by_field_name("declarator")) is not None:
            found = inner
        if found is None and node.parent is not None and node.parent.type in ("variable_declarator", "public_field"):
            found = node.parent.child_by_field_name("name")
    return (found.text or b"").decode(errors="replace") if found is not None else ""


def _parameters(node: "Node") -> list["Node"]:
    holder: Node | None = node
    while holder is not None:
        if (listed := holder.child_by_field_name("parameters")) is not None:
            return [child for child in listed.named_children if child.type not in UNCOUNTED_PARAMETERS]
        if (single := holder.child_by_field_name("parameter")) is not None:
            return [single]
        holder = holder.child_by_field_name("declarator")
    return []


def _is_documented(function: Function, survey: _Survey) -> bool:
    above = function.line - 1
    while above in survey.attribute_lines:
        above -= 1
    inside = {function.line, function.line + 1} & survey.comment_lines
    return bool(inside) or (above in survey.comment_lines and above not in survey.code_lines)
