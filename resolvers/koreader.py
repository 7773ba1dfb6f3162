"""Files that KOReader tells of."""

import strawberry

from runtime.context import Info
from schema.errors import user_errors
from schema.koreader import Document, DocumentPayload, LinkDocumentInput, UnlinkDocumentInput


@strawberry.type
class KoreaderMutation:
    """Which books documents are."""

    @strawberry.mutation
    async def link_document(self, info: Info, input: LinkDocumentInput) -> DocumentPayload | None:
        """Say which book a document is: its last sync becomes your reading position there, unless that is later; so do those to come."""
        with user_errors() as failed:
            async with info.context.transaction() as services:
                row = await services.koreader.link(
                    info.context.viewer, input.digest, input.book.to_ref(), input.client_mutation_id
                )
            return DocumentPayload(document=Document.from_model(row))
        return DocumentPayload(document=None, user_errors=failed.errors)

    @strawberry.mutation
    async def unlink_document(self, info: Info, input: UnlinkDocumentInput) -> DocumentPayload | None:
        """Take the book off a document; the reading position it gave stays as it is."""
        with user_errors() as failed:
            async with info.context.transaction() as services:
                row = await services.koreader.unlink(info.context.viewer, input.digest, input.client_mutation_id)
            return DocumentPayload(document=Document.from_model(row))
        return DocumentPayload(document=None, user_errors=failed.errors)
