"""Who likes which post or comment, and the count that moves with it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, CTE, ColumnElement, Uuid, cast, delete, exists, func, select, true, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute, aliased

from auth.viewer import Viewer
from core.pagination import Order, Page, PageRequest
from models import Comment, CommentLike, Like, Post, User
from repositories import visibility
from repositories.profiles import Profile

Liked = type[Post] | type[Comment]
"""What can be liked."""
LIKERS = Order("likers", (datetime, UUID))
_UUIDS = ARRAY(Uuid)
_ROWS: Mapping[Liked, tuple[type[Like] | type[CommentLike], InstrumentedAttribute[UUID]]] = {
    Post: (Like, Like.post_id),
    Comment: (CommentLike, CommentLike.comment_id),
}


@dataclass(frozen=True, slots=True)
class Standing:
    """How many like a thing, and whether the viewer does."""

    count: int
    is_liked: bool


class LikeRepository:
    """Likes, as one session sees them. Whoever adds or removes one has locked the liked thing first."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def standing(self, viewer: Viewer, kind: Liked, key: UUID) -> Standing | None:
        """Read how many like a thing, and whether the viewer does; None for one that is not there for the viewer, or is deleted."""
        may_read = visibility.posts(viewer) if kind is Post else visibility.comments(viewer)
        wanted = select(kind.like_count, _mine(viewer, kind))
        found = await self._session.execute(wanted.where(kind.id == key, kind.deleted_at.is_(None), may_read))
        row = found.one_or_none()
        return Standing(*row) if row else None

    async def add(self, kind: Liked, key: UUID, user_id: UUID) -> int | None:
        """Write that a reader likes a thing, and count it: how many do now; None when it stood there."""
        model, column = _ROWS[kind]
        made = insert(model).values({column.key: key, "user_id": user_id}).on_conflict_do_nothing()
        return await self._count(kind, key, 1, made.returning(model.user_id).cte("moved"))

    async def remove(self, kind: Liked, key: UUID, user_id: UUID) -> int | None:
        """Take away that a reader likes a thing, and count it: how many do now; None when it was not there."""
        model, column = _ROWS[kind]
        gone = delete(model).where(column == key, model.user_id == user_id)
        return await self._count(kind, key, -1, gone.returning(model.user_id).cte("moved"))

    async def _count(self, kind: Liked, key: UUID, by: int, moved: CTE) -> int | None:
        count = func.greatest(0, kind.like_count + by)
        counted = update(kind).where(kind.id == key, exists(select(moved.c.user_id))).values(like_count=count)
        told = counted.returning(kind.like_count).execution_options(synchronize_session=False)
        return await self._session.scalar(told)

    async def liked_among(self, viewer: Viewer, kind: Liked, keys: Iterable[UUID]) -> Mapping[UUID, bool]:
        """Tell of each of these whether the viewer likes it."""
        rows = await self._session.execute(select(kind.id, _mine(viewer, kind)).where(kind.id.in_(set(keys))))
        return {key: is_liked for key, is_liked in rows}

    async def likers(
        self, viewer: Viewer, post_ids: Sequence[UUID], request: PageRequest
    ) -> Mapping[UUID, Page[Profile]]:
        """List who likes each of several posts, the latest first, in one statement."""
        post = func.unnest(cast(list(post_ids), _UUIDS)).table_valued("id").render_derived(name="post")
        inner = (
            select(User, visibility.profiles(viewer).label("is_open"), Like.created_at.label("since"))
            .select_from(Like)
            .join(User, User.id == Like.user_id)
            .where(Like.post_id == post.c.id, visibility.users(viewer))
        )
        if request.after:
            inner = inner.where(tuple_(Like.created_at, Like.user_id) < tuple_(*request.after))
        latest = inner.order_by(Like.created_at.desc(), Like.user_id.desc()).limit(request.first + 1)
        people = latest.correlate(post).lateral("people")
        columns = (post.c.id, aliased(User, people), people.c.is_open, people.c.since)
        found: dict[UUID, list[Any]] = {key: [] for key in post_ids}
        for row in await self._session.execute(select(*columns).select_from(post).join(people, true())):
            found[row[0]].append(row)
        return {key: _page(rows, request) for key, rows in found.items()}


def _mine(viewer: Viewer, kind: Liked) -> ColumnElement[bool]:
    model, column = _ROWS[kind]
    return exists().where(column == kind.id, visibility.own(model, viewer)).correlate_except(model)


def _page(rows: Sequence[Any], request: PageRequest) -> Page[Profile]:
    ordered = sorted(rows, key=lambda row: (row[3], row[1].id), reverse=True)
    page = LIKERS.page(ordered, request, lambda row: (row[3], row[1].id))
    return page.map(lambda row: Profile(row[1], row[2]))
