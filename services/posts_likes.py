"""Liking posts and comments."""

from dataclasses import dataclass
from uuid import UUID

from auth.viewer import Viewer
from core.errors import AppError, Invalid, NotFound
from core.events import Event, PostCountsChanged
from core.ids import read_global_id
from models import Comment, Post
from repositories.locks import Locks
from repositories.posts_likes import Liked, LikeRepository, Standing
from services.idempotency import IdempotencyService

KINDS: dict[str, Liked] = {"Post": Post, "Comment": Comment}
NOTHING = "There is no such post or comment."


@dataclass(frozen=True, slots=True)
class LikeState:
    """How a thing and the viewer stand to each other."""

    kind: Liked
    key: UUID
    is_liked: bool
    count: int


class LikeService:
    """Likes of one transaction."""

    def __init__(
        self, *, likes: LikeRepository, locks: Locks, idempotency: IdempotencyService, events: list[Event]
    ) -> None:
        self._likes = likes
        self._locks = locks
        self._idempotency = idempotency
        self._events = events

    async def like(self, viewer: Viewer, target_gid: str, key: str | None) -> LikeState:
        """Like a post or a comment; again is the same answer."""
        return await self._once(viewer, "like", target_gid, key, likes=True)

    async def unlike(self, viewer: Viewer, target_gid: str, key: str | None) -> LikeState:
        """Like a post or a comment no longer; what is not liked is no error."""
        return await self._once(viewer, "unlike", target_gid, key, likes=False)

    async def _once(
        self, viewer: Viewer, operation: str, target_gid: str, key: str | None, *, likes: bool
    ) -> LikeState:
        viewer.require()
        kind, target = _read(target_gid)

        async def work() -> LikeState:
            return await self._set(viewer, kind, target, likes=likes)

        async def again(_: UUID) -> LikeState | None:
            found = await self._likes.standing(viewer, kind, target)
            return LikeState(kind, target, found.is_liked, found.count) if found else None

        return await self._idempotency.once_for(
            viewer, operation, key, target_gid, work=work, id_of=lambda state: state.key, again=again
        )

    async def _set(self, viewer: Viewer, kind: Liked, target: UUID, *, likes: bool) -> LikeState:
        me = viewer.require()
        await self._locks.presence(me)
        # One who taps again has nothing to wait for; and what is not there is not locked either.
        found = await self._seen(viewer, kind, target)
        if found.is_liked == likes:
            return LikeState(kind, target, likes, found.count)
        # Before the like is written: its foreign key shares the row, and two who share it cannot both go on to change it.
        await (self._locks.posts([target]) if kind is Post else self._locks.comments([target]))
        found = await self._seen(viewer, kind, target)
        moved = await (self._likes.add if likes else self._likes.remove)(kind, target, me)
        if moved is not None and kind is Post:
            self._events.append(PostCountsChanged(target))
        return LikeState(kind, target, likes, found.count if moved is None else moved)

    async def _seen(self, viewer: Viewer, kind: Liked, target: UUID) -> Standing:
        found = await self._likes.standing(viewer, kind, target)
        if found is None:
            raise NotFound(NOTHING, "targetId")
        return found


def _read(target_gid: str) -> tuple[Liked, UUID]:
    """Read what is named; raise Invalid."""
    try:
        kind, key = read_global_id(target_gid)
    except AppError as error:
        raise error.under("targetId") from None
    if kind not in KINDS:
        raise Invalid(f"This is the id of a {kind}; a Post or a Comment is needed here.", "targetId")
    return KINDS[kind], key
