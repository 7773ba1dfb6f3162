"""Counts of posts, for many viewers at once."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple, Self
from uuid import UUID

from sqlalchemy import ARRAY, Boolean, Uuid, and_, column, false, func, literal, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from auth.viewer import Viewer
from models import Post
from models.profiles import Role
from repositories import visibility


class Counts(NamedTuple):
    """How often a post was liked, answered and passed on."""

    likes: int
    comments: int
    reposts: int


class Eyes(NamedTuple):
    """What of a viewer decides which posts they may see; all sockets of a reader have the same."""

    user_id: UUID | None
    moderates: bool

    @classmethod
    def of(cls, viewer: Viewer) -> Self:
        """Take what matters of a viewer."""
        return cls(viewer.user_id, viewer.moderates)

    def viewer(self, user_id: Any) -> Viewer:
        """See with such eyes, as a user whose id stands elsewhere in the statement."""
        return Viewer(user_id=user_id, role=Role.MODERATOR if self.moderates else Role.READER)


Sight = tuple[Eyes, UUID]
"""Who looks, and at which post."""


class PostCountsRepository:
    """Counts of posts, as one session sees them."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def seen(self, wanted: Collection[Sight]) -> Mapping[Sight, Counts]:
        """Read the counts of posts for those who may see them: one statement, however many look at however many."""
        sights = (
            func.unnest(
                literal([eyes.user_id for eyes, _ in wanted], ARRAY(Uuid)),
                literal([eyes.moderates for eyes, _ in wanted], ARRAY(Boolean)),
                literal([post_id for _, post_id in wanted], ARRAY(Uuid)),
            )
            .table_valued(column("user_id", Uuid), column("moderates", Boolean), column("post_id", Uuid))
            .render_derived()
        )
        kinds = {(eyes.user_id is not None, eyes.moderates): eyes for eyes, _ in wanted}
        may_see = (
            and_(
                sights.c.user_id.is_not(None) if signed_in else sights.c.user_id.is_(None),
                sights.c.moderates == moderates,
                visibility.posts(eyes.viewer(sights.c.user_id if signed_in else None)),
            )
            for (signed_in, moderates), eyes in sorted(kinds.items())
        )
        rows = await self._session.execute(
            select(sights.c.user_id, sights.c.moderates, Post.id, *_COUNTS)
            .join_from(sights, Post, Post.id == sights.c.post_id)
            .where(or_(false(), *may_see))
        )
        return {(Eyes(user_id, moderates), post_id): Counts(*counts) for user_id, moderates, post_id, *counts in rows}

    async def current(self, post_ids: Iterable[UUID]) -> Mapping[UUID, Counts]:
        """Read the counts of posts, whoever may see them: to find out which have changed, not to be told."""
        rows = await self._session.execute(select(Post.id, *_COUNTS).where(Post.id.in_(set(post_ids))))
        return {post_id: Counts(*counts) for post_id, *counts in rows}


_COUNTS = (Post.like_count, Post.comment_count, Post.repost_count)
