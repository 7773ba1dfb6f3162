"""Comments, one at a time."""

import strawberry

from runtime.context import Info
from schema.errors import user_errors
from schema.posts_comments import AddCommentInput, CommentPayload, DeleteCommentInput, UpdateCommentInput


@strawberry.type
class CommentMutation:
    """Changes of comments."""

    @strawberry.mutation
    async def add_comment(self, info: Info, input: AddCommentInput) -> CommentPayload | None:
        """Answer a post, or a comment on it."""
        with user_errors() as failed:
            async with info.context.transaction() as services:
                done = await services.comments.add(info.context.viewer, input.to_draft(), input.client_mutation_id)
            info.context.renew()
            return CommentPayload.of(done)
        return CommentPayload.refused(failed.errors)

    @strawberry.mutation
    async def update_comment(self, info: Info, input: UpdateCommentInput) -> CommentPayload | None:
        """Give a comment of yours another text."""
        with user_errors() as failed:
            async with info.context.transaction() as services:
                done = await services.comments.update(
                    info.context.viewer, str(input.id), input.text, input.client_mutation_id
                )
            info.context.renew()
            return CommentPayload.of(done)
        return CommentPayload.refused(failed.errors)

    @strawberry.mutation
    async def delete_comment(self, info: Info, input: DeleteCommentInput) -> CommentPayload | None:
        """Take a comment away: yours, or one under a post of yours. With replies it stays, empty."""
        with user_errors() as failed:
            async with info.context.transaction() as services:
                done = await services.comments.delete(info.context.viewer, str(input.id), input.client_mutation_id)
            info.context.renew()
            return CommentPayload.of(done, is_delete=True)
        return CommentPayload.refused(failed.errors)
