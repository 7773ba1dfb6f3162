"""Books: finding, making, holding, listing."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, exists, func, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from auth.viewer import Viewer
from core.database import sqlstate
from core.errors import Unauthenticated
from core.pagination import Order, Page, PageRequest
from models import Book, BookHolder, Highlight
from repositories import visibility

FOREIGN_KEY_VIOLATION = "23503"
BY_TITLE = Order("books", (str, UUID))


@dataclass(frozen=True, slots=True)
class BookFilter:
    """Which books to list; every given part must match."""

    title: str | None = None
    author: str | None = None
    has_my_highlights: bool | None = None


def contains(column: Any, term: str) -> ColumnElement[bool]:
    """Match a substring without regard to case; the term's own wildcards stand for themselves."""
    matches: ColumnElement[bool] = column.icontains(term, autoescape=True)
    return matches


class BookRepository:
    """Books, as one session sees them."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def visible(self, viewer: Viewer, ids: Iterable[UUID]) -> Mapping[UUID, Book]:
        """Read books that the viewer may ask for by themselves."""
        return await self._by_ids(ids, visibility.books(viewer))

    async def met(self, viewer: Viewer, ids: Iterable[UUID]) -> Mapping[UUID, Book]:
        """Read books that the viewer can meet, by themselves or through what others made of them."""
        return await self._by_ids(ids, visibility.met_books(viewer))

    async def shown(self, viewer: Viewer, ids: Iterable[UUID]) -> Mapping[UUID, Book]:
        """Read books that something the viewer may see leads to."""
        return await self._by_ids(ids, visibility.shown_books(viewer))

    async def _by_ids(self, ids: Iterable[UUID], seen: ColumnElement[bool]) -> Mapping[UUID, Book]:
        rows = await self._session.scalars(select(Book).where(Book.id.in_(set(ids)), seen))
        return {book.id: book for book in rows}

    async def visible_by_isbn(self, viewer: Viewer, isbn: str) -> Book | None:
        """Read the book with an ISBN-13."""
        return await self._session.scalar(select(Book).where(Book.isbn == isbn, visibility.books(viewer)))

    async def visible_by_key(self, viewer: Viewer, key: str) -> Book | None:
        """Read the oldest book of a name, those without ISBN first."""
        return await self._session.scalar(_named(key).where(visibility.books(viewer)))

    async def known_by_isbn(self, isbn: str) -> Book | None:
        """Find a book to write about, whoever may see it."""
        return await self._session.scalar(select(Book).where(Book.isbn == isbn))

    async def known_by_key(self, key: str, *, without_isbn: bool = False) -> Book | None:
        """Find a book to write about by its name, whoever may see it."""
        wanted = _named(key)
        return await self._session.scalar(wanted.where(Book.isbn.is_(None)) if without_isbn else wanted)

    async def add(self, book: Book) -> Book:
        """Write a new book."""
        self._session.add(book)
        await self._session.flush()
        return book

    async def give_isbn(self, book: Book, isbn: str) -> None:
        """Add the ISBN that a book lacked; it is public from then on."""
        book.isbn, book.is_public = isbn, True
        await self._session.flush()

    async def fill(self, book: Book, *, publisher: str | None, total_locations: int | None) -> None:
        """Add what was not known about a book; what is known stays."""
        book.publisher = book.publisher or publisher
        book.total_locations = book.total_locations or total_locations
        await self._session.flush()

    async def not_held(self, user_id: UUID, ids: Iterable[UUID]) -> Sequence[UUID]:
        """Tell which of these books the reader does not hold yet."""
        held = exists().where(BookHolder.user_id == user_id, BookHolder.book_id == Book.id)
        return (await self._session.scalars(select(Book.id).where(Book.id.in_(set(ids)), ~held))).all()

    async def hold(self, user_id: UUID, book: Book, *, floor: int) -> None:
        """Make the reader a holder; the floor-th one makes the book public. The book must be locked unless it is public."""
        held = insert(BookHolder).values(user_id=user_id, book_id=book.id).on_conflict_do_nothing()
        try:
            await self._session.execute(held)
        except IntegrityError as error:
            if sqlstate(error) != FOREIGN_KEY_VIOLATION:
                raise
            # Books stay; it is the user, whose session another process still remembers.
            raise Unauthenticated("This account is gone.") from None
        if book.is_public:
            return
        holders = select(BookHolder.user_id).where(BookHolder.book_id == book.id).limit(floor).subquery()
        enough = select(func.count()).select_from(holders).scalar_subquery() >= floor
        await self._session.execute(update(Book).where(Book.id == book.id, enough).values(is_public=True))
        await self._session.refresh(book, ["is_public"])

    async def page(self, viewer: Viewer, wanted: BookFilter, request: PageRequest) -> Page[Book]:
        """List books by title."""
        place = func.lower(Book.title)
        query = select(Book, place).where(visibility.books(viewer), *_conditions(viewer, wanted))
        if request.after:
            query = query.where(tuple_(place, Book.id) > tuple_(*request.after))
        rows = (await self._session.execute(query.order_by(place, Book.id).limit(request.first + 1))).all()
        return BY_TITLE.page([tuple(row) for row in rows], request, lambda row: (row[1], row[0].id)).map(
            lambda row: row[0]
        )

    async def my_highlight_counts(self, viewer: Viewer, ids: Iterable[UUID]) -> Mapping[UUID, int]:
        """Count the viewer's highlights in each book."""
        counted = (
            select(Highlight.book_id, func.count())
            .where(visibility.own(Highlight, viewer), Highlight.deleted_at.is_(None), Highlight.book_id.in_(set(ids)))
            .group_by(Highlight.book_id)
        )
        return {book_id: count for book_id, count in await self._session.execute(counted)}


def _named(key: str) -> Select[Book]:
    return select(Book).where(Book.match_key == key).order_by(Book.isbn.is_not(None), Book.id).limit(1)


def _conditions(viewer: Viewer, wanted: BookFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.title:
        conditions.append(contains(Book.title, wanted.title))
    if wanted.author:
        conditions.append(contains(func.array_to_string(Book.authors, "\n"), wanted.author))
    if wanted.has_my_highlights is not None:
        mine = exists().where(
            Highlight.book_id == Book.id, visibility.own(Highlight, viewer), Highlight.deleted_at.is_(None)
        )
        conditions.append(mine if wanted.has_my_highlights else ~mine)
    return conditions
