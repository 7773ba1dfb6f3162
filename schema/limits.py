"""How much a document may ask for: checked on its syntax alone, before validation, so that hostile ones cost little.

Validation itself compares all fields of one name pairwise; a document of 2,000 tokens can hold it up for seconds. So what
is cheap to count is counted first: depth, aliases, directives, and the pairs that validation would have to compare.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    Node,
    OperationDefinitionNode,
    SelectionSetNode,
    Visitor,
    visit,
)

INTROSPECTIONS = frozenset({"__schema", "__type", "types"})
"""Fields that cost nothing and can each print the whole schema; usual tools need two of them."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one document may ask for."""

    depth: int = 15
    aliases: int = 30
    tokens: int = 2_000
    letters: int = 800_000
    """A larger text, such as a file to import, goes into a variable, which nobody has to lex."""
    escapes: int = 60_000
    directives: int = 50
    directives_per_node: int = 5
    introspections: int = 4
    work: int = 20_000
    cost: int = 5_000


class TooMuch(GraphQLError):
    """A document that asks for too much."""

    def __init__(self, message: str, node: Node | None = None) -> None:
        super().__init__(message, node, extensions={"code": "GRAPHQL_VALIDATION_FAILED"})


def check_document(document: DocumentNode, limits: Limits) -> list[GraphQLError]:
    """Check a parsed document; at most one error."""
    fragments = {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)}
    try:
        _count(document, limits)
        for operation in document.definitions:
            if isinstance(operation, OperationDefinitionNode):
                _Walk(fragments, limits).operation(operation)
        for fragment in fragments.values():
            _Walk(fragments, limits).merged([fragment.selection_set], 1)
    except TooMuch as error:
        return [error]
    except RecursionError:
        return [TooMuch("This document nests too deeply.")]
    return []


class _Counter(Visitor):
    def __init__(self, limits: Limits) -> None:
        super().__init__()
        self._limits = limits
        self._aliases = self._directives = self._introspections = 0

    def enter(self, node: Node, *_: object) -> None:
        directives = len(getattr(node, "directives", None) or ())
        self._directives += directives
        if directives > self._limits.directives_per_node:
            raise TooMuch(f"At most {self._limits.directives_per_node} directives may stand on one thing.", node)
        if self._directives > self._limits.directives:
            raise TooMuch(f"A document may hold at most {self._limits.directives} directives.", node)
        if isinstance(node, FieldNode) and node.alias is not None:
            self._aliases += 1
            if self._aliases > self._limits.aliases:
                raise TooMuch(f"A document may hold at most {self._limits.aliases} aliases.", node)
        if isinstance(node, FieldNode) and node.name.value in INTROSPECTIONS:
            self._introspections += 1
            if self._introspections > self._limits.introspections:
                raise TooMuch("This document asks for the schema too often.", node)


def _count(document: DocumentNode, limits: Limits) -> None:
    visit(document, _Counter(limits))


@dataclass
class _Walk:
    """Walk an operation as validation does: fields of one name together, fragments inlined."""

    fragments: Mapping[str, FragmentDefinitionNode]
    limits: Limits
    work: int = field(default=0)

    def operation(self, operation: OperationDefinitionNode) -> None:
        self.merged([operation.selection_set], 1)

    def merged(self, sets: Sequence[SelectionSetNode], depth: int) -> None:
        fields = list(self._fields(sets, set()))
        if fields and depth > self.limits.depth:
            raise TooMuch(f"A document may be at most {self.limits.depth} levels deep.", fields[0])
        names = Counter(_response_name(f) for f in fields)
        self._spend(sum(count * count for count in names.values()))
        by_name: dict[str, list[FieldNode]] = {}
        for one in fields:
            if one.selection_set is not None:
                by_name.setdefault(_response_name(one), []).append(one)
        for same in by_name.values():
            # The standard introspection query is 15 levels deep by itself.
            below = -self.limits.work if same[0].name.value.startswith("__") else depth + 1
            self.merged([one.selection_set for one in same if one.selection_set is not None], below)

    def _fields(self, sets: Sequence[SelectionSetNode], seen: set[str]) -> Iterator[FieldNode]:
        for selection in (s for each in sets for s in each.selections):
            self._spend(1)
            if isinstance(selection, FieldNode):
                yield selection
            elif isinstance(selection, InlineFragmentNode):
                yield from self._fields([selection.selection_set], seen)
            elif isinstance(selection, FragmentSpreadNode) and selection.name.value not in seen:
                seen.add(selection.name.value)
                fragment = self.fragments.get(selection.name.value)
                if fragment is not None:
                    yield from self._fields([fragment.selection_set], seen)

    def _spend(self, work: int) -> None:
        self.work += work
        if self.work > self.limits.work:
            raise TooMuch("This document repeats the same fields too often.")


def _response_name(node: FieldNode) -> str:
    return node.alias.value if node.alias else node.name.value
