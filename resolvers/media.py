"""Files that readers hand over."""

import strawberry

from runtime.context import Info
from schema.errors import user_errors
from schema.media import CreateUploadInput, CreateUploadPayload
from services.media import upload_token


@strawberry.type
class MediaMutation:
    """Uploads."""

    @strawberry.mutation
    async def create_upload(self, info: Info, input: CreateUploadInput) -> CreateUploadPayload | None:
        """Announce a picture or a file to import, and learn where to send its bytes; then name it where it is used."""
        with user_errors() as failed:
            async with info.context.transaction() as services:
                row = await services.media.create(info.context.viewer, input.to_draft(), input.client_mutation_id)
            token = upload_token(info.context.container.signer, row)
            return CreateUploadPayload.from_model(row, f"{info.context.origin}/uploads/{token}")
        return CreateUploadPayload(user_errors=failed.errors)
