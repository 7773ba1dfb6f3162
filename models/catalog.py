"""Books, and who holds them."""

from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from core.database import Base
from models.columns import Key, Moment, member, stamped


class Book(Base):
    """A book that somebody reads; same book = equal ISBN-13, else equal match key."""

    __tablename__ = "books"
    __table_args__ = (
        Index("uq_books_match_key", "match_key", unique=True, postgresql_where=text("isbn IS NULL")),
        Index("ix_books_title_trgm", "title", postgresql_using="gin", postgresql_ops={"title": "gin_trgm_ops"}),
        CheckConstraint("total_locations > 0", name="total_locations"),
    )

    id: Mapped[Key]
    title: Mapped[str] = mapped_column(String(500))
    authors: Mapped[list[str]] = mapped_column(ARRAY(String(200)))
    match_key: Mapped[str] = mapped_column(String(64))
    """SHA-256, hex, of the folded title and first author: titles may be longer than an index row."""
    isbn: Mapped[str | None] = mapped_column(String(13), unique=True)
    publisher: Mapped[str | None] = mapped_column(String(200))
    total_locations: Mapped[int | None]
    is_public: Mapped[bool] = mapped_column(server_default=text("false"))
    """Set with a valid ISBN, or by the transaction that adds the floor-th reader; never unset."""
    created_at: Mapped[Moment] = stamped()


class BookHolder(Base):
    """A reader who has added a book, marked something in it, or has a position there."""

    __tablename__ = "book_holders"

    user_id: Mapped[UUID] = member()
    book_id: Mapped[UUID] = mapped_column(ForeignKey("books.id", ondelete="CASCADE"), primary_key=True, index=True)
    created_at: Mapped[Moment] = stamped()
