"""The order of each reader's changes, and what became of what their devices sent."""

from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, LargeBinary, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from core.database import Base
from models.columns import Moment, member, stamped, word


class OpOutcome(StrEnum):
    """What became of one operation of a device."""

    APPLIED = "APPLIED"
    MERGED = "MERGED"
    SUPERSEDED = "SUPERSEDED"
    FORKED = "FORKED"
    REJECTED = "REJECTED"


class ResyncReason(StrEnum):
    """Why a device has to begin its pulls anew."""

    CURSOR_TOO_OLD = "CURSOR_TOO_OLD"
    EPOCH_CHANGED = "EPOCH_CHANGED"
    CURSOR_INVALID = "CURSOR_INVALID"
    SWITCHES_CHANGED = "SWITCHES_CHANGED"


class SyncCounter(Base):
    """One counter a reader; its row lock makes the order of commits the order of the numbers."""

    __tablename__ = "sync_counters"

    user_id: Mapped[UUID] = member()
    seq: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    floor: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    """The highest number of a purged tombstone: older cursors might miss a removal."""


class SyncEpoch(Base):
    """Which life of this database it is, and what that life looked like when it began; exactly one row."""

    __tablename__ = "sync_epoch"
    __table_args__ = (CheckConstraint("singleton", name="single"),)

    singleton: Mapped[bool] = mapped_column(primary_key=True, server_default=text("true"))
    epoch: Mapped[str] = mapped_column(String(16))
    fingerprint: Mapped[str] = mapped_column(String(100))
    """System identifier, timeline and database oid: a restored backup differs in one of them."""
    began_at: Mapped[Moment] = stamped()


class SyncOutcome(Base):
    """The remembered answer to one operation, given again when it is sent again."""

    __tablename__ = "sync_outcomes"
    __table_args__ = (Index("ix_sync_outcomes_created_at", "created_at"),)

    user_id: Mapped[UUID] = member()
    op_id: Mapped[UUID] = mapped_column(primary_key=True)
    device_id: Mapped[UUID]
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary(32))
    outcome: Mapped[OpOutcome] = word(OpOutcome)
    highlight_id: Mapped[UUID]
    fork_id: Mapped[UUID | None]
    error_code: Mapped[str | None] = mapped_column(String(40))
    error_message: Mapped[str | None] = mapped_column(Text)
    error_field: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[Moment] = stamped()
