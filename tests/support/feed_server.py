"""The services of the home feed over the real database and the real Valkey, without HTTP: fast, and every step is ours."""

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from unittest import mock
from uuid import UUID

from sqlalchemy import text

from auth.viewer import Viewer
from clients.bus import FakeBus
from clients.timelines import ValkeyTimelines
from core import clock
from core.breaker import BreakerState
from core.database import Database
from core.ids import global_id, uuid7
from core.settings import Settings
from runtime.container import Container, Services
from services.jobs import JobRunner
from services.posts import PostDraft
from services.profiles import PrivacyPatch
from services.social_mutes import NamedTarget
from tests.support.feed_faults import Onlooker
from tests.support.feed_oracle import Shown
from tests.support.seeding import Seeder
from workers.main import HANDLERS

PLENTY = 10**9
RUN = re.compile(r"[0-9a-f]{40}")
_runs = itertools.count(1)
PATIENCE = 30.0
THRESHOLD, LENGTH, CHUNK = 3, 10, 2
"""So low that a handful of readers and posts reach every seam."""
LOOKED_AT = 3
LOST_WRITES = 4
LATE = timedelta(days=1)
"""So old is a job that nobody takes up: long enough that none is by itself."""
WORDS = ("lantern", "harbour", "moth")
FEED_JOBS = tuple(kind for kind in HANDLERS if kind.startswith("fanout"))


@dataclass(frozen=True)
class Read:
    """A page of a home feed, as a client meets it."""

    shown: Sequence[Shown]
    end: str | None
    has_next: bool
    is_degraded: bool


class FeedServer:
    """The server, as a few readers meet it."""

    def __init__(self, database: Database, redis_url: str) -> None:
        settings = Settings(
            _env_file=None,
            cost_per_minute=PLENTY,
            cost_per_minute_signed_out=PLENTY,
            pull_threshold=THRESHOLD,
            timeline_length=LENGTH,
            fanout_chunk=CHUNK,
        )
        self.valkey = Onlooker.from_url(redis_url, decode_responses=True)
        self.timelines = ValkeyTimelines(redis_url, length=LENGTH)
        # On a crowded machine, slow is not away.
        self.timelines.reads._timeout = self.timelines.writes._timeout = PATIENCE
        self.timelines._client.connection_pool.connection_kwargs["socket_timeout"] = PATIENCE
        self.container = Container(settings, database, FakeBus(), timelines=self.timelines)
        handlers = {kind: HANDLERS[kind] for kind in FEED_JOBS}
        self.runner = JobRunner[Services](self.container.transaction, handlers, lease=timedelta(seconds=15))

    async def close(self) -> None:
        """Give the connections back."""
        await self.timelines.close()
        await self.valkey.aclose()

    # --- readers do something ---

    async def post(self, who: Viewer, draft: PostDraft) -> tuple[UUID, datetime]:
        """Write a post."""
        async with self.container.transaction() as services:
            row = (await services.posts.create(who, draft, None)).post
        return row.id, row.created_at

    async def post_together(self, authors: Sequence[Viewer], draft: PostDraft) -> Sequence[tuple[UUID, datetime]]:
        """Let several write at the very same moment."""
        now = clock.now()
        with mock.patch("core.clock.now", return_value=now):
            return [await self.post(author, draft) for author in authors]

    async def delete(self, who: Viewer, post: UUID) -> None:
        """Delete a post."""
        async with self.container.transaction() as services:
            await services.posts.delete(who, global_id("Post", post), None)

    async def restore(self, who: Viewer, post: UUID) -> None:
        """Restore a post."""
        async with self.container.transaction() as services:
            await services.posts.restore(who, global_id("Post", post), None)

    async def repost(self, readers: Sequence[Viewer], post: UUID) -> datetime:
        """Pass a post on: several readers at the very same moment, which is when it was."""
        async with self.container.transaction() as services:
            for who in readers:
                await services.reposts.repost(who, global_id("Post", post), None)
        rows = await self._rows("SELECT max(created_at) FROM reposts WHERE post_id = :post", post=post)
        at: datetime = rows[0][0]
        return at

    async def undo_repost(self, who: Viewer, post: UUID) -> None:
        """Take a repost back."""
        async with self.container.transaction() as services:
            await services.reposts.undo(who, global_id("Post", post), None)

    async def social(self, what: str, who: Viewer, whom: UUID, **more: Any) -> None:
        """Follow, unfollow, respond, remove a follower, block, unblock."""
        async with self.container.transaction() as services:
            await getattr(services.social, what)(who, global_id("User", whom), None, **more)

    async def set_private(self, who: Viewer, *, is_private: bool) -> None:
        """Close an account, or open it."""
        async with self.container.transaction() as services:
            await services.profiles.update_privacy(who, PrivacyPatch(is_private=is_private), None, None)

    async def mute(self, who: Viewer, kind: str, what: UUID | str) -> None:
        """Mute something."""
        async with self.container.transaction() as services:
            await services.mutes.mute(who, _target(kind, what), None, None)

    async def unmute(self, who: Viewer, kind: str, what: UUID | str) -> None:
        """Take a mute away."""
        async with self.container.transaction() as services:
            await services.mutes.unmute(who, _target(kind, what), None)

    async def read(self, who: Viewer, first: int, after: str | None) -> Read:
        """Read a page of somebody's home feed."""
        feed = await self.container.feeds.page(who, first, after)
        rows, cursors = feed.page.rows, feed.page.cursors
        shown = [Shown(entry.at, entry.post_id, entry.reposter_id) for entry in rows]
        return Read(shown, cursors[-1] if cursors else None, feed.page.has_next, feed.degraded)

    # --- jobs ---

    async def waiting(self, me: UUID) -> set[UUID]:
        """Name the posts that jobs have still to do with because of what others did."""
        rows = await self._rows(
            "SELECT DISTINCT payload ->> 'post_id' FROM jobs LEFT JOIN posts ON posts.id = (payload ->> 'post_id')::uuid "
            "WHERE kind = ANY(:kinds) AND state <> 'DONE' AND coalesce((payload ->> 'user_id')::uuid, posts.user_id) <> :me",
            kinds=list(FEED_JOBS),
            me=me,
        )
        return {UUID(row[0]) for row in rows}

    async def run_one(self) -> bool:
        """Run the job that is due first; False when there is none."""
        await self.make_due()
        return await self.runner.run_one()

    async def run_all(self) -> bool:
        """Run all jobs; False when there is none."""
        count = 0
        while await self.run_one():
            count += 1
            if count > 500:
                raise AssertionError("the jobs do not come to an end")
        return bool(count)

    async def run_again(self, nth: int) -> bool:
        """Wake a job that was done, as a worker does that died after its work; False when none was."""
        return await self._change_jobs(
            "state = 'WAITING', run_at = now(), attempts = 0, finished_at = NULL",
            "state = 'DONE' ORDER BY finished_at DESC OFFSET :nth LIMIT 1",
            nth=nth,
        )

    async def shuffle(self, seed: int) -> bool:
        """Let the jobs come in another order; False when none waits."""
        order = "run_at = now() - (hashtextextended(id::text, :seed) % 3600) * interval '1 second' - interval '2 hours'"
        return await self._change_jobs(order, "state = 'WAITING'", seed=seed)

    async def forget_jobs(self) -> bool:
        """Let the jobs that wait be old, as when no worker runs; False when none waits."""
        return await self._change_jobs("run_at = now() - CAST(:long AS interval)", "state = 'WAITING'", long=2 * LATE)

    async def is_late(self) -> bool:
        """Tell whether a job waits that is old."""
        rows = await self._rows(
            "SELECT 1 FROM jobs WHERE state = 'WAITING' AND kind = ANY(:kinds) AND run_at < now() - CAST(:late AS interval)",
            late=LATE,
            kinds=list(FEED_JOBS),
        )
        return bool(rows)

    async def stands_still(self) -> bool:
        """Tell whether somebody waits for a lock that another holds."""
        return bool(await self._rows("SELECT 1 FROM pg_locks WHERE NOT granted"))

    async def make_due(self) -> None:
        """Let no job wait for its time."""
        # Failed ones wait for their retry, and dead ones for somebody who wakes them: both are patience, not a promise.
        is_patient = "(state = 'DEAD' OR state = 'WAITING' AND run_at > now())"
        await self._change_jobs("state = 'WAITING', run_at = now(), attempts = 0", is_patient)

    async def _change_jobs(self, change: str, which: str, **values: Any) -> bool:
        """Change jobs, but for those that are held: who runs one must not wait for us, who would wait for another."""
        rows = await self._rows(
            f"UPDATE jobs SET {change} WHERE id IN (SELECT id FROM jobs WHERE kind = ANY(:kinds) AND {which} "  # noqa: S608
            "FOR UPDATE SKIP LOCKED) RETURNING id",
            kinds=list(FEED_JOBS),
            **values,
        )
        return bool(rows)

    # --- Valkey ---

    async def keys(self) -> Sequence[str]:
        """Name all timelines."""
        return [key async for key in self.valkey.scan_iter("timeline:*", count=1_000)]

    async def lose(self, who: UUID | None = None) -> bool:
        """Lose a reader's timeline, or everything; False when nothing was there."""
        if who is not None:
            return bool(await self.valkey.delete(key_of(who)))
        return bool(await self.valkey.dbsize()) and bool(await self.valkey.flushdb())

    async def restart(self) -> bool:
        """Leave Valkey as it is after a restart from its file: another run, the last writes lost; False when nothing was there."""
        keys, run = await self.keys(), f"{next(_runs):040x}"
        for key in keys:
            mark, floor = (await self.valkey.zrange(key, 0, 0, withscores=True))[0]
            # First the new mark: a set that is empty for a moment would lose its end.
            await self.valkey.zadd(key, {RUN.sub(run, mark): floor})
            await self.valkey.zrem(key, mark)
            if (entries := await self.valkey.zcard(key) - 1) > 0:
                await self.valkey.zpopmax(key, min(entries, LOST_WRITES))
        for key in [key async for key in self.valkey.scan_iter("timeline-build:*", count=1_000)]:
            await self.valkey.lset(key, 0, RUN.sub(run, await self.valkey.lindex(key, 0)))
        return bool(keys)

    async def age(self, time: timedelta) -> None:
        """Let the keys grow older, as they do by themselves."""
        for key in [key async for key in self.valkey.scan_iter("timeline*", count=1_000)]:
            left = await self.valkey.pttl(key)
            if left >= 0:
                await self.valkey.pexpire(key, max(0, left - round(time.total_seconds() * 1_000)))

    async def has_timeline(self, who: UUID) -> bool:
        """Tell whether a reader counts as active."""
        return bool(await self.valkey.exists(key_of(who)))

    def mend(self) -> None:
        """Let both circuits close, as time does, also when a trial is held up."""
        for breaker in (self.timelines.reads, self.timelines.writes):
            breaker.state, breaker._failed = BreakerState.CLOSED, 0

    # --- behind the API ---

    async def begin(self, names: Sequence[str]) -> tuple[Sequence[Viewer], Sequence[UUID]]:
        """Make readers who know nobody, and two books."""
        await self.valkey.flushdb()
        async with self.container.database.writing() as session:
            await session.execute(text("DELETE FROM jobs"))
            seed = Seeder(session)
            users = [await seed.user(f"{name}{uuid7().hex[-12:]}") for name in names]
            books = [await seed.book(is_public=True) for _ in range(2)]
        return [Viewer(user.id, uuid7()) for user in users], [book.id for book in books]

    async def _rows(self, statement: str, **values: Any) -> Sequence[Any]:
        async with self.container.database.writing() as session:
            return (await session.execute(text(statement), values)).all()


def key_of(who: UUID) -> str:
    """Name a reader's timeline."""
    return f"timeline:{{{who}}}"


def _target(kind: str, what: UUID | str) -> NamedTarget:
    if kind == "word":
        return NamedTarget(word=str(what))
    name = {"user": "User", "book": "Book", "post": "Post"}[kind]
    return NamedTarget(**{f"{kind}_id": global_id(name, UUID(str(what)))})
