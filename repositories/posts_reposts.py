"""Who passed which post on."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, exists, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from models import Post, Repost, User
from models.posts import Fanout


@dataclass(frozen=True, slots=True)
class GoneRepost:
    """What is known of a repost that was taken back: by its time it is told from one that is made anew."""

    created_at: datetime
    fanout: Fanout


class RepostRepository:
    """Reposts, as one session sees them. The post must be locked before any of them changes."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def followers_of(self, user_id: UUID) -> int:
        """Tell how many follow a reader."""
        return await self._session.scalar(select(User.follower_count).where(User.id == user_id)) or 0

    async def is_private(self, user_id: UUID) -> bool:
        """Tell whether an account is private."""
        return bool(await self._session.scalar(select(exists().where(User.id == user_id, User.is_private))))

    async def add(self, post_id: UUID, user_id: UUID, fanout: Fanout) -> bool:
        """Write that a reader passes a post on, and count it; False when they did already."""
        # Not before its post, whose time is another clock's: it would be no entry of any feed.
        post_at = select(Post.created_at).where(Post.id == post_id).scalar_subquery()
        row = insert(Repost).values(
            post_id=post_id, user_id=user_id, fanout=fanout, created_at=func.greatest(func.now(), post_at)
        )
        added = await self._session.scalar(row.on_conflict_do_nothing().returning(Repost.post_id))
        if added is None:
            return False
        await self._move(post_id, 1)
        return True

    async def remove(self, post_id: UUID, user_id: UUID) -> GoneRepost | None:
        """Take a repost back; None when there was none."""
        gone = delete(Repost).where(Repost.post_id == post_id, Repost.user_id == user_id)
        row = (await self._session.execute(gone.returning(Repost.created_at, Repost.fanout))).one_or_none()
        if row is None:
            return None
        await self._move(post_id, -1)
        return GoneRepost(row.created_at, row.fanout)

    async def _move(self, post_id: UUID, by: int) -> None:
        moved = update(Post).where(Post.id == post_id).values(repost_count=Post.repost_count + by)
        await self._session.execute(moved.execution_options(synchronize_session=False))
