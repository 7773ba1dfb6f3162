"""Workers are killed and stalled in the middle of their work: nothing is lost, nothing is done twice."""

import asyncio
import random
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from pathlib import Path
from queue import Queue
from typing import Any

import pytest
from sqlalchemy import select

from models import Job
from models.jobs import JobState
from runtime.container import Container
from services.jobs import JobRunner
from tests.faults.worker_process import stall, steps
from tests.services.imports.clippings_text import highlight
from tests.support.api import Reader
from tests.support.imports import highlights, report, start
from tests.support.jobs import add, read

ROOT = Path(__file__).parents[2]
LEASE = 1.0


@pytest.fixture
def chance() -> random.Random:
    """Chance, with its seed in the output of a test that fails."""
    seed = random.SystemRandom().randrange(1 << 32)
    print(f"seed {seed}")  # noqa: T201
    return random.Random(seed)  # noqa: S311


class WorkerProcess:
    """A worker, and what it says."""

    def __init__(self, urls: tuple[str, str], kind: str = "fenced") -> None:
        command = [sys.executable, "-m", "tests.faults.worker_process", *urls, str(LEASE), kind]
        self.child = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self._said: Queue[str] = Queue()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        assert self.child.stdout is not None
        for line in self.child.stdout:
            self._said.put(line.strip())

    async def says(self, word: str) -> None:
        """Wait until it says a word; its log lines are passed over."""
        while await asyncio.to_thread(self._said.get, timeout=20) != word:
            pass

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self.child.send_signal(number)

    def end(self) -> None:
        """Kill it for good, stalled or not."""
        self.child.kill()
        self.child.communicate(timeout=10)


@asynccontextmanager
async def worker(urls: tuple[str, str], kind: str = "fenced") -> AsyncIterator[WorkerProcess]:
    process = WorkerProcess(urls, kind)
    try:
        await process.says("ready")
        yield process
    finally:
        process.end()


@contextmanager
def killed_at_the_end(processes: list[WorkerProcess]) -> Iterator[None]:
    try:
        yield
    finally:
        for process in processes:
            process.end()


async def effects_of(container: Container, job: Job) -> list[int]:
    async with container.database.reading() as session:
        rows = await session.scalars(
            select(Job.payload).where(Job.kind == "effect", Job.payload["of"].astext == str(job.id))
        )
        return sorted(payload["step"] for payload in rows)


async def ended(container: Container, job: Job, patience: float = 40) -> Job:
    async with asyncio.timeout(patience):
        while True:
            found = await read(container, job)
            if found.state in (JobState.DONE, JobState.DEAD):
                return found
            await asyncio.sleep(0.05)


async def take_over(container: Container, **kinds: Any) -> None:
    healthy = JobRunner(container.transaction, kinds, lease=timedelta(seconds=15))
    # A worker that stops inside a transaction holds its job until the database ends the transaction, after 30 seconds.
    async with asyncio.timeout(90):
        while True:
            if await healthy.run_due():
                return
            await asyncio.sleep(0.05)


async def test_a_worker_killed_inside_a_step_leaves_nothing_and_its_job_runs_once(
    container: Container, urls: tuple[str, str]
) -> None:
    async with worker(urls) as process:
        job = await add(container, "stall")
        await process.says("inside")
        process.send(signal.SIGKILL)
        await take_over(container, stall=stall)
    found = await read(container, job)
    assert (found.state, found.attempts, found.interruptions) == (JobState.DONE, 1, 1)
    assert await effects_of(container, job) == [0]


@pytest.mark.parametrize(("kind", "effects"), [("fenced", [0]), ("unfenced", [0, 0])])
async def test_a_worker_stalled_inside_a_step_past_its_lease_writes_nothing_late(
    container: Container, urls: tuple[str, str], kind: str, effects: list[int]
) -> None:
    """The same story with a worker that does not hold its job shows that the test would notice."""
    async with worker(urls, kind) as process:
        job = await add(container, "stall")
        await process.says("inside")
        process.send(signal.SIGSTOP)
        await take_over(container, stall=stall)
        done = await read(container, job)
        assert await effects_of(container, job) == [0]
        process.send(signal.SIGCONT)
        await asyncio.sleep(2.5)  # longer than the stalled step still wanted to take
        alive = await add(container, "answer")
        assert (await ended(container, alive)).state is JobState.DONE
        assert await effects_of(container, alive) == [0]
    assert await effects_of(container, job) == effects
    late = await read(container, job)
    assert (late.state, late.attempts, late.interruptions) == (done.state, done.attempts, done.interruptions)


async def test_a_worker_stalled_anywhere_in_a_long_job_does_no_step_twice(
    container: Container, urls: tuple[str, str], chance: random.Random
) -> None:
    stop_after = chance.randrange(60)
    healthy = JobRunner(container.transaction, {"steps": steps}, lease=timedelta(seconds=15))
    async with worker(urls) as process:
        job = await add(container, "steps", steps=150)
        async with asyncio.timeout(110):
            while True:
                if len(await effects_of(container, job)) > stop_after:
                    break
        process.send(signal.SIGSTOP)
        # Its last commit may still be on its way, perhaps that of the whole job: whoever ends the job, it has ended then.
        async with asyncio.timeout(90):
            while True:
                await healthy.run_due()
                if (await read(container, job)).state is JobState.DONE:
                    break
                await asyncio.sleep(0.05)
        process.send(signal.SIGCONT)
        alive = await add(container, "answer")
        assert (await ended(container, alive)).state is JobState.DONE
        await asyncio.sleep(0.5)
    found = await read(container, job)
    assert (found.state, found.interruptions) == (JobState.DONE, 0), "the steps after the stall went well"
    assert await effects_of(container, job) == list(range(150))


async def test_workers_killed_again_and_again_do_every_step_of_every_job_once(
    container: Container, urls: tuple[str, str], chance: random.Random
) -> None:
    jobs = [await add(container, "steps", steps=40) for _ in range(6)]
    processes: list[WorkerProcess] = []
    with killed_at_the_end(processes):
        processes += [WorkerProcess(urls) for _ in range(2)]
        for _ in range(4):
            await processes[-1].says("ready")
            await asyncio.sleep(chance.uniform(0.1, 0.5))
            processes[-2].send(signal.SIGKILL)
            processes.append(WorkerProcess(urls))
        for job in jobs:
            assert (await ended(container, job)).state is JobState.DONE
    for job in jobs:
        assert await effects_of(container, job) == list(range(40))


async def test_an_import_survives_its_workers(ada: Reader, urls: tuple[str, str]) -> None:
    content = "".join(highlight(f"Location {n * 10}-{n * 10 + 2}", f"Sentence {n} of many.") for n in range(400))
    key = await start(ada, content)
    kills = 0
    seen: list[int] = []
    async with asyncio.timeout(60):
        while True:
            async with worker(urls) as process:
                before = (await report(ada, key))["done"]
                while True:
                    now = await report(ada, key)
                    seen.append(now["done"])
                    if now["state"] == "DONE" or (now["done"] > before + 20 and kills < 3):
                        break
                    await asyncio.sleep(0.02)
                process.send(signal.SIGKILL)
            if now["state"] == "DONE":
                break
            kills += 1
    assert kills == 3
    assert seen == sorted(seen)
    found = await report(ada, key)
    assert (found["created"], found["merged"], found["unchanged"], found["skipped"]) == (400, 0, 0, 0)
    assert found["books"][0]["created"] == 400
    made = await highlights(ada)
    assert len(made) == len({h["text"] for h in made}) == 400
