"""What is left of posts that were deleted long ago."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from models import Comment, Like, Media, Post, Repost


class PostPurgeRepository:
    """Posts whose time to undo is over. Nobody sees them, so nothing hangs itself on them any more."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def take(self, before: datetime, limit: int) -> Sequence[UUID]:
        """Lock some of them; those that somebody else holds are left for the next time."""
        wanted = select(Post.id).where(Post.deleted_at <= before).order_by(Post.id).limit(limit)
        return (await self._session.scalars(wanted.with_for_update(skip_locked=True))).all()

    async def count(self, post_ids: Sequence[UUID]) -> dict[str, int]:
        """Count what goes with them."""
        parts: dict[str, Any] = {"likes": Like, "comments": Comment, "reposts": Repost}
        counts = {
            name: select(func.count()).where(model.post_id.in_(post_ids)).scalar_subquery()
            for name, model in parts.items()
        }
        found = (await self._session.execute(select(*counts.values()))).one()
        return dict(zip(counts, found, strict=True))

    async def erase_likes(self, post_ids: Sequence[UUID], limit: int) -> int:
        """Erase some of their likes; tell how many."""
        return await self._erase(Like, tuple_(Like.post_id, Like.user_id), post_ids, limit)

    async def erase_comments(self, post_ids: Sequence[UUID], limit: int) -> int:
        """Erase some of their comments, replies and likes with them; tell how many."""
        return await self._erase(Comment, Comment.id, post_ids, limit)

    async def erase(self, post_ids: Sequence[UUID]) -> None:
        """Erase them with all that is left on them, and let their pictures go."""
        keys = select(Post.image_key).where(Post.id.in_(post_ids), Post.image_key.is_not(None))
        await self._session.execute(delete(Media).where(Media.file_key.in_(keys)))
        await self._session.execute(delete(Post).where(Post.id.in_(post_ids)))

    async def _erase(self, model: Any, key: Any, post_ids: Sequence[UUID], limit: int) -> int:
        columns = model.__table__.primary_key.columns
        some = select(*columns).where(model.post_id.in_(post_ids)).order_by(*columns).limit(limit)
        gone = await self._session.execute(delete(model).where(key.in_(some)).returning(model.post_id))
        return len(gone.all())
