"""Files of highlights from elsewhere, and what became of each record."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, LargeBinary, String, Text, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from core.database import Base
from models.columns import Key, Moment, member, moment, owner, stamped, word


class ImportFormat(StrEnum):
    """What kind of file it is."""

    MY_CLIPPINGS = "MY_CLIPPINGS"
    KOREADER = "KOREADER"
    READWISE_CSV = "READWISE_CSV"
    W3C_ANNOTATIONS = "W3C_ANNOTATIONS"
    JSON = "JSON"


class ImportState(StrEnum):
    """Where an import stands."""

    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    DONE = "DONE"
    FAILED = "FAILED"


class Import(Base):
    """One file on its way in."""

    __tablename__ = "imports"

    id: Mapped[Key]
    user_id: Mapped[UUID] = owner(index=True)
    format: Mapped[ImportFormat] = word(ImportFormat)
    dry_run: Mapped[bool]
    time_zone: Mapped[str] = mapped_column(String(64))
    content: Mapped[str | None] = mapped_column(Text, deferred=True, deferred_raiseload=True)
    """The file as text; emptied when the import ends. Up to 1 MB, so read only where it is asked for."""
    media_id: Mapped[UUID | None]
    """The file as an upload, let go when the import ends; it may be gone before, so that nothing refers to it."""
    state: Mapped[ImportState] = word(ImportState, ImportState.QUEUED)
    done: Mapped[int] = mapped_column(server_default=text("0"))
    total: Mapped[int | None]
    created: Mapped[int] = mapped_column(server_default=text("0"))
    merged: Mapped[int] = mapped_column(server_default=text("0"))
    unchanged: Mapped[int] = mapped_column(server_default=text("0"))
    skipped: Mapped[int] = mapped_column(server_default=text("0"))
    attached_notes: Mapped[int] = mapped_column(server_default=text("0"))
    collapsed: Mapped[int] = mapped_column(server_default=text("0"))
    error: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[Moment] = stamped()
    finished_at: Mapped[datetime | None] = moment()


class ImportBook(Base):
    """One book of an import, with its part of the counts."""

    __tablename__ = "import_books"

    import_id: Mapped[UUID] = mapped_column(ForeignKey("imports.id", ondelete="CASCADE"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(Text)
    authors: Mapped[list[str]] = mapped_column(ARRAY(Text))
    book_id: Mapped[UUID | None] = mapped_column(ForeignKey("books.id", ondelete="SET NULL"))
    created: Mapped[int] = mapped_column(server_default=text("0"))
    merged: Mapped[int] = mapped_column(server_default=text("0"))
    unchanged: Mapped[int] = mapped_column(server_default=text("0"))
    skipped: Mapped[int] = mapped_column(server_default=text("0"))


class ImportProblem(Base):
    """A record that did not go in, and why."""

    __tablename__ = "import_problems"
    __table_args__ = (Index("ix_import_problems_import_id_line", "import_id", "line"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    import_id: Mapped[UUID] = mapped_column(ForeignKey("imports.id", ondelete="CASCADE"))
    line: Mapped[int]
    message: Mapped[str] = mapped_column(Text)


class ImportMark(Base):
    """A place that was imported once: the next file with it updates that highlight, or leaves it alone."""

    __tablename__ = "import_marks"

    user_id: Mapped[UUID] = member()
    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    highlight_id: Mapped[UUID]
    content_hash: Mapped[bytes] = mapped_column(LargeBinary(48))
    """What the file said last time: 16 bytes of a hash of the passage, 16 of the note, and of the colour, where it told one."""
    file_until: Mapped[datetime | None] = moment()
    file_records: Mapped[int] = mapped_column(server_default=text("0"))
    """How far that file reached: its latest date by the device's own clock, and its length. One that reaches less far is older."""
    created_at: Mapped[Moment] = stamped()
