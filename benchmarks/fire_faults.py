"""What happens to workers, Valkey and PostgreSQL while timelines are written."""

import asyncio
import contextlib
import os
import random
import signal
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from redis.asyncio import Redis

from benchmarks import large, report
from benchmarks.server import App
from core.settings import Settings
from services.jobs import INTERRUPTIONS

KILL_EVERY = 2.0
PAST_LEASE = 3.0
WORN = 10
WEAR = """UPDATE jobs SET interruptions = $1 WHERE id IN (
SELECT jobs.id FROM jobs JOIN posts ON posts.id = (payload ->> 'post_id')::uuid JOIN users ON users.id = posts.user_id
WHERE kind = 'fanout_post' AND state = 'WAITING' AND users.follower_count < $3 LIMIT $2 FOR UPDATE OF jobs SKIP LOCKED) RETURNING id"""
"""Not jobs of the best known: when one of those dies, all who follow are outdated, and no timeline is left to be compared."""
Moment = tuple[float, Callable[[], Awaitable[None]]]


@dataclass
class Fire:
    """Kills workers all the time, and does everything else once, when so large a share of the posts is written."""

    app: App
    seed: int
    share: Callable[[], float]
    known: int
    """From so many followers on, somebody is well known."""
    after_flush: Callable[[], Awaitable[None]]
    counts: Counter[str] = field(default_factory=Counter)
    _stalled: int | None = None

    async def burn(self, stop: asyncio.Event) -> None:
        """Burn until told to stop; whatever was begun has ended when this returns."""
        kills = asyncio.create_task(self._kill_workers(stop))
        once = [self._once(at, what) for at, what in self._moments()]
        await asyncio.gather(kills, *once)

    def _moments(self) -> list[Moment]:
        return [(0.15, self._stall), (0.4, self._flush), (0.65, self._kill_postgres), (0.8, self._wear_out)]

    async def _once(self, at: float, what: Callable[[], Awaitable[None]]) -> None:
        while self.share() < at:  # noqa: ASYNC110 - what it waits for is counted elsewhere
            await asyncio.sleep(0.1)
        await what()

    async def _kill_workers(self, stop: asyncio.Event) -> None:
        chance = random.Random(self.seed)
        while not stop.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), KILL_EVERY)
                return
            alive = [pid for pid in self.app.pids("worker") if pid != self._stalled]
            if alive and self._send(chance.choice(alive), signal.SIGKILL):
                self.counts["workers killed"] += 1

    async def _stall(self) -> None:
        while (pid := self.app.pid("worker")) is None:  # noqa: ASYNC110 - processes tell nobody
            await asyncio.sleep(0.1)
        self._stalled = pid
        lease = Settings.model_fields["job_lease_seconds"].default + PAST_LEASE
        if self._send(pid, signal.SIGSTOP):
            self.counts["workers stalled past their lease"] += 1
            report.progress(f"  a worker is stalled for {lease:.0f} s")
        await asyncio.sleep(lease)
        self._send(pid, signal.SIGCONT)
        self._stalled = None

    async def _flush(self) -> None:
        client = Redis.from_url(self.app.redis_url)
        await client.flushall()
        await client.aclose()
        self.counts["Valkey flushed"] += 1
        report.progress("  Valkey is flushed")
        await self.after_flush()

    async def _kill_postgres(self) -> None:
        for pid in reversed(self.app.pids("postgres")):
            self._send(pid, signal.SIGKILL)
        self.counts["PostgreSQL killed"] += 1
        report.progress("  PostgreSQL is killed")

    async def _wear_out(self) -> None:
        """Let some jobs look as if they had lost their worker again and again: what kills of seconds do not do by themselves."""
        while self.counts["jobs worn out"] < WORN and self.share() < 1:
            connection = await large.connect(self.app)
            rows = await connection.fetch(WEAR, INTERRUPTIONS, WORN - self.counts["jobs worn out"], self.known)
            await connection.close()
            self.counts["jobs worn out"] += len(rows)
            await asyncio.sleep(0.05)

    @staticmethod
    def _send(pid: int, number: signal.Signals) -> bool:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return False
        return True
