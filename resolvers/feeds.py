"""Home feeds."""

import strawberry

from runtime.context import Info
from schema.feeds import FeedConnection
from schema.pagination import After, First


@strawberry.type
class FeedQuery:
    """Feeds to read."""

    @strawberry.field
    async def home_feed(self, info: Info, first: First = 20, after: After = None) -> FeedConnection:
        """What you and those you follow wrote and passed on, newest first and without an end; each post once, at its latest place."""
        feed = await info.context.container.feeds.page(info.context.viewer, first, after)
        ids = [entry.post_id for entry in feed.page.rows]
        found = await info.context.loaders.post_by_id.load_many(ids)
        return FeedConnection.of(feed, {seen.post.id: seen for seen in found if seen})
