"""Sessions, devices, and the tally of sign-in attempts."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, LargeBinary, String, text
from sqlalchemy.orm import Mapped, mapped_column

from core.database import Base
from models.columns import Key, Moment, moment, owner, stamped


class Device(Base):
    """One reading device of a user, and how far it has synced."""

    __tablename__ = "devices"

    id: Mapped[Key]
    user_id: Mapped[UUID] = owner(index=True)
    name: Mapped[str] = mapped_column(String(100))
    platform: Mapped[str] = mapped_column(String(50))
    created_at: Mapped[Moment] = stamped()
    last_seen_at: Mapped[datetime | None] = moment()
    sync_highlights: Mapped[bool] = mapped_column(server_default=text("true"))
    sync_notes: Mapped[bool] = mapped_column(server_default=text("true"))
    must_resync: Mapped[bool] = mapped_column(server_default=text("false"))
    """A switch was turned on; told until the device pulls from the beginning."""
    synced_seq: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    """The sequence number of the last cursor this device was sent."""
    synced_at: Mapped[datetime | None] = moment()
    pushed_op_id: Mapped[UUID | None]
    """The last operation taken from this device in this epoch; whoever pushes as it must know of it."""


class Session(Base):
    """A sign-in; only the hash of its token is kept. Revoking deletes the row."""

    __tablename__ = "sessions"

    id: Mapped[Key]
    user_id: Mapped[UUID] = owner(index=True)
    device_id: Mapped[UUID | None] = mapped_column(ForeignKey("devices.id", ondelete="CASCADE"), index=True)
    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    created_at: Mapped[Moment] = stamped()
    last_seen_at: Mapped[Moment] = stamped()
    expires_at: Mapped[Moment]


class AuthAttempt(Base):
    """One attempt to sign in or up, kept for a short while to limit guessing. Not tied to an account: the name may be nobody's."""

    __tablename__ = "auth_attempts"
    __table_args__ = (Index("ix_auth_attempts_bucket_at", "bucket", "at"), Index("ix_auth_attempts_at", "at"))

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    bucket: Mapped[str] = mapped_column(String(300))
    """What is counted together: `account:…`, `address:…`, `sign-up:…`."""
    at: Mapped[Moment] = stamped()
