"""Deleted posts go for good once they can be restored no longer."""

from datetime import timedelta

import structlog

from core import clock
from repositories.posts_purge import PostPurgeRepository

POSTS_SLICE, PARTS_SLICE = 50, 5_000

log = structlog.get_logger(__name__)


class PostPurgeService:
    """Clean up behind deleted posts, a slice at a time; True when nothing is left."""

    def __init__(self, purge: PostPurgeRepository, *, undo_days: int) -> None:
        self._purge = purge
        self._undo = timedelta(days=undo_days)

    async def purge(self) -> bool:
        """Erase some posts with their likes, comments, reposts and picture; of one with many, some of those first."""
        ids = await self._purge.take(clock.now() - self._undo, POSTS_SLICE)
        if not ids:
            return True
        # Counted before: afterwards there is nothing to count.
        log.info("posts_purged", posts=len(ids), **await self._purge.count(ids))
        likes = await self._purge.erase_likes(ids, PARTS_SLICE)
        comments = await self._purge.erase_comments(ids, PARTS_SLICE)
        if max(likes, comments) < PARTS_SLICE:
            await self._purge.erase(ids)
        return False
