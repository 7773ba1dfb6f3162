"""Liking."""

import strawberry

from runtime.context import Info
from schema.errors import user_errors
from schema.posts_likes import LikeInput, LikePayload


@strawberry.type
class LikeMutation:
    """Changes of likes."""

    @strawberry.mutation
    async def like(self, info: Info, input: LikeInput) -> LikePayload | None:
        """Like a post or a comment. Doing it again is the same answer."""
        with user_errors() as failed:
            async with info.context.transaction() as services:
                state = await services.likes.like(info.context.viewer, str(input.target_id), input.client_mutation_id)
            info.context.renew()
            return LikePayload.of(state)
        return LikePayload.refused(failed.errors)

    @strawberry.mutation
    async def unlike(self, info: Info, input: LikeInput) -> LikePayload | None:
        """Like a post or a comment no longer. Doing it again is the same answer."""
        with user_errors() as failed:
            async with info.context.transaction() as services:
                state = await services.likes.unlike(info.context.viewer, str(input.target_id), input.client_mutation_id)
            info.context.renew()
            return LikePayload.of(state)
        return LikePayload.refused(failed.errors)
