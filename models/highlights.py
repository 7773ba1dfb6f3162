"""Highlights: five registers, each with the sequence number, time and device of its last edit."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, MappedColumn, mapped_column

from core.database import Base
from models.columns import Key, Moment, member, moment, stamped, word
from models.profiles import Visibility


class HighlightColor(StrEnum):
    """The five colours of the marker."""

    YELLOW = "YELLOW"
    BLUE = "BLUE"
    PINK = "PINK"
    ORANGE = "ORANGE"
    GREEN = "GREEN"


def sequence() -> MappedColumn[int]:
    """Make a column for a number of the owner's change counter."""
    return mapped_column(BigInteger)


class Highlight(Base):
    """A passage a reader marked; a deleted one stays as a tombstone, so that every device learns of it."""

    __tablename__ = "highlights"
    __table_args__ = (
        Index("uq_highlights_id", "id", unique=True),
        Index("uq_highlights_user_id_seq", "user_id", "seq", unique=True),
        Index("ix_highlights_user_id_created_at", "user_id", "created_at", "id"),
        Index("ix_highlights_user_id_book_id", "user_id", "book_id"),
        Index("ix_highlights_book_id", "book_id"),
        Index("ix_highlights_restorable_until", "restorable_until", postgresql_where=text("erased_at IS NULL")),
        Index("ix_highlights_erased_at", "erased_at", postgresql_where=text("erased_at IS NOT NULL")),
        CheckConstraint("(location_start IS NULL) = (location_end IS NULL)", name="locations_together"),
        CheckConstraint("location_start >= 0 AND location_end > location_start", name="locations_ordered"),
        CheckConstraint("percent BETWEEN 0 AND 100", name="percent_range"),
        CheckConstraint("(deleted_at IS NULL) = (restorable_until IS NULL)", name="deleted_restorable"),
        CheckConstraint("erased_at IS NULL OR deleted_at IS NOT NULL", name="erased_deleted"),
    )

    user_id: Mapped[UUID] = member()
    id: Mapped[Key]
    book_id: Mapped[UUID] = mapped_column(ForeignKey("books.id"))
    seq: Mapped[int] = sequence()
    """The owner's counter at the last change: what a pull reads by."""

    text: Mapped[str] = mapped_column(Text)
    location_start: Mapped[int | None]
    location_end: Mapped[int | None]
    prefix: Mapped[str | None] = mapped_column(Text)
    suffix: Mapped[str | None] = mapped_column(Text)
    cfi: Mapped[str | None] = mapped_column(Text)
    page: Mapped[str | None] = mapped_column(String(50))
    percent: Mapped[float | None]
    passage_seq: Mapped[int] = sequence()
    passage_at: Mapped[Moment]
    passage_device_id: Mapped[UUID | None]

    note: Mapped[str | None] = mapped_column(Text)
    note_seq: Mapped[int] = sequence()
    note_at: Mapped[Moment]
    note_device_id: Mapped[UUID | None]

    color: Mapped[HighlightColor] = word(HighlightColor, HighlightColor.YELLOW)
    color_seq: Mapped[int] = sequence()
    color_at: Mapped[Moment]
    color_device_id: Mapped[UUID | None]

    visibility: Mapped[Visibility] = word(Visibility, Visibility.PRIVATE)
    visibility_seq: Mapped[int] = sequence()
    visibility_at: Mapped[Moment]
    visibility_device_id: Mapped[UUID | None]

    deleted_at: Mapped[datetime | None] = moment()
    restorable_until: Mapped[datetime | None] = moment()
    """30 days from the later of the deletion and the last late edit."""
    life_seq: Mapped[int] = sequence()
    life_at: Mapped[Moment]
    life_device_id: Mapped[UUID | None]

    erased_at: Mapped[datetime | None] = moment()
    """From here on the row is an id that must not come back; its content is gone."""
    conflict_of: Mapped[UUID | None]
    """The highlight whose edit could not be ordered against the one kept here."""
    origin_device_id: Mapped[UUID | None]
    """The device that made the last change: a hint for user interfaces."""
    created_at: Mapped[Moment] = stamped()
    updated_at: Mapped[Moment] = stamped()
