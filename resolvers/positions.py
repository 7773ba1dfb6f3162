"""Reading positions."""

import strawberry

from runtime.context import Info
from schema.errors import user_errors
from schema.positions import ReadingPosition, ReadingPositionPayload, UpdateReadingPositionInput


@strawberry.type
class PositionMutation:
    """Changes of positions."""

    @strawberry.mutation
    async def update_reading_position(
        self, info: Info, input: UpdateReadingPositionInput
    ) -> ReadingPositionPayload | None:
        """Tell where you are in a book, which makes it one of yours. A report older than what is known changes nothing but the furthest."""
        with user_errors() as failed:
            async with info.context.transaction() as services:
                row = await services.positions.update(info.context.viewer, input.to_draft(), input.client_mutation_id)
            return ReadingPositionPayload(position=ReadingPosition.from_model(row))
        return ReadingPositionPayload(position=None, user_errors=failed.errors)
