"""Highlights: reading one's own and others', listing, writing."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Float,
    Integer,
    Select,
    Uuid,
    cast,
    func,
    literal,
    or_,
    select,
    true,
    tuple_,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from auth.viewer import Viewer
from core.database import sqlstate
from core.errors import Conflict
from core.pagination import Order, Page, PageRequest
from models import Highlight
from models.highlights import HighlightColor
from repositories import visibility
from repositories.catalog import contains


class HighlightOrder(StrEnum):
    """In which order to list highlights."""

    CREATED = "CREATED"
    UPDATED = "UPDATED"
    LOCATION = "LOCATION"


@dataclass(frozen=True, slots=True)
class HighlightFilter:
    """Which highlights to list; every given part must match."""

    book_id: UUID | None = None
    text: str | None = None
    color: HighlightColor | None = None
    deleted: bool = False


ID_TAKEN = "This id belongs to another highlight. Choose a new one."
UNIQUE_VIOLATION = "23505"
_LAST = 2**31 - 1
_UUIDS = ARRAY(Uuid)
_PAGE_NUMBER = cast(func.coalesce(func.substring(Highlight.page, r"^\d{1,9}"), str(_LAST)), Integer)

ORDERS: Mapping[HighlightOrder, Order] = {
    HighlightOrder.CREATED: Order("highlights-created", (datetime, UUID)),
    HighlightOrder.UPDATED: Order("highlights-updated", (datetime, UUID)),
    HighlightOrder.LOCATION: Order("highlights-place", (UUID, int, float, int, datetime, UUID)),
}
_KEYS: Mapping[HighlightOrder, tuple[ColumnElement[Any], ...]] = {
    HighlightOrder.CREATED: (Highlight.created_at.expression, Highlight.id.expression),
    HighlightOrder.UPDATED: (Highlight.updated_at.expression, Highlight.id.expression),
    HighlightOrder.LOCATION: (
        Highlight.book_id.expression,
        func.coalesce(Highlight.location_start, _LAST),
        func.coalesce(Highlight.percent, cast(literal(101.0), Float)),
        _PAGE_NUMBER,
        Highlight.created_at.expression,
        Highlight.id.expression,
    ),
}


class HighlightRepository:
    """Highlights, as one session sees them."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def visible(self, viewer: Viewer, ids: Iterable[UUID]) -> Mapping[UUID, Highlight]:
        """Read highlights that the viewer may see."""
        rows = await self._session.scalars(
            select(Highlight).where(Highlight.id.in_(set(ids)), visibility.highlights(viewer))
        )
        return {row.id: row for row in rows}

    async def known(self, highlight_id: UUID) -> Highlight | None:
        """Find a highlight to write to, whosever it is; the owner's counter must be locked before it is changed."""
        wanted = select(Highlight).where(Highlight.id == highlight_id)
        return await self._session.scalar(wanted.execution_options(populate_existing=True))

    async def add(self, row: Highlight) -> Highlight:
        """Write a new highlight; raise Conflict when another reader took its id meanwhile. The transaction is over then."""
        self._session.add(row)
        try:
            await self._session.flush()
        except IntegrityError as error:
            if sqlstate(error) != UNIQUE_VIOLATION:
                raise
            raise Conflict(ID_TAKEN, "highlightUuid") from None
        return row

    async def save(self) -> None:
        """Write what has changed."""
        await self._session.flush()

    async def own_page(
        self, viewer: Viewer, wanted: HighlightFilter, order: HighlightOrder, request: PageRequest
    ) -> Page[Highlight]:
        """List the viewer's own highlights; newest first, or from the first location on."""
        query = select(Highlight, *_KEYS[order]).where(*_own(viewer, wanted))
        return await self._page(query, order, request)

    async def own_count(self, viewer: Viewer, wanted: HighlightFilter) -> int:
        """Count what `own_page` lists."""
        return await self._session.scalar(select(func.count()).select_from(Highlight).where(*_own(viewer, wanted))) or 0

    async def pages_by_owner(
        self, viewer: Viewer, owners: Sequence[UUID], book_id: UUID | None, request: PageRequest
    ) -> Mapping[UUID, Page[Highlight]]:
        """List what the viewer may see of several readers' highlights, newest first, in one statement."""
        order = HighlightOrder.CREATED
        owner = func.unnest(cast(list(owners), _UUIDS)).table_valued("id").render_derived(name="owner")
        inner = select(Highlight).where(Highlight.user_id == owner.c.id, *_of_others(viewer, book_id))
        if request.after:
            inner = inner.where(tuple_(*_KEYS[order]) < tuple_(*request.after))
        newest = inner.order_by(*(key.desc() for key in _KEYS[order])).limit(request.first + 1).lateral("newest")
        row = aliased(Highlight, newest)
        found: dict[UUID, list[Highlight]] = {key: [] for key in owners}
        for highlight in await self._session.scalars(select(row).select_from(owner).join(newest, true())):
            found[highlight.user_id].append(highlight)
        return {key: ORDERS[order].page(rows, request, lambda h: (h.created_at, h.id)) for key, rows in found.items()}

    async def counts_by_owner(self, viewer: Viewer, owners: Sequence[UUID], book_id: UUID | None) -> Mapping[UUID, int]:
        """Count what `pages_by_owner` lists."""
        counted = (
            select(Highlight.user_id, func.count())
            .where(Highlight.user_id.in_(owners), *_of_others(viewer, book_id))
            .group_by(Highlight.user_id)
        )
        return {owner: count for owner, count in await self._session.execute(counted)}

    async def _page(self, query: Select[Any], order: HighlightOrder, request: PageRequest) -> Page[Highlight]:
        keys = _KEYS[order]
        descending = order is not HighlightOrder.LOCATION
        if request.after:
            place, after = tuple_(*keys), tuple_(*request.after)
            query = query.where(place < after if descending else place > after)
        query = query.order_by(*(key.desc() if descending else key for key in keys)).limit(request.first + 1)
        rows = [tuple(row) for row in await self._session.execute(query)]
        return ORDERS[order].page(rows, request, lambda row: row[1:]).map(lambda row: row[0])


def _own(viewer: Viewer, wanted: HighlightFilter) -> list[ColumnElement[bool]]:
    deleted = Highlight.deleted_at.is_not(None) if wanted.deleted else Highlight.deleted_at.is_(None)
    conditions = [visibility.own(Highlight, viewer), Highlight.erased_at.is_(None), deleted]
    if wanted.book_id is not None:
        conditions.append(Highlight.book_id == wanted.book_id)
    if wanted.color is not None:
        conditions.append(Highlight.color == wanted.color)
    if wanted.text:
        conditions.append(or_(contains(Highlight.text, wanted.text), contains(Highlight.note, wanted.text)))
    return conditions


def _of_others(viewer: Viewer, book_id: UUID | None) -> list[ColumnElement[bool]]:
    conditions = [visibility.highlights(viewer), Highlight.deleted_at.is_(None)]
    if book_id is not None:
        conditions.append(Highlight.book_id == book_id)
    return conditions
