"""What one reader takes away: their living highlights, book by book, however many, through one cursor."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import starmap
from uuid import UUID

from sqlalchemy import ColumnElement, collate, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from auth.viewer import Viewer
from models import Book, Highlight
from models.highlights import HighlightColor
from models.profiles import Visibility
from repositories import visibility

SLICE = 200


@dataclass(frozen=True, slots=True)
class ExportedHighlight:
    """One highlight with the book it stands in."""

    book_id: UUID
    isbn: str | None
    title: str
    authors: list[str]
    publisher: str | None
    total_locations: int | None
    id: UUID
    text: str
    location_start: int | None
    location_end: int | None
    prefix: str | None
    suffix: str | None
    cfi: str | None
    page: str | None
    percent: float | None
    note: str | None
    color: HighlightColor
    visibility: Visibility
    created_at: datetime
    updated_at: datetime
    conflict_of: UUID | None


_BOOK = (Book.id, Book.isbn, Book.title, Book.authors, Book.publisher, Book.total_locations)
_HIGHLIGHT = tuple(getattr(Highlight, name) for name in list(ExportedHighlight.__dataclass_fields__)[len(_BOOK) :])
# Nothing here depends on keys that another server would give the same books, so that what was moved there comes out in the same order.
_ORDER = (
    collate(Book.title, "C"),
    collate(func.array_to_string(Book.authors, "\x01"), "C"),
    collate(func.coalesce(Book.isbn, ""), "C"),
    Book.id,
    Highlight.created_at.desc(),
    Highlight.id.desc(),
)


class ExportRepository:
    """One reader's highlights, as one session sees them."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def count(self, viewer: Viewer, book_id: UUID | None) -> int:
        """Count what `slices` reads."""
        counted = select(func.count()).select_from(Highlight).where(*_mine(viewer, book_id))
        return await self._session.scalar(counted) or 0

    async def slices(self, viewer: Viewer, book_id: UUID | None) -> AsyncGenerator[Sequence[ExportedHighlight], None]:
        """Read everything in slices, by book and newest first: one statement, sorted once, as of one moment."""
        wanted = select(*_BOOK, *_HIGHLIGHT).join(Book, Book.id == Highlight.book_id).where(*_mine(viewer, book_id))
        rows = await self._session.stream(wanted.order_by(*_ORDER).execution_options(yield_per=SLICE))
        async for part in rows.partitions():
            yield list(starmap(ExportedHighlight, part))


def _mine(viewer: Viewer, book_id: UUID | None) -> list[ColumnElement[bool]]:
    living = [Highlight.deleted_at.is_(None), Highlight.erased_at.is_(None)]
    return [visibility.own(Highlight, viewer), *living, *([Highlight.book_id == book_id] if book_id else [])]
