"""The worker's loops: woken by the bell, and by nothing but the clock where there is no Valkey."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from clients.bus import FakeBus
from core.database import Database
from core.events import JobAdded
from models import Job
from models.jobs import JobState
from runtime.container import Container, Services
from tests.support.jobs import add, effects, note_effect, read
from tests.support.rows import sql
from workers import main
from workers.main import HANDLERS, Worker, run_worker
from workers.recurring import RECURRING

NOWHERE = "redis://127.0.0.1:1"


@asynccontextmanager
async def working(worker: Worker) -> AsyncIterator[asyncio.Task[None]]:
    stop = asyncio.Event()
    task = asyncio.create_task(worker.run(stop))
    try:
        yield task
    finally:
        stop.set()
        began = time.monotonic()
        await asyncio.wait([task])
        assert time.monotonic() - began < 8


async def done_within(container: Container, job: Job, seconds: float) -> None:
    async with asyncio.timeout(seconds):
        while True:
            if (await read(container, job)).state is JobState.DONE:
                return
            await asyncio.sleep(0.02)


async def test_the_bell_wakes_a_worker_long_before_its_sweep(
    container: Container, urls: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(main, "SWEEP", 600.0)
    async with working(Worker(container, urls[1], {"work": note_effect})):
        await asyncio.sleep(0.5)  # the loops have found nothing and wait
        for _ in range(3):
            job = await add(container, "work")
            await done_within(container, job, 10)
            assert await effects(container, job) == 1


async def test_jobs_run_without_valkey_only_later(container: Container, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(main, "SWEEP", 0.5)
    async with working(Worker(container, NOWHERE, {"work": note_effect})):
        await asyncio.sleep(0.3)
        job = await add(container, "work")
        await done_within(container, job, 10)


async def test_a_worker_plans_what_recurs_and_every_kind_of_it_can_be_run(
    container: Container, urls: tuple[str, str]
) -> None:
    assert set(RECURRING) <= set(HANDLERS)
    async with working(Worker(container, urls[1])):
        async with asyncio.timeout(20):
            while True:
                async with container.reading() as services:
                    done = await services.jobs.by_state(JobState.DONE)
                if {job.kind for job in done} == set(RECURRING):
                    break
                await asyncio.sleep(0.05)


async def test_a_stop_gives_a_hanging_job_back(container: Container, urls: tuple[str, str]) -> None:
    inside = asyncio.Event()

    async def hang(services: Services, job: Job) -> bool:
        await note_effect(services, job)
        inside.set()
        await asyncio.Event().wait()
        return True

    job = await add(container, "work")
    async with working(Worker(container, urls[1], {"work": hang})):
        await asyncio.wait_for(inside.wait(), 10)
    found = await read(container, job)
    assert (found.state, found.attempts) == (JobState.WAITING, 0)
    assert await effects(container) == 0


async def test_a_part_that_ends_by_itself_ends_the_worker_loudly(
    container: Container, urls: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("workers.bell.hear", broken)
    async with working(Worker(container, urls[1])) as task:
        await asyncio.wait([task], timeout=10)
    with pytest.raises(RuntimeError, match="job-bell ended by itself"):
        await task


async def test_a_worker_goes_on_after_the_database_came_back(
    container: Container, urls: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(main, "SWEEP", 0.3)
    database = Database(urls[0], pool_size=4)
    own = Container(container.settings, database, FakeBus())
    async with working(Worker(own, urls[1], {"work": note_effect})) as task:
        for _ in range(3):
            await sql(
                container,
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE pid <> pg_backend_pid() AND application_name = 'commonplace'",
            )
            await asyncio.sleep(0.2)
        # This test's own pool was cut, too; only the worker is to meet that.
        await container.database.engine.dispose()
        assert not task.done()
        job = await add(container, "work")
        await done_within(container, job, 10)
    await database.close()


async def test_the_whole_process_starts_and_stops(container: Container, urls: tuple[str, str]) -> None:
    stop = asyncio.Event()
    task = asyncio.create_task(run_worker(container.settings, database_url=urls[0], redis_url=urls[1], stop=stop))
    await asyncio.sleep(0.3)
    container.bus.publish([JobAdded()])
    stop.set()
    await asyncio.wait_for(task, 8)
