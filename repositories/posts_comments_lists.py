"""Lists of comments: under posts in four orders, and the replies to comments."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    DateTime,
    Float,
    Uuid,
    and_,
    cast,
    exists,
    func,
    literal,
    or_,
    select,
    true,
    tuple_,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute, aliased

from auth.viewer import Viewer
from core.pagination import Order, Page, PageRequest
from models import Comment, CommentLike
from repositories import visibility
from repositories.posts_comments import SeenComment, seen


class CommentSort(StrEnum):
    """In which order to list comments."""

    NEWEST = "NEWEST"
    OLDEST = "OLDEST"
    TOP = "TOP"
    HOT = "HOT"


ORDERS: Mapping[CommentSort, Order] = {
    CommentSort.NEWEST: Order("comments-newest", (datetime, UUID)),
    CommentSort.OLDEST: Order("comments-oldest", (datetime, UUID)),
    # Both begin with the moment of the first page, as of which all pages of a run count likes and replies.
    CommentSort.TOP: Order("comments-top", (datetime, int, datetime, UUID)),
    CommentSort.HOT: Order("comments-hot", (datetime, float, UUID)),
}
_UUIDS = ARRAY(Uuid)
_MADE = (Comment.created_at.expression, Comment.id.expression)


class CommentListRepository:
    """Lists of comments, as one session sees them."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def under_posts(
        self, viewer: Viewer, post_ids: Sequence[UUID], sort: CommentSort, request: PageRequest
    ) -> Mapping[UUID, Page[SeenComment]]:
        """List the comments that answer each of several posts themselves, in one statement."""
        return await self._pages(viewer, Comment.post_id, post_ids, sort, request)

    async def replies(
        self, viewer: Viewer, comment_ids: Sequence[UUID], request: PageRequest
    ) -> Mapping[UUID, Page[SeenComment]]:
        """List the answers to each of several comments, the oldest first, in one statement."""
        return await self._pages(viewer, Comment.parent_id, comment_ids, CommentSort.OLDEST, request)

    async def _pages(
        self,
        viewer: Viewer,
        column: InstrumentedAttribute[Any],
        keys: Sequence[UUID],
        sort: CommentSort,
        request: PageRequest,
    ) -> Mapping[UUID, Page[SeenComment]]:
        owner = func.unnest(cast(list(keys), _UUIDS)).table_valued("id").render_derived(name="owner")
        place = _place(sort, request)
        inner = seen(viewer).add_columns(*(part.label(f"place{number}") for number, part in enumerate(place)))
        inner = inner.where(column == owner.c.id, *_listed(viewer))
        if column is Comment.post_id:
            inner = inner.where(Comment.parent_id.is_(None))
        if request.after:
            inner = inner.where(_behind(sort, place, request.after))
        inner = inner.order_by(*_ordered(sort, place)).limit(request.first + 1)
        listed = inner.correlate(owner).lateral("listed")
        places = (listed.c[f"place{number}"] for number in range(len(place)))
        columns: list[Any] = [owner.c.id, aliased(Comment, listed), listed.c.is_revealed, *places]
        found: dict[UUID, list[Any]] = {key: [] for key in keys}
        for row in await self._session.execute(select(*columns).select_from(owner).join(listed, true())):
            found[row[0]].append(tuple(row))
        return {key: _page(rows, sort, request) for key, rows in found.items()}


def _listed(viewer: Viewer) -> tuple[ColumnElement[bool], ...]:
    """Tell which comments belong into lists: not the muted, and of the deleted those that hold a reply which belongs there."""
    reply = aliased(Comment)
    shown = (visibility.comments(viewer, reply), _unmuted(viewer, reply))
    holds = exists(select(reply.id)).where(reply.parent_id == Comment.id, *shown).correlate_except(reply)
    return visibility.comments(viewer), _unmuted(viewer, Comment), or_(Comment.deleted_at.is_(None), holds)


def _unmuted(viewer: Viewer, comment: Any) -> ColumnElement[bool]:
    return visibility.unmuted(viewer, user_id=comment.user_id, words=comment.words)


def _place(sort: CommentSort, request: PageRequest) -> tuple[ColumnElement[Any], ...]:
    """Spell a comment's place in an order, as the cursor carries it."""
    if sort in (CommentSort.NEWEST, CommentSort.OLDEST):
        return _MADE
    if request.after is None:
        as_of: ColumnElement[datetime] = func.now()
        likes, replies = Comment.like_count.expression, Comment.reply_count.expression
    else:
        as_of = literal(request.after[0], DateTime(timezone=True))
        likes = Comment.like_count - _since(as_of, CommentLike, CommentLike.comment_id == Comment.id)
        reply = aliased(Comment)
        replies = Comment.reply_count - _since(as_of, reply, reply.parent_id == Comment.id, reply.deleted_at.is_(None))
    if sort is CommentSort.TOP:
        return as_of, likes, *_MADE
    hours = cast(func.extract("epoch", as_of - Comment.created_at), Float) / 3600
    score = cast(likes + 2 * replies, Float) / func.power(func.greatest(0.0, hours) + 2, 1.5)
    return as_of, score, Comment.id.expression


def _since(as_of: ColumnElement[datetime], rows: Any, *which: ColumnElement[bool]) -> ColumnElement[int]:
    later = select(func.count()).select_from(rows).where(*which, rows.created_at > as_of)
    return later.correlate_except(rows).scalar_subquery()


def _behind(sort: CommentSort, place: tuple[ColumnElement[Any], ...], after: tuple[Any, ...]) -> ColumnElement[bool]:
    if sort is CommentSort.NEWEST:
        return tuple_(*place) < tuple_(*after)
    if sort is CommentSort.OLDEST:
        return tuple_(*place) > tuple_(*after)
    as_of, score, *tie = place
    there = tuple_(*tie) > tuple_(*after[2:]) if sort is CommentSort.TOP else tie[0] < after[2]
    return and_(Comment.created_at <= as_of, or_(score < after[1], and_(score == after[1], there)))


def _ordered(sort: CommentSort, place: tuple[ColumnElement[Any], ...]) -> list[ColumnElement[Any]]:
    return [part.desc() if falls else part.asc() for part, falls in zip(place, _falls(sort), strict=True)]


def _falls(sort: CommentSort) -> tuple[bool, ...]:
    """Tell of each part of a place whether the greatest comes first."""
    if sort is CommentSort.TOP:
        return False, True, False, False
    return (sort is not CommentSort.OLDEST,) * len(ORDERS[sort].types)


def _page(rows: list[Any], sort: CommentSort, request: PageRequest) -> Page[SeenComment]:
    for number, falls in reversed(list(enumerate(_falls(sort)))):
        rows.sort(key=lambda row: row[3 + number], reverse=falls)
    page = ORDERS[sort].page(rows, request, lambda row: row[3:])
    return page.map(lambda row: SeenComment(row[1], row[2]))
