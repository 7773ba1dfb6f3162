"""The worker process: loops that run jobs, the bell that wakes them, and the planner of what recurs."""

import asyncio
import contextlib
import random
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

import structlog

from clients.bus import ValkeyBus
from clients.timelines import ValkeyTimelines
from core.database import Database
from core.errors import Unavailable
from core.settings import Settings
from runtime.container import Container, Services
from runtime.launch import spare_start_up
from services.jobs import Burial, Handler, JobRunner
from workers import bell, feeds, housekeeping, imports, media, posts, posts_reconcile, posts_trends
from workers.recurring import RECURRING

LOOPS = 4
SWEEP = 3.0
"""How often each loop looks into the ledger unasked, in seconds: bells may be lost, and jobs become due without one."""
PLAN_EVERY = 30.0
FINISH_WITHIN, GIVE_BACK_WITHIN = 2.0, 0.7

HANDLERS: Mapping[str, Handler[Services]] = {
    "erase_deleted": housekeeping.erase_deleted,
    "purge_tombstones": housekeeping.purge_tombstones,
    "forget_answers": housekeeping.forget_answers,
    "purge_sessions": housekeeping.purge_sessions,
    "purge_audit": housekeeping.purge_audit,
    "purge_jobs": housekeeping.purge_jobs,
    "purge_imports": imports.purge_imports,
    "purge_posts": posts.purge_posts,
    "run_import": imports.run_import,
    "compute_post_trends": posts_trends.compute_post_trends,
    "fanout_post": feeds.plan,
    "fanout_repost": feeds.plan,
    "fanout_unrepost": feeds.plan,
    "fanout_chunk": feeds.write,
    "sweep_uploads": media.sweep_uploads,
    "sweep_files": media.sweep_files,
    "reconcile_counts": posts_reconcile.reconcile_counts,
}
FANOUT = ("fanout_post", "fanout_repost", "fanout_unrepost", "fanout_chunk")
BURIALS: Mapping[str, Burial[Services]] = {
    "run_import": imports.give_up_import,
    **dict.fromkeys(FANOUT, feeds.give_up),
}

log = structlog.get_logger(__name__)


class Worker:
    """One process's loops. `handlers` are the kinds of jobs it knows; it leaves the others alone."""

    def __init__(
        self, container: Container, redis_url: str, handlers: Mapping[str, Handler[Services]] = HANDLERS
    ) -> None:
        self._container = container
        self._redis_url = redis_url
        self._runner = JobRunner(container.transaction, handlers, lease=container.lease, burials=BURIALS)
        self._bells = [asyncio.Event() for _ in range(LOOPS)]

    def wake(self) -> None:
        """Let all loops look into the ledger now."""
        for rung in self._bells:
            rung.set()

    async def run(self, stop: asyncio.Event, *, beside: Sequence[asyncio.Task[None]] = ()) -> None:
        """Work until told to stop; then finish running steps, or give their jobs back, within four seconds.

        A part that ends by itself, one of those that run `beside` included, is a fault: everything stops and it is raised.
        """
        loops = [asyncio.create_task(self._run_jobs(rung), name="jobs") for rung in self._bells]
        others = [
            asyncio.create_task(bell.hear(self._redis_url, self.wake), name="job-bell"),
            asyncio.create_task(self._plan(), name="planner"),
        ]
        stopping = asyncio.create_task(stop.wait(), name="stop")
        done: set[asyncio.Task[Any]] = set()
        try:
            done, _ = await asyncio.wait([*loops, *others, *beside, stopping], return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._runner.stop()
            self.wake()
            await _end([*others, stopping])
            await asyncio.wait(loops, timeout=FINISH_WITHIN)
            await _end(loops)
        for task in done - {stopping}:
            log.error("worker_part_ended", part=task.get_name(), exc_info=task.exception())
            raise RuntimeError(f"the worker's {task.get_name()} ended by itself") from task.exception()

    async def _run_jobs(self, rung: asyncio.Event) -> None:
        while not self._runner.is_stopping:
            rung.clear()
            await _unless_unavailable("jobs_unreachable", self._runner.run_due)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(SWEEP * random.uniform(0.7, 1)):  # noqa: S311 - jitter
                    await rung.wait()

    async def _plan(self) -> None:
        while True:
            await _unless_unavailable("planning_skipped", self._plan_once)
            await asyncio.sleep(PLAN_EVERY * random.uniform(0.7, 1))  # noqa: S311 - jitter

    async def _plan_once(self) -> None:
        async with self._container.transaction() as services:
            await services.jobs.plan(RECURRING)


async def _unless_unavailable(event: str, work: Callable[[], Coroutine[Any, Any, object]]) -> None:
    """Do it, or log that the database is away; the caller comes again."""
    try:
        await work()
    except Unavailable as error:
        log.warning(event, error=type(error.__cause__).__name__)


async def _end(tasks: list[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks, timeout=GIVE_BACK_WITHIN)


async def run_worker(settings: Settings, *, database_url: str, redis_url: str, stop: asyncio.Event) -> None:
    """Be a worker until told to stop."""
    database = Database(database_url, pool_size=settings.database_pool)
    bus = ValkeyBus(redis_url)
    timelines = ValkeyTimelines(redis_url, length=settings.timeline_length, days=settings.timeline_days)
    container = Container(settings, database, bus, timelines=timelines)
    publishing = bus.start()
    spare_start_up()
    log.info("worker_started", loops=LOOPS, kinds=sorted(HANDLERS))
    try:
        await Worker(container, redis_url).run(stop, beside=[publishing])
    finally:
        await bus.close()
        await timelines.close()
        await container.storage.close()
        await database.close()
        log.info("worker_stopped")
