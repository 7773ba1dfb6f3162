"""How imports go in, step by step: parsed once, off the loop, in slices; failures told, accounts that went away borne."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from core.ids import read_id
from models.imports import ImportFormat, ImportState
from models.jobs import JobState
from runtime.container import Container
from services.imports import my_clippings, reading, service
from services.imports.prepared import FILES_KEPT, PreparedFiles, Reach, prepare
from services.jobs import FAILURES, JobRunner
from tests.services.imports.clippings_text import highlight
from tests.support.api import PASSWORD, Reader
from tests.support.imports import OLD, highlights, import_file, report, run_jobs, start
from tests.support.jobs import make_due
from tests.workers.test_housekeeping import one, sql
from workers.main import BURIALS, HANDLERS


def many(number: int) -> str:
    return "".join(highlight(f"Location {n * 10}-{n * 10 + 2}", f"Sentence {n} of many.") for n in range(number))


def test_an_older_copy_reaches_less_far() -> None:
    early, late = datetime(2020, 1, 1, tzinfo=UTC), datetime(2021, 1, 1, tzinfo=UTC)
    assert Reach(late, 1) > Reach(early, 100)
    assert Reach(late, 2) > Reach(late, 1)
    assert Reach(early, 1) > Reach(None, 100)
    assert not Reach(late, 1) > Reach(late, 1)


def test_the_reach_is_told_by_the_device_and_not_by_the_time_zone() -> None:
    here, there = (
        prepare(ImportFormat.MY_CLIPPINGS, OLD.encode(), zone).outline for zone in ("UTC", "Pacific/Auckland")
    )
    assert here.reach == there.reach


def test_only_a_few_prepared_files_are_kept() -> None:
    files, file = PreparedFiles(), prepare(ImportFormat.MY_CLIPPINGS, OLD.encode(), "UTC")
    keys = [UUID(int=n) for n in range(FILES_KEPT + 1)]
    for key in keys:
        files.keep(key, file)
    assert [files.get(key) is file for key in keys] == [False] + [True] * FILES_KEPT


async def test_a_file_is_parsed_once_however_many_slices_it_has(
    ada: Reader, container: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    parsed: list[str] = []

    def counting(content: str, *, time_zone: str) -> Any:
        parsed.append(time_zone)
        return real(content, time_zone=time_zone)

    real = my_clippings.parse
    monkeypatch.setitem(reading._TEXTS, ImportFormat.MY_CLIPPINGS, counting)
    monkeypatch.setattr(service, "SLICE", 5)
    found = await import_file(ada, container, many(50))
    assert found["created"] == 50
    assert parsed == ["UTC"]
    assert await one(container, "SELECT count(*) FROM imports WHERE content IS NOT NULL") == 0


async def test_another_process_goes_on_where_the_first_one_stopped(
    ada: Reader, container: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "SLICE", 4)
    key = read_id(await start(ada, many(10)), "Import")
    ends = []
    for _ in range(3):
        container.files = PreparedFiles()
        async with container.transaction() as services:
            ends.append(await services.imports.step(key))
    assert ends == [False, False, True]
    assert len(await highlights(ada)) == 10


async def test_a_whole_megabyte_goes_in_without_stalling_the_loop(ada: Reader, container: Container) -> None:
    number = 1_500
    content = "".join(
        highlight(
            f"Location {n * 10}-{n * 10 + 2}", f"Sentence {n}: " + "word " * 100, title=f"Volume {n % 30} (Nora Wynn)"
        )
        for n in range(number)
    )
    assert 900_000 < len(content) < service.CONTENT_BYTES
    longest = 0.0

    async def watch() -> None:
        nonlocal longest
        while True:
            began = time.perf_counter()
            await asyncio.sleep(0.005)
            longest = max(longest, time.perf_counter() - began)

    watching = asyncio.create_task(watch())
    found = await import_file(ada, container, content)
    watching.cancel()
    print(f"longest stall {longest * 1000:.0f} ms")  # noqa: T201
    assert found["created"] == number
    assert longest < 1, "several times what is expected of a busy machine"


async def test_a_job_that_dies_tells_the_reader_and_can_be_replayed(
    ada: Reader, container: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "SLICE", 1)
    key = await start(ada, OLD)
    real = service.ImportService._take_slice
    steps: list[int] = []

    async def breaks_in_the_second(self: Any, row: Any, file: Any) -> bool:
        steps.append(row.done)
        if row.done == 1:
            raise ZeroDivisionError
        return await real(self, row, file)

    monkeypatch.setattr(service.ImportService, "_take_slice", breaks_in_the_second)
    for _ in range(FAILURES + 1):
        await make_due(container)
        await run_jobs(container)
    found = await report(ada, key)
    assert (found["state"], found["error"], found["done"]) == ("FAILED", service.BROKEN, 1)
    assert steps == [0] + [1] * FAILURES
    monkeypatch.setattr(service.ImportService, "_take_slice", real)
    async with container.transaction() as services:
        (dead,) = await services.jobs.by_state(JobState.DEAD)
        assert dead.reason == "ZeroDivisionError: "
        await services.jobs.replay()
    await run_jobs(container)
    found = await report(ada, key)
    assert (found["state"], found["error"], found["created"]) == ("DONE", None, 2)
    assert len(await highlights(ada)) == 2


async def test_a_burial_that_fails_does_not_keep_the_job_alive(ada: Reader, container: Container) -> None:
    await start(ada, OLD)
    await sql(container, "UPDATE jobs SET attempts = 4, payload = '{}'")
    runner = JobRunner(container.transaction, HANDLERS, lease=timedelta(seconds=15), burials=BURIALS)
    await runner.run_due()
    async with container.reading() as services:
        assert [job.reason for job in await services.jobs.by_state(JobState.DEAD)] == ["KeyError: 'import_id'"]


@pytest.mark.parametrize("steps", [0, 1])
async def test_an_account_deleted_meanwhile_is_no_error(
    ada: Reader, container: Container, monkeypatch: pytest.MonkeyPatch, steps: int
) -> None:
    monkeypatch.setattr(service, "SLICE", 1)
    key = read_id(await start(ada, OLD), "Import")
    for _ in range(steps):
        async with container.transaction() as services:
            assert await services.imports.step(key) is False
    answer = await ada.mutate("deleteAccount", "__typename", password=PASSWORD)
    assert answer["userErrors"] == []
    await run_jobs(container)
    async with container.reading() as services:
        assert await services.jobs.depth() == {}
    assert await one(container, "SELECT count(*) FROM highlights") == 0


async def test_a_step_of_an_ended_import_does_nothing(ada: Reader, container: Container) -> None:
    found = await import_file(ada, container, OLD)
    before = await highlights(ada)
    async with container.transaction() as services:
        assert await services.imports.step(read_id(found["id"], "Import")) is True
    assert await report(ada, found["id"]) == found
    assert found["state"] == ImportState.DONE
    assert await highlights(ada) == before
