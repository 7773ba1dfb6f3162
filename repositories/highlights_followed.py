"""Highlights in a book by those whom the viewer follows."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, ColumnElement, Uuid, cast, func, select, true, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from auth.viewer import Viewer
from core.pagination import Page, PageRequest
from models import Follow, Highlight
from repositories import visibility
from repositories.highlights import ORDERS, HighlightOrder

_UUIDS = ARRAY(Uuid)
_PLACE: Any = (Highlight.created_at, Highlight.id)


class FollowedHighlightRepository:
    """Others' highlights, as one session sees them; newest first."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def pages_by_book(
        self, viewer: Viewer, book_ids: Sequence[UUID], request: PageRequest
    ) -> Mapping[UUID, Page[Highlight]]:
        """List a page of each book in one statement."""
        book = func.unnest(cast(list(book_ids), _UUIDS)).table_valued("id").render_derived(name="wanted_book")
        inner = select(Highlight).where(Highlight.book_id == book.c.id, *_of_followed(viewer))
        if request.after:
            inner = inner.where(tuple_(*_PLACE) < tuple_(*request.after))
        newest = inner.order_by(*(key.desc() for key in _PLACE)).limit(request.first + 1)
        lateral = newest.correlate(book).lateral("newest")
        found: dict[UUID, list[Highlight]] = {key: [] for key in book_ids}
        for row in await self._session.scalars(
            select(aliased(Highlight, lateral)).select_from(book).join(lateral, true())
        ):
            found[row.book_id].append(row)
        return {key: _page(rows, request) for key, rows in found.items()}

    async def counts_by_book(self, viewer: Viewer, book_ids: Sequence[UUID]) -> Mapping[UUID, int]:
        """Count what `pages_by_book` lists."""
        counted = select(Highlight.book_id, func.count()).where(Highlight.book_id.in_(book_ids), *_of_followed(viewer))
        return {book_id: count for book_id, count in await self._session.execute(counted.group_by(Highlight.book_id))}


def _of_followed(viewer: Viewer) -> tuple[ColumnElement[bool], ...]:
    followed = select(Follow.followed_id).where(Follow.follower_id == viewer.user_id)
    return (
        Highlight.user_id.in_(followed),
        Highlight.deleted_at.is_(None),
        visibility.highlights(viewer),
        # The book was asked for by itself, muted or not.
        visibility.unmuted(viewer, user_id=Highlight.user_id),
    )


def _page(rows: Sequence[Highlight], request: PageRequest) -> Page[Highlight]:
    ordered = sorted(rows, key=lambda row: (row.created_at, row.id), reverse=True)
    return ORDERS[HighlightOrder.CREATED].page(ordered, request, lambda row: (row.created_at, row.id))
