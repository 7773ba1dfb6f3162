"""Fan bells out to the subscriptions of this process, and make up for lost ones.

A subscription holds a cursor and a bell, no buffer: a ring means "read again". Every 10 seconds, every second while
Valkey is away, the counters of all connected readers are read in one statement; so a lost bell costs seconds, not data.
"""

import asyncio
import contextlib
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import AbstractContextManager, asynccontextmanager
from uuid import UUID

import structlog

from auth.viewer import Viewer
from clients.bus import COUNTS, HIGHLIGHTS, SESSIONS
from clients.bus_listener import BusListener
from core.errors import Unavailable
from core.tasks import cancel_all
from runtime.container import Container
from runtime.context import Pulled
from services.sync.pull import Sent
from subscriptions.feeds_shared import FeedWatch, SharedFeeds
from subscriptions.posts_counts_shared import CountsWatch, SharedCounts
from subscriptions.shared import SharedPulls

log = structlog.get_logger(__name__)
SWEEP, SWEEP_WHILE_DOWN, WRITE_PROGRESS = 10.0, 1.0, 1.0


class Ring:
    """One subscription's bell."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """Let the next wait, or the present one, return."""
        self._rung.set()

    async def wait(self) -> None:
        """Return at the next ring, or at once if it rang since the last wait."""
        await self._rung.wait()
        self._rung.clear()


class Broker:
    """The listener of one process."""

    def __init__(self, container: Container, redis_url: str, on_sessions: Callable[[], None]) -> None:
        self._container = container
        self._on_sessions = on_sessions
        self._bells: dict[UUID, dict[str, set[Ring]]] = defaultdict(lambda: defaultdict(set))
        self._seqs: dict[UUID, int] = {}
        self._sent: dict[UUID, Sent] = {}
        self._pulls = SharedPulls(container)
        self._counts = SharedCounts(container)
        self._feeds = SharedFeeds(container)
        self._bus = BusListener(redis_url, self._ring, self._gap, self._feeds.hear)
        self._epoch: str | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._watched: set[UUID] = set()

    def start(self) -> list[asyncio.Task[None]]:
        """Begin to listen; a task that ends is a fault, for the owner to notice."""
        work = {
            "bus": self._bus.run(),
            "sweep": self._sweep_forever(),
            "progress": self._write_forever(),
            "counts": self._counts.run(),
            "feeds": self._feeds.run(),
        }
        self._tasks = [asyncio.create_task(coroutine, name=f"broker-{name}") for name, coroutine in work.items()]
        return self._tasks

    async def close(self) -> None:
        """Stop, writing down what is known of devices' progress."""
        await cancel_all(self._tasks)
        await self._pulls.close()
        with contextlib.suppress(Unavailable):
            await self._write_progress()

    @property
    def is_up(self) -> bool:
        """Whether Valkey's bells are heard."""
        return self._bus.is_up

    @property
    def subscription_count(self) -> int:
        """How many subscriptions are open in this process."""
        rings = sum(len(rings) for topics in self._bells.values() for rings in topics.values())
        return rings + self._counts.watch_count + self._feeds.watch_count

    @property
    def user_ids(self) -> set[UUID]:
        """Whose bells are listened for."""
        return set(self._bells) | self._watched

    @asynccontextmanager
    async def listen(self, user_id: UUID, topic: str) -> AsyncIterator[Ring]:
        """Hear the bells of a user's topic; subscribed, and confirmed, before the block begins."""
        ring = Ring()
        self._bells[user_id][topic].add(ring)
        try:
            await self._bus.subscribe(user_id)
            yield ring
        finally:
            self._bus.release(user_id)
            self._bells[user_id][topic].discard(ring)
            if not any(self._bells[user_id].values()):
                del self._bells[user_id]
                self._seqs.pop(user_id, None)

    @asynccontextmanager
    async def watch_counts(self, viewer: Viewer, post_ids: Collection[UUID]) -> AsyncIterator[CountsWatch]:
        """Hear of the counts of posts, as far as the viewer may see them; subscribed before the block begins."""
        try:
            await self._bus.subscribe(*post_ids)
            with self._counts.watch(viewer, post_ids) as watch:
                yield watch
        finally:
            self._bus.release(*post_ids)

    def watch_feed(self, viewer: Viewer) -> AbstractContextManager[FeedWatch]:
        """Hear of what comes into the viewer's home feed; every process is told of all entries."""
        return self._feeds.watch(viewer)

    async def watch_sessions(self, user_id: UUID) -> None:
        """Hear when a user's sessions change, for as long as one of their sockets is open."""
        if user_id not in self._watched:
            self._watched.add(user_id)
            await self._bus.subscribe(user_id)

    async def unwatch_sessions(self, user_id: UUID) -> None:
        """Stop hearing of a user's sessions."""
        if user_id in self._watched:
            self._watched.discard(user_id)
            self._bus.release(user_id)

    async def pull(self, viewer: Viewer, device_id: UUID, after: str | None) -> Pulled:
        """Read what a device is sent next, together with the reader's other sockets."""
        return await self._pulls.pull(viewer, device_id, after)

    def note_sent(self, sent: Sent) -> None:
        """Keep in mind how far a device has been sent; written within a second."""
        known = self._sent.get(sent.device_id)
        if known is None or known.at <= sent.at:
            self._sent[sent.device_id] = sent

    def _ring(self, key: UUID, topic: str) -> None:
        if topic == COUNTS:
            self._counts.ring(key)
            return
        if topic == SESSIONS:
            self._on_sessions()
            topic = HIGHLIGHTS  # a device's switches may have changed
        for ring in self._bells[key][topic] if key in self._bells else ():
            ring.ring()

    def _gap(self) -> None:
        self._on_sessions()
        self._counts.ring_all()
        self._feeds.look()
        for topics in self._bells.values():
            for rings in topics.values():
                for ring in rings:
                    ring.ring()

    async def _sweep_forever(self) -> None:
        swept = time.monotonic()
        while True:
            await asyncio.sleep(SWEEP_WHILE_DOWN)
            if self._bus.is_up and time.monotonic() - swept < SWEEP:
                continue
            swept = time.monotonic()
            try:
                await self._sweep()
            except Unavailable:
                log.warning("sweep_skipped")
            except Exception:
                # Nothing else makes up for lost bells: the task must outlive a fault nobody thought of.
                log.exception("sweep_failed")

    async def _sweep(self) -> None:
        known, self._epoch = self._epoch, await self._container.refresh_epoch()
        if known not in (None, self._epoch):
            self._gap()
        await self._counts.sweep()
        await self._feeds.sweep()
        if not self._bells:
            return
        async with self._container.reading() as services:
            counters = await services.sync.counters(self._bells)
        for user_id, topics in self._bells.items():
            seq = counters.get(user_id, 0)
            moved, self._seqs[user_id] = self._seqs.get(user_id) != seq, seq
            for topic, rings in topics.items():
                for ring in rings if moved or topic != HIGHLIGHTS else ():
                    ring.ring()

    async def _write_forever(self) -> None:
        while True:
            await asyncio.sleep(WRITE_PROGRESS)
            try:
                await self._write_progress()
            except Unavailable:
                log.warning("progress_kept")
            except Exception:
                log.exception("progress_lost")

    async def _write_progress(self) -> None:
        taken, self._sent = self._sent, {}
        if not taken:
            return
        try:
            async with self._container.transaction() as services:
                await services.sync.note_progress({sent.device_id: (sent.seq, sent.at) for sent in taken.values()})
        except Unavailable:
            self._sent = {**taken, **self._sent}
            raise
