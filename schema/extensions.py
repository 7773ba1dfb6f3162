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
        if not _storable(self.execution_context.variables):
            raise GraphQLError(UNSTORABLE, extensions={"code": "BAD_USER_INPUT"})
        yield


def _storable(value: Any) -> bool:
    if isinstance(value, str):
        return is_storable(value)
    if isinstance(value, dict):
        return "opId" in value or all(_storable(part) for part in value.values())
    return not isinstance(value, list) or all(_storable(part) for part in value)


class StorableLiterals(ValidationRule):
    """Refuse literals that PostgreSQL cannot hold."""

    def enter_string_value(self, node: StringValueNode, *_: Any) -> None:
        """Look at one literal."""
        if not is_storable(node.value):
            self.report_error(GraphQLError(UNSTORABLE, node, extensions={"code": "BAD_USER_INPUT"}))
