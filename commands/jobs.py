"""Look after the ledger of jobs, also while it is worked off."""

import argparse
import asyncio
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from uuid import UUID

import orjson

from core.metrics import Backlog
from core.settings import Settings
from models import Job
from models.jobs import JobState
from runtime.launch import backends, container_of, require_current

SHOWN = 50
Listed = Mapping[JobState, Sequence[Job]]


def job_id(word: str) -> UUID:
    """Read a job's id from the command line."""
    try:
        return UUID(word)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{word!r} is no job's id; `jobs` shows them") from None


async def show(settings: Settings, stop: asyncio.Event, *, kind: str | None, dead: bool, as_json: bool) -> int:
    """List what waits, what runs, and what is dead and why."""
    states = [JobState.DEAD] if dead else [state for state in JobState if state is not JobState.DONE]
    async with backends(settings, stop) as found, container_of(settings, found) as container:
        await require_current(found.database_url)
        async with container.reading() as services:
            backlog = [
                part for part in await services.jobs.backlog() if part.state in states and kind in (None, part.kind)
            ]
            listed = {state: await services.jobs.by_state(state, SHOWN, kind) for state in states}
    if as_json:
        print(orjson.dumps(_as_data(backlog, listed), option=orjson.OPT_INDENT_2).decode())
    else:
        print("\n".join(_as_text(backlog, listed)))
    return 0


async def replay(settings: Settings, stop: asyncio.Event, wanted: UUID | None, kind: str | None) -> int:
    """Try dead jobs again: one, those of a kind, or all."""
    async with backends(settings, stop) as found, container_of(settings, found) as container:
        await require_current(found.database_url)
        async with container.transaction() as services:
            woken = await services.jobs.replay(wanted, kind)
    print(f"{len(woken)} dead {'job waits' if len(woken) == 1 else 'jobs wait'} to be tried again.")
    return 0 if woken or wanted is None else 1


def _as_text(backlog: Sequence[Backlog], listed: Listed) -> Iterator[str]:
    for state, jobs in listed.items():
        parts = sorted(part for part in backlog if part.state == state)
        count = sum(part.count for part in parts)
        yield f"{state.lower()}: {count}"
        for part in parts:
            yield f"  {part.count} {part.kind}, the oldest {timedelta(seconds=round(part.oldest_seconds))} old"
        for job in jobs:
            yield f"    {_line(job)}"
        if count > len(jobs):
            yield f"    … and {count - len(jobs)} more"


def _line(job: Job) -> str:
    line = f"{job.id}  {job.kind}  attempt {job.attempts}  due {job.run_at:%Y-%m-%d %H:%M:%S}Z"
    return f"{line}  {job.reason}" if job.reason else line


def _as_data(backlog: Sequence[Backlog], listed: Listed) -> dict[str, object]:
    """Spell it for programs; the first of each state, as for people."""
    jobs = [
        {
            "id": str(job.id),
            "kind": job.kind,
            "state": state.value,
            "attempts": job.attempts,
            "due": job.run_at,
            "written": job.created_at,
            "reason": job.reason,
        }
        for state, found in listed.items()
        for job in found
    ]
    return {"backlog": backlog, "jobs": jobs}
