"""The ledger of jobs, and idempotency keys."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import case, delete, func, or_, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from core.ids import uuid7
from core.metrics import Backlog
from models import IdempotencyKey, Job
from models.jobs import JobState


class JobRepository:
    """The ledger, as one session sees it. All times are the database's own, so that workers' clocks do not matter."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, kind: str, payload: Mapping[str, Any]) -> Job:
        """Write a job that is due now."""
        job = Job(id=uuid7(), kind=kind, payload=dict(payload))
        self._session.add(job)
        await self._session.flush()
        return job

    async def remember(self, job_id: UUID, payload: Mapping[str, Any]) -> None:
        """Give a job another payload; it must be held."""
        await self._session.execute(update(Job).where(Job.id == job_id).values(payload=dict(payload)))

    async def plan(self, kind: str, key: str) -> bool:
        """Write a recurring job unless its slot is planned already."""
        planned = insert(Job).values(id=uuid7(), kind=kind, key=key).on_conflict_do_nothing(index_elements=[Job.key])
        return bool((await self._session.execute(planned.returning(Job.id))).all())

    async def claim(self, lease: timedelta, kinds: Sequence[str]) -> Job | None:
        """Take the job that is due longest: a waiting one, or one whose worker has let its lease run out.

        The latter is one interruption more, not one failure more: a lost worker or database says little about the job.
        """
        due = or_(
            (Job.state == JobState.WAITING) & (Job.run_at <= func.now()),
            (Job.state == JobState.RUNNING) & (Job.lease_until < func.now()),
        )
        wanted = select(Job.id).where(due, Job.kind.in_(kinds)).order_by(Job.run_at).limit(1)
        taken = (
            update(Job)
            .where(Job.id == wanted.with_for_update(skip_locked=True).scalar_subquery())
            .values(
                state=JobState.RUNNING,
                lease_token=uuid4(),
                lease_until=func.now() + lease,
                attempts=Job.attempts + case((Job.state == JobState.WAITING, 1), else_=0),
                interruptions=Job.interruptions + case((Job.state == JobState.RUNNING, 1), else_=0),
            )
            .returning(Job)
        )
        return await self._session.scalar(taken)

    async def hold(self, job_id: UUID, token: UUID, lease: timedelta) -> bool:
        """Renew a lease and lock the job until the commit; False when the job has gone to another worker.

        A worker that is stalled inside the transaction would keep this lock, and others, for ever: PostgreSQL ends it after the lease.
        """
        most = f"{max(1, round(lease.total_seconds() * 1000))}ms"
        await self._session.execute(select(func.set_config("idle_in_transaction_session_timeout", most, True)))  # noqa: FBT003
        held = update(Job).where(Job.id == job_id, Job.lease_token == token, Job.state == JobState.RUNNING)
        renewed = held.values(lease_until=func.now() + lease).returning(Job.id)
        return await self._session.scalar(renewed) is not None

    async def progressed(self, job_id: UUID) -> None:
        """Note that a step went well: bad ends are counted in a row. The job must be held."""
        await self._session.execute(update(Job).where(Job.id == job_id).values(attempts=1, interruptions=0))

    async def finish(self, job_id: UUID) -> None:
        """Mark a job as done; it must be held."""
        await self._session.execute(
            update(Job)
            .where(Job.id == job_id)
            .values(state=JobState.DONE, finished_at=func.now(), lease_token=None, lease_until=None, reason=None)
        )

    async def fail(self, job_id: UUID, token: UUID, reason: str, retry_in: timedelta | None) -> bool:
        """Put a job back for a retry, or away as dead; False when it has gone to another worker."""
        values: dict[str, Any] = {"reason": reason, "lease_token": None, "lease_until": None}
        if retry_in is None:
            values |= {"state": JobState.DEAD, "finished_at": func.now()}
        else:
            values |= {"state": JobState.WAITING, "run_at": func.now() + retry_in}
        failed = update(Job).where(Job.id == job_id, Job.lease_token == token).values(values).returning(Job.id)
        return await self._session.scalar(failed) is not None

    async def release(self, job_id: UUID, token: UUID, again_in: timedelta, *, interrupted_by: str | None) -> bool:
        """Put a job back as if it had not been tried, or with one interruption more; False when it has gone to another worker."""
        values: dict[str, Any] = {
            "state": JobState.WAITING,
            "lease_token": None,
            "lease_until": None,
            "run_at": func.now() + again_in,
            "attempts": Job.attempts - 1,
        }
        if interrupted_by is not None:
            values |= {"interruptions": Job.interruptions + 1, "reason": interrupted_by}
        released = update(Job).where(Job.id == job_id, Job.lease_token == token).values(values).returning(Job.id)
        return await self._session.scalar(released) is not None

    async def replay(self, job_id: UUID | None = None, kind: str | None = None) -> Sequence[UUID]:
        """Wake dead jobs, one, those of a kind, or all, with a fresh set of attempts."""
        dead = update(Job).where(Job.state == JobState.DEAD)
        dead = dead.where(Job.id == job_id) if job_id else dead
        dead = dead.where(Job.kind == kind) if kind else dead
        woken = dead.values(state=JobState.WAITING, run_at=func.now(), attempts=0, interruptions=0, finished_at=None)
        return (await self._session.scalars(woken.returning(Job.id))).all()

    async def by_state(self, state: JobState, limit: int, kind: str | None = None) -> Sequence[Job]:
        """List jobs of a state, of one kind or of all, oldest first."""
        wanted = select(Job).where(Job.state == state).order_by(Job.id).limit(limit)
        return (await self._session.scalars(wanted.where(Job.kind == kind) if kind else wanted)).all()

    async def backlog(self) -> Sequence[Backlog]:
        """Count jobs by kind and state, and tell how old the oldest is; done ones left out."""
        # Each arm has an index of its own; "not done" would read a week of done jobs.
        open_ones = or_(*(Job.state == state for state in JobState if state is not JobState.DONE))
        oldest = func.extract("epoch", func.now() - func.min(Job.created_at))
        rows = await self._session.execute(
            select(Job.kind, Job.state, func.count(), oldest).where(open_ones).group_by(Job.kind, Job.state)
        )
        return [Backlog(kind, state.value, count, max(0.0, float(age))) for kind, state, count, age in rows]

    async def purge_done(self, before: datetime, limit: int) -> int:
        """Delete jobs that were done before a moment; dead ones stay until somebody has looked."""
        due = select(Job.id).where(Job.state == JobState.DONE, Job.finished_at < before).limit(limit)
        gone = await self._session.execute(delete(Job).where(Job.id.in_(due)).returning(Job.id))
        return len(gone.all())


class IdempotencyRepository:
    """Remembered successes, as one session sees them."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def find(self, user_id: UUID, operation: str, key: str) -> IdempotencyKey | None:
        """Look a key up."""
        return await self._session.get(IdempotencyKey, (user_id, operation, key))

    async def add(self, row: IdempotencyKey) -> None:
        """Remember a success."""
        self._session.add(row)
        await self._session.flush()

    async def purge(self, before: datetime, limit: int) -> int:
        """Forget keys that are old enough, a slice at a time."""
        name = (IdempotencyKey.user_id, IdempotencyKey.operation, IdempotencyKey.key)
        due = select(*name).where(IdempotencyKey.created_at < before).limit(limit)
        gone = await self._session.execute(
            delete(IdempotencyKey).where(tuple_(*name).in_(due)).returning(IdempotencyKey.key)
        )
        return len(gone.all())
