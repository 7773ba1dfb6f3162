"""Files that readers' KOReader devices tell of: where they are in each, and which book it is."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Float, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from core.database import Base
from models.columns import Key, Moment, moment, owner, stamped


class Document(Base):
    """A file as KOReader knows it. What was pushed last is kept as it was sent, and given back so."""

    __tablename__ = "documents"
    __table_args__ = (
        UniqueConstraint("user_id", "digest"),
        Index("ix_documents_user_id_touched_at_id", "user_id", "touched_at", "id"),
    )

    id: Mapped[Key]
    user_id: Mapped[UUID] = owner()
    digest: Mapped[str] = mapped_column(String(128))
    """KOReader's name of the file: an MD5 of parts of it, or of its name. The same for all who have that file."""
    book_id: Mapped[UUID | None] = mapped_column(ForeignKey("books.id", ondelete="SET NULL"), index=True)
    percentage: Mapped[float | None] = mapped_column(Float)
    progress: Mapped[str | None] = mapped_column(Text)
    device: Mapped[str | None] = mapped_column(Text)
    device_key: Mapped[str | None] = mapped_column(Text)
    """What the protocol calls device_id: none of ours."""
    pushed_at: Mapped[datetime | None] = moment()
    """When it came in; null for a file that was linked before anything was pushed."""
    filename: Mapped[str | None] = mapped_column(Text)
    title: Mapped[str | None] = mapped_column(Text)
    authors: Mapped[str | None] = mapped_column(Text)
    touched_at: Mapped[Moment] = stamped()

    @property
    def percent(self) -> float | None:
        """Tell how far into the file, 0 to 100: the protocol sets its fraction no bounds."""
        if self.percentage is None:
            return None
        return round(min(max(self.percentage, 0.0), 1.0) * 100, 6)
