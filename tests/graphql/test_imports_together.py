"""Imports at once, and imports watched."""

import asyncio

import pytest

from runtime.container import Container
from services.imports import service
from tests.services.imports.clippings_text import highlight
from tests.support.api import Reader
from tests.support.imports import GROWN, OLD, highlights, report, run_jobs, start

PROGRESS = "subscription($id: ID!) { importProgress(id: $id) { state done total created problems { line } } }"


async def test_progress_begins_with_the_present_and_ends_with_the_import(
    ada: Reader, container: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "SLICE", 1)
    key = await start(ada, OLD + GROWN)
    async with ada.socket() as socket:
        await socket.acknowledged()
        await socket.subscribe(PROGRESS, id=key)
        first = (await socket.next())["importProgress"]
        assert first == {"state": "QUEUED", "done": 0, "total": None, "created": 0, "problems": []}
        running = asyncio.create_task(run_jobs(container))
        seen = [first]
        while seen[-1]["state"] != "DONE":
            seen.append((await socket.next())["importProgress"])
        await running
        assert (await socket.ws.receive_json(timeout=5))["type"] == "complete"
        done = [one["done"] for one in seen]
        assert done == sorted(done)
        assert (seen[-1]["done"], seen[-1]["total"], seen[-1]["created"]) == (7, 7, 3)
        # An import that has ended tells so and ends at once.
        await socket.subscribe(PROGRESS, id=key)
        assert (await socket.next())["importProgress"] == seen[-1]
        assert (await socket.ws.receive_json(timeout=5))["type"] == "complete"


async def test_nobody_else_sees_an_import(ada: Reader, ben: Reader, nobody: Reader, container: Container) -> None:
    key = await start(ada, OLD)
    await run_jobs(container)
    for reader in (ben, nobody):
        assert await report(reader, key) is None
    async with ben.socket() as socket:
        await socket.acknowledged()
        unknown = "SW1wb3J0OjAxOTk5OTk5LTAwMDAtNzAwMC04MDAwLTAwMDAwMDAwMDAwMA=="
        for wrong, code in (
            (key, "NOT_FOUND"),
            (unknown, "NOT_FOUND"),
            (ben.id, "BAD_USER_INPUT"),
            ("x", "BAD_USER_INPUT"),
        ):
            await socket.subscribe(PROGRESS, id=wrong)
            message = await socket.ws.receive_json(timeout=5)
            errors = message["payload"]["errors"] if message["type"] == "next" else message["payload"]
            assert errors[0]["extensions"]["code"] == code, message
            while message["type"] not in ("complete", "error"):
                message = await socket.ws.receive_json(timeout=5)
    async with nobody.socket() as socket:
        await socket.acknowledged()
        await socket.subscribe(PROGRESS, id=key)
        assert "UNAUTHENTICATED" in str(await socket.ws.receive_json(timeout=5))


async def test_the_same_file_twice_at_once_is_not_doubled(
    ada: Reader, container: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "SLICE", 3)
    content = "".join(highlight(f"Location {n * 10}-{n * 10 + 2}", f"Sentence {n} of many.") for n in range(40))
    keys = [await start(ada, content) for _ in range(3)]
    await asyncio.gather(*(run_jobs(container) for _ in range(4)))
    found = [await report(ada, key) for key in keys]
    assert [one["state"] for one in found] == ["DONE"] * 3
    assert sum(one["created"] for one in found) == 40
    assert sum(one["unchanged"] for one in found) == 80
    assert len(await highlights(ada)) == 40


async def test_readers_with_the_same_books_import_at_once(ada: Reader, ben: Reader, container: Container) -> None:
    content = "".join(
        highlight(f"Location {n}-{n + 1}", f"Sentence {n}.", title=f"Volume {n % 7} (Nora Wynn)")
        for n in range(0, 60, 2)
    )
    backwards = "".join(
        highlight(f"Location {n}-{n + 1}", f"Sentence {n}.", title=f"Volume {n % 7} (Nora Wynn)")
        for n in range(60, 0, -2)
    )
    await start(ada, content)
    await start(ben, backwards)
    await asyncio.gather(run_jobs(container), run_jobs(container))
    mine, his = await highlights(ada), await highlights(ben)
    assert len(mine) == len(his) == 30
    assert {h["book"]["id"] for h in mine} == {h["book"]["id"] for h in his}
