"""All paths of the schema, as documents: below a root field, everything that can be reached without meeting a kind of thing twice.

A thing that is met a second time still shows its own leaves. Lists, edges, payloads and unions are not things: they are walked through.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    GraphQLUnionType,
    get_named_type,
)

from schema.root import schema as strawberry_schema

SCHEMA: GraphQLSchema = strawberry_schema._schema
THINGS = {
    *("User", "Book", "Highlight", "Post", "Comment", "Report", "Device", "Document", "Session", "Import", "Mute"),
    *("ReadingPosition", "Viewer"),
}
TELLING = {"String", "Int"}
"""Leaves of these types can hold a secret text, or a number that tells of one; so does `hasNextPage`."""
SHALLOW = frozenset({"User"})
"""As if a user had been met: what hangs on an owner is asked once for each owner, not once for each of their highlights."""
DEEPEST = 2
"""Below so many things, others show their own leaves alone: what is found depends on the thing above it, not on those above that."""
Leaves = Counter[tuple[str, str]]


@dataclass(frozen=True)
class Variant:
    """One way to call a field with arguments; the name marks the alias and the path."""

    name: str
    arguments: str


@dataclass(frozen=True)
class Step:
    """One field of a selection."""

    key: str
    field: str
    parent: str
    arguments: str
    telling: bool
    """Whether the oracle has to foresee it: a leaf that can hold a secret, or a number that tells of one."""
    below: "tuple[Branch, ...]"


@dataclass(frozen=True)
class Branch:
    """What is selected of one object type."""

    type: str
    steps: tuple[Step, ...]


class MissingFixture(AssertionError):
    """The schema has a path that no fixture knows."""


class Paths:
    """Selections over the schema; `variants` tells how fields with arguments are called, `is_plain` which leaves keep no secret."""

    def __init__(self, variants: Mapping[str, tuple[Variant, ...]], is_plain: Callable[[str, str], bool]) -> None:
        self._variants = variants
        self._is_plain = is_plain

    def below(self, kind: GraphQLNamedType, seen: frozenset[str] = frozenset()) -> tuple[Branch, ...]:
        """Select everything below a field of this type."""
        if isinstance(kind, GraphQLInterfaceType | GraphQLUnionType):
            members = sorted(SCHEMA.get_possible_types(kind), key=lambda member: member.name)
            return tuple(branch for member in members for branch in self.below(member, seen))
        if not isinstance(kind, GraphQLObjectType):
            return ()
        again = kind.name in seen
        inside = seen | {kind.name} if kind.name in THINGS else seen
        steps = [s for name, f in kind.fields.items() for s in self._steps(kind, name, f, inside, again=again)]
        return (Branch(kind.name, tuple(steps)),)

    def _steps(
        self, parent: GraphQLObjectType, name: str, field: GraphQLField, seen: frozenset[str], *, again: bool
    ) -> Iterator[Step]:
        kind = get_named_type(field.type)
        if name == "edges" and len(seen) > 1:
            return  # Further down, the nodes alone: both are made of the same rows, which was seen above.
        is_leaf = isinstance(kind, GraphQLScalarType | GraphQLEnumType)
        if (again or len(seen) > DEEPEST) and not is_leaf and _leads_to_things(kind):
            return
        place = f"{parent.name}.{name}"
        telling = is_leaf and (kind.name in TELLING or name == "hasNextPage") and not self._is_plain(parent.name, name)
        if field.args and place not in self._variants:
            raise MissingFixture(f"{place} has arguments, and no variant says how to call it")
        variants = self._variants.get(place, (Variant("", ""),))
        # Deeper down, one way to call it is enough: what the arguments do was seen above.
        for variant in variants if len(seen) == 1 else variants[:1]:
            key = f"{name}_{variant.name}" if variant.name else name
            below = () if is_leaf else self.below(kind, seen | SHALLOW if variant.name else seen)
            if is_leaf or any(branch.steps for branch in below):
                yield Step(key, name, parent.name, variant.arguments, telling, below)


def _leads_to_things(kind: GraphQLNamedType, met: frozenset[str] = frozenset()) -> bool:
    if kind.name in THINGS:
        return True
    if kind.name in met:
        return False
    members = [kind] if isinstance(kind, GraphQLObjectType) else []
    if isinstance(kind, GraphQLInterfaceType | GraphQLUnionType):
        members = list(SCHEMA.get_possible_types(kind))
    fields = [field for member in members for field in member.fields.values()]
    return any(_leads_to_things(get_named_type(field.type), met | {kind.name}) for field in fields)


def spell(branches: tuple[Branch, ...]) -> str:
    """Write a selection."""
    parts = ["__typename"]
    for branch in branches:
        fields = [_spell_step(step) for step in branch.steps]
        parts.append(f"... on {branch.type} {{ {' '.join(fields)} }}")
    return " ".join(parts)


def _spell_step(step: Step) -> str:
    alias = "" if step.key == step.field else f"{step.key}: "
    inner = f" {{ {spell(step.below)} }}" if step.below else ""
    return f"{alias}{step.field}{step.arguments}{inner}"


def flatten(path: str, value: Any, branches: tuple[Branch, ...]) -> Leaves:
    """Count what an answer says at each path: telling leaves by value, things by being there."""
    if value is None:
        return Counter()
    if isinstance(value, list):
        return sum((flatten(path, item, branches) for item in value), Counter())
    found: Leaves = Counter({(path, f"a {value['__typename']}"): 1})
    for branch in branches:
        for step in branch.steps if branch.type == value["__typename"] else ():
            inner = value[step.key]
            place = f"{path}.{step.key}"
            if step.below:
                found += flatten(place, inner, step.below)
            elif step.telling:
                found += leaf(place, inner)
    return found


def leaf(path: str, value: Any) -> Leaves:
    """Count one leaf; a list counts each entry. At which port a picture is shown is the test's own affair."""
    if value is None:
        return Counter()
    items = map(str, value if isinstance(value, list) else [value])
    return Counter((path, re.sub(r"^http://[^/]+(?=/media/)", "", item)) for item in items)


def all_places() -> Iterator[tuple[str, str, GraphQLField]]:
    """Name every field of every object type that clients can reach."""
    for kind in SCHEMA.type_map.values():
        if isinstance(kind, GraphQLObjectType) and not kind.name.startswith("__"):
            for name, field in kind.fields.items():
                yield kind.name, name, field
