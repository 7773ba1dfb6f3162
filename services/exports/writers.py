"""What every writer is: highlights in, text out, nothing remembered but the book it is in."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol
from uuid import UUID

from repositories.exports import ExportedHighlight

Slices = AsyncGenerator[Sequence[ExportedHighlight], None]


@dataclass(frozen=True, slots=True)
class Switches:
    """What the reader's privacy settings let into a file."""

    notes: bool = True
    timestamps: bool = True


class Writer(Protocol):
    """One format, written piece by piece."""

    def begin(self) -> bytes:
        """Write what comes before all highlights."""

    def slice(self, rows: Sequence[ExportedHighlight]) -> bytes:
        """Write some highlights; those of a book come together."""

    def end(self) -> bytes:
        """Write what comes behind all highlights."""


class Turning:
    """Notice where a book ends and the next begins."""

    def __init__(self) -> None:
        self._book: UUID | None = None

    def turns(self, row: ExportedHighlight) -> bool:
        """Tell whether this highlight is the first of its book."""
        before, self._book = self._book, row.book_id
        return before != row.book_id

    @property
    def began(self) -> bool:
        """Tell whether there was any."""
        return self._book is not None


async def written(writer: Writer, slices: Slices) -> AsyncGenerator[bytes, None]:
    """Write a file in pieces, as fast as they are read."""
    yield writer.begin()
    async with aclosing(slices):
        async for rows in slices:
            yield writer.slice(rows)
    yield writer.end()


def moment(at: datetime) -> str:
    """Spell a time with microseconds, in UTC."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
