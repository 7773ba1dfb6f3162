"""Trending posts."""

import strawberry

from models.posts import TrendWindow
from runtime.context import Info
from schema.posts import Post
from schema.posts_trends import First, Window


@strawberry.type
class PostTrendQuery:
    """What many turn to."""

    @strawberry.field
    async def trending_posts(self, info: Info, window: Window = TrendWindow.DAY, first: First = 10) -> list[Post]:
        """Public posts that several readers liked, answered or passed on of late, the hottest first; computed every five minutes."""
        async with info.context.reading() as services:
            keys = await services.post_trends.top(info.context.viewer, window, first)
        found = await info.context.loaders.post_by_id.load_many(keys)
        return [Post.from_model(seen) for seen in found if seen is not None]
