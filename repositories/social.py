"""Who follows, asks to follow and blocks whom: the rows, and the counts that move with them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Integer, and_, case, cast, delete, exists, func, literal, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from auth.viewer import Viewer
from models import Block, Follow, FollowRequest, Mute, User
from repositories import visibility

Pair = type[Follow] | type[FollowRequest]


@dataclass(frozen=True, slots=True)
class Doors:
    """What decides whether a reader can be followed."""

    is_private: bool
    allow_followers: bool


@dataclass(frozen=True, slots=True)
class Relationship:
    """How a viewer and another reader stand to each other."""

    following: bool
    followed_by: bool
    requested: bool
    blocking: bool
    muting: bool


class SocialRepository:
    """The social graph, as one session sees it. Whoever moves counts has locked the users first."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    # --- reading ---

    async def doors(self, viewer: Viewer, user_id: UUID) -> Doors | None:
        """Tell whether a reader can be followed; None for one the viewer may not know of."""
        wanted = select(User.is_private, User.allow_followers).where(User.id == user_id, visibility.users(viewer))
        row = (await self._session.execute(wanted)).one_or_none()
        return Doors(*row) if row else None

    async def has(self, kind: Pair, follower_id: UUID, followed_id: UUID) -> bool:
        """Tell whether one follows, or asks to follow, another."""
        found = exists().where(kind.follower_id == follower_id, kind.followed_id == followed_id)
        return bool(await self._session.scalar(select(found)))

    async def followed_or_asked(self, user_id: UUID) -> int:
        """Count whom a reader follows or asks to follow."""
        counts = [select(func.count()).where(kind.follower_id == user_id) for kind in (Follow, FollowRequest)]
        first, second = (count.scalar_subquery() for count in counts)
        return await self._session.scalar(select(first + second)) or 0

    async def relationships(self, viewer: Viewer, others: Iterable[UUID]) -> Mapping[UUID, Relationship]:
        """Tell how the viewer and others stand to each other, in one statement."""
        me = viewer.require()
        parts = (
            exists().where(Follow.follower_id == me, Follow.followed_id == User.id),
            exists().where(Follow.follower_id == User.id, Follow.followed_id == me),
            exists().where(FollowRequest.follower_id == me, FollowRequest.followed_id == User.id),
            exists().where(Block.blocker_id == me, Block.blocked_id == User.id),
            exists().where(Mute.user_id == me, Mute.muted_user_id == User.id, visibility.in_force(Mute)),
        )
        rows = await self._session.execute(select(User.id, *parts).where(User.id.in_(set(others))))
        return {row[0]: Relationship(*row[1:]) for row in rows}

    # --- following ---

    async def add(self, kind: Pair, follower_id: UUID, followed_id: UUID) -> bool:
        """Write that one follows, or asks to follow, another; False when it stood there."""
        pair = insert(kind).values(follower_id=follower_id, followed_id=followed_id)
        made = await self._session.execute(pair.on_conflict_do_nothing().returning(kind.follower_id))
        return made.first() is not None

    async def remove(self, kind: Pair, follower_id: UUID, followed_id: UUID) -> bool:
        """Take away that one follows, or asks to follow, another; False when it was not there."""
        gone = delete(kind).where(kind.follower_id == follower_id, kind.followed_id == followed_id)
        return (await self._session.execute(gone.returning(kind.follower_id))).first() is not None

    async def let_all_in(self, user_id: UUID) -> None:
        """Make followers of all who ask to follow a reader, however many; locks them and the reader, in id order."""
        asked = select(FollowRequest.follower_id).where(FollowRequest.followed_id == user_id)
        wanted = select(User.id).where(or_(User.id == user_id, User.id.in_(asked))).order_by(User.id)
        await self._session.execute(wanted.with_for_update(key_share=True))
        gone = delete(FollowRequest).where(FollowRequest.followed_id == user_id).returning(FollowRequest.follower_id)
        taken = gone.cte("taken")
        pairs = select(taken.c.follower_id, literal(user_id))
        made = insert(Follow).from_select(["follower_id", "followed_id"], pairs).on_conflict_do_nothing()
        new = made.returning(Follow.follower_id).cte("new")
        others = update(User).where(User.id.in_(select(new.c.follower_id)))
        raised = others.values(following_count=User.following_count + 1).returning(User.id).cte("raised")
        count = select(func.count()).select_from(raised).scalar_subquery()
        mine = update(User).where(User.id == user_id).values(follower_count=User.follower_count + count)
        await self._session.execute(mine.execution_options(synchronize_session=False))

    async def move_counts(self, follower_id: UUID, followed_id: UUID, by: int) -> None:
        """Move both counts of one follow by 1 or -1; both readers must be locked."""
        step = cast(literal(by), Integer)
        following = User.following_count + case((User.id == follower_id, step), else_=0)
        followers = User.follower_count + case((User.id == followed_id, step), else_=0)
        moved = update(User).where(User.id.in_((follower_id, followed_id)))
        await self._session.execute(
            moved.values(
                following_count=func.greatest(0, following), follower_count=func.greatest(0, followers)
            ).execution_options(synchronize_session=False)
        )

    # --- blocking ---

    async def add_block(self, blocker_id: UUID, blocked_id: UUID) -> None:
        """Write that one blocks another."""
        pair = insert(Block).values(blocker_id=blocker_id, blocked_id=blocked_id)
        await self._session.execute(pair.on_conflict_do_nothing())

    async def remove_block(self, blocker_id: UUID, blocked_id: UUID) -> bool:
        """Take a block away; False when there was none."""
        gone = delete(Block).where(Block.blocker_id == blocker_id, Block.blocked_id == blocked_id)
        return (await self._session.execute(gone.returning(Block.blocker_id))).first() is not None

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

    # --- the end of an account ---

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
