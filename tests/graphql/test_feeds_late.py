"""Fan-out by a worker who stalled, was given up, and goes on when all has changed."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest

from runtime.container import Container
from services.jobs import JobRunner
from tests.support.api import Reader
from tests.support.feeds import Entry, fan_out, home, post
from tests.support.posting import act
from tests.support.rows import sql
from workers.main import FANOUT, HANDLERS


@asynccontextmanager
async def stalled(container: Container, way: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """Hold a worker right before it writes, as SIGSTOP would, until its lease is over and another has done the job; then let it go on."""
    reached, let_go = asyncio.Event(), asyncio.Event()
    write: Callable[..., Any] = getattr(container.timelines, way)

    async def held(*arguments: Any) -> Any:
        if not reached.is_set():
            reached.set()
            await let_go.wait()
        return await write(*arguments)

    monkeypatch.setattr(container.timelines, way, held)
    handlers = {kind: HANDLERS[kind] for kind in FANOUT}
    late = JobRunner(container.transaction, handlers, lease=timedelta(seconds=30))
    task = asyncio.create_task(late.run_one())
    await asyncio.wait_for(reached.wait(), 20)
    # PostgreSQL ends a transaction that is idle for longer than its lease.
    await sql(
        container,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE state = 'idle in transaction' AND pid <> pg_backend_pid()",
    )
    await sql(container, "UPDATE jobs SET lease_until = now() - interval '1 second' WHERE state = 'RUNNING'")
    assert await fan_out(container) == 1
    yield
    let_go.set()
    await asyncio.wait_for(task, 60)


@pytest.mark.parametrize("way", ["put", "take"])
async def test_what_a_late_worker_does_for_a_repost_leaves_the_one_made_anew(
    container: Container, ada: Reader, ben: Reader, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    await ada.mutate("follow", "status", userId=ben.id)
    first = await post(ben, "first")
    await post(ben, "second")
    await home(ada)
    await fan_out(container)
    await act(ben, "repost", first)
    if way == "take":
        await fan_out(container)
        await act(ben, "undoRepost", first)
    async with stalled(container, way, monkeypatch):
        if way == "put":
            await act(ben, "undoRepost", first)
        await act(ben, "repost", first)
        await fan_out(container)
        assert (await home(ada)).entries == [Entry("first", "ben"), Entry("second")]
    assert (await home(ada)).entries == [Entry("first", "ben"), Entry("second")]


async def test_a_late_worker_brings_nothing_back(
    container: Container, ada: Reader, ben: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ada.mutate("follow", "status", userId=ben.id)
    await home(ada)
    kept, gone = await post(ben, "kept"), await post(ben, "deleted")
    await fan_out(container)
    await act(ben, "repost", kept)
    async with stalled(container, "put", monkeypatch):
        await act(ben, "undoRepost", kept)
        await ben.mutate("deletePost", "__typename", id=gone)
        await fan_out(container)
    assert (await home(ada)).entries == [Entry("kept")]
    await ben.mutate("restorePost", "__typename", id=gone)
    assert (await home(ada)).entries == [Entry("deleted"), Entry("kept")]
