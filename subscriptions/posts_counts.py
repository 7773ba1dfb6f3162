"""Live counts of posts."""

from collections.abc import AsyncGenerator
from typing import Annotated

import strawberry

from core.errors import NotFound
from runtime.context import Info
from schema.posts_counts import PostCounts
from services.posts_counts import read_post_ids


@strawberry.type
class PostCountsSubscription:
    """Counts as they change."""

    @strawberry.subscription
    async def post_counts(
        self,
        info: Info,
        post_ids: Annotated[list[strawberry.ID], strawberry.argument(description="Which posts: 1 to 50 ids.")],
    ) -> AsyncGenerator[PostCounts, None]:
        """How often posts are liked, answered and passed on: as it stands, then after changes, about once a second for each post.

        A post that you may not see, or no longer, is silent. NOT_FOUND when you may see none of them.
        """
        keys = read_post_ids([str(post_id) for post_id in post_ids])
        async with info.context.listener.watch_counts(info.context.viewer, keys) as watch:
            if not await watch.begin():
                raise NotFound("There are no such posts.", "postIds")
            while True:
                yield PostCounts.of(*await watch.next())
