"""Posts."""

from typing import Annotated

import strawberry

from core.ids import read_id
from runtime.context import Info
from schema.errors import user_errors
from schema.pagination import After, Connection, First
from schema.posts import (
    CreatePostInput,
    DeletePostInput,
    Post,
    PostPayload,
    RepostInput,
    RestorePostInput,
    UndoRepostInput,
)


@strawberry.type
class PostQuery:
    """Posts to read."""

    @strawberry.field
    async def post(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="Which post.")]
    ) -> Post | None:
        """A post; null when there is none, or none for you to see."""
        seen = await info.context.loaders.post_by_id.load(read_id(str(id), "Post", "id"))
        return Post.from_model(seen) if seen else None

    @strawberry.field
    async def hashtag_posts(
        self,
        info: Info,
        tag: Annotated[str, strawberry.argument(description="With or without #; letter case does not matter.")],
        first: First = 20,
        after: After = None,
    ) -> Connection[Post]:
        """Posts with a hashtag, newest first. One that may be a spoiler for you is not among them until you are far enough."""
        async with info.context.reading() as services:
            page = await services.posts.by_hashtag(info.context.viewer, tag, first, after)
        return Connection.of(page, Post.from_model)


@strawberry.type
class PostMutation:
    """Changes of posts."""

    @strawberry.mutation
    async def create_post(self, info: Info, input: CreatePostInput) -> PostPayload | None:
        """Write a post. It cannot be edited afterwards."""
        with user_errors() as failed:
            async with info.context.transaction() as services:
                seen = await services.posts.create(info.context.viewer, input.to_draft(), input.client_mutation_id)
            return PostPayload.of(seen)
        return PostPayload(user_errors=failed.errors)

    @strawberry.mutation
    async def delete_post(self, info: Info, input: DeletePostInput) -> PostPayload | None:
        """Take a post of yours away; 30 days to undo. Doing it again is the same answer."""
        with user_errors() as failed:
            async with info.context.transaction() as services:
                row = await services.posts.delete(info.context.viewer, str(input.id), input.client_mutation_id)
            return PostPayload.of_own(row)
        return PostPayload(user_errors=failed.errors)

    @strawberry.mutation
    async def restore_post(self, info: Info, input: RestorePostInput) -> PostPayload | None:
        """Bring a deleted post of yours back, with its likes, comments and reposts."""
        with user_errors() as failed:
            async with info.context.transaction() as services:
                row = await services.posts.restore(info.context.viewer, str(input.id), input.client_mutation_id)
            return PostPayload.of_own(row)
        return PostPayload(user_errors=failed.errors)

    @strawberry.mutation
    async def repost(self, info: Info, input: RepostInput) -> PostPayload | None:
        """Pass a public post on to your followers. Doing it again is the same answer."""
        with user_errors() as failed:
            async with info.context.transaction() as services:
                seen = await services.reposts.repost(info.context.viewer, str(input.post_id), input.client_mutation_id)
            return PostPayload.of(seen)
        return PostPayload(user_errors=failed.errors)

    @strawberry.mutation
    async def undo_repost(self, info: Info, input: UndoRepostInput) -> PostPayload | None:
        """Pass a post on no longer. Doing it again is the same answer."""
        with user_errors() as failed:
            async with info.context.transaction() as services:
                seen = await services.reposts.undo(info.context.viewer, str(input.post_id), input.client_mutation_id)
            return PostPayload.of(seen)
        return PostPayload(user_errors=failed.errors)
