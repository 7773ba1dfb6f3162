"""Files that readers hand over."""

from datetime import datetime
from typing import Self

import strawberry

from core.ids import global_id
from models import Media
from models.media import UploadPurpose
from runtime.context import Info
from schema.enums import described
from schema.errors import UserError
from services.media_rules import UploadDraft

described(
    UploadPurpose,
    "What a file is for. It can be used for nothing else.",
    {
        "AVATAR": "The picture of a profile: JPEG, PNG, WebP or GIF. It is cut to a square.",
        "POST_IMAGE": "The picture of a post: JPEG, PNG, WebP or GIF.",
        "IMPORT": "Highlights from elsewhere: text, CSV, JSON or ZIP. It is never shown to anybody.",
    },
)


def picture_url(info: Info, file_key: str) -> str:
    """Tell where a picture is shown."""
    return f"{info.context.origin}/media/{file_key.removeprefix('images/')}"


@strawberry.input(description="A file to announce.")
class CreateUploadInput:
    """Input of createUpload."""

    content_type: str = strawberry.field(description="Its media type, such as `image/jpeg`; the bytes must agree.")
    byte_size: int = strawberry.field(description="Its size in bytes, exactly.")
    purpose: UploadPurpose = strawberry.field(description="What it is for.")
    client_mutation_id: str | None = None

    def to_draft(self) -> UploadDraft:
        """Pass on what is announced."""
        return UploadDraft(self.content_type, self.byte_size, self.purpose)


@strawberry.type(description="The answer to createUpload.")
class CreateUploadPayload:
    """Payload of createUpload."""

    media_id: strawberry.ID | None = strawberry.field(
        default=None, description="What to name the file by where it is used; unused for a day, it is gone."
    )
    upload_url: str | None = strawberry.field(
        default=None,
        description="Where to PUT the bytes, as they are and without credentials. Sending the same bytes again is harmless.",
    )
    expires_at: datetime | None = strawberry.field(default=None, description="Until when they are taken.")
    user_errors: list[UserError] = strawberry.field(default_factory=list)

    @classmethod
    def from_model(cls, row: Media, upload_url: str) -> Self:
        """Present a file that was announced."""
        media_id = strawberry.ID(global_id("Media", row.id))
        return cls(media_id=media_id, upload_url=upload_url, expires_at=row.expires_at)
