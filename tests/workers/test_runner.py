"""The ledger under many runners and failures: each step once, and again after pauses that grow, until a job is dead."""

import asyncio
from datetime import timedelta

import pytest

from models import Job
from models.jobs import JobState
from runtime.container import Container, Services
from services import jobs as rules
from services.jobs import FAILURES, pause
from tests.support.jobs import add, effects, make_due, note_effect, read, runner
from tests.support.rows import sql


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
    await sql(container, "UPDATE jobs SET state = 'DEAD', attempts = 5, interruptions = 3, reason = 'x'")
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
