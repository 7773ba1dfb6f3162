"""The job that recounts."""

from uuid import UUID

from models import Job
from runtime.container import Services
from services.posts_reconcile import Mark


async def reconcile_counts(services: Services, job: Job) -> bool:
    """Recount the next slice."""
    told = job.payload
    mark = Mark(told["table"], UUID(told["after"]) if told["after"] else None) if told else Mark()
    done = await services.reconcile.step(mark)
    if done.next is not None:
        await services.jobs.remember(job, table=done.next.table, after=str(done.next.after or ""))
    return done.next is None
