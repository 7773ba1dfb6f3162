"""Posts passed on to others."""

from collections.abc import Awaitable, Callable
from uuid import UUID

from auth.viewer import Viewer
from core.errors import Forbidden, NotFound
from core.events import Event, FeedEntryAdded, PostCountsChanged
from core.ids import read_id
from models.posts import Fanout
from models.profiles import Visibility
from repositories.locks import Locks
from repositories.posts import PostRepository, SeenPost
from repositories.posts_reposts import RepostRepository
from services.idempotency import IdempotencyService
from services.jobs import JobService
from services.posts import NO_POST, fanout_of

CLOSED = "Only a public post of a public account can be passed on."


class RepostService:
    """Reposts of one transaction."""

    def __init__(
        self,
        *,
        posts: PostRepository,
        reposts: RepostRepository,
        locks: Locks,
        jobs: JobService,
        idempotency: IdempotencyService,
        events: list[Event],
        pull_threshold: int,
    ) -> None:
        self._posts = posts
        self._reposts = reposts
        self._locks = locks
        self._jobs = jobs
        self._idempotency = idempotency
        self._events = events
        self._pull_threshold = pull_threshold

    async def repost(self, viewer: Viewer, post_gid: str, key: str | None) -> SeenPost:
        """Pass a post on to the viewer's followers; again is the same answer."""

        async def work(me: UUID, seen: SeenPost) -> bool:
            row = seen.post
            closed = row.visibility is not Visibility.PUBLIC
            if closed or (row.user_id != me and await self._reposts.is_private(row.user_id)):
                raise Forbidden(CLOSED, "postId")
            fanout = fanout_of(await self._reposts.followers_of(me), self._pull_threshold)
            if not await self._reposts.add(row.id, me, fanout):
                return False
            await self._jobs.add("fanout_repost", post_id=str(row.id), user_id=str(me))
            self._events.append(FeedEntryAdded(author_id=me, post_id=row.id, is_repost=True))
            return True

        return await self._change(viewer, "repost", post_gid, key, work)

    async def undo(self, viewer: Viewer, post_gid: str, key: str | None) -> SeenPost:
        """Take a repost back; where there is none, the same answer."""

        async def work(me: UUID, seen: SeenPost) -> bool:
            gone = await self._reposts.remove(seen.post.id, me)
            if gone is None:
                return False
            if gone.fanout is Fanout.PUSH:
                ids = {"post_id": str(seen.post.id), "user_id": str(me)}
                await self._jobs.add("fanout_unrepost", **ids, gone_at=gone.created_at.isoformat())
            return True

        return await self._change(viewer, "undoRepost", post_gid, key, work)

    async def _change(
        self,
        viewer: Viewer,
        operation: str,
        post_gid: str,
        key: str | None,
        change: Callable[[UUID, SeenPost], Awaitable[bool]],
    ) -> SeenPost:
        me = viewer.require()

        async def present(post_id: UUID) -> SeenPost | None:
            return (await self._posts.visible(viewer, [post_id])).get(post_id)

        async def work() -> SeenPost:
            post_id = read_id(post_gid, "Post", "postId")
            await self._locks.presence(me)
            await self._locks.posts([post_id])
            seen = await present(post_id)
            if seen is None:
                raise NotFound(NO_POST, "postId")
            if await change(me, seen):
                self._events.append(PostCountsChanged(post_id))
                seen = await present(post_id)
            if seen is None:
                raise NotFound(NO_POST, "postId")
            return seen

        return await self._idempotency.once_for(
            viewer, operation, key, post_gid, work=work, id_of=lambda seen: seen.post.id, again=present
        )
