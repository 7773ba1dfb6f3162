"""Recount what columns count, and mend those that are wrong."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from models import Comment, CommentLike, Follow, Like, Post, Repost, User
from repositories.locks import among

Counted = type[User] | type[Post] | type[Comment]
"""What has columns that count."""


@dataclass(frozen=True, slots=True)
class Drift:
    """A count that is wrong."""

    key: UUID
    column: str
    counted: int
    actual: int


class ReconcileRepository:
    """Counts and what they count, as one session sees them.

    A count moves in the transaction that adds or takes the row, so any one statement sees both as of one moment, and what differs there
    is wrong. To mend it, lock first and look again.
    """

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def following(self, kind: Counted, after: UUID | None, limit: int) -> Sequence[UUID]:
        """Name the next things in the order of their ids."""
        wanted = select(kind.id).order_by(kind.id).limit(limit)
        return (await self._session.scalars(wanted if after is None else wanted.where(kind.id > after))).all()

    async def drifts(self, kind: Counted, keys: Iterable[UUID]) -> list[Drift]:
        """Recount these things; tell which counts are wrong."""
        actual = _actual(kind)
        columns = [column for name in actual for column in (getattr(kind, name), actual[name])]
        rows = await self._session.execute(select(kind.id, *columns).where(among(kind.id, keys)).order_by(kind.id))
        return [
            Drift(key, name, counts[2 * number], counts[2 * number + 1])
            for key, *counts in rows
            for number, name in enumerate(actual)
            if counts[2 * number] != counts[2 * number + 1]
        ]

    async def posts_of(self, comment_ids: Iterable[UUID]) -> Sequence[UUID]:
        """Name the posts that comments are under."""
        wanted = select(Comment.post_id).where(among(Comment.id, comment_ids)).distinct()
        return (await self._session.scalars(wanted)).all()

    async def mend(self, kind: Counted, drifts: Iterable[Drift]) -> None:
        """Set counts right; the things must be locked, and recounted since."""
        values: dict[UUID, dict[str, int]] = {}
        for drift in drifts:
            values.setdefault(drift.key, {})[drift.column] = drift.actual
        for key, counts in values.items():
            changed = update(kind).where(kind.id == key).values(**counts)
            await self._session.execute(changed.execution_options(synchronize_session=False))


def _actual(kind: Counted) -> Mapping[str, Any]:
    if kind is User:
        return {
            "follower_count": _count(Follow, Follow.followed_id == User.id),
            "following_count": _count(Follow, Follow.follower_id == User.id),
            "post_count": _count(Post, Post.user_id == User.id, Post.deleted_at.is_(None)),
        }
    if kind is Post:
        return {
            "like_count": _count(Like, Like.post_id == Post.id),
            "comment_count": _count(Comment, Comment.post_id == Post.id, Comment.deleted_at.is_(None)),
            "repost_count": _count(Repost, Repost.post_id == Post.id),
        }
    reply = aliased(Comment)
    return {
        "like_count": _count(CommentLike, CommentLike.comment_id == Comment.id),
        "reply_count": _count(reply, reply.parent_id == Comment.id, reply.deleted_at.is_(None)),
    }


def _count(rows: Any, *which: ColumnElement[bool]) -> Any:
    return select(func.count()).select_from(rows).where(*which).correlate_except(rows).scalar_subquery()
