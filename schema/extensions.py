"""What happens around every operation."""

from collections.abc import Iterator
from typing import Any

from graphql import GraphQLError, StringValueNode, ValidationRule
from strawberry.extensions import SchemaExtension

from core.text import is_storable
from runtime.context import Context

UNSTORABLE = "A text has a NUL or a lone surrogate, which no database can hold."


class OwnLoaders(SchemaExtension):
    """Give each operation loaders of its own: a socket has one context for all of its life."""

    def on_operation(self) -> Iterator[None]:
        """Copy the context."""
        context: Context = self.execution_context.context
        self.execution_context.context = context.fresh()
        yield


class StorableVariables(SchemaExtension):
    """Refuse texts that PostgreSQL cannot hold, once, at the edge.

    An operation of a push is left for its service to refuse by itself: one bad note must not hold up a device's other work.
    """

    def on_operation(self) -> Iterator[None]:
        """Look through the variables."""
        if not _storable(self.execution_context.variables or {}):
            raise GraphQLError(UNSTORABLE, extensions={"code": "BAD_USER_INPUT"})
        yield


def _storable(variables: dict[str, Any]) -> bool:
    # A list of what is still to look at, not recursion: JSON may be nested deeper than Python's stack.
    waiting: list[Any] = list(variables.values())
    while waiting:
        value = waiting.pop()
        if isinstance(value, str) and not is_storable(value):
            return False
        if isinstance(value, dict) and "opId" not in value:
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value
    return True


class StorableLiterals(ValidationRule):
    """Refuse literals that PostgreSQL cannot hold."""

    def enter_string_value(self, node: StringValueNode, *_: Any) -> None:
        """Look at one literal."""
        if not is_storable(node.value):
            self.report_error(GraphQLError(UNSTORABLE, node, extensions={"code": "BAD_USER_INPUT"}))
