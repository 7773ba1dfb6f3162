"""Who follows, asks to follow, blocks and mutes whom."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from core.database import Base
from models.columns import Key, Moment, member, moment, owner, stamped


class Follow(Base):
    """One reader follows another."""

    __tablename__ = "follows"
    __table_args__ = (
        CheckConstraint("follower_id <> followed_id", name="no_self_follow"),
        # To the last key of the order: a list of 30,000 followers is then never sorted, whatever the planner thinks of its length.
        Index("ix_follows_follower_id_created_at_followed_id", "follower_id", "created_at", "followed_id"),
        Index("ix_follows_followed_id_created_at_follower_id", "followed_id", "created_at", "follower_id"),
        Index("ix_follows_followed_id_follower_id", "followed_id", "follower_id"),
    )

    follower_id: Mapped[UUID] = member()
    followed_id: Mapped[UUID] = member()
    created_at: Mapped[Moment] = stamped()


class FollowRequest(Base):
    """A wish to follow a private account, not answered yet."""

    __tablename__ = "follow_requests"
    __table_args__ = (CheckConstraint("follower_id <> followed_id", name="no_self_request"),)

    follower_id: Mapped[UUID] = member()
    followed_id: Mapped[UUID] = member(index=True)
    created_at: Mapped[Moment] = stamped()


class Block(Base):
    """One user has shut another out; it hides each from the other."""

    __tablename__ = "blocks"
    __table_args__ = (CheckConstraint("blocker_id <> blocked_id", name="no_self_block"),)

    blocker_id: Mapped[UUID] = member()
    blocked_id: Mapped[UUID] = member(index=True)
    created_at: Mapped[Moment] = stamped()


class Mute(Base):
    """Something a user does not want to meet in lists: a person, a book or a word."""

    __tablename__ = "mutes"
    __table_args__ = (
        CheckConstraint("num_nonnulls(muted_user_id, muted_book_id, muted_post_id, word) = 1", name="one_target"),
        Index("uq_mutes_user", "user_id", "muted_user_id", unique=True),
        Index("uq_mutes_book", "user_id", "muted_book_id", unique=True),
        Index("uq_mutes_post", "user_id", "muted_post_id", unique=True),
        Index("uq_mutes_word", "user_id", "word", unique=True),
    )

    id: Mapped[Key]
    user_id: Mapped[UUID] = owner()
    muted_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    muted_book_id: Mapped[UUID | None] = mapped_column(ForeignKey("books.id", ondelete="CASCADE"), index=True)
    muted_post_id: Mapped[UUID | None] = mapped_column(ForeignKey("posts.id", ondelete="CASCADE"), index=True)
    """A post whose conversation is muted."""
    word: Mapped[str | None] = mapped_column(String(100))
    until: Mapped[datetime | None] = moment()
    created_at: Mapped[Moment] = stamped()
