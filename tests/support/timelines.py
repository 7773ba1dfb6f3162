"""Make timelines, and read them whole."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from clients.timelines import Timelines
from core.ids import uuid7
from models.feeds import FeedEntry, Timeline, TimelinePart

START = datetime(2026, 3, 1, 12, 0, 0, 123457, tzinfo=UTC)
LENGTH = 5


def entry(minutes: float = 0, *, repost: bool = False) -> FeedEntry:
    """Make an entry of so many minutes after the start."""
    return FeedEntry(uuid7(), uuid7() if repost else None, START + timedelta(minutes=minutes))


def newest_first(*entries: FeedEntry) -> list[FeedEntry]:
    """Sort entries as a timeline has them."""
    return sorted(entries, key=lambda e: (e.at, e.post_id), reverse=True)


async def build(timelines: Timelines, *entries: FeedEntry, floor: datetime | None = None, epoch: int = 1) -> UUID:
    """Make a reader with a timeline."""
    reader = uuid7()
    token = await timelines.begin(reader)
    assert token
    assert await timelines.finish(reader, token, Timeline(epoch, entries, floor))
    return reader


async def whole(timelines: Timelines, reader: UUID) -> TimelinePart | None:
    """Read all of a reader's timeline."""
    return await timelines.read(reader, None, 1_000)
