"""Jobs: claimed under a lease, run in guarded steps, retried with growing pauses, dead with a reason, replayed by hand."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Any, Generic, Protocol, TypeVar
from uuid import UUID

import structlog

from core import clock, metrics
from core.errors import AppError, Unavailable
from core.events import Event, JobAdded
from core.metrics import Backlog, JobOutcome
from models import Job
from models.jobs import JobState
from repositories.jobs import JobRepository

FAILURES = 5
"""So many failures of one step in a row, and the job is dead."""
INTERRUPTIONS = 10
"""So many losses of worker or database in a row. More than FAILURES: an outage is not the job's fault, a poisonous job is rare."""
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 300.0
LONGEST_STEP = timedelta(minutes=2)
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

    async def remember(self, job: Job, **payload: Any) -> None:
        """Note how far a job of several steps has come; it must be held."""
        await self._jobs.remember(job.id, payload)
        job.payload = payload

    async def plan(self, recurring: Mapping[str, timedelta]) -> None:
        """Write the jobs whose time has come, each once however many workers plan."""
        for kind, every in recurring.items():
            slot = int(clock.now().timestamp() // every.total_seconds())
            if await self._jobs.plan(kind, f"{kind}:{slot}"):
                self._events.append(JobAdded())

    async def replay(self, job_id: UUID | None = None, kind: str | None = None) -> Sequence[UUID]:
        """Wake dead jobs: one, those of a kind, or all."""
        self._events.append(JobAdded())
        return await self._jobs.replay(job_id, kind)

    async def by_state(self, state: JobState, limit: int = 100, kind: str | None = None) -> Sequence[Job]:
        """List jobs of a state, of one kind or of all, oldest first."""
        return await self._jobs.by_state(state, limit, kind)

    async def backlog(self) -> Sequence[Backlog]:
        """Count jobs by kind and state, and tell how old the oldest is; done ones left out."""
        return await self._jobs.backlog()

    async def depth(self) -> Mapping[str, int]:
        """Count jobs by state, done ones left out."""
        depth: Counter[str] = Counter()
        for part in await self.backlog():
            depth[part.state] += part.count
        return dict(depth)

    async def purge_done(self, older_than: timedelta, limit: int = 1_000) -> int:
        """Delete old jobs that were done, a slice at a time; tell how many went."""
        return await self._jobs.purge_done(clock.now() - older_than, limit)


class HasLedger(Protocol):
    """A transaction with a ledger."""

    @property
    def ledger(self) -> JobRepository:
        """The ledger in this transaction."""


Work = TypeVar("Work", bound=HasLedger)
Handler = Callable[[Work, Job], Awaitable[bool]]
"""One step of a job, in one transaction; True when nothing is left to do. Its effects and the mark that it is done commit together."""


Burial = Callable[[Work, Job], Awaitable[None]]
"""What else to write in the transaction in which a job dies: to tell those who wait for it."""


def pause(times: int) -> timedelta:
    """Tell how long to wait after so many bad ends: 1 s, 4 s, 16 s, …, at most 5 minutes, times 0.5 to 1."""
    seconds = min(LONGEST_PAUSE, FIRST_PAUSE * 4 ** (times - 1))
    return timedelta(seconds=seconds * random.uniform(0.5, 1))  # noqa: S311 - jitter


class JobRunner(Generic[Work]):
    """Run due jobs. Any number of runners share a ledger; a job that two of them run has its effects once.

    A step holds its job's row by the token of the claim for as long as its transaction is open: nobody else can take the job over in the
    middle of it, and a step whose job was taken over before writes nothing. Kinds without a handler are left for newer workers.
    """

    def __init__(
        self,
        transaction: Callable[[], AbstractAsyncContextManager[Work]],
        handlers: Mapping[str, Handler[Work]],
        *,
        lease: timedelta,
        burials: Mapping[str, Burial[Work]] | None = None,
    ) -> None:
        self._transaction = transaction
        self._handlers = handlers
        self._burials = burials or {}
        self._lease = lease
        self._is_stopping = False

    @property
    def is_stopping(self) -> bool:
        """Whether nothing is begun any more."""
        return self._is_stopping

    def stop(self) -> None:
        """Begin nothing any more; running jobs are given back after their present step."""
        self._is_stopping = True

    async def run_due(self) -> int:
        """Run jobs until none is due; tell how many."""
        count = 0
        while await self.run_one():
            count += 1
        return count

    async def run_one(self) -> bool:
        """Claim and run one job; False when none is due."""
        if self._is_stopping:
            return False
        async with self._transaction() as work:
            job = await work.ledger.claim(self._lease, list(self._handlers))
        if job is None or job.lease_token is None:
            return False
        with structlog.contextvars.bound_contextvars(job_id=str(job.id), job_kind=job.kind):
            await self._run(job, job.lease_token)
        return True

    async def _run(self, job: Job, token: UUID) -> None:
        try:
            if job.interruptions >= INTERRUPTIONS:
                await self._fail(
                    job, token, f"interrupted {job.interruptions} times: {job.reason or 'its worker was lost'}", None
                )
                return
            while await self._step(job, token):
                if self._is_stopping:
                    await self._give_back(job, token)
                    return
        except asyncio.CancelledError:
            await asyncio.shield(self._give_back(job, token))
            raise
        except Unavailable as error:
            await self._interrupted(job, token, error)
        except Exception as error:
            log.warning("job_failed", attempt=job.attempts, exc_info=error)
            retry_in = pause(job.attempts) if job.attempts < FAILURES else None
            await self._fail(job, token, reason_of(error), retry_in)

    async def _step(self, job: Job, token: UUID) -> bool:
        # Outside of the transaction, so that running out of time is not taken for a loss of the database.
        async with asyncio.timeout(LONGEST_STEP.total_seconds()), self._transaction() as work:
            if not await work.ledger.hold(job.id, token, self._lease):
                log.warning("job_taken_over")
                return False
            done = await self._handlers[job.kind](work, job)
            if done:
                await work.ledger.finish(job.id)
            else:
                await work.ledger.progressed(job.id)
        if done:
            metrics.job_ended(job.kind, JobOutcome.DONE, (clock.now() - job.created_at).total_seconds())
            return False
        job.attempts, job.interruptions = 1, 0
        return True

    async def _fail(self, job: Job, token: UUID, reason: str, retry_in: timedelta | None) -> None:
        burial = self._burials.get(job.kind) if retry_in is None else None
        try:
            await self._put_away(job, token, reason, retry_in, burial)
        except Unavailable as error:
            await self._interrupted(job, token, error)
        except Exception:
            if burial is None:
                raise
            log.exception("burial_failed")
            await self._put_away(job, token, reason, retry_in, None)

    async def _put_away(
        self, job: Job, token: UUID, reason: str, retry_in: timedelta | None, burial: Burial[Work] | None
    ) -> None:
        async with self._transaction() as work:
            kept = await work.ledger.fail(job.id, token, reason, retry_in)
            if kept and burial is not None:
                await burial(work, job)
        if not kept:
            return
        metrics.job_ended(job.kind, JobOutcome.DEAD if retry_in is None else JobOutcome.FAILED)
        if retry_in is None:
            log.error("job_dead", reason=reason)

    async def _give_back(self, job: Job, token: UUID) -> None:
        """Let another worker go on; that this one stops is nobody's failure."""
        try:
            async with self._transaction() as work:
                await work.ledger.release(job.id, token, timedelta(), interrupted_by=None)
        except Unavailable:
            log.warning("job_left_to_its_lease")

    async def _interrupted(self, job: Job, token: UUID, error: Unavailable) -> None:
        """Give a job back for later, as soon as the database can be told; after its lease, others take it without being told."""
        log.warning("job_interrupted", exc_info=error)
        metrics.job_ended(job.kind, JobOutcome.INTERRUPTED)
        reason = reason_of(error)
        for _ in range(max(1, round(self._lease.total_seconds()))):
            try:
                async with self._transaction() as work:
                    await work.ledger.release(job.id, token, pause(job.interruptions + 1), interrupted_by=reason)
            except Unavailable:
                if self._is_stopping:
                    break
                await asyncio.sleep(1)
            else:
                return
        log.warning("job_left_to_its_lease")


def reason_of(error: BaseException) -> str:
    """Say in a line why a job failed."""
    if isinstance(error, TimeoutError):
        return f"a step took longer than {LONGEST_STEP.total_seconds():.0f} s"
    # A NUL in the text of an exception must not keep its job from being buried.
    told = str(error) if isinstance(error, AppError) else f"{type(error).__name__}: {error}"
    return told.encode("utf-8", "replace").decode().replace("\x00", "?")[:2_000]
