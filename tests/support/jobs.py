"""Jobs in the ledger: added, run, made due, and what they did."""

from datetime import timedelta
from typing import Any

from sqlalchemy import func, select

from models import Job
from runtime.container import Container, Services
from services.jobs import Handler, JobRunner
from tests.support.rows import sql

LEASE = timedelta(seconds=15)


def runner(container: Container, lease: timedelta = LEASE, **handlers: Handler[Services]) -> JobRunner[Services]:
    """Make a runner of some kinds of jobs."""
    return JobRunner(container.transaction, handlers, lease=lease)


async def add(container: Container, kind: str, **payload: Any) -> Job:
    """Add a job."""
    async with container.transaction() as services:
        return await services.jobs.add(kind, **payload)


async def read(container: Container, job: Job) -> Job:
    """Read a job as it is now."""
    async with container.database.reading() as session:
        return (await session.scalars(select(Job).where(Job.id == job.id))).one()


async def make_due(container: Container) -> None:
    """End the pauses of all jobs that wait."""
    await sql(container, "UPDATE jobs SET run_at = now() WHERE state = 'WAITING'")


async def lose_worker(container: Container) -> None:
    """Let the leases of all jobs that run be over."""
    await sql(container, "UPDATE jobs SET lease_until = now() - interval '1 s' WHERE state = 'RUNNING'")


async def note_effect(services: Services, job: Job) -> bool:
    """Have an effect in the step's own transaction: one more row for each time that the step has committed."""
    await services.ledger.add("effect", {"of": str(job.id)})
    return True


async def effects(container: Container, job: Job | None = None) -> int:
    """Count the effects of a job, or of all."""
    async with container.database.reading() as session:
        counted = select(func.count()).where(Job.kind == "effect")
        if job is not None:
            counted = counted.where(Job.payload["of"].astext == str(job.id))
        return await session.scalar(counted) or 0
