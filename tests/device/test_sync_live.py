"""Devices that stay in sync by themselves: what they hear of each other, and what ends or hangs a run."""

import asyncio

import pytest

from device import Engine, SignedOut, Store, Unreachable
from device.api import HttpTransport
from device.live import Live
from runtime.container import Container
from tests.device.conftest import MakeDevice
from tests.device.support import BOOK, HalfDead, all_sync, running, until, words


async def test_two_live_devices_hear_each_other(device: MakeDevice) -> None:
    phone, tablet = await device(), await device()
    async with running(phone, tablet):
        uuid = phone.engine.create(BOOK, "Salt keeps what summer gives.")
        await until(lambda: len(tablet.engine.view()) == 1)
        tablet.engine.edit(uuid, note="heard")
        await until(lambda: words(phone)[uuid][1] == "heard")
        phone.engine.delete(uuid)
        await until(lambda: not tablet.engine.view() and not phone.store.pending())
    assert phone.engine.view() == tablet.engine.view() == []


async def test_many_edits_on_two_live_devices_end_equal(device: MakeDevice) -> None:
    phone, tablet = await device(), await device()
    made = [phone.engine.create(BOOK, f"Passage {n}.") for n in range(5)]
    await all_sync(phone, tablet)
    async with running(phone, tablet):
        for number in range(40):
            (phone, tablet)[number % 2].engine.edit(made[number % 5], note=f"note {number}")
            await asyncio.sleep(0.01)
        await until(lambda: not phone.store.pending() and not tablet.store.pending())
        await until(lambda: words(phone) == words(tablet))
    await all_sync(phone, tablet)
    outcomes = [told.outcome for one in (phone, tablet) for told in one.store.outcomes() if "edit" in told.change]
    assert len(outcomes) == 40
    assert set(outcomes) <= {"APPLIED", "SUPERSEDED"}


async def test_work_queued_by_another_process_is_sent_by_the_one_that_runs(device: MakeDevice) -> None:
    phone, tablet = await device(), await device()
    async with running(phone, tablet):
        await asyncio.sleep(0.1)
        other = Store(phone.store.path)
        uuid = Engine(other).create(BOOK, "From another terminal.")
        other.close()
        await until(lambda: uuid in words(tablet))


@pytest.mark.parametrize("told", ["CURSOR_INVALID", "EPOCH_CHANGED"])
async def test_a_run_that_is_told_to_begin_anew_does_so_by_itself(
    device: MakeDevice, container: Container, told: str
) -> None:
    phone, tablet = await device(), await device()
    old = phone.engine.create(BOOK, "Salt keeps.")
    await all_sync(phone, tablet)
    async with running(phone):
        await until(lambda: phone.store.pending() == 0)
        if told == "EPOCH_CHANGED":
            async with container.transaction() as services:
                await services.sync.new_epoch()
        else:
            phone.store.put(cursor="strange")
        new = phone.engine.create(BOOK, "The tide forgets.")
        await until(lambda: phone.store.pending() == 0 and phone.store.get("resync") is None)
        assert set(words(phone)) == {old, new}
    await all_sync(tablet, phone)
    assert set(words(tablet)) == {old, new}


async def test_a_revoked_session_ends_the_run_and_keeps_the_work(device: MakeDevice) -> None:
    phone = await device()
    phone.engine.create(BOOK, "Salt keeps.")
    await phone.transport.execute("mutation { signOut { userErrors { message } } }", {})
    with pytest.raises(SignedOut):
        async with asyncio.timeout(10):
            await phone.run()
    assert phone.store.pending() == 1
    await phone.sign_in(phone.store.get("url"), "ada", "correct horse battery", name="Device 1")
    await phone.sync_once()
    assert phone.store.pending() == 0


async def test_a_server_that_does_not_answer_hangs_nobody(device: MakeDevice, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("device.live.CONNECT_SECONDS", 0.3)
    phone = await device()
    over = asyncio.Event()

    async def silent(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await over.wait()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    await phone.close()
    phone._transport = HttpTransport(f"http://127.0.0.1:{port}", "token", seconds=0.3)
    phone.engine.create(BOOK, "Salt keeps.")
    with pytest.raises(Unreachable):
        await phone.sync_once()
    with pytest.raises(Unreachable):
        async with Live(f"http://127.0.0.1:{port}").open("token"):
            raise AssertionError("nobody answered")
    assert phone.store.pending() == 1
    over.set()
    server.close()


async def test_a_connection_of_which_half_is_dead_is_noticed(device: MakeDevice, url: str) -> None:
    phone = await device()
    proxy = HalfDead(url)
    await proxy.start()
    async with Live(proxy.url, quiet_seconds=0.3).open(phone.store.get("token")) as feed:
        await feed.subscribe(phone.store.get("device_id"), None)
        assert (await feed.next())["__typename"] == "SyncCaughtUp"
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1.5):
                await feed.next()  # quiet, but it answers pings
        proxy.dead = True
        with pytest.raises(Unreachable, match="silent"):
            async with asyncio.timeout(5):
                await feed.next()
    await proxy.stop()
