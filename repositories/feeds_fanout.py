"""Fan-out: what an entry is now, who is to have it, and whose timelines cannot be trusted any more."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from models import FeedEpoch, Follow, Post, Repost
from models.posts import Fanout


@dataclass(frozen=True, slots=True)
class Truth:
    """What PostgreSQL says of an entry that is there."""

    actor_id: UUID
    """Who wrote the post or passed it on: their followers are to have it."""
    at: datetime
    fanout: Fanout


class FanoutRepository:
    """Fan-out, as one session sees it; each statement sees what was committed before it."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def truth(self, post_id: UUID, reposter_id: UUID | None) -> Truth | None:
        """Read an entry; None for one that is gone for good. That of a deleted post is there: who restores it says nothing."""
        kind = Post if reposter_id is None else Repost
        wanted = select(kind.user_id, kind.created_at, kind.fanout)
        if reposter_id is None:
            wanted = wanted.where(Post.id == post_id)
        else:
            wanted = wanted.where(Repost.post_id == post_id, Repost.user_id == reposter_id)
        row = (await self._session.execute(wanted)).one_or_none()
        return Truth(row.user_id, row.created_at, row.fanout) if row else None

    async def bounds(self, user_id: UUID, size: int) -> Sequence[UUID]:
        """Cut the followers of a reader, by id, into ranges of so many; tell where ranges end that others come after."""
        place = func.row_number().over(order_by=Follow.follower_id).label("place")
        placed = select(Follow.follower_id, place).where(Follow.followed_id == user_id).subquery()
        last = select(func.count()).select_from(placed).scalar_subquery()
        ends = select(placed.c.follower_id).where(placed.c.place % size == 0, placed.c.place < last)
        return (await self._session.scalars(ends.order_by(placed.c.follower_id))).all()

    async def followers(self, user_id: UUID, behind: UUID | None, upto: UUID | None) -> Sequence[UUID]:
        """Name the followers of a reader in a range of ids."""
        wanted = select(Follow.follower_id).where(Follow.followed_id == user_id)
        if behind is not None:
            wanted = wanted.where(Follow.follower_id > behind)
        if upto is not None:
            wanted = wanted.where(Follow.follower_id <= upto)
        return (await self._session.scalars(wanted.order_by(Follow.follower_id))).all()

    async def outdate(self, user_ids: Sequence[UUID]) -> None:
        """Have these readers' timelines made anew before they are read again. The readers must be held (`Locks.presences`)."""
        for start in range(0, len(user_ids), _SLICE):
            some = sorted(user_ids[start : start + _SLICE])
            drawn = insert(FeedEpoch).values([{"user_id": user_id, "epoch": secrets.randbits(53)} for user_id in some])
            again = {"epoch": drawn.excluded.epoch}
            await self._session.execute(drawn.on_conflict_do_update(index_elements=[FeedEpoch.user_id], set_=again))


_SLICE = 5_000
