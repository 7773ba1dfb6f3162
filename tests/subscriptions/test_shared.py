"""One read for all sockets of a reader that a bell has woken; never one that began before the bell."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, cast
from uuid import UUID

import pytest

from auth.viewer import Viewer
from core.errors import NotFound, Unavailable
from loaders.batch import BatchLoader
from models import Device
from repositories.sync import SyncState
from runtime.container import Container
from services.sync.pull import SharedRead
from subscriptions import shared
from subscriptions.shared import SharedPulls
from tests.support.api import Reader, Socket
from tests.support.statements import counted
from tests.support.sync import caught_up, listening, making, op, pushed, sign_in

READER, PHONE, TABLET = UUID(int=1), UUID(int=0xA), UUID(int=0xB)
VIEWER = Viewer(user_id=READER)


class Slow:
    """A container whose reads wait to be let through."""

    def __init__(self) -> None:
        self.begun = 0
        self.fails = False
        self.gate = asyncio.Event()
        self.database = None

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator["Slow"]:
        self.begun += 1
        yield self

    @property
    def pull(self) -> "Slow":
        return self

    async def shared(self, *_: Any) -> SharedRead:
        number = self.begun
        await self.gate.wait()
        if self.fails:
            raise Unavailable("away")
        devices = {key: Device(id=key, user_id=READER, must_resync=False, synced_seq=0) for key in (PHONE, TABLET)}
        return SharedRead(READER, SyncState(number, 0, "e"), (), devices)


def pulls(slow: Slow) -> SharedPulls:
    return SharedPulls(cast("Container", slow))


async def _settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_all_who_ask_before_a_read_begins_share_it() -> None:
    slow = Slow()
    asking = pulls(slow)
    tasks = [asyncio.create_task(asking.pull(VIEWER, PHONE, None)) for _ in range(50)]
    await _settle()
    slow.gate.set()
    assert {pulled.page.epoch for pulled in await asyncio.gather(*tasks)} == {"e"}
    assert slow.begun == 1


async def test_a_read_that_has_begun_answers_nobody_who_asks_later() -> None:
    slow = Slow()
    asking = pulls(slow)
    first = asyncio.create_task(asking.pull(VIEWER, PHONE, None))
    await _settle()
    assert slow.begun == 1
    later = [asyncio.create_task(asking.pull(VIEWER, TABLET, None)) for _ in range(5)]
    await _settle()
    slow.gate.set()
    cursors = {pulled.page.cursor for pulled in await asyncio.gather(*later)}
    # The base of a first cursor is the counter, which here is the number of the read.
    assert len(cursors) == 1
    assert cursors != {(await first).page.cursor}
    assert slow.begun == 2


async def test_readers_and_places_do_not_share() -> None:
    slow = Slow()
    slow.gate.set()
    asking = pulls(slow)
    cursor = (await asking.pull(VIEWER, PHONE, None)).page.cursor
    other = Viewer(user_id=UUID(int=2))
    await asyncio.gather(
        asking.pull(VIEWER, PHONE, None), asking.pull(VIEWER, PHONE, "nonsense"), asking.pull(other, PHONE, None)
    )
    assert cursor
    assert slow.begun == 4


async def test_one_who_goes_away_takes_nothing_from_the_others() -> None:
    slow = Slow()
    asking = pulls(slow)
    leaves, stays = (asyncio.create_task(asking.pull(VIEWER, PHONE, None)) for _ in range(2))
    await _settle()
    leaves.cancel()
    await _settle()
    slow.gate.set()
    assert (await stays).page.epoch == "e"
    assert leaves.cancelled()


async def test_a_failure_is_told_to_all_and_the_next_asks_again() -> None:
    slow = Slow()
    slow.fails = True
    slow.gate.set()
    asking = pulls(slow)
    told = await asyncio.gather(*(asking.pull(VIEWER, PHONE, None) for _ in range(3)), return_exceptions=True)
    assert [type(error) for error in told] == [Unavailable] * 3
    slow.fails = False
    assert (await asking.pull(VIEWER, PHONE, None)).page.epoch == "e"


async def test_a_removed_device_is_told_and_the_others_are_not() -> None:
    slow = Slow()
    slow.gate.set()
    asking = pulls(slow)
    gone, there = await asyncio.gather(
        asking.pull(VIEWER, UUID(int=0xC), None), asking.pull(VIEWER, PHONE, None), return_exceptions=True
    )
    assert isinstance(gone, NotFound)
    assert not isinstance(there, BaseException)


class Numbers(BatchLoader[int, int]):
    """A loader that waits to be let through."""

    gate: asyncio.Event

    async def read(self, *_: Any) -> dict[int, int]:
        await self.gate.wait()
        return {1: 10}

    async def batch_load_fn(self, keys: list[int]) -> list[int | None]:
        found = await self.read()
        return [found.get(key) for key in keys]


async def test_of_those_who_load_together_one_that_goes_away_takes_nothing() -> None:
    loader = Numbers(cast("Any", None), VIEWER)
    loader.shared, loader.gate = True, asyncio.Event()

    async def load() -> int | None:
        return await loader.load(1)

    leaves, stays = asyncio.create_task(load()), asyncio.create_task(load())
    await _settle()
    leaves.cancel()
    await _settle()
    loader.gate.set()
    assert await stays == 10


async def test_loaders_are_shared_while_the_read_is_fresh_and_sound(monkeypatch: pytest.MonkeyPatch) -> None:
    slow = Slow()
    slow.gate.set()
    pulled = await pulls(slow).pull(VIEWER, PHONE, None)
    first = pulled.share()
    assert pulled.share() is first
    first.book_by_id.failed = True
    second = pulled.share()
    assert second is not first
    assert pulled.share() is second
    monkeypatch.setattr(shared, "FRESH_SECONDS", -1.0)
    assert pulled.share() is not second
    assert pulled.share() is not pulled.share()


async def test_a_change_costs_as_many_statements_for_twelve_sockets_as_for_two(
    ada: Reader, container: Container
) -> None:
    devices = [ada, *[await sign_in(ada, f"device {n}") for n in range(11)]]
    counts = {}
    for many in (2, 12):
        async with AsyncExitStack() as stack:
            sockets = [await stack.enter_async_context(one.socket()) for one in devices[:many]]
            for socket, one in zip(sockets, devices, strict=False):
                await socket.acknowledged()
                await listening(socket, one)
                await caught_up(socket)
            with counted(container.database.engine) as statements:
                await pushed(ada, op(making(f"For {many}.")))
                await asyncio.gather(*(_hears(socket, f"For {many}.") for socket in sockets))
            counts[many] = [s for s in statements if "FROM highlights" in s or "FROM books" in s]
    # Those of the push itself, and one more of each where a socket came late to the first.
    assert len(counts[12]) <= len(counts[2]) + 4, counts[12]


async def _hears(socket: Socket, text: str) -> None:
    event = (await socket.next(10))["highlightChanges"]
    assert event["highlight"]["text"] == text
    assert event["highlight"]["book"]["title"]


async def test_each_device_keeps_its_own_switches_in_a_shared_read(ada: Reader) -> None:
    tablet, kindle = await sign_in(ada, "Tablet"), await sign_in(ada, "Kindle")
    await ada.mutate("updateDevice", "device { id }", id=tablet.device_id, syncNotes=False)
    await ada.mutate("updateDevice", "device { id }", id=kindle.device_id, syncHighlights=False)
    async with ada.socket() as one, tablet.socket() as two, kindle.socket() as three:
        for socket, who in ((one, ada), (two, tablet), (three, kindle)):
            await socket.acknowledged()
            await listening(socket, who)
            await caught_up(socket)
        await pushed(ada, op(making("With a note.", note="mine")))
        notes = [(await socket.next())["highlightChanges"]["highlight"]["note"] for socket in (one, two)]
        assert notes == ["mine", None]
        # The third hears nothing of it, and hears on.
        await ada.mutate("updateDevice", "device { id }", id=kindle.device_id, syncHighlights=True)
        assert (await three.next())["highlightChanges"] == {
            "__typename": "ResyncRequired",
            "reason": "SWITCHES_CHANGED",
        }
