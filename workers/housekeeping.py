"""Jobs that clean up, a slice a step."""

from models import Job
from runtime.container import Services
from workers.recurring import KEEP_DONE


async def erase_deleted(services: Services, _: Job) -> bool:
    """Erase the content of highlights whose time to undo is over."""
    return await services.housekeeping.erase_deleted()


async def purge_tombstones(services: Services, _: Job) -> bool:
    """Forget tombstones that every device has had time to see."""
    return await services.housekeeping.purge_tombstones()


async def forget_answers(services: Services, _: Job) -> bool:
    """Forget old outcomes and idempotency keys."""
    return await services.housekeeping.forget_answers()


async def purge_sessions(services: Services, _: Job) -> bool:
    """Delete expired sessions and old sign-in attempts."""
    return await services.housekeeping.purge_sessions()


async def purge_audit(services: Services, _: Job) -> bool:
    """Delete old audit entries."""
    return await services.housekeeping.purge_audit()


async def purge_jobs(services: Services, _: Job) -> bool:
    """Delete jobs that were done long ago."""
    return await services.jobs.purge_done(KEEP_DONE) == 0
