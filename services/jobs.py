"""Jobs: claimed under a lease, run in guarded steps, retried with growing pauses, dead with a reason, replayed by hand."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Any, Generic, Protocol, TypeVar
from uuid import UUID

import structlog

from core import clock
from core.errors import AppError
from core.events import Event, JobAdded
from models import Job
from models.jobs import JobState
from repositories.jobs import JobRepository

ATTEMPTS = 5
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 300.0
log = structlog.get_logger(__name__)


class JobService:
    """The ledger, for services that need something done after their transaction, and for those who look after it."""

    def __init__(self, jobs: JobRepository, events: list[Event]) -> None:
        self._jobs = jobs
        self._events = events

    async def add(self, kind: str, **payload: Any) -> Job:
        """Write a job in this transaction; it begins after the commit."""
        self._events.append(JobAdded())
        return await self._jobs.add(kind, payload)

    async def plan(self, recurring: Mapping[str, timedelta]) -> None:
        """Write the jobs whose time has come, each once however many workers plan."""
        for kind, every in recurring.items():
            slot = int(clock.now().timestamp() // every.total_seconds())
            if await self._jobs.plan(kind, f"{kind}:{slot}"):
                self._events.append(JobAdded())

    async def replay(self, job_id: UUID | None = None) -> Sequence[UUID]:
        """Wake dead jobs, one or all."""
        self._events.append(JobAdded())
        return await self._jobs.replay(job_id)

    async def by_state(self, state: JobState, limit: int = 100) -> Sequence[Job]:
        """List jobs of a state, oldest first."""
        return await self._jobs.by_state(state, limit)

    async def depth(self) -> Mapping[str, int]:
        """Count jobs by state, done ones left out."""
        return await self._jobs.depth()

    async def purge_done(self, older_than: timedelta) -> int:
        """Delete old jobs that were done."""
        return await self._jobs.purge_done(clock.now() - older_than, 10_000)


class HasLedger(Protocol):
    """A transaction with a ledger."""

    @property
    def ledger(self) -> JobRepository:
        """The ledger in this transaction."""


Work = TypeVar("Work", bound=HasLedger)
Handler = Callable[[Work, Job], Awaitable[bool]]
"""One step of a job, in one transaction; True when nothing is left to do. Its effects and the mark that it is done commit together."""


def pause(attempt: int) -> timedelta:
    """Tell how long to wait after a failed attempt: 1 s, 4 s, 16 s, …, at most 5 minutes, times 0.5 to 1."""
    seconds = min(LONGEST_PAUSE, FIRST_PAUSE * 4 ** (attempt - 1))
    return timedelta(seconds=seconds * random.uniform(0.5, 1))  # noqa: S311 - jitter


class JobRunner(Generic[Work]):
    """Run due jobs. Any number of runners share a ledger; a job that two of them run has its effects once."""

    def __init__(
        self,
        transaction: Callable[[], AbstractAsyncContextManager[Work]],
        handlers: Mapping[str, Handler[Work]],
        *,
        lease: timedelta,
    ) -> None:
        self._transaction = transaction
        self._handlers = handlers
        self._lease = lease

    async def run_due(self) -> int:
        """Run jobs until none is due; tell how many."""
        count = 0
        while await self.run_one():
            count += 1
        return count

    async def run_one(self) -> bool:
        """Claim and run one job; False when none is due."""
        async with self._transaction() as work:
            job = await work.ledger.claim(self._lease, list(self._handlers))
        if job is None or job.lease_token is None:
            return False
        await self._run(job, job.lease_token)
        return True

    async def _run(self, job: Job, token: UUID) -> None:
        with structlog.contextvars.bound_contextvars(job_id=str(job.id), job_kind=job.kind):
            try:
                if job.attempts > ATTEMPTS:
                    raise WorkerLost
                while await self._step(job, token):
                    pass
            except asyncio.CancelledError:
                await asyncio.shield(self._give_back(job, token, "the worker was stopped", timedelta()))
                raise
            except Exception as error:
                log.warning("job_failed", attempt=job.attempts, exc_info=error)
                retry_in = pause(job.attempts) if job.attempts < ATTEMPTS else None
                await self._give_back(job, token, reason_of(error), retry_in)

    async def _step(self, job: Job, token: UUID) -> bool:
        async with self._transaction() as work:
            if not await work.ledger.hold(job.id, token, self._lease):
                log.warning("job_taken_over")
                return False
            done = await self._handlers[job.kind](work, job)
            if done:
                await work.ledger.finish(job.id)
            return not done

    async def _give_back(self, job: Job, token: UUID, reason: str, retry_in: timedelta | None) -> None:
        async with self._transaction() as work:
            kept = await work.ledger.fail(job.id, token, reason, retry_in)
        if kept and retry_in is None:
            log.error("job_dead", reason=reason)


class WorkerLost(Exception):
    """Every attempt ended with its worker."""

    def __init__(self) -> None:
        super().__init__("its worker was lost in every attempt")


def reason_of(error: BaseException) -> str:
    """Say in a line why a job failed."""
    return f"{type(error).__name__}: {error}"[:2_000] if not isinstance(error, AppError) else str(error)
