"""Keyset pages: what a list was asked for, and what it answers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

from core import opaque
from core.errors import Invalid
from core.text import is_storable

DEFAULT_FIRST = 20
MOST = 100

Row = TypeVar("Row")
Other = TypeVar("Other")


@dataclass(frozen=True, slots=True)
class PageRequest:
    """How many rows, and behind which sort key; hashable, so that it can be part of a loader's key."""

    first: int
    after: tuple[Any, ...] | None = None


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """One page of rows, each with the cursor that resumes behind it."""

    rows: tuple[Row, ...]
    cursors: tuple[str, ...]
    has_next: bool
    has_previous: bool

    def map(self, make: Callable[[Row], Other]) -> "Page[Other]":
        """Turn each row into something else."""
        return Page(tuple(map(make, self.rows)), self.cursors, self.has_next, self.has_previous)


@dataclass(frozen=True, slots=True)
class Order:
    """A total order of a list: its name marks the cursors, its types check what comes back in them (int: 32 bits)."""

    name: str
    types: tuple[type, ...]

    def request(
        self, first: int | None, after: str | None, *, most: int = MOST, default: int = DEFAULT_FIRST
    ) -> PageRequest:
        """Check `first` and `after`; null means the default. Raise Invalid for 0, negatives, too many and strange cursors."""
        count = default if first is None else first
        if not 1 <= count <= most:
            raise Invalid(f"`first` must be between 1 and {most}.", "first")
        return PageRequest(count, None if after is None else self._read(after))

    def page(self, found: Sequence[Row], request: PageRequest, key: Callable[[Row], tuple[Any, ...]]) -> Page[Row]:
        """Cut a page out of up to `first + 1` rows; key(row) is the row's place in this order."""
        rows = tuple(found[: request.first])
        cursors = tuple(self.cursor(key(row)) for row in rows)
        return Page(rows, cursors, has_next=len(found) > request.first, has_previous=request.after is not None)

    def cursor(self, place: tuple[Any, ...]) -> str:
        """Spell a place in this order."""
        return opaque.pack(self.name, *map(_spell, place))

    def _read(self, after: str) -> tuple[Any, ...]:
        parts = opaque.unpack(self.name, after, len(self.types))
        if parts is None:
            raise Invalid("`after` is not a cursor of this list: take it from `pageInfo.endCursor`.", "after")
        try:
            return tuple(_parse(kind, part) for kind, part in zip(self.types, parts, strict=True))
        except (TypeError, ValueError, OverflowError):
            raise Invalid("`after` is not a cursor of this list: take it from `pageInfo.endCursor`.", "after") from None


def _spell(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return value if isinstance(value, int | float | str) else str(value)


def _parse(kind: type, part: Any) -> Any:
    """Read one part of a cursor back; raise for what the database could not compare with."""
    if kind in (int, float):
        if isinstance(part, bool) or not isinstance(part, int | float):
            raise TypeError(part)
        return _whole(part) if kind is int else float(part)
    if not isinstance(part, str):
        raise TypeError(part)
    if kind is datetime:
        moment = datetime.fromisoformat(part)
        if moment.tzinfo is None:
            raise ValueError(part)
        return moment.astimezone(UTC)
    if not is_storable(part):
        raise ValueError(part)
    return kind(part)


def _whole(part: float) -> int:
    if not isinstance(part, int) or not -(2**31) <= part < 2**31:
        raise ValueError(part)
    return part
