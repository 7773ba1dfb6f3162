"""One read for all sockets of the process that watch counts of posts, rather than one for each.

A bell marks a post; about once a second the marked posts are read in one statement, for every reader who watches them,
with the eyes of each. What a socket has not taken yet is overwritten by what is newer: a slow one holds nothing up.
"""

import asyncio
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from uuid import UUID

import structlog

from auth.viewer import Viewer
from core.errors import Unavailable
from repositories.posts_counts import Counts, Eyes
from runtime.container import Container

log = structlog.get_logger(__name__)
SPACING = 0.75
"""The least time between two reads of a post, in seconds: it leaves the way to hundreds of sockets time to be right within a second."""
FRESH = 1.0
"""What was read longer ago is not told: the viewer may have lost sight of the post."""
RETRY = 1.0


class CountsWatch:
    """One subscription: the newest counts of its posts that it was not told yet."""

    def __init__(self, shared: "SharedCounts", viewer: Viewer, post_ids: Collection[UUID]) -> None:
        self.eyes = Eyes.of(viewer)
        self.post_ids = post_ids
        self._shared = shared
        self._begun = asyncio.Event()
        self._woken = asyncio.Event()
        self._untold: dict[UUID, tuple[float, Counts]] = {}
        self._told: dict[UUID, Counts] = {}

    async def begin(self) -> bool:
        """Wait for the present counts; tell whether any of the posts may be seen."""
        await self._begun.wait()
        return bool(self._untold)

    async def next(self) -> tuple[UUID, Counts]:
        """Wait for counts that were not told yet."""
        while True:
            while self._untold:
                post_id = next(iter(self._untold))
                at, counts = self._untold.pop(post_id)
                if time.monotonic() - at <= FRESH:
                    self._told[post_id] = counts
                    return post_id, counts
                self._shared.ring(post_id)
            self._woken.clear()
            await self._woken.wait()

    def offer(self, post_id: UUID, counts: Counts | None, at: float) -> None:
        """Take note of a post's counts; None when the viewer may not see it."""
        if counts is None or counts == self._told.get(post_id):
            self._untold.pop(post_id, None)
        else:
            self._untold[post_id] = at, counts
            self._woken.set()

    def started(self) -> None:
        """Let the subscription begin: all its posts were read."""
        self._begun.set()


@dataclass(slots=True)
class _Post:
    """A post that somebody watches."""

    watches: set[CountsWatch] = field(default_factory=set)
    not_before: float = 0.0
    """When it may be read next."""
    known: Counts | None = None
    """As last read, for the sweep to compare with."""


class SharedCounts:
    """The posts that sockets of this process watch."""

    def __init__(self, container: Container) -> None:
        self._container = container
        self._posts: dict[UUID, _Post] = {}
        self._changed: set[UUID] = set()
        self._new: set[CountsWatch] = set()
        self._woken = asyncio.Event()

    @property
    def watch_count(self) -> int:
        """How many subscriptions watch."""
        return len({watch for post in self._posts.values() for watch in post.watches})

    @contextmanager
    def watch(self, viewer: Viewer, post_ids: Collection[UUID]) -> Iterator[CountsWatch]:
        """Watch posts, for as long as the block lasts."""
        watch = CountsWatch(self, viewer, post_ids)
        for post_id in post_ids:
            self._posts.setdefault(post_id, _Post()).watches.add(watch)
        self._new.add(watch)
        self._woken.set()
        try:
            yield watch
        finally:
            self._new.discard(watch)
            for post_id in post_ids:
                self._posts[post_id].watches.discard(watch)
                if not self._posts[post_id].watches:
                    del self._posts[post_id]
                    self._changed.discard(post_id)

    def ring(self, post_id: UUID) -> None:
        """Read a post again soon."""
        if post_id in self._posts:
            self._changed.add(post_id)
            self._woken.set()

    def ring_all(self) -> None:
        """Read all posts again soon."""
        self._changed.update(self._posts)
        self._woken.set()

    async def sweep(self) -> None:
        """Find the posts whose bell was lost, in one statement for all."""
        if not self._posts:
            return
        async with self._container.reading() as services:
            current = await services.post_counts.current(self._posts)
        for post_id, counts in current.items():
            post = self._posts.get(post_id)
            if post is not None and post.known != counts:
                post.known = counts
                self.ring(post_id)

    async def run(self) -> None:
        """Read what has changed until cancelled."""
        while True:
            await self._wait()
            try:
                await self._read()
            except Unavailable:
                log.warning("counts_delayed")
                await asyncio.sleep(RETRY)
            except Exception:
                # Nobody else reads them: the task must outlive a fault nobody thought of.
                log.exception("counts_failed")
                await asyncio.sleep(RETRY)

    async def _wait(self) -> None:
        """Wait until something may be read."""
        while not self._new and not self._due():
            self._woken.clear()
            soonest = min((self._posts[key].not_before for key in self._changed), default=None)
            with suppress(TimeoutError):
                async with asyncio.timeout(None if soonest is None else max(0.0, soonest - time.monotonic())):
                    await self._woken.wait()

    def _due(self) -> set[UUID]:
        now = time.monotonic()
        return {key for key in self._changed if self._posts[key].not_before <= now}

    async def _read(self) -> None:
        due, new, at = self._due(), set(self._new), time.monotonic()
        asked = {(watch, key) for key in due for watch in self._posts[key].watches}
        asked |= {(watch, key) for watch in new for key in watch.post_ids}
        self._changed -= due
        self._new -= new
        for key in due:
            self._posts[key].not_before = at + SPACING
        try:
            async with self._container.reading() as services:
                found = await services.post_counts.seen({(watch.eyes, key) for watch, key in asked})
        except BaseException:
            self._changed |= due & self._posts.keys()
            self._new |= {watch for watch in new if self._is_there(watch)}
            raise
        for (_, key), counts in found.items():
            if key in self._posts:
                self._posts[key].known = counts
        for watch, key in asked:
            watch.offer(key, found.get((watch.eyes, key)), at)
        for watch in new:
            watch.started()

    def _is_there(self, watch: CountsWatch) -> bool:
        return any(watch in self._posts[key].watches for key in watch.post_ids if key in self._posts)
