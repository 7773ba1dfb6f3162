"""Entries of home feeds, for those who watch theirs."""

from collections.abc import AsyncIterator, Collection, Sequence
from datetime import timedelta

from core.events import FeedEntryAdded
from models.feeds import FeedEntry
from repositories.feeds import FEED
from repositories.feeds_live import Delivery, LiveFeedRepository
from repositories.posts_counts import Eyes

SLICE = 2_000


class LiveFeedService:
    """Live home feeds, in one session."""

    def __init__(self, feeds: LiveFeedRepository) -> None:
        self._feeds = feeds

    async def receivers(self, entry: FeedEntryAdded, eyes: Collection[Eyes]) -> Sequence[Delivery]:
        """Find out who of these has an entry in their home feed now."""
        return await self._feeds.receivers(entry, eyes)

    async def holders(self, entry: FeedEntry, eyes: Collection[Eyes]) -> set[Eyes]:
        """Find out who of these has an entry that was found before in their home feed now."""
        return {one for one, _ in await self._feeds.again(entry, eyes)}

    async def recent(self, age: timedelta, eyes: Collection[Eyes]) -> AsyncIterator[Sequence[Delivery]]:
        """Find what has come into the home feeds of these of late, oldest first, a slice at a time."""
        after: Delivery | None = None
        while True:
            found = await self._feeds.recent(age, eyes, SLICE, after)
            yield found
            if len(found) < SLICE:
                return
            after = found[-1]


def cursor_of(entry: FeedEntry) -> str:
    """Spell an entry's place as the pages of the feed do."""
    return FEED.cursor((entry.at, entry.post_id))
