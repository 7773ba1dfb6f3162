"""A real worker in a process of its own, to be killed and stalled: `python -m tests.faults.worker_process DB VALKEY LEASE`.

Besides the server's own kinds of jobs it knows `steps`, whose every step leaves one effect, `stall`, which stands still inside a step, and
`answer`, which tells that this very process is alive.
"""

import asyncio
import signal
import sys
from uuid import UUID

from clients.bus import ValkeyBus
from core.database import Database
from core.settings import Settings
from models import Job
from models.jobs import JobState
from runtime.container import Container, Services
from services.imports import service
from services.jobs import JobRunner
from workers import main as workers
from workers.main import HANDLERS, Worker


async def steps(services: Services, job: Job) -> bool:
    """Leave the next effect of as many as the job asks for."""
    left = [effect for effect in await services.jobs.by_state(JobState.WAITING, 100_000) if effect.kind == "effect"]
    number = [effect.payload["of"] for effect in left].count(str(job.id))
    await services.ledger.add("effect", {"of": str(job.id), "step": number})
    await asyncio.sleep(0.01)
    wanted: int = job.payload["steps"]
    return number + 1 >= wanted


async def stall(services: Services, job: Job) -> bool:
    """Leave an effect, and give the test time to stop this process before the commit."""
    await services.ledger.add("effect", {"of": str(job.id), "step": 0})
    print("inside", flush=True)  # noqa: T201
    await asyncio.sleep(2)
    return True


async def answer(services: Services, job: Job) -> bool:
    """Say that the process lives."""
    await services.ledger.add("effect", {"of": str(job.id), "step": 0})
    return True


class Unfenced(JobRunner[Services]):
    """A runner that is wrong: it runs steps without holding the job."""

    async def _step(self, job: Job, token: UUID) -> bool:
        del token
        async with self._transaction() as services:
            if await self._handlers[job.kind](services, job):
                await services.ledger.finish(job.id)
                return False
        return True


async def main(database_url: str, redis_url: str, lease: str, kind: str) -> None:
    """Work until SIGTERM."""
    service.SLICE = 3
    workers.SWEEP = 0.3
    if kind == "unfenced":
        vars(workers)["JobRunner"] = Unfenced
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    settings = Settings(_env_file=None, job_lease_seconds=float(lease))
    database, bus = Database(database_url, pool_size=6), ValkeyBus(redis_url)
    container = Container(settings, database, bus)
    bus.start()
    print("ready", flush=True)  # noqa: T201
    kinds = {**HANDLERS, "steps": steps, "stall": stall, "answer": answer}
    await Worker(container, redis_url, kinds).run(stop)
    await bus.close()
    await database.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
