"""Live counts of posts."""

from typing import Self
from uuid import UUID

import strawberry

from core.ids import global_id
from repositories.posts_counts import Counts


@strawberry.type(description="How often a post was liked, answered and passed on, as it is now.")
class PostCounts:
    """The counts of a post."""

    post_id: strawberry.ID = strawberry.field(description="Which post.")
    like_count: int = strawberry.field(description="How many readers like it.")
    comment_count: int = strawberry.field(description="How many comments there are below it, replies included.")
    repost_count: int = strawberry.field(description="How many readers passed it on.")

    @classmethod
    def of(cls, post_id: UUID, counts: Counts) -> Self:
        """Present the counts of a post."""
        return cls(
            post_id=strawberry.ID(global_id("Post", post_id)),
            like_count=counts.likes,
            comment_count=counts.comments,
            repost_count=counts.reposts,
        )
