"""Exports, and sharing."""

import strawberry

from runtime.context import Info
from schema.errors import user_errors
from schema.exports import (
    ExportHighlightsInput,
    ExportHighlightsPayload,
    ShareHighlightInput,
    ShareHighlightPayload,
)


@strawberry.type
class ExportMutation:
    """Taking highlights elsewhere."""

    @strawberry.mutation
    async def export_highlights(self, info: Info, input: ExportHighlightsInput) -> ExportHighlightsPayload | None:
        """Take your highlights away as a file: all of them, however many."""
        with user_errors() as failed:
            book_id = str(input.book_id) if input.book_id is not None else None
            async with info.context.transaction() as services:
                link = await services.exports.link(info.context.viewer, input.format, book_id, input.client_mutation_id)
            return ExportHighlightsPayload.from_link(link, info.context.origin)
        return ExportHighlightsPayload(user_errors=failed.errors)

    @strawberry.mutation
    async def share_highlight(self, info: Info, input: ShareHighlightInput) -> ShareHighlightPayload | None:
        """Put a highlight of yours into words to post elsewhere, with a link that shows what its visibility allows."""
        with user_errors() as failed:
            async with info.context.transaction() as services:
                shared = await services.sharing.share(
                    info.context.viewer, str(input.id), input.platform, input.client_mutation_id
                )
            return ShareHighlightPayload.from_shared(shared, info.context.origin)
        return ShareHighlightPayload(user_errors=failed.errors)
