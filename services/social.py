"""Following and blocking: who is let near whom."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from auth.viewer import Viewer
from core.errors import Forbidden, Invalid, LimitExceeded, NotFound
from core.ids import read_id
from core.pagination import Page, PageRequest
from models import Follow, FollowRequest
from repositories.locks import Locks
from repositories.profiles import Profile, ProfileRepository
from repositories.social import Doors, SocialRepository
from repositories.social_lists import PEOPLE, SocialListRepository
from services.audit import AuditService
from services.idempotency import IdempotencyService

NO_READER = "There is no such reader."
NO_REQUEST = "This reader does not ask to follow you."
ONESELF = "Cannot follow yourself"
CLOSED = "User does not accept followers"


class FollowStatus(StrEnum):
    """How far one reader has come in following another."""

    FOLLOWING = "FOLLOWING"
    REQUESTED = "REQUESTED"
    NOT_FOLLOWING = "NOT_FOLLOWING"


@dataclass(frozen=True, slots=True)
class Standing:
    """The other reader, and how far the one of the two has come in following."""

    profile: Profile
    status: FollowStatus


class SocialService:
    """The social graph of one transaction."""

    def __init__(
        self,
        *,
        social: SocialRepository,
        lists: SocialListRepository,
        profiles: ProfileRepository,
        locks: Locks,
        idempotency: IdempotencyService,
        audit: AuditService,
        follow_limit: int,
    ) -> None:
        self._social = social
        self._lists = lists
        self._profiles = profiles
        self._locks = locks
        self._idempotency = idempotency
        self._audit = audit
        self._follow_limit = follow_limit

    # --- following ---

    async def follow(self, viewer: Viewer, user_gid: str, key: str | None) -> Standing:
        """Follow a reader, or ask to; again is the same answer."""

        async def work(me: UUID, other: UUID) -> None:
            if me == other:
                raise Invalid(ONESELF, "userId")
            # Requests are answered all at once when an account becomes public: none may slip in beside that.
            await self._locks.graph(other)
            doors = await self._lock_two(viewer, me, other)
            if await self._social.has(Follow, me, other) or await self._social.has(FollowRequest, me, other):
                return
            if not doors.allow_followers:
                raise Forbidden(CLOSED, "userId")
            if await self._social.followed_or_asked(me) >= self._follow_limit:
                raise LimitExceeded(f"You already follow {self._follow_limit:,} readers.", "userId")
            if doors.is_private:
                await self._social.add(FollowRequest, me, other)
            else:
                await self._befriend(me, other)
                await self._audit.record(viewer, "follow.created", ("user", other))

        return await self._once(viewer, "follow", user_gid, key, work)

    async def unfollow(self, viewer: Viewer, user_gid: str, key: str | None) -> Standing:
        """Stop following, or asking to follow, a reader."""

        async def work(me: UUID, other: UUID) -> None:
            await self._lock_two(viewer, me, other)
            if await self._part(me, other):
                await self._audit.record(viewer, "follow.deleted", ("user", other))

        return await self._once(viewer, "unfollow", user_gid, key, work)

    async def respond(self, viewer: Viewer, user_gid: str, key: str | None, *, accept: bool) -> Standing:
        """Let one who asks follow the viewer, or not. One who was let in already is no error."""

        async def work(me: UUID, other: UUID) -> None:
            await self._lock_two(viewer, me, other)
            asked = await self._social.remove(FollowRequest, other, me)
            if not asked and not (accept and await self._social.has(Follow, other, me)):
                raise NotFound(NO_REQUEST, "userId")
            if asked and accept:
                await self._befriend(other, me)

        return await self._once(
            viewer, "respondToFollowRequest", user_gid, key, work, towards_me=True, value=[user_gid, accept]
        )

    async def remove_follower(self, viewer: Viewer, user_gid: str, key: str | None) -> Standing:
        """Take a follower away, or a request to follow."""

        async def work(me: UUID, other: UUID) -> None:
            await self._lock_two(viewer, me, other)
            await self._part(other, me)

        return await self._once(viewer, "removeFollower", user_gid, key, work, towards_me=True)

    async def let_all_in(self, user_id: UUID) -> None:
        """Let in all who ask to follow an account that becomes public; takes the locks, before any other on users."""
        await self._locks.graph(user_id)
        await self._social.let_all_in(user_id)

    # --- blocking ---

    async def block(self, viewer: Viewer, user_gid: str, key: str | None) -> Profile:
        """Shut a reader out: it ends what follows and requests there are, and hides each from the other."""
        me, other = viewer.require(), read_id(user_gid, "User", "userId")

        async def work() -> Profile:
            if me == other:
                raise Invalid("You cannot block yourself.", "userId")
            known = await self._lists.blocked_one(viewer, other)
            if known is None:
                await self._lock_two(viewer, me, other)
                await self._part(me, other)
                await self._part(other, me)
                await self._social.add_block(me, other)
            return await self._blocked(viewer, other)

        async def again(_: UUID) -> Profile | None:
            return await self._lists.blocked_one(viewer, other)

        return await self._idempotency.once_for(
            viewer, "block", key, user_gid, work=work, id_of=lambda profile: profile.user.id, again=again
        )

    async def unblock(self, viewer: Viewer, user_gid: str, key: str | None) -> Profile:
        """Take a block away; what it ended stays ended."""
        me, other = viewer.require(), read_id(user_gid, "User", "userId")

        async def present(_: UUID) -> Profile | None:
            return (await self._profiles.visible(viewer, [other])).get(other)

        async def work() -> Profile:
            await self._locks.users(me)
            await self._social.remove_block(me, other)
            found = await present(other)
            if found is None:
                raise NotFound(NO_READER, "userId")
            return found

        return await self._idempotency.once_for(
            viewer, "unblock", key, user_gid, work=work, id_of=lambda profile: profile.user.id, again=present
        )

    # --- lists ---

    async def follow_requests(self, viewer: Viewer, first: int | None, after: str | None) -> Page[Profile]:
        """List who asks to follow the viewer, the latest first."""
        return await self._lists.waiting(viewer, self.request(first, after))

    async def blocked(self, viewer: Viewer, first: int | None, after: str | None) -> Page[Profile]:
        """List whom the viewer blocks, the latest first."""
        return await self._lists.blocked(viewer, self.request(first, after))

    @staticmethod
    def request(first: int | None, after: str | None) -> PageRequest:
        """Check the arguments of a list of people."""
        return PEOPLE.request(first, after)

    # --- parts ---

    async def _lock_two(self, viewer: Viewer, me: UUID, other: UUID) -> Doors:
        """Lock both readers, then look at the other: what was seen before the lock may be over."""
        await self._locks.users(me, other)
        doors = await self._social.doors(viewer, other)
        if doors is None:
            raise NotFound(NO_READER, "userId")
        return doors

    async def _befriend(self, follower_id: UUID, followed_id: UUID) -> None:
        if await self._social.add(Follow, follower_id, followed_id):
            await self._social.move_counts(follower_id, followed_id, 1)

    async def _part(self, follower_id: UUID, followed_id: UUID) -> bool:
        """End that one follows another, or asks to; tell whether one did follow."""
        await self._social.remove(FollowRequest, follower_id, followed_id)
        followed = await self._social.remove(Follow, follower_id, followed_id)
        if followed:
            await self._social.move_counts(follower_id, followed_id, -1)
        return followed

    async def _blocked(self, viewer: Viewer, other: UUID) -> Profile:
        profile = await self._lists.blocked_one(viewer, other)
        if profile is None:
            raise NotFound(NO_READER, "userId")
        return profile

    async def _once(
        self,
        viewer: Viewer,
        operation: str,
        user_gid: str,
        key: str | None,
        work: Callable[[UUID, UUID], Awaitable[None]],
        *,
        towards_me: bool = False,
        value: object = None,
    ) -> Standing:
        me, other = viewer.require(), read_id(user_gid, "User", "userId")

        async def done() -> Standing:
            await work(me, other)
            standing = await present(other)
            if standing is None:
                raise NotFound(NO_READER, "userId")
            return standing

        async def present(_: UUID) -> Standing | None:
            profile = (await self._profiles.visible(viewer, [other])).get(other)
            pair = (other, me) if towards_me else (me, other)
            return Standing(profile, await self._status(*pair)) if profile else None

        return await self._idempotency.once_for(
            viewer, operation, key, value or user_gid, work=done, id_of=lambda s: s.profile.user.id, again=present
        )

    async def _status(self, follower_id: UUID, followed_id: UUID) -> FollowStatus:
        if await self._social.has(Follow, follower_id, followed_id):
            return FollowStatus.FOLLOWING
        asked = await self._social.has(FollowRequest, follower_id, followed_id)
        return FollowStatus.REQUESTED if asked else FollowStatus.NOT_FOLLOWING
