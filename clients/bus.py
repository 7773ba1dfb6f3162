"""The bell: tells other processes, through Valkey, that something changed. It may be lost; whoever hears it reads again.

One channel a user or post, its name tagged with the id for a cluster. The message is the topic that changed.
"""

import asyncio
import contextlib
import functools
from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

import structlog
from arq.connections import ArqRedis
from redis.exceptions import RedisError

from core.breaker import Breaker, CircuitOpenError
from core.events import (
    Event,
    FeedEntryAdded,
    HighlightsChanged,
    ImportProgressed,
    JobAdded,
    PositionsChanged,
    PostCountsChanged,
    SessionsChanged,
)
from core.tasks import cancel_all

log = structlog.get_logger(__name__)
HIGHLIGHTS, SESSIONS, IMPORTS, POSITIONS, COUNTS = "highlights", "sessions", "imports", "positions", "counts"
_TOPICS = {
    HighlightsChanged: HIGHLIGHTS,
    SessionsChanged: SESSIONS,
    ImportProgressed: IMPORTS,
    PositionsChanged: POSITIONS,
}
LOST = (RedisError, OSError, TimeoutError)
"""What a Valkey that is away is known by."""
ALL = "bell:all"
"""The channel that every process hears: it is told of new entries of feeds."""
RING = "ring"
"""The arq function that wakes a worker."""


def channel_of(key: UUID) -> str:
    """Name the channel of a user or post."""
    return f"bell:{{{key}}}"


def key_of(channel: str) -> UUID:
    """Read whose channel it is."""
    return UUID(channel[len("bell:{") : -1])


def message_of(event: FeedEntryAdded) -> str:
    """Spell what every process is told of a new entry."""
    return f"{'repost' if event.is_repost else 'post'} {event.author_id} {event.post_id}"


def entry_of(message: str) -> FeedEntryAdded | None:
    """Read such a message; None for one of another kind, of a newer version perhaps."""
    kind, _, ids = message.partition(" ")
    if kind not in {"post", "repost"}:
        return None
    author_id, _, post_id = ids.partition(" ")
    return FeedEntryAdded(UUID(author_id), UUID(post_id), is_repost=kind == "repost")


class Bus(Protocol):
    """Where events go after their transaction has committed."""

    def publish(self, events: Sequence[Event]) -> None:
        """Ring for these events; never waits and never fails."""


class FakeBus:
    """A bus that remembers what it was told."""

    def __init__(self) -> None:
        self.published: list[Event] = []

    def publish(self, events: Sequence[Event]) -> None:
        """Remember the events."""
        self.published.extend(events)


class ValkeyBus:
    """Publishes from one task over one connection, so that no request ever waits for Valkey."""

    def __init__(self, url: str, *, most_waiting: int = 10_000) -> None:
        self._waiting: asyncio.Queue[Event] = asyncio.Queue(most_waiting)
        self.breaker = Breaker("bus", timeout=2, failures=3, lost=LOST)
        self._client = ArqRedis.from_url(url, socket_timeout=1, socket_connect_timeout=1)
        self._task: asyncio.Task[None] | None = None
        self.dropped = 0

    def start(self) -> asyncio.Task[None]:
        """Begin to publish; a task that ends is a fault, for the owner to notice."""
        self._task = asyncio.create_task(self._run(), name="bus")
        return self._task

    def publish(self, events: Sequence[Event]) -> None:
        """Hand events to the publishing task; while Valkey is away they are dropped, and sweeps make up for them."""
        for event in dict.fromkeys(events):
            try:
                self._waiting.put_nowait(event)
            except asyncio.QueueFull:
                self.dropped += 1

    async def close(self) -> None:
        """Publish what waits, within a second, and stop."""
        if self._task is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1):
                    await self._waiting.join()
            await cancel_all([self._task])
        await self._client.aclose()

    async def _run(self) -> None:
        while True:
            batch = [await self._waiting.get()]
            while not self._waiting.empty() and len(batch) < 100:  # noqa: PLR2004 - a pipeline's length
                batch.append(self._waiting.get_nowait())
            try:
                await self.breaker.call(functools.partial(self._send, batch))
            except (*LOST, CircuitOpenError) as error:
                self.dropped += len(batch)
                log.warning("bell_lost", count=len(batch), error=type(error).__name__)
                await asyncio.sleep(0.2)
            except Exception:
                # The task must outlive a fault nobody thought of: without it no bell would ring until a restart.
                self.dropped += len(batch)
                log.exception("bell_failed")
            finally:
                for _ in batch:
                    self._waiting.task_done()

    async def _send(self, batch: Sequence[Event]) -> None:
        wanted = dict.fromkeys(batch)
        async with self._client.pipeline(transaction=False) as pipe:
            for event in wanted:
                if isinstance(event, PostCountsChanged):
                    pipe.publish(channel_of(event.post_id), COUNTS)
                elif isinstance(event, FeedEntryAdded):
                    pipe.publish(ALL, message_of(event))
                elif not isinstance(event, JobAdded):
                    pipe.publish(channel_of(event.user_id), _TOPICS[type(event)])
            await pipe.execute()
        if JobAdded() in wanted:
            await self._client.enqueue_job(RING)
