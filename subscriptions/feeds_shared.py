"""The live home feeds of a process: of each new entry it is asked once who of its watchers has it in their feed.

The bus tells every process of every entry, so the size of its author's following does not matter. Entries whose message was
lost are found by the sweep. What a socket has not taken yet is kept for a while; one that leaves too much lying is closed.
"""

import asyncio
import time
from collections import defaultdict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from uuid import UUID

import structlog

from auth.viewer import Viewer
from core import metrics
from core.errors import Unavailable
from core.events import FeedEntryAdded
from core.metrics import FeedOutcome
from models.feeds import FeedEntry
from repositories.posts_counts import Eyes
from runtime.container import Container
from runtime.context import TooSlow

log = structlog.get_logger(__name__)
MOST_UNTAKEN = 100
FRESH = 1.0
"""What was found longer ago is asked about again: the viewer may have lost sight of it, or unfollowed."""
RETRY = 1.0
AT_ONCE = 4
"""So many sockets of a process are told an entry at the same moment. If the hundreds that follow one author all asked the database at
once, most would wait for a connection until their time is up, and so would every request beside them."""
LONGEST_TURN = 2.0
"""A socket whose client takes nothing must not keep the others waiting."""
OVERLAP = timedelta(seconds=60)
"""An entry bears the time its transaction began; so much later it may commit and still be found."""
_MOST_HEARD, _MOST_REMEMBERED = 1_000, 1_000


class Turn:
    """One subscription's place among those that are told something."""

    def __init__(self, turns: asyncio.Semaphore) -> None:
        self._turns = turns
        self._over: asyncio.TimerHandle | None = None

    async def begin(self) -> None:
        """Wait for a place, which is given back by itself if it is held for too long."""
        await self._turns.acquire()
        self._over = asyncio.get_running_loop().call_later(LONGEST_TURN, self.end)

    def end(self) -> None:
        """Give the place back, if it is still held."""
        if self._over is not None:
            self._over.cancel()
            self._over = None
            self._turns.release()


class FeedWatch:
    """One subscription: the entries that it was not told yet."""

    def __init__(self, shared: "SharedFeeds", viewer: Viewer, turn: Turn) -> None:
        self.eyes = Eyes.of(viewer)
        self._shared = shared
        self._turn = turn
        self._begun = asyncio.Event()
        self._woken = asyncio.Event()
        self._untaken: deque[tuple[float, FeedEntry]] = deque()
        self._offered: dict[UUID, datetime] = {}
        self._before: set[FeedEntry] = set()
        self._is_too_slow = False

    async def begin(self) -> None:
        """Wait until entries that come are not missed any more."""
        await self._begun.wait()

    async def next(self) -> FeedEntry:
        """Wait for an entry that belongs into the viewer's feed now, and for a turn; raise TooSlow once too many lay untaken.

        The turn lasts until the next call, by which the entry has been told.
        """
        self._turn.end()
        while True:
            await self._lies_something()
            await self._turn.begin()
            if self._untaken:
                at, entry = self._untaken.popleft()
                if time.monotonic() - at <= FRESH or await self._shared.still(entry, self.eyes):
                    return entry
                metrics.live_entry(FeedOutcome.WITHHELD)
            self._turn.end()

    async def _lies_something(self) -> None:
        while not self._untaken:
            if self._is_too_slow:
                raise TooSlow
            self._woken.clear()
            await self._woken.wait()

    def offer(self, entry: FeedEntry, at: float) -> None:
        """Take note of an entry, unless this post was offered at that place, or at a later one."""
        known = self._offered.pop(entry.post_id, None)
        self._offered[entry.post_id] = entry.at if known is None else max(known, entry.at)
        if len(self._offered) > _MOST_REMEMBERED:
            self._offered.pop(next(iter(self._offered)))
        if self._is_too_slow or (known is not None and known >= entry.at):
            return
        if len(self._untaken) >= MOST_UNTAKEN:
            self._is_too_slow = True
            self._untaken.clear()
            metrics.live_entry(FeedOutcome.TOO_SLOW)
        else:
            self._untaken.append((at, entry))
        self._woken.set()

    def offer_swept(self, entry: FeedEntry, at: float) -> None:
        """Take note of an entry that a sweep found, unless it was there before this subscription."""
        if not self._begun.is_set():
            self._before.add(entry)
        elif entry not in self._before:
            self.offer(entry, at)

    def started(self) -> None:
        """Let the subscription begin: what was there before is known."""
        self._begun.set()

    def end(self) -> None:
        """Take no one's place any more."""
        self._turn.end()


class SharedFeeds:
    """The home feeds that sockets of this process watch."""

    def __init__(self, container: Container) -> None:
        self._container = container
        self._watches: dict[Eyes, set[FeedWatch]] = defaultdict(set)
        self._heard: asyncio.Queue[FeedEntryAdded | None] = asyncio.Queue(_MOST_HEARD)
        self._swept_at: float | None = None
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._asking = asyncio.Lock()
        self._asked: dict[FeedEntry, tuple[float, set[Eyes], set[Eyes]]] = {}

    @property
    def watch_count(self) -> int:
        """How many subscriptions watch."""
        return sum(map(len, self._watches.values()))

    @contextmanager
    def watch(self, viewer: Viewer) -> Iterator[FeedWatch]:
        """Watch a viewer's home feed, for as long as the block lasts."""
        watch = FeedWatch(self, viewer, Turn(self._turns))
        self._watches[watch.eyes].add(watch)
        self.look()
        try:
            yield watch
        finally:
            watch.end()
            self._watches[watch.eyes].discard(watch)
            if not self._watches[watch.eyes]:
                del self._watches[watch.eyes]

    def hear(self, entry: FeedEntryAdded) -> None:
        """Ask about a new entry soon; one that finds no room is found by the sweep."""
        if self._watches and not self._heard.full():
            self._heard.put_nowait(entry)

    def look(self) -> None:
        """Sweep soon: somebody new watches, or messages may have been lost."""
        if self._watches and not self._heard.full():
            self._heard.put_nowait(None)

    async def run(self) -> None:
        """Ask about what is heard until cancelled."""
        while True:
            entry = await self._heard.get()
            try:
                await (self.sweep() if entry is None else self._ask(entry))
            except Unavailable:
                log.warning("feeds_delayed")
                await asyncio.sleep(RETRY)
                self.look()
            except Exception:
                # Nobody else asks: the task must outlive a fault nobody thought of.
                log.exception("feeds_failed")
                await asyncio.sleep(RETRY)

    async def sweep(self) -> None:
        """Find the entries whose message was lost, in one statement for all who watch; in more where there are very many."""
        watches = {watch for them in self._watches.values() for watch in them}
        if not watches:
            self._swept_at = None
            return
        at = time.monotonic()
        age = OVERLAP + timedelta(seconds=0 if self._swept_at is None else at - self._swept_at)
        async with self._container.reading() as services:
            async for found in services.live_feeds.recent(age, list(self._watches)):
                for eyes, entry in found:
                    for watch in watches & self._watches.get(eyes, set()):
                        watch.offer_swept(entry, at)
        self._swept_at = at
        for watch in watches:
            watch.started()

    async def still(self, entry: FeedEntry, eyes: Eyes) -> bool:
        """Tell whether an entry is in a feed now as it was when it was found; waits for a database that is away.

        It is asked for all who watch at once: where one has waited for long, hundreds have.
        """
        async with self._asking:
            self._asked = {one: known for one, known in self._asked.items() if time.monotonic() - known[0] <= FRESH}
            while entry not in self._asked or eyes not in self._asked[entry][1]:
                at, about = time.monotonic(), {eyes, *self._watches}
                try:
                    async with self._container.reading() as services:
                        self._asked[entry] = (at, about, await services.live_feeds.holders(entry, about))
                except Unavailable:
                    await asyncio.sleep(RETRY)
            return eyes in self._asked[entry][2]

    async def _ask(self, entry: FeedEntryAdded) -> None:
        if not self._watches:
            return
        at = time.monotonic()
        async with self._container.reading() as services:
            found = await services.live_feeds.receivers(entry, list(self._watches))
        for eyes, received in found:
            for watch in self._watches.get(eyes, ()):
                watch.offer(received, at)
