"""Jobs that write timelines."""

from models import Job
from runtime.container import Services


async def plan(services: Services, job: Job) -> bool:
    """Send an entry, or word that it is gone, on its way to followers."""
    return await services.fanout.plan(job)


async def write(services: Services, job: Job) -> bool:
    """Write to the timelines of one range of followers."""
    return await services.fanout.write(job)


async def give_up(services: Services, job: Job) -> None:
    """Have the timelines that lack the entry made anew."""
    await services.fanout.give_up(job)
