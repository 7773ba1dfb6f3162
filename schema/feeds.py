"""Home feeds."""

from collections.abc import Mapping
from typing import Self
from uuid import UUID

import strawberry

from repositories.posts import SeenPost
from runtime.context import Info
from schema.pagination import PageInfo
from schema.posts import Post
from schema.profiles import User
from services.feeds import Feed


@strawberry.type(description="A post in a home feed, with its place.")
class FeedEdge:
    """One entry of a feed."""

    reposter_id: strawberry.Private[UUID | None]
    cursor: str = strawberry.field(description="The place behind which a next page may begin.")
    node: Post = strawberry.field(description="What stands there.")

    @strawberry.field
    async def reposted_by(self, info: Info) -> User | None:
        """Who passed it on last, of those you follow and yourself; null where it stands as its author's own post."""
        if self.reposter_id is None:
            return None
        found = await info.context.loaders.profile_by_id.load(self.reposter_id)
        return User.from_model(found) if found else None


@strawberry.type(description="A page of a home feed.")
class FeedConnection:
    """A page of posts, each once."""

    edges: list[FeedEdge] = strawberry.field(description="The entries with their cursors.")
    nodes: list[Post] = strawberry.field(description="The entries alone.")
    page_info: PageInfo = strawberry.field(description="Where this page begins and ends.")
    degraded: bool = strawberry.field(
        description="Whether a part of the server is away, and this was read more slowly without it; nothing is missing."
    )

    @classmethod
    def of(cls, feed: Feed, seen: Mapping[UUID, SeenPost]) -> Self:
        """Present a page; a post that went from sight since its place was read is left out."""
        edges = [
            FeedEdge(reposter_id=entry.reposter_id, cursor=cursor, node=Post.from_model(seen[entry.post_id]))
            for entry, cursor in zip(feed.page.rows, feed.page.cursors, strict=True)
            if entry.post_id in seen
        ]
        nodes = [edge.node for edge in edges]
        return cls(edges=edges, nodes=nodes, page_info=PageInfo.of(feed.page), degraded=feed.degraded)
