"""Who passed which post on."""

from uuid import UUID

from sqlalchemy import delete, exists, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from models import Post, Repost, User
from models.posts import Fanout


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
        row = insert(Repost).values(post_id=post_id, user_id=user_id, fanout=fanout)
        added = await self._session.scalar(row.on_conflict_do_nothing().returning(Repost.post_id))
        return added is not None and await self._moved(post_id, 1)

    async def remove(self, post_id: UUID, user_id: UUID) -> bool:
        """Take a repost back; False when there was none."""
        gone = delete(Repost).where(Repost.post_id == post_id, Repost.user_id == user_id).returning(Repost.post_id)
        return await self._session.scalar(gone) is not None and await self._moved(post_id, -1)

    async def _moved(self, post_id: UUID, by: int) -> bool:
        moved = update(Post).where(Post.id == post_id).values(repost_count=Post.repost_count + by)
        await self._session.execute(moved.execution_options(synchronize_session=False))
        return True
