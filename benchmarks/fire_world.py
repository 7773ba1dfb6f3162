"""Who is there when timelines come under fire: three authors around the threshold, two hundred others, and those who follow them."""

import asyncio
import math
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self
from uuid import UUID

from redis.asyncio import Redis

from benchmarks import large, report
from benchmarks.feed_pages import timeline_key
from benchmarks.server import App
from clients.bus import FakeBus
from clients.timelines import TimelinesLost, ValkeyTimelines
from core.database import Database
from core.errors import Unavailable
from core.ids import uuid7
from core.settings import Settings
from runtime.container import Container

MEDIAN, SPREAD = 50, 1.0
AT_ONCE = 8
USERS = ("id", "username", "email", "password_hash", "display_name", "bio", "created_at", "updated_at")
FOLLOWS = ("follower_id", "followed_id", "created_at")
COUNT_FOLLOWS = """UPDATE users SET
follower_count = (SELECT count(*) FROM follows WHERE followed_id = users.id),
following_count = (SELECT count(*) FROM follows WHERE follower_id = users.id)"""


@dataclass(frozen=True)
class Plan:
    """How large the fire is."""

    threshold: int
    """The three authors have one follower less, as many, and one more."""
    posts: int
    each: int
    """Posts of each of the three."""
    others: int
    active: int
    sleepers: int
    """So many of those who are not active are looked at in the end."""
    workers: int
    seed: int


@dataclass(frozen=True)
class People:
    """Their ids."""

    stars: Sequence[UUID]
    others: Sequence[UUID]
    active: Sequence[UUID]
    asleep: Sequence[UUID]
    tokens: dict[UUID, str]

    @property
    def readers(self) -> Sequence[UUID]:
        """All who only read."""
        return [*self.active, *self.asleep]


async def populate(app: App, plan: Plan) -> People:
    """Make everybody, and who follows whom."""
    chance = random.Random(plan.seed)
    readers = [uuid7() for _ in range(plan.threshold + 1)]
    stars, others = [uuid7() for _ in range(3)], [uuid7() for _ in range(plan.others)]
    chance.shuffle(readers)
    following = {star: readers[: plan.threshold - 1 + number] for number, star in enumerate(stars)}
    for other in others:
        count = min(len(readers), max(1, round(MEDIAN * math.exp(chance.gauss(0, SPREAD)))))
        following[other] = chance.sample(readers, count)
    now = datetime.now(UTC)
    connection = await large.connect(app)
    names = ((user, f"fire{number}") for number, user in enumerate([*stars, *others, *readers]))
    rows = [(user, name, f"{name}@example.org", "none", name, "", now, now) for user, name in names]
    await connection.copy_records_to_table("users", records=rows, columns=USERS)
    await connection.copy_records_to_table("sync_counters", records=[row[:1] for row in rows], columns=["user_id"])
    follows = [(reader, author, now) for author, some in following.items() for reader in some]
    await connection.copy_records_to_table("follows", records=follows, columns=FOLLOWS)
    await connection.execute(COUNT_FOLLOWS)
    active = set(chance.sample(readers, plan.active))
    asleep = [reader for reader in readers if reader not in active]
    signed_in = [*stars, *others, *sorted(active)]
    tokens = dict(zip(signed_in, await large.sign_in(connection, signed_in), strict=True))
    await connection.close()
    return People(stars, others, sorted(active), asleep, tokens)


class Eyes:
    """Our own services over the app's servers: what makes timelines and reads pages, in this process."""

    def __init__(self, app: App, plan: Plan) -> None:
        settings = Settings(_env_file=None, pull_threshold=plan.threshold)
        self.database = Database(app.database_url, pool_size=AT_ONCE)
        self.timelines = ValkeyTimelines(app.redis_url, length=settings.timeline_length, days=settings.timeline_days)
        self.container = Container(settings, self.database, FakeBus(), timelines=self.timelines)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.timelines.close()
        await self.database.close()

    async def wake(self, readers: Sequence[UUID]) -> None:
        """Make the timeline of each of these readers, as their next reading would."""
        done = 0

        async def one(reader: UUID) -> None:
            nonlocal done
            while True:
                try:
                    await self.container.builder.build(reader)
                    break
                except (Unavailable, TimelinesLost):
                    await asyncio.sleep(0.5)
            done += 1
            if done % 500 == 0:
                report.progress(f"  {done:,} of {len(readers):,} timelines made")

        await in_parts(readers, one)


async def in_parts(items: Iterable[UUID], work: Any) -> None:
    """Do it to each, a few at a time."""
    turn = asyncio.Semaphore(AT_ONCE)

    async def one(item: UUID) -> None:
        async with turn:
            await work(item)

    await asyncio.gather(*(one(item) for item in items))


class Sleepers:
    """Counts what is written to those who do not read: Valkey tells of every change to a timeline of theirs."""

    def __init__(self, app: App, asleep: Sequence[UUID]) -> None:
        self._client = Redis.from_url(app.redis_url)
        self._channels = [f"__keyspace@0__:{timeline_key(reader)}" for reader in asleep]
        self.writes = 0

    async def watch(self, ready: asyncio.Event) -> None:
        """Count until cancelled."""
        await self._client.config_set("notify-keyspace-events", "KA")
        try:
            async with self._client.pubsub(ignore_subscribe_messages=True) as bus:
                for start in range(0, len(self._channels), 500):
                    await bus.subscribe(*self._channels[start : start + 500])
                ready.set()
                while True:
                    self.writes += await bus.get_message(timeout=1.0) is not None
        finally:
            await self._client.aclose()
