"""The ledger under many runners, failures, interruptions, and hand-made disasters short of killing processes."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, text

from core.errors import Unavailable
from models import Job
from models.jobs import JobState
from runtime.container import Container, Services
from services import jobs as rules
from services.jobs import FAILURES, INTERRUPTIONS, Handler, JobRunner, pause

LEASE = timedelta(seconds=15)


def runner(container: Container, lease: timedelta = LEASE, **handlers: Handler[Services]) -> JobRunner[Services]:
    return JobRunner(container.transaction, handlers, lease=lease)


async def add(container: Container, kind: str, **payload: Any) -> Job:
    async with container.transaction() as services:
        return await services.jobs.add(kind, **payload)


async def read(container: Container, job: Job) -> Job:
    async with container.database.reading() as session:
        return (await session.scalars(select(Job).where(Job.id == job.id))).one()


async def change(container: Container, statement: str) -> None:
    async with container.database.writing() as session:
        await session.execute(text(statement))


async def make_due(container: Container) -> None:
    await change(container, "UPDATE jobs SET run_at = now() WHERE state = 'WAITING'")


async def lose_worker(container: Container) -> None:
    await change(container, "UPDATE jobs SET lease_until = now() - interval '1 s' WHERE state = 'RUNNING'")


async def note_effect(services: Services, job: Job) -> bool:
    # An effect in the step's own transaction: one more row for each time that the step has committed.
    await services.ledger.add("effect", {"of": str(job.id)})
    return True


async def effects(container: Container, job: Job | None = None) -> int:
    async with container.database.reading() as session:
        counted = select(func.count()).where(Job.kind == "effect")
        if job is not None:
            counted = counted.where(Job.payload["of"].astext == str(job.id))
        return await session.scalar(counted) or 0


async def test_each_job_runs_once_however_many_runners(container: Container) -> None:
    made = [await add(container, "work") for _ in range(20)]
    counts = await asyncio.gather(*(runner(container, work=note_effect).run_due() for _ in range(8)))
    assert sum(counts) == 20
    assert [await effects(container, job) for job in made] == [1] * 20
    assert {(await read(container, job)).state for job in made} == {JobState.DONE}


async def test_steps_commit_one_by_one_and_the_job_ends_after_the_last(container: Container) -> None:
    job = await add(container, "work")

    async def three_steps(services: Services, job: Job) -> bool:
        before = await effects(container, job)
        await note_effect(services, job)
        return before == 2

    await runner(container, work=three_steps).run_due()
    assert await effects(container, job) == 3
    assert (await read(container, job)).state is JobState.DONE


def test_pauses_grow_to_a_limit_with_jitter() -> None:
    seconds = [pause(times).total_seconds() for times in range(1, 8)]
    for told, whole in zip(seconds, [1, 4, 16, 64, 256, 300, 300], strict=True):
        assert whole / 2 <= told <= whole
    assert len({pause(1) for _ in range(20)}) > 1


async def test_a_failing_job_is_tried_again_with_pauses_and_dies_with_its_reason(container: Container) -> None:
    job = await add(container, "work")

    async def fail(services: Services, job: Job) -> bool:
        await note_effect(services, job)
        raise ValueError("no \x00 ink")

    failing = runner(container, work=fail)
    for attempt in range(1, FAILURES + 1):
        await make_due(container)
        assert await failing.run_due() == 1
        found = await read(container, job)
        assert found.attempts == attempt
        assert found.reason == "ValueError: no ? ink"
        if attempt < FAILURES:
            assert found.state is JobState.WAITING
            assert await failing.run_due() == 0, "it is not due before its pause is over"
    assert found.state is JobState.DEAD
    assert await effects(container) == 0, "what a failed step wrote is undone"
    await make_due(container)
    assert await failing.run_due() == 0


async def test_a_dead_job_is_replayed_by_hand_and_then_goes_well(container: Container) -> None:
    job, other = await add(container, "work"), await add(container, "work")
    await change(container, "UPDATE jobs SET state = 'DEAD', attempts = 5, interruptions = 3, reason = 'x'")
    async with container.transaction() as services:
        assert [dead.id for dead in await services.jobs.by_state(JobState.DEAD)] == [job.id, other.id]
        assert list(await services.jobs.replay(job.id)) == [job.id]
    assert await runner(container, work=note_effect).run_due() == 1
    found = await read(container, job)
    assert (found.state, found.attempts, found.interruptions, found.reason) == (JobState.DONE, 1, 0, None)
    assert (await read(container, other)).state is JobState.DEAD


async def test_failures_count_in_a_row_of_one_step_not_of_a_long_job(container: Container) -> None:
    job = await add(container, "work")
    tries: list[int] = []

    async def every_second_try(services: Services, job: Job) -> bool:
        tries.append(1)
        if len(tries) % 2:
            raise ValueError
        await note_effect(services, job)
        return len(tries) == 4 * FAILURES

    flaky = runner(container, work=every_second_try)
    for _ in range(2 * FAILURES + 1):
        await make_due(container)
        await flaky.run_due()
        if (await read(container, job)).state is JobState.DONE:
            break
        # The failure after a good step is the first in its row.
        assert (await read(container, job)).attempts == 1
    assert await effects(container, job) == 2 * FAILURES
    assert (await read(container, job)).state is JobState.DONE


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
            await change(
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


async def test_a_step_that_never_ends_is_cut_off_and_counts_as_a_failure(
    container: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "LONGEST_STEP", timedelta(seconds=0.2))
    job = await add(container, "work")

    async def hang(_: Services, __: Job) -> bool:
        await asyncio.Event().wait()
        return True

    assert await runner(container, work=hang).run_due() == 1
    found = await read(container, job)
    assert (found.state, found.attempts) == (JobState.WAITING, 1)
    assert found.reason
    assert found.reason.startswith("a step took longer than")


async def test_unknown_kinds_are_left_to_newer_workers(container: Container) -> None:
    job = await add(container, "from the future")
    assert await runner(container, work=note_effect).run_due() == 0
    assert (await read(container, job)).state is JobState.WAITING


async def test_what_recurs_is_planned_once_a_turn_by_many_planners(container: Container) -> None:
    async def plan() -> None:
        async with container.transaction() as services:
            await services.jobs.plan({"work": timedelta(days=36_500)})

    await asyncio.gather(*(plan() for _ in range(6)))
    assert await runner(container, work=note_effect).run_due() == 1
    await plan()
    assert await runner(container, work=note_effect).run_due() == 0
