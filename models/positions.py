"""Where readers are in their books: the latest of all devices, the furthest ever, and the latest of each device."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Float, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from core.database import Base
from models.columns import Key, Moment, member, moment, owner, stamped


class ReadingPosition(Base):
    """A reader's place in a book, by the time it happened; and how far they ever got, which only grows."""

    __tablename__ = "reading_positions"
    __table_args__ = (
        UniqueConstraint("user_id", "book_id"),
        Index("ix_reading_positions_user_id_recorded_at_id", "user_id", "recorded_at", "id"),
        Index("ix_reading_positions_user_id_changed_at", "user_id", "changed_at"),
    )

    id: Mapped[Key]
    user_id: Mapped[UUID] = owner()
    book_id: Mapped[UUID] = mapped_column(ForeignKey("books.id", ondelete="CASCADE"), index=True)
    location: Mapped[int | None]
    percent: Mapped[float | None] = mapped_column(Float)
    progress: Mapped[str | None] = mapped_column(Text)
    """As the device spells its place; never read here."""
    writer: Mapped[str] = mapped_column(String(300))
    """Who told it: breaks ties of time."""
    device_id: Mapped[UUID | None]
    recorded_at: Mapped[Moment]
    """When it happened, corrected by the error of the device's clock."""
    furthest_location: Mapped[int | None]
    furthest_percent: Mapped[float | None] = mapped_column(Float)
    revision: Mapped[int] = mapped_column(server_default=text("0"))
    changed_at: Mapped[Moment] = stamped()
    """When it last changed here, whatever the devices' clocks said."""


class DevicePosition(Base):
    """The latest place that one device told."""

    __tablename__ = "device_positions"

    user_id: Mapped[UUID] = member()
    book_id: Mapped[UUID] = mapped_column(ForeignKey("books.id", ondelete="CASCADE"), primary_key=True, index=True)
    writer: Mapped[str] = mapped_column(String(300), primary_key=True)
    device_id: Mapped[UUID | None] = mapped_column(ForeignKey("devices.id", ondelete="CASCADE"), index=True)
    device_name: Mapped[str | None] = mapped_column(Text)
    """What a device that has no account entry of its own calls itself."""
    location: Mapped[int | None]
    percent: Mapped[float | None] = mapped_column(Float)
    progress: Mapped[str | None] = mapped_column(Text)
    recorded_at: Mapped[Moment]
    said_at: Mapped[datetime | None] = moment()
    """The same by the device's own clock."""
