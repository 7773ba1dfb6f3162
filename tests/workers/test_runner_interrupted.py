"""The ledger under interruptions: lost leases, stops, a lost database, and hand-made disasters short of killing processes."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from core.errors import Unavailable
from models import Job
from models.jobs import JobState
from runtime.container import Container, Services
from services.jobs import FAILURES, INTERRUPTIONS, JobRunner
from tests.support.jobs import LEASE, add, effects, lose_worker, make_due, note_effect, read, runner
from tests.support.rows import sql


async def test_a_job_whose_lease_ran_out_is_taken_over_and_its_late_owner_writes_nothing(container: Container) -> None:
    job = await add(container, "work")
    claimed, go = asyncio.Event(), asyncio.Event()

    async def slow_between_steps(services: Services, job: Job) -> bool:
        await note_effect(services, job)
        return False

    class Stalling(JobRunner[Services]):
        async def _step(self, job: Job, token: Any) -> bool:
            claimed.set()
            await go.wait()
            return await super()._step(job, token)

    stalled = asyncio.create_task(Stalling(container.transaction, {"work": slow_between_steps}, lease=LEASE).run_one())
    await claimed.wait()
    await lose_worker(container)
    assert await runner(container, work=note_effect).run_due() == 1
    assert await effects(container, job) == 1
    go.set()
    await stalled
    assert await effects(container, job) == 1
    found = await read(container, job)
    assert (found.state, found.attempts, found.interruptions) == (JobState.DONE, 1, 1)


async def test_nobody_takes_over_in_the_middle_of_a_step(container: Container) -> None:
    job = await add(container, "work")
    inside, go = asyncio.Event(), asyncio.Event()

    async def long_step(services: Services, job: Job) -> bool:
        await note_effect(services, job)
        inside.set()
        await go.wait()
        return True

    running = asyncio.create_task(runner(container, work=long_step).run_one())
    await inside.wait()
    await asyncio.sleep(0.3)
    short = runner(container, timedelta(seconds=0.1), work=note_effect)
    assert await short.run_due() == 0
    go.set()
    await running
    assert await effects(container, job) == 1


async def test_postgresql_ends_a_step_that_stalls_longer_than_its_lease(container: Container) -> None:
    job = await add(container, "work")
    go = asyncio.Event()

    async def stall(services: Services, job: Job) -> bool:
        await note_effect(services, job)
        await go.wait()
        return True

    stalled = asyncio.create_task(runner(container, timedelta(seconds=0.2), work=stall).run_one())
    healthy = runner(container, work=note_effect)
    async with asyncio.timeout(20):
        while True:
            if await healthy.run_due():
                break
            await asyncio.sleep(0.1)
    go.set()
    await stalled
    assert await effects(container, job) == 1
    assert (await read(container, job)).state is JobState.DONE


async def test_a_job_that_kills_its_workers_dies_with_a_reason(container: Container) -> None:
    job = await add(container, "work")
    async with container.transaction() as services:
        await services.ledger.claim(LEASE, ["work"])
    for times in range(1, INTERRUPTIONS):
        await lose_worker(container)
        async with container.transaction() as services:
            claimed = await services.ledger.claim(LEASE, ["work"])
        assert claimed
        assert (claimed.attempts, claimed.interruptions) == (1, times)
    await lose_worker(container)
    assert await runner(container, work=note_effect).run_due() == 1
    found = await read(container, job)
    assert found.state is JobState.DEAD
    assert found.reason == "interrupted 10 times: its worker was lost"
    assert await effects(container) == 0


async def test_a_stop_gives_the_job_back_and_is_no_failure(container: Container) -> None:
    job = await add(container, "work")
    for _ in range(2 * FAILURES):
        inside = asyncio.Event()

        async def hang(services: Services, job: Job, inside: asyncio.Event = inside) -> bool:
            await note_effect(services, job)
            inside.set()
            await asyncio.Event().wait()
            return True

        running = asyncio.create_task(runner(container, work=hang).run_one())
        await inside.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        found = await read(container, job)
        assert (found.state, found.attempts, found.interruptions) == (JobState.WAITING, 0, 0)
    assert await effects(container) == 0
    assert await runner(container, work=note_effect).run_due() == 1
    assert await effects(container, job) == 1


async def test_a_runner_told_to_stop_ends_after_the_present_step(container: Container) -> None:
    job = await add(container, "work")

    async def endless(services: Services, job: Job) -> bool:
        await note_effect(services, job)
        stopping.stop()
        return False

    stopping = runner(container, work=endless)
    await stopping.run_due()
    assert await effects(container, job) == 1
    assert (await read(container, job)).state is JobState.WAITING


async def test_losing_the_database_is_an_interruption_and_no_failure(container: Container) -> None:
    job = await add(container, "work")

    async def lost(services: Services, job: Job) -> bool:
        await note_effect(services, job)
        raise Unavailable("The database does not answer.")

    losing = runner(container, work=lost)
    for times in range(1, FAILURES + 2):
        await make_due(container)
        assert await losing.run_due() == 1
        found = await read(container, job)
        assert (found.state, found.attempts, found.interruptions) == (JobState.WAITING, 0, times)
    await make_due(container)
    assert await runner(container, work=note_effect).run_due() == 1
    assert await effects(container, job) == 1


async def test_a_connection_cut_in_the_middle_of_a_step_leaves_nothing_and_is_retried(container: Container) -> None:
    job = await add(container, "work")
    cut: list[bool] = []

    async def cut_once(services: Services, job: Job) -> bool:
        await note_effect(services, job)
        if not cut:
            cut.append(True)
            await sql(
                container,
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE pid <> pg_backend_pid() AND state = 'idle in transaction'",
            )
            await services.ledger.backlog()
        return True

    runs = runner(container, work=cut_once)
    assert await runs.run_due() == 1
    found = await read(container, job)
    assert (found.state, found.attempts, found.interruptions) == (JobState.WAITING, 0, 1)
    await make_due(container)
    assert await runs.run_due() == 1
    assert await effects(container, job) == 1
