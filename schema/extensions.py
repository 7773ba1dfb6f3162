"""What happens around every operation: in the order of the list in schema/root.py."""

from collections.abc import AsyncIterator, Iterator
from functools import lru_cache
from typing import Any

from graphql import (
    ASTValidationRule,
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    StringValueNode,
    validate,
)
from strawberry.extensions import ParserCache, SchemaExtension

from core.errors import RateLimited
from core.text import is_storable
from runtime.context import Context
from schema.cost import CostOf, operations
from schema.describe import core_schema
from schema.limits import Limits, TooMuch, check_document

UNSTORABLE = "A text has a NUL or a lone surrogate, which no database can hold."
LIMITS = Limits()
MOST_ERRORS = 10
LONGEST_KEPT = 16 << 10


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


class StorableLiterals(ASTValidationRule):
    """Refuse literals that PostgreSQL cannot hold."""

    def enter_string_value(self, node: StringValueNode, *_: Any) -> None:
        """Look at one literal."""
        if not is_storable(node.value):
            self.report_error(GraphQLError(UNSTORABLE, node, extensions={"code": "BAD_USER_INPUT"}))


class BoundedParser(ParserCache):
    """Refuse documents whose mere reading takes long; remember the short ones: what is cheap to send is dear to keep."""

    def on_parse(self) -> Iterator[None]:
        """Look the document up, or leave it to be parsed."""
        text = self.execution_context.query or ""
        if len(text) > LIMITS.letters or text.count("\\") > LIMITS.escapes:
            message = "This document is too long. Send long texts as variables."
            raise GraphQLError(message, extensions={"code": "GRAPHQL_PARSE_FAILED"})
        if len(text) <= LONGEST_KEPT:
            yield from super().on_parse()
        else:
            yield


class _Refused(Exception):
    """The errors of a document; raised, because only what is returned is remembered."""

    def __init__(self, errors: list[GraphQLError]) -> None:
        super().__init__()
        self.errors = errors


@lru_cache(maxsize=256)
def _require_valid(schema: GraphQLSchema, document: DocumentNode, rules: tuple[Any, ...]) -> None:
    # Ten errors are enough to go on with; a hundred would cost a tenth of a second to find.
    errors = check_document(document, LIMITS) or validate(schema, document, rules, max_errors=MOST_ERRORS)
    if errors:
        raise _Refused(errors)


def _errors_of(schema: GraphQLSchema, document: DocumentNode, rules: tuple[Any, ...]) -> list[GraphQLError]:
    try:
        _require_valid(schema, document, rules)
    except _Refused as refused:
        return refused.errors
    return []


class LimitedValidation(SchemaExtension):
    """Check the limits first, then validate; remember what is valid, so that a known document costs nothing."""

    def on_validate(self) -> Iterator[None]:
        """Find the errors of the document."""
        context = self.execution_context
        if context.graphql_document is not None and not context.pre_execution_errors:
            schema, document = core_schema(context.schema), context.graphql_document
            found = _errors_of(schema, document, tuple(context.validation_rules))
            if not found and not context._provided_operation_name and sum(1 for _ in operations(document)) > 1:  # noqa: SLF001 - the public one names the first
                found = [_WHICH]
            # A cached error would gather the traces of every request that met it.
            context.pre_execution_errors = [_copy(error) for error in found]
        yield


_WHICH = GraphQLError(
    "This document holds several operations: name one as `operationName`.",
    extensions={"code": "OPERATION_RESOLUTION_FAILURE"},
)


def _copy(error: GraphQLError) -> GraphQLError:
    return GraphQLError(error.message, error.nodes, error.source, error.positions, extensions=error.extensions)


class Charged(SchemaExtension):
    """Compute what an operation costs before it runs, refuse what is too much, and charge the rest."""

    async def on_validate(self) -> AsyncIterator[None]:
        """Charge a valid operation."""
        execution = self.execution_context
        if not execution.pre_execution_errors and execution.graphql_document is not None:
            await self._charge(self._cost(execution.graphql_document))
        yield

    def _cost(self, document: DocumentNode) -> int:
        execution = self.execution_context
        cost_of = CostOf(core_schema(execution.schema), document, execution.variables or {})
        for operation in operations(document):
            named = operation.name.value if operation.name else None
            if execution.operation_name in (None, "", named):
                return cost_of.operation(operation)
        return 1

    async def _charge(self, cost: int) -> None:
        context: Context = self.execution_context.context
        if cost > LIMITS.cost:
            message = f"This operation costs {cost:,}; {LIMITS.cost:,} is the most. Ask for smaller pages."
            self.execution_context.pre_execution_errors = [TooMuch(message)]
            return
        try:
            await context.charge(cost)
        except RateLimited as error:
            self.execution_context.pre_execution_errors = [
                GraphQLError(str(error), extensions={"code": "RATE_LIMITED"}, original_error=error)
            ]

    def get_results(self) -> dict[str, Any]:
        """Tell the cost in the answer's extensions."""
        context: Context = self.execution_context.context
        allowance = context.meter.allowance
        if allowance is None:
            return {}
        return {
            "cost": {
                "requestedQueryCost": context.meter.cost,
                "throttleStatus": {
                    "maximumAvailable": allowance.limit,
                    "currentlyAvailable": allowance.remaining,
                    "restoreRate": round(allowance.limit / 60, 2),
                },
            }
        }
