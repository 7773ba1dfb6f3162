"""Files that readers hand over: images and files to import, and what lies in storage."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, String, text
from sqlalchemy.orm import Mapped, mapped_column

from core.database import Base
from models.columns import Key, Moment, moment, owner, stamped, word


class UploadPurpose(StrEnum):
    """What a file is for."""

    AVATAR = "AVATAR"
    POST_IMAGE = "POST_IMAGE"
    IMPORT = "IMPORT"


class MediaState(StrEnum):
    """Whether the bytes are here."""

    PENDING = "PENDING"
    READY = "READY"


class Media(Base):
    """A file that was announced, and perhaps has come."""

    __tablename__ = "media"
    __table_args__ = (
        Index("ix_media_unattached", "created_at", postgresql_where=text("attached_at IS NULL")),
        Index("ix_media_imports", "created_at", postgresql_where=text("purpose = 'IMPORT'")),
        CheckConstraint("byte_size > 0", name="byte_size"),
        CheckConstraint("(state = 'READY') = (file_key IS NOT NULL)", name="file_key"),
    )

    id: Mapped[Key]
    user_id: Mapped[UUID] = owner(index=True)
    purpose: Mapped[UploadPurpose] = word(UploadPurpose)
    state: Mapped[MediaState] = word(MediaState, MediaState.PENDING)
    content_type: Mapped[str] = mapped_column(String(100))
    """As announced; once the bytes are here, what they are."""
    byte_size: Mapped[int]
    """As announced, which is what came; the file that is kept may be smaller."""
    sha256: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    """Of the bytes that came, so that a repeat is known for one."""
    file_key: Mapped[str | None] = mapped_column(String(100), unique=True)
    width: Mapped[int | None]
    height: Mapped[int | None]
    created_at: Mapped[Moment] = stamped()
    expires_at: Mapped[Moment]
    """Until when the bytes are taken."""
    attached_at: Mapped[datetime | None] = moment()


class StoredFile(Base):
    """A file that lies in storage, or may: written here before it is written there. One of no media is swept."""

    __tablename__ = "stored_files"

    key: Mapped[str] = mapped_column(String(100), primary_key=True)
    media_id: Mapped[UUID | None] = mapped_column(ForeignKey("media.id", ondelete="SET NULL"), index=True)
    created_at: Mapped[Moment] = stamped()
