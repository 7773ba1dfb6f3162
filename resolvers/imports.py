"""Files of highlights from elsewhere."""

import strawberry

from runtime.context import Info
from schema.errors import user_errors
from schema.imports import Import, ImportHighlightsInput, ImportHighlightsPayload


@strawberry.type
class ImportMutation:
    """Imports."""

    @strawberry.mutation
    async def import_highlights(self, info: Info, input: ImportHighlightsInput) -> ImportHighlightsPayload | None:
        """Let a file in: always a job, to be followed by `importProgress` or `node`. Importing it again changes nothing."""
        with user_errors() as failed:
            async with info.context.transaction() as services:
                row = await services.imports.start(info.context.viewer, input.draft(), input.client_mutation_id)
            return ImportHighlightsPayload(import_=Import.from_model(row))
        return ImportHighlightsPayload(import_=None, user_errors=failed.errors)
