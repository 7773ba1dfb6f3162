"""See to it that everything in the schema has a description.

Methods are described by their docstring; what many types share is described by one table; the rest describes itself where it stands.
"""

import inspect
from collections.abc import Iterator
from typing import Any

import strawberry
from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
)

SHARED = {
    "userErrors": "What the caller can act on; empty when it went well.",
    "clientMutationId": "An idempotency key of yours, 1 to 64 characters: the same key and input have their effect once, "
    "and answer as the first time, for 35 days.",
    "input": "What to do, and with what.",
    "edges": "The entries with their cursors.",
    "nodes": "The entries alone.",
    "id": "The global id: opaque, and the same for ever.",
}


def core_schema(schema: strawberry.Schema) -> GraphQLSchema:
    """Reach the schema as graphql-core sees it; Strawberry has no public way to it."""
    return schema._schema  # noqa: SLF001


def describe(schema: strawberry.Schema) -> None:
    """Fill in what docstrings and the shared table say."""
    for thing in core_schema(schema).type_map.values():
        if not thing.name.startswith("__"):
            _describe_members(thing)


def undescribed(schema: GraphQLSchema) -> list[str]:
    """Name everything that has no description."""
    return [
        path
        for kind in schema.type_map.values()
        if not kind.name.startswith("__")
        for path, thing in _parts(kind)
        if not thing.description
    ]


def _describe_members(kind: GraphQLNamedType) -> None:
    if not isinstance(kind, GraphQLObjectType | GraphQLInterfaceType | GraphQLInputObjectType):
        return
    for name, field in kind.fields.items():
        field.description = field.description or _docstring(field) or SHARED.get(name)
        for key, argument in getattr(field, "args", {}).items():
            argument.description = argument.description or SHARED.get(key)


def _docstring(field: Any) -> str | None:
    definition = field.extensions.get("strawberry-definition")
    resolver = getattr(definition, "base_resolver", None)
    return inspect.getdoc(resolver.wrapped_func) if resolver is not None else None


def _parts(kind: GraphQLNamedType) -> Iterator[tuple[str, Any]]:
    yield kind.name, kind
    if isinstance(kind, GraphQLEnumType):
        yield from ((f"{kind.name}.{name}", value) for name, value in kind.values.items())
    if not isinstance(kind, GraphQLObjectType | GraphQLInterfaceType | GraphQLInputObjectType):
        return
    for name, field in kind.fields.items():
        yield f"{kind.name}.{name}", field
        arguments: dict[str, GraphQLArgument] = getattr(field, "args", {})
        yield from ((f"{kind.name}.{name}({key})", argument) for key, argument in arguments.items())
