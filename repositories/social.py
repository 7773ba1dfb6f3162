"""Who follows, blocks and mutes whom."""

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import and_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import Block, Follow, User


class SocialRepository:
    """The social graph, as one session sees it."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def following_among(self, follower_id: UUID, others: Iterable[UUID]) -> set[UUID]:
        """Tell which of these a reader follows."""
        rows = await self._session.scalars(
            select(Follow.followed_id).where(Follow.follower_id == follower_id, Follow.followed_id.in_(set(others)))
        )
        return set(rows)

    async def blocked_among(self, user_id: UUID, others: Iterable[UUID]) -> set[UUID]:
        """Tell which of these are shut off from a reader, whoever blocked whom."""
        wanted = set(others)
        rows = await self._session.execute(
            select(Block.blocker_id, Block.blocked_id).where(
                or_(
                    and_(Block.blocker_id == user_id, Block.blocked_id.in_(wanted)),
                    and_(Block.blocked_id == user_id, Block.blocker_id.in_(wanted)),
                )
            )
        )
        return {one if other == user_id else other for one, other in rows}

    async def take_off_counts(self, user_id: UUID) -> None:
        """Lower the counts of all whom a user follows or is followed by, before the account goes.

        Locks them and the user together, in id order: two readers who follow each other may delete their accounts at once.
        """
        followed = select(Follow.followed_id).where(Follow.follower_id == user_id)
        followers = select(Follow.follower_id).where(Follow.followed_id == user_id)
        wanted = select(User).where(or_(User.id == user_id, User.id.in_(followed), User.id.in_(followers)))
        neighbours = (await self._session.scalars(wanted.order_by(User.id).with_for_update())).all()
        is_followed = set(await self._session.scalars(followed))
        is_follower = set(await self._session.scalars(followers))
        for user in neighbours:
            user.follower_count = max(0, user.follower_count - (user.id in is_followed))
            user.following_count = max(0, user.following_count - (user.id in is_follower))
        await self._session.flush()
