"""Home feeds: what stands in them, and which of the lists kept of them are out of date."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, text
from sqlalchemy.orm import Mapped, mapped_column

from core.database import Base
from models.columns import member


class FeedEpoch(Base):
    """A number that changes when a reader's timeline becomes incomplete: one made under another number is not read any more.

    A trigger on `follows` draws it anew for each new follower; no row means 0. By lot, so that no number comes again, also not after
    a restore.
    """

    __tablename__ = "feed_epochs"

    user_id: Mapped[UUID] = member()
    epoch: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))


@dataclass(frozen=True, slots=True)
class FeedEntry:
    """A post in a home feed: at its own time, or at that of a repost. It never changes; it is there or not."""

    post_id: UUID
    reposter_id: UUID | None
    at: datetime


@dataclass(frozen=True, slots=True)
class TimelinePart:
    """What a timeline tells about one page: all that was pushed to the reader above a floor, newest first."""

    epoch: int
    entries: Sequence[FeedEntry]
    reposts: Sequence[FeedEntry]
    """All reposts that it tells of, also those above the page."""
    floor: datetime | None
    """What lies at it or below is in the tables only; None: nothing does."""


@dataclass(frozen=True, slots=True)
class Timeline:
    """A timeline to be kept: all that was pushed to a reader above a floor, as of one moment."""

    epoch: int
    entries: Sequence[FeedEntry]
    floor: datetime | None
