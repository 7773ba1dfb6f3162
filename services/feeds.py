"""The home feed of a reader: from their timeline, and from PostgreSQL where that does not reach or is not there."""

import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

import structlog

from auth.viewer import Viewer
from clients.timelines import Timelines, TimelinesLost
from core import metrics
from core.pagination import Page, PageRequest
from models.feeds import FeedEntry, TimelinePart
from repositories.feeds import FEED, FanoutIsLate, FeedRepository

LOOKED_AT = 100
"""So many entries of a timeline are looked at at least; when they do not fill a page, PostgreSQL goes on where they end."""
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Feed:
    """A page of a home feed."""

    page: Page[FeedEntry]
    degraded: bool
    """Whether it had to be read from the tables, because Valkey or the workers are away."""


class HasFeeds(Protocol):
    """A session that reads feeds."""

    @property
    def feeds(self) -> FeedRepository:
        """The feeds in this session."""


Snapshot = Callable[[], AbstractAsyncContextManager[HasFeeds]]
Pause = Callable[[str], Awaitable[None]]
"""Where a test may hold a build: told the name of the place."""


async def _no_pause(place: str) -> None:
    del place


class TimelineBuilder:
    """Makes timelines, each by one maker at a time."""

    def __init__(self, snapshot: Snapshot, timelines: Timelines, *, length: int, pause: Pause = _no_pause) -> None:
        self._snapshot = snapshot
        self._timelines = timelines
        self._length = length
        self._pause = pause

    async def build(self, user_id: UUID, *, keep_age: bool = False) -> bool:
        """Make a reader's timeline; False when another makes it, or when it took too long to be trusted. Raise TimelinesLost."""
        build = await self._timelines.begin(user_id)
        if build is None:
            return False
        try:
            await self._pause("begun")
            async with self._snapshot() as work:
                made = await work.feeds.timeline(user_id, self._length)
            await self._pause("read")
            return await self._timelines.finish(user_id, build, made, keep_age=keep_age)
        except Exception:
            await self._give_up(user_id, build)
            raise

    async def _give_up(self, user_id: UUID, build: str) -> None:
        try:
            await self._timelines.give_up(user_id, build)
        except TimelinesLost:
            log.warning("timeline_build_left_to_its_end")


class FeedService:
    """Home feeds of one process. It opens short sessions of its own, none of them while it waits for Valkey."""

    def __init__(self, snapshot: Snapshot, timelines: Timelines, builder: TimelineBuilder) -> None:
        self._snapshot = snapshot
        self._timelines = timelines
        self._builder = builder

    async def page(self, viewer: Viewer, first: int | None, after: str | None) -> Feed:
        """Read a page: the entries behind the cursor as they stand now. What rises meanwhile is above, and not told again."""
        me = viewer.require()
        request, began = FEED.request(first, after), time.perf_counter()
        found, is_hit, degraded = None, False, False
        try:
            found = await self._from_timeline(viewer, request)
            is_hit = found is not None
            if not is_hit and await self._builder.build(me):
                found = await self._from_timeline(viewer, request)
        except (TimelinesLost, FanoutIsLate) as error:
            degraded = True
            log.warning("feed_without_timeline", error=str(error))
        if found is None:
            async with self._snapshot() as work:
                found = await work.feeds.pull(viewer, request)
        metrics.timeline_read("home", time.perf_counter() - began, cache_hit=is_hit)
        return Feed(FEED.page(found, request, lambda entry: (entry.at, entry.post_id)), degraded)

    async def _from_timeline(self, viewer: Viewer, request: PageRequest) -> Sequence[FeedEntry] | None:
        """Read from the timeline; None when there is none that can be trusted."""
        before = request.after[0] if request.after else None
        part = await self._timelines.read(viewer.require(), before, max(LOOKED_AT, 3 * (request.first + 1)))
        return await self._read(viewer, request, part) if part else None

    async def _read(self, viewer: Viewer, request: PageRequest, part: TimelinePart) -> Sequence[FeedEntry] | None:
        async with self._snapshot() as work:
            found = await work.feeds.above(viewer, request, part)
            if found is None or part.floor is None or len(found) > request.first:
                return found
            rest = await work.feeds.below(viewer, request, part)
        return [*found, *rest][: request.first + 1]
