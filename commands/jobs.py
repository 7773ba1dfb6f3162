"""Look after the ledger of jobs."""

import argparse
import asyncio
from uuid import UUID

from core.settings import Settings
from models import Job
from models.jobs import JobState
from runtime.launch import backends, container_of, require_current

SHOWN = 50


def job_id(word: str) -> UUID:
    """Read a job's id from the command line."""
    try:
        return UUID(word)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{word!r} is no job's id; `jobs` shows them") from None


async def show(settings: Settings, stop: asyncio.Event) -> int:
    """List what waits, what runs, and what is dead and why."""
    async with backends(settings, stop) as found, container_of(settings, found) as container:
        await require_current(found.database_url)
        async with container.reading() as services:
            depth = await services.jobs.depth()
            listed = {s: await services.jobs.by_state(s, SHOWN) for s in JobState if s is not JobState.DONE}
    for state, jobs in listed.items():
        print(f"{state.lower()}: {depth.get(state.value, 0)}")
        for job in jobs:
            print(f"  {_line(job)}")
        if depth.get(state.value, 0) > len(jobs):
            print(f"  … and {depth[state.value] - len(jobs)} more")
    return 0


async def replay(settings: Settings, stop: asyncio.Event, wanted: UUID | None) -> int:
    """Try dead jobs again, one or all."""
    async with backends(settings, stop) as found, container_of(settings, found) as container:
        await require_current(found.database_url)
        async with container.transaction() as services:
            woken = await services.jobs.replay(wanted)
    print(f"{len(woken)} dead {'job waits' if len(woken) == 1 else 'jobs wait'} to be tried again.")
    return 0 if woken or wanted is None else 1


def _line(job: Job) -> str:
    line = f"{job.id}  {job.kind}  attempt {job.attempts}  due {job.run_at:%Y-%m-%d %H:%M:%S}Z"
    return f"{line}  {job.reason}" if job.reason else line
