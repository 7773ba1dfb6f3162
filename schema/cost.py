"""What an operation costs, told before it runs.

An object costs 1; a list costs its size times what one entry costs, the size being `first` where it is asked for, the
number of ids, or 10. So nested lists multiply, and fragments and aliases count each time they are used. A changing
operation costs 10 more a field.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLList,
    GraphQLNonNull,
    GraphQLOutputType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    ValueNode,
    VariableNode,
    get_named_type,
    is_composite_type,
    is_leaf_type,
)

UNSIZED_LIST = 10
CHANGE = 10
CHEAP = {"changes": 0.1}
"""A pull reads its own rows by one index, in order; a device's first sync must fit into its minute."""


@dataclass
class CostOf:
    """Compute the cost of one operation with its variables."""

    schema: GraphQLSchema
    document: DocumentNode
    variables: Mapping[str, Any]
    _fragments: dict[str, FragmentDefinitionNode] = field(init=False)
    _known: dict[tuple[str, int | None], float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Index the fragments."""
        self._fragments = {d.name.value: d for d in self.document.definitions if isinstance(d, FragmentDefinitionNode)}

    def operation(self, operation: OperationDefinitionNode) -> int:
        """Tell what an operation costs; at least 1. It must be valid."""
        root = self.schema.get_root_type(operation.operation)
        if root is None:
            return 1
        extra = CHANGE if operation.operation is OperationType.MUTATION else 0
        cost = self._set(operation.selection_set, root, None)
        return max(1, round(cost + extra * sum(1 for _ in operation.selection_set.selections)))

    def _set(self, selections: SelectionSetNode, parent: Any, size: int | None) -> float:
        return sum(self._one(selection, parent, size) for selection in selections.selections)

    def _one(self, selection: Any, parent: Any, size: int | None) -> float:
        if isinstance(selection, FieldNode):
            return self._field(selection, parent, size)
        if isinstance(selection, InlineFragmentNode):
            named = selection.type_condition
            inner = self.schema.type_map.get(named.name.value, parent) if named else parent
            return self._set(selection.selection_set, inner, size)
        if isinstance(selection, FragmentSpreadNode):
            return self._fragment(selection.name.value, size)
        return 0

    def _fragment(self, name: str, size: int | None) -> float:
        key = (name, size)
        if key not in self._known:
            fragment = self._fragments[name]
            parent = self.schema.type_map.get(fragment.type_condition.name.value)
            self._known[key] = self._set(fragment.selection_set, parent, size)
        return self._known[key]

    def _field(self, node: FieldNode, parent: Any, size: int | None) -> float:
        if node.name.value.startswith("__") or not hasattr(parent, "fields"):
            return 0
        definition = parent.fields.get(node.name.value)
        if definition is None or is_leaf_type(get_named_type(definition.type)):
            return 0
        kind = get_named_type(definition.type)
        asked = self._size(node, definition)
        is_list = _is_list(definition.type)
        inner = self._set(node.selection_set, kind, None if is_list else asked) if node.selection_set else 0
        each = 1 + inner
        if not is_list or not is_composite_type(kind):
            return each
        entries = asked if asked is not None else size if size is not None else UNSIZED_LIST
        return entries * each * CHEAP.get(node.name.value, 1)

    def _size(self, node: FieldNode, definition: Any) -> int | None:
        given = {argument.name.value: argument.value for argument in node.arguments or ()}
        for name in ("first", "ids", "postIds"):
            if name in definition.args:
                value = self._value(given[name]) if name in given else definition.args[name].default_value
                if isinstance(value, list):
                    return len(value)
                default = definition.args[name].default_value
                return value if isinstance(value, int) else default if isinstance(default, int) else UNSIZED_LIST
        return None

    def _value(self, node: ValueNode) -> Any:
        if isinstance(node, VariableNode):
            return self.variables.get(node.name.value)
        if isinstance(node, IntValueNode):
            return min(int(node.value[:12]), 10**9)
        return list(node.values) if isinstance(node, ListValueNode) else None


def _is_list(kind: GraphQLOutputType) -> bool:
    inner = kind.of_type if isinstance(kind, GraphQLNonNull) else kind
    return isinstance(inner, GraphQLList)


def operations(document: DocumentNode) -> Iterator[OperationDefinitionNode]:
    """List the operations of a document."""
    return (d for d in document.definitions if isinstance(d, OperationDefinitionNode))
