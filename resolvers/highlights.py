"""Highlights, one at a time."""

from typing import Annotated

import strawberry

from core import metrics
from core.ids import read_id
from runtime.context import Info
from schema.errors import user_errors
from schema.highlights import (
    CreateHighlightInput,
    DeleteHighlightInput,
    Highlight,
    HighlightPayload,
    RestoreHighlightInput,
    UpdateHighlightInput,
)


@strawberry.type
class HighlightQuery:
    """Highlights to read."""

    @strawberry.field
    async def highlight(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="Which highlight.")]
    ) -> Highlight | None:
        """A highlight; null when there is none, or none for you to see."""
        row = await info.context.loaders.highlight_by_id.load(read_id(str(id), "Highlight", "id"))
        return Highlight.from_model(row) if row else None


@strawberry.type
class HighlightMutation:
    """Changes of the viewer's highlights."""

    @strawberry.mutation
    async def create_highlight(self, info: Info, input: CreateHighlightInput) -> HighlightPayload | None:
        """Mark a passage; your other devices have it within two seconds."""
        with user_errors() as failed, metrics.highlight_operation("create"):
            async with info.context.transaction() as services:
                applied = await services.highlights.create(
                    info.context.viewer, input.uuid, input.to_draft(), input.client_mutation_id
                )
            return HighlightPayload.from_applied(applied)
        return HighlightPayload(highlight=None, user_errors=failed.errors)

    @strawberry.mutation
    async def update_highlight(self, info: Info, input: UpdateHighlightInput) -> HighlightPayload | None:
        """Change a highlight of yours."""
        with user_errors() as failed, metrics.highlight_operation("update"):
            async with info.context.transaction() as services:
                applied = await services.highlights.update(
                    info.context.viewer, str(input.id), input.to_patch(), input.based_on, input.client_mutation_id
                )
            return HighlightPayload.from_applied(applied)
        return HighlightPayload(highlight=None, user_errors=failed.errors)

    @strawberry.mutation
    async def delete_highlight(self, info: Info, input: DeleteHighlightInput) -> HighlightPayload | None:
        """Take a highlight of yours away; 30 days to undo."""
        with user_errors() as failed, metrics.highlight_operation("delete"):
            async with info.context.transaction() as services:
                applied = await services.highlights.delete(
                    info.context.viewer, str(input.id), input.based_on, input.client_mutation_id
                )
            return HighlightPayload.from_applied(applied)
        return HighlightPayload(highlight=None, user_errors=failed.errors)

    @strawberry.mutation
    async def restore_highlight(self, info: Info, input: RestoreHighlightInput) -> HighlightPayload | None:
        """Bring a deleted highlight of yours back."""
        with user_errors() as failed, metrics.highlight_operation("restore"):
            async with info.context.transaction() as services:
                applied = await services.highlights.restore(
                    info.context.viewer, str(input.id), input.client_mutation_id
                )
            return HighlightPayload.from_applied(applied)
        return HighlightPayload(highlight=None, user_errors=failed.errors)
