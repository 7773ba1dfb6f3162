"""Compare timelines and pages of home feeds with what PostgreSQL says, and count what was written for whom."""

import asyncio
import contextlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import asyncpg
import orjson
from redis.asyncio import Redis

from auth.viewer import Viewer
from benchmarks import large, report
from benchmarks.feed_pages import timeline_key
from benchmarks.fire_world import Eyes, People, in_parts
from benchmarks.server import App
from core.errors import Unavailable
from core.ids import uuid7
from services.feeds import Feed

ASKED = 1_000
TRIES = 60
SIZES = (100, 30)
PUSHED = """SELECT f.follower_id, array_agg(p.id) AS posts FROM follows f
JOIN posts p ON p.user_id = f.followed_id WHERE p.fanout = 'PUSH' GROUP BY 1"""
FEED = """SELECT id FROM posts WHERE deleted_at IS NULL
AND (user_id = $1 OR user_id IN (SELECT followed_id FROM follows WHERE follower_id = $1))
ORDER BY created_at DESC, id DESC"""
AUTHORS = "SELECT id, user_id FROM posts"
EPOCHS = "SELECT user_id, epoch FROM feed_epochs"


@dataclass
class Difference:
    """How far what there is is from what should be."""

    looked_at: int = 0
    entries: int = 0
    outdated: int = 0
    missing: int = 0
    extra: int = 0
    doubled: int = 0
    moved: int = 0
    first: str = ""

    @property
    def is_none(self) -> bool:
        """Whether all is as it should be."""
        return not (self.missing or self.extra or self.doubled or self.moved)

    def compare(self, reader: UUID, found: Sequence[UUID], wanted: Sequence[UUID]) -> None:
        """Compare one reader's entries, in order."""
        self.looked_at += 1
        self.entries += len(found)
        missing, extra = set(wanted) - set(found), set(found) - set(wanted)
        doubled = len(found) - len(set(found))
        self.missing, self.extra, self.doubled = (
            self.missing + len(missing),
            self.extra + len(extra),
            self.doubled + doubled,
        )
        is_moved = not (missing or extra or doubled) and list(found) != list(wanted)
        self.moved += is_moved
        if not self.first and (missing or extra or doubled or is_moved):
            self.first = f"{reader}: missing {sorted(missing)[:3]}, extra {sorted(extra)[:3]}"

    def __str__(self) -> str:
        """Tell it in a line."""
        told = f"{self.looked_at:,} with {self.entries:,} entries: {self.missing} missing, {self.extra} extra, {self.doubled} doubled"
        return told + f", {self.moved} out of order" + (f"; first {self.first}" if self.first else "")


@dataclass
class Written:
    """What workers say they wrote, and what stands in timelines, by author."""

    delivered: Counter[UUID] = field(default_factory=Counter)
    jobs: Counter[UUID] = field(default_factory=Counter)
    standing: Counter[UUID] = field(default_factory=Counter)


async def timelines(app: App, people: People, written: Written) -> tuple[Difference, int]:
    """Compare every timeline that there is with what was pushed to its reader; how many there are of those who do not read."""
    connection = await large.connect(app)
    pushed: Mapping[UUID, Sequence[UUID]] = dict(await connection.fetch(PUSHED))
    epochs = dict(await connection.fetch(EPOCHS))
    authors = dict(await connection.fetch(AUTHORS))
    await connection.close()
    found, redis = Difference(), Redis.from_url(app.redis_url, decode_responses=True)
    asleep, strays = set(people.asleep), 0
    everybody = people.readers
    for start in range(0, len(everybody), ASKED):
        some = everybody[start : start + ASKED]
        async with redis.pipeline(transaction=False) as pipe:
            for reader in some:
                pipe.zrange(timeline_key(reader), 0, -1)
            kept = await pipe.execute()
        for reader, members in zip(some, kept, strict=True):
            if not members:
                continue
            strays += reader in asleep
            if int(members[0][1:].partition(":")[0]) != epochs.get(reader, 0):
                found.outdated += 1
                continue
            there = [UUID(member) for member in members[1:]]
            written.standing.update(authors[post] for post in there)
            found.compare(reader, sorted(there), sorted(pushed.get(reader, ())))
    await redis.aclose()
    return found, strays


async def pages(app: App, eyes: Eyes, readers: Sequence[UUID]) -> Difference:
    """Walk the whole home feed of each, and compare it with the tables."""
    found, turn = Difference(), 0
    pool = await asyncpg.create_pool(app.database_url.replace("+asyncpg", ""), min_size=2, max_size=4)

    async def one(reader: UUID) -> None:
        nonlocal turn
        turn += 1
        size = SIZES[turn % 20 == 0]
        found.compare(reader, await _walk(eyes, reader, size), await _feed(pool, reader))
        if turn % 250 == 0:
            report.progress(f"  {turn:,} of {len(readers):,} feeds read; {found}")

    await in_parts(readers, one)
    await pool.close()
    return found


async def _feed(pool: Any, reader: UUID) -> Sequence[UUID]:
    return [row["id"] for row in await pool.fetch(FEED, reader)]


async def _page(eyes: Eyes, viewer: Viewer, size: int, after: str | None) -> Feed:
    """Read a page, once more if the machine was too busy: what is looked at is what stands in timelines."""
    for _ in range(TRIES):
        with contextlib.suppress(Unavailable):
            feed = await eyes.container.feeds.page(viewer, size, after)
            if not feed.degraded:
                return feed
        await asyncio.sleep(1)
    raise TimeoutError("Pages cannot be read with timelines.")


async def _walk(eyes: Eyes, reader: UUID, size: int) -> Sequence[UUID]:
    posts: list[UUID] = []
    viewer, after = Viewer(reader, uuid7()), None
    while True:
        feed = await _page(eyes, viewer, size, after)
        posts += [entry.post_id for entry in feed.page.rows]
        if not feed.page.has_next:
            return posts
        after = feed.page.cursors[-1]


def _logged(app: App) -> Sequence[bytes]:
    return (app.home / "app.log").read_bytes().splitlines()


async def told_by_workers(app: App, written: Written) -> None:
    """Add up what workers logged about each piece of fan-out."""
    connection = await large.connect(app)
    authors = dict(await connection.fetch(AUTHORS))
    await connection.close()
    totals: dict[UUID, list[int]] = defaultdict(lambda: [0, 0])
    for line in _logged(app):
        if b'"fanout_written"' not in line or not line.startswith(b"{"):
            continue
        told = orjson.loads(line)
        total = totals[authors[UUID(told["post_id"])]]
        total[0] += told["timelines"]
        total[1] += 1
    for author, (count, jobs) in totals.items():
        written.delivered[author] += count
        written.jobs[author] += jobs
