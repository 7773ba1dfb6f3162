"""The audit log: who did what that somebody may want to know years later."""

from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from core.database import Base
from models.columns import Key, Moment, stamped


class AuditEntry(Base):
    """One act. Never the words of a highlight or note, a token or a password.

    When an account is deleted its entries stay, and no longer say whose they are, of what, or from where.
    """

    __tablename__ = "audit_log"
    __table_args__ = (
        Index("ix_audit_log_user_id_timestamp", "user_id", text("timestamp DESC")),
        Index("ix_audit_log_action_timestamp", "action", text("timestamp DESC")),
        Index("ix_audit_log_timestamp", "timestamp"),
        Index("ix_audit_log_resource_id", "resource_id"),
    )

    id: Mapped[Key]
    timestamp: Mapped[Moment] = stamped()
    user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    action: Mapped[str] = mapped_column(String(50))
    """A word such as `highlight.export`."""
    resource_type: Mapped[str | None] = mapped_column(String(50))
    resource_id: Mapped[UUID | None]
    details: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    ip: Mapped[str | None] = mapped_column(String(64))
    user_agent: Mapped[str | None] = mapped_column(String(300))
