"""Users: who they are to others, and how open they are."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, Index, String, Text, func, text
from sqlalchemy.orm import Mapped, mapped_column

from core.database import Base
from models.columns import Key, Moment, moment, stamped, word


class Role(StrEnum):
    """What a user may do beyond reading."""

    READER = "READER"
    MODERATOR = "MODERATOR"
    ADMIN = "ADMIN"


class Visibility(StrEnum):
    """Who may see a thing, strictest first."""

    PRIVATE = "PRIVATE"
    MUTUALS = "MUTUALS"
    FOLLOWERS = "FOLLOWERS"
    PUBLIC = "PUBLIC"

    @property
    def openness(self) -> int:
        """Order the levels: 0 is the strictest."""
        return list(Visibility).index(self)


class User(Base):
    """A reader's account, profile and privacy settings."""

    __tablename__ = "users"
    __table_args__ = (
        Index("uq_users_username_lower", func.lower(text("username")), unique=True),
        Index("uq_users_email_lower", func.lower(text("email")), unique=True),
        CheckConstraint("char_length(username) BETWEEN 3 AND 30", name="username_length"),
        CheckConstraint("char_length(bio) <= 500", name="bio_length"),
        CheckConstraint("follower_count >= 0 AND following_count >= 0 AND post_count >= 0", name="counts"),
    )

    id: Mapped[Key]
    username: Mapped[str] = mapped_column(String(30))
    """Unchangeable; unique without regard to case."""
    email: Mapped[str] = mapped_column(String(255))
    password_hash: Mapped[str] = mapped_column(String(255))
    koreader_hash: Mapped[str | None] = mapped_column(String(255))
    """argon2id of the password's MD5, which is what KOReader sends; null until an old account signs in again."""
    koreader_since: Mapped[datetime | None] = moment()
    """When KOReader registered with it."""
    display_name: Mapped[str] = mapped_column(String(100))
    bio: Mapped[str] = mapped_column(Text, server_default="")
    website_url: Mapped[str | None] = mapped_column(String(500))
    avatar_key: Mapped[str | None] = mapped_column(String(100))
    """The file of the avatar, which is also what its address is made of."""
    role: Mapped[Role] = word(Role, Role.READER)

    is_private: Mapped[bool] = mapped_column(server_default=text("false"))
    allow_followers: Mapped[bool] = mapped_column(server_default=text("true"))
    default_highlight_visibility: Mapped[Visibility] = word(Visibility, Visibility.PRIVATE)
    show_highlights_to_followers: Mapped[bool] = mapped_column(server_default=text("true"))
    contribute_to_popular: Mapped[bool] = mapped_column(server_default=text("true"))
    export_includes_notes: Mapped[bool] = mapped_column(server_default=text("true"))
    export_includes_timestamps: Mapped[bool] = mapped_column(server_default=text("true"))

    revision: Mapped[int] = mapped_column(server_default=text("1"))
    """Moves with profile and privacy edits only, so that being followed never disturbs an edit."""
    follower_count: Mapped[int] = mapped_column(server_default=text("0"))
    following_count: Mapped[int] = mapped_column(server_default=text("0"))
    post_count: Mapped[int] = mapped_column(server_default=text("0"))
    created_at: Mapped[Moment] = stamped()
    updated_at: Mapped[datetime] = stamped()
