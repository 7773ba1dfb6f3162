"""Posts, and what readers do with them: like, repost, comment, report."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, MappedColumn, mapped_column

from core.database import Base
from models.columns import Key, Moment, member, moment, owner, stamped, word
from models.profiles import Visibility


class Fanout(StrEnum):
    """How an entry reaches the home feeds of followers; decided once, when it is made."""

    PUSH = "PUSH"
    """Written into the timelines of active followers."""
    PULL = "PULL"
    """Read by each follower: its author has too many."""


class ReportReason(StrEnum):
    """Why a reader reports something."""

    SPAM = "SPAM"
    ABUSE = "ABUSE"
    SPOILER = "SPOILER"
    COPYRIGHT = "COPYRIGHT"
    OTHER = "OTHER"


def tally() -> MappedColumn[int]:
    """Make a column that counts rows elsewhere; it moves in the transaction that adds or takes the row."""
    return mapped_column(server_default=text("0"))


def of_post(*, primary_key: bool = False, index: bool = False) -> MappedColumn[UUID]:
    """Refer to the post a row hangs on; the row goes with it."""
    return mapped_column(ForeignKey("posts.id", ondelete="CASCADE"), primary_key=primary_key, index=index)


class Post(Base):
    """What a reader says to others; a deleted one can be restored for a while."""

    __tablename__ = "posts"
    __table_args__ = (
        Index("ix_posts_user_id_created_at_id", "user_id", "created_at", "id"),
        Index("ix_posts_pulled", "user_id", "created_at", "id", postgresql_where=text("fanout = 'PULL'")),
        Index("ix_posts_deleted_at", "deleted_at", postgresql_where=text("deleted_at IS NOT NULL")),
        CheckConstraint("like_count >= 0 AND comment_count >= 0 AND repost_count >= 0", name="counts"),
        CheckConstraint("(quote_start IS NULL) = (quote_end IS NULL)", name="quote_locations_together"),
        CheckConstraint("spoiler_until_location IS NULL OR book_id IS NOT NULL", name="spoiler_has_book"),
    )

    id: Mapped[Key]
    user_id: Mapped[UUID] = owner()
    text: Mapped[str] = mapped_column(Text)
    words: Mapped[str] = mapped_column(Text)
    """The words of text and quote as muted words are compared with them (core.text.words_of)."""
    visibility: Mapped[Visibility] = word(Visibility, Visibility.PUBLIC)
    book_id: Mapped[UUID | None] = mapped_column(ForeignKey("books.id"), index=True)
    highlight_id: Mapped[UUID | None] = mapped_column(ForeignKey("highlights.id", ondelete="SET NULL"), index=True)
    quote_text: Mapped[str | None] = mapped_column(Text)
    """The post's own copy of the passage: it outlives the highlight, and never has the note."""
    quote_start: Mapped[int | None]
    quote_end: Mapped[int | None]
    image_key: Mapped[str | None] = mapped_column(String(100))
    """The file of the picture, which is also what its address is made of."""
    spoiler_until_location: Mapped[int | None]
    fanout: Mapped[Fanout] = word(Fanout, Fanout.PUSH)
    like_count: Mapped[int] = tally()
    comment_count: Mapped[int] = tally()
    repost_count: Mapped[int] = tally()
    created_at: Mapped[Moment] = stamped()
    deleted_at: Mapped[datetime | None] = moment()


class PostHashtag(Base):
    """A hashtag of a post, in the spelling by which tags are compared."""

    __tablename__ = "post_hashtags"
    __table_args__ = (Index("ix_post_hashtags_tag_created_at_post_id", "tag", "created_at", "post_id"),)

    post_id: Mapped[UUID] = of_post(primary_key=True)
    tag: Mapped[str] = mapped_column(String(100), primary_key=True)
    position: Mapped[int]
    """Its place among the tags of the post."""
    created_at: Mapped[Moment]
    """The post's."""


class PostMention(Base):
    """A reader whom a post names."""

    __tablename__ = "post_mentions"

    post_id: Mapped[UUID] = of_post(primary_key=True)
    user_id: Mapped[UUID] = member(index=True)
    position: Mapped[int]


class Like(Base):
    """A reader likes a post."""

    __tablename__ = "likes"
    __table_args__ = (
        Index("ix_likes_post_id_created_at_user_id", "post_id", "created_at", "user_id"),
        Index("ix_likes_created_at", "created_at"),
    )

    post_id: Mapped[UUID] = of_post(primary_key=True)
    user_id: Mapped[UUID] = member(index=True)
    created_at: Mapped[Moment] = stamped()


class Repost(Base):
    """A reader passes a post on to those who follow them."""

    __tablename__ = "reposts"
    __table_args__ = (
        Index("ix_reposts_user_id_created_at_post_id", "user_id", "created_at", "post_id"),
        Index("ix_reposts_created_at", "created_at"),
        Index("ix_reposts_pulled", "user_id", "created_at", "post_id", postgresql_where=text("fanout = 'PULL'")),
        Index("ix_reposts_pulled_of_post", "post_id", postgresql_where=text("fanout = 'PULL'")),
    )

    post_id: Mapped[UUID] = of_post(primary_key=True)
    user_id: Mapped[UUID] = member()
    fanout: Mapped[Fanout] = word(Fanout, Fanout.PUSH)
    created_at: Mapped[Moment] = stamped()


class Comment(Base):
    """An answer to a post or to another comment; a deleted one with replies stays, empty."""

    __tablename__ = "comments"
    __table_args__ = (
        Index(
            "ix_comments_post_id_created_at_id",
            *("post_id", "created_at", "id"),
            postgresql_where=text("parent_id IS NULL"),
        ),
        Index("ix_comments_parent_id_created_at_id", "parent_id", "created_at", "id"),
        Index(
            "ix_comments_post_id_like_count_created_at_id",
            *("post_id", "like_count", "created_at", "id"),
            postgresql_where=text("parent_id IS NULL"),
        ),
        Index("ix_comments_created_at", "created_at"),
        CheckConstraint("like_count >= 0 AND reply_count >= 0", name="counts"),
        CheckConstraint("(parent_id IS NULL) = (depth = 0)", name="depth"),
        CheckConstraint("deleted_at IS NULL OR text IS NULL", name="deleted_empty"),
        CheckConstraint("text IS NOT NULL OR deleted_at IS NOT NULL", name="empty_deleted"),
    )

    id: Mapped[Key]
    post_id: Mapped[UUID] = of_post(index=True)
    parent_id: Mapped[UUID | None] = mapped_column(ForeignKey("comments.id", ondelete="CASCADE"))
    user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"), index=True)
    """Null once the account is gone."""
    text: Mapped[str | None] = mapped_column(Text)
    """Null once it is deleted."""
    words: Mapped[str] = mapped_column(Text, server_default="")
    spoiler_until_location: Mapped[int | None]
    depth: Mapped[int] = tally()
    """0 for an answer to the post itself."""
    like_count: Mapped[int] = tally()
    reply_count: Mapped[int] = tally()
    """Direct replies that are not deleted."""
    created_at: Mapped[Moment] = stamped()
    edited_at: Mapped[datetime | None] = moment()
    deleted_at: Mapped[datetime | None] = moment()


class CommentLike(Base):
    """A reader likes a comment."""

    __tablename__ = "comment_likes"
    __table_args__ = (Index("ix_comment_likes_comment_id_created_at", "comment_id", "created_at"),)

    comment_id: Mapped[UUID] = mapped_column(ForeignKey("comments.id", ondelete="CASCADE"), primary_key=True)
    user_id: Mapped[UUID] = member(index=True)
    created_at: Mapped[Moment] = stamped()


class Report(Base):
    """A reader tells the moderators of something."""

    __tablename__ = "reports"
    __table_args__ = (
        CheckConstraint("num_nonnulls(post_id, comment_id, reported_user_id) = 1", name="one_target"),
        Index("uq_reports_post", "reporter_id", "post_id", unique=True),
        Index("uq_reports_comment", "reporter_id", "comment_id", unique=True),
        Index("uq_reports_user", "reporter_id", "reported_user_id", unique=True),
        Index("ix_reports_created_at_id", "created_at", "id"),
    )

    id: Mapped[Key]
    reporter_id: Mapped[UUID] = owner()
    reason: Mapped[ReportReason] = word(ReportReason)
    text: Mapped[str | None] = mapped_column(Text)
    post_id: Mapped[UUID | None] = mapped_column(ForeignKey("posts.id", ondelete="CASCADE"), index=True)
    comment_id: Mapped[UUID | None] = mapped_column(ForeignKey("comments.id", ondelete="CASCADE"), index=True)
    reported_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[Moment] = stamped()


class TrendWindow(StrEnum):
    """Over how long trends are counted."""

    HOUR = "HOUR"
    DAY = "DAY"
    WEEK = "WEEK"


class PostTrend(Base):
    """A post that many turned to of late, as last computed; the list of a window is replaced as a whole."""

    __tablename__ = "post_trends"

    window: Mapped[TrendWindow] = word(TrendWindow, primary_key=True)
    post_id: Mapped[UUID] = of_post(primary_key=True, index=True)
    score: Mapped[float]
    computed_at: Mapped[Moment]
