"""Give enumerations of the lower layers their GraphQL names and descriptions."""

from enum import Enum
from typing import TypeVar

import strawberry
from strawberry.types.enum import StrawberryEnumDefinition

Kind = TypeVar("Kind", bound=type[Enum])


def described(kind: Kind, description: str, values: dict[str, str], *, name: str | None = None) -> Kind:
    """Register an enumeration; every value needs a description."""
    registered = strawberry.enum(kind, description=description, name=name)
    definition: StrawberryEnumDefinition = registered.__strawberry_definition__  # type: ignore[attr-defined]
    for value in definition.values:
        value.description = values[value.name]
    return registered
