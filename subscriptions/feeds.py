"""Live home feeds."""

import asyncio
from collections.abc import AsyncGenerator

import strawberry

from core import metrics
from core.database import BUSY
from core.errors import Unavailable
from core.metrics import FeedOutcome, SocketEnd
from models.feeds import FeedEntry
from repositories.posts import SeenPost
from runtime.context import Info, TooSlow
from runtime.sockets import TRY_AGAIN_LATER
from schema.feeds import FeedEdge
from schema.posts import Post
from services.feeds_live import cursor_of

RETRY_SECONDS = 1.0


@strawberry.type
class FeedSubscription:
    """Feeds as they grow."""

    @strawberry.subscription
    async def home_feed(self, info: Info) -> AsyncGenerator[FeedEdge, None]:
        """What comes into your home feed: posts, and reposts, which lift a post that you were sent already to a new place.

        Begins with the next entry. After a reconnect, query again; do so too after subscribing, and go by the id of the post.
        """
        viewer = info.context.viewer
        viewer.require()
        with info.context.listener.watch_feed(viewer) as watch:
            await watch.begin()
            while True:
                try:
                    entry = await watch.next()
                except TooSlow:
                    await _close_slow(info)
                    return
                info.context.renew()
                seen = await _seen(info, entry)
                if seen is None:
                    metrics.live_entry(FeedOutcome.WITHHELD)
                    continue
                metrics.live_entry(FeedOutcome.SENT)
                yield FeedEdge(reposter_id=entry.reposter_id, cursor=cursor_of(entry), node=Post.from_model(seen))
                if info.context.loaders.failed:
                    # The entry went out with holes: end here, so that whoever reconnects asks for it again.
                    raise Unavailable(BUSY)


async def _seen(info: Info, entry: FeedEntry) -> SeenPost | None:
    """Read the post with the viewer's eyes as they are now; waits for a database that is away."""
    while True:
        try:
            return await info.context.loaders.post_by_id.load(entry.post_id)
        except Unavailable:
            await asyncio.sleep(RETRY_SECONDS)
            info.context.renew()


async def _close_slow(info: Info) -> None:
    opened = info.context.socket
    if opened is not None:
        metrics.socket_closed(SocketEnd.TOO_SLOW)
        # Closing ends this operation, and must not be ended by it.
        await asyncio.shield(opened.socket.close(TRY_AGAIN_LATER, "Too slow: reconnect, and query the feed again"))
