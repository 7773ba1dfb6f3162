"""Changes as they happen: backfill, caught up, live; across processes, without a gap or a duplicate at any seam."""

import asyncio
import random
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from sqlalchemy import text

from app import BROKER, CONTAINER, create_app
from core.ids import read_id, uuid7
from core.settings import Settings
from runtime.container import Container
from tests.support.api import Reader
from tests.support.sync import (
    LIVE,
    caught_up,
    editing,
    forged,
    listening,
    making,
    op,
    pull,
    pull_all,
    pushed,
    sign_in,
    state_of,
    until,
    uuid_of,
)


@pytest.fixture
async def elsewhere(urls: tuple[str, str], settings: Settings, ada: Reader) -> AsyncIterator[Reader]:
    """The same reader on a tablet that talks to another process."""
    tablet = await sign_in(ada, "Tablet")
    async with TestClient(TestServer(create_app(settings, database_url=urls[0], redis_url=urls[1]))) as client:
        yield Reader(client, tablet.token, tablet.username, tablet.id, tablet.device_id)


async def next_change(socket: Any) -> Any:
    """Read one live event."""
    return (await socket.next(15))["highlightChanges"]


async def test_backfill_then_caught_up_then_live_on_several_devices_across_processes(
    ada: Reader, elsewhere: Reader
) -> None:
    uuids = [str(uuid7()) for _ in range(3)]
    await pushed(ada, *(op(making(f"Passage {n}."), uuid) for n, uuid in enumerate(uuids)))
    async with ada.socket() as here, elsewhere.socket() as there:
        for socket, reader in ((here, ada), (there, elsewhere)):
            await socket.acknowledged()
            await listening(socket, reader)
            backfill, _ = await caught_up(socket)
            assert [uuid_of(event) for event in backfill] == uuids
        for writer in (ada, elsewhere):
            await pushed(writer, op(editing(note=writer.device_id), uuids[0]))
            for socket in (here, there):
                event = await next_change(socket)
                assert event["highlight"]["note"] == writer.device_id
                assert event["originDeviceId"] == writer.device_id
        await pushed(elsewhere, op({"delete": True}, uuids[1]))
        for socket in (here, there):
            event = await next_change(socket)
            assert (event["__typename"], event["uuid"]) == ("HighlightRemoved", uuids[1])


async def test_the_cursor_of_any_event_resumes_behind_it(ada: Reader) -> None:
    uuids = [str(uuid7()) for _ in range(4)]
    await pushed(ada, *(op(making(f"Passage {n}."), uuid) for n, uuid in enumerate(uuids)))
    async with ada.socket() as socket:
        await socket.acknowledged()
        await listening(socket, ada)
        backfill, end = await caught_up(socket)
        assert backfill[-1]["cursor"] == end
        for index, event in enumerate(backfill):
            await listening(socket, ada, event["cursor"])
            rest, _ = await caught_up(socket)
            assert [uuid_of(e) for e in rest] == uuids[index + 1 :]


async def test_no_gap_and_no_duplicate_at_the_seam_while_others_write(ada: Reader, elsewhere: Reader) -> None:
    made = [str(uuid7()) for _ in range(80)]

    async def write() -> None:
        for uuid in made:
            await pushed(ada, op(making(uuid), uuid))
            await asyncio.sleep(random.uniform(0, 0.01))  # noqa: S311

    async def listen(number: int) -> list[str]:
        await asyncio.sleep(number * 0.1)
        seen: list[str] = []
        async with elsewhere.socket() as socket:
            await socket.acknowledged()
            await listening(socket, elsewhere)
            while made[-1] not in seen:
                event = await next_change(socket)
                if event["__typename"] != "SyncCaughtUp":
                    seen.append(uuid_of(event))
        return seen

    listeners = [asyncio.create_task(listen(number)) for number in range(5)]
    await write()
    for seen in await asyncio.gather(*listeners):
        assert seen == made


async def test_disconnecting_at_random_and_resuming_ends_in_the_servers_state(ada: Reader, elsewhere: Reader) -> None:
    uuids = [str(uuid7()) for _ in range(6)]
    await pushed(ada, *(op(making(uuid), uuid) for uuid in uuids))
    dice, over = random.Random(5), False  # noqa: S311

    async def write() -> None:
        nonlocal over
        for number in range(60):
            uuid = dice.choice(uuids)
            change = dice.choice([editing(note=f"{number}"), {"delete": True}, {"restore": True}])
            await pushed(ada, op(change, uuid))
            await asyncio.sleep(0.01)
        over = True

    writing = asyncio.create_task(write())
    events: list[Any] = []
    cursor = None
    while not over:
        async with elsewhere.socket() as socket:
            await socket.acknowledged()
            await listening(socket, elsewhere, cursor)
            try:
                async with asyncio.timeout(dice.uniform(0.02, 0.25)):
                    while True:
                        event = await next_change(socket)
                        cursor = event["cursor"]
                        events.append(event)
            except TimeoutError:
                pass
    await writing
    events += (await pull_all(elsewhere, cursor))[0]
    changes = [event for event in events if event["__typename"] != "SyncCaughtUp"]
    cursors = [event["cursor"] for event in changes]
    assert len(set(cursors)) == len(cursors)
    assert state_of(changes) == state_of((await pull_all(elsewhere))[0])


async def test_a_backfill_of_several_pages_comes_whole(ada: Reader) -> None:
    for batch in range(3):
        await pushed(ada, *(op(making(f"Passage {batch} {n}.")) for n in range(80)))
    async with ada.socket() as socket:
        await socket.acknowledged()
        await listening(socket, ada)
        backfill, _ = await caught_up(socket)
    assert len({uuid_of(event) for event in backfill}) == len(backfill) == 240


async def reason(socket: Any, reader: Reader, after: str) -> str:
    await listening(socket, reader, after)
    event = await next_change(socket)
    assert event["__typename"] == "ResyncRequired"
    assert (await socket.ws.receive_json(timeout=5))["type"] == "complete"
    told: str = event["reason"]
    return told


async def test_a_cursor_that_is_no_good_ends_the_subscription_with_its_reason(
    ada: Reader, container: Container
) -> None:
    await pushed(ada, op(making()))
    _, cursor = await pull_all(ada)
    async with ada.socket() as socket:
        await socket.acknowledged()
        assert await reason(socket, ada, "nonsense") == "CURSOR_INVALID"
        assert await reason(socket, ada, forged(cursor, epoch="x")) == "EPOCH_CHANGED"
        async with container.database.writing() as session:
            await session.execute(text("UPDATE sync_counters SET seq = seq + 5, floor = seq + 5"))
        assert await reason(socket, ada, cursor) == "CURSOR_TOO_OLD"


async def test_a_switch_turned_on_ends_the_live_subscription_and_one_turned_off_filters_it(
    ada: Reader, elsewhere: Reader
) -> None:
    uuid = str(uuid7())
    await pushed(ada, op(making(note="n"), uuid))
    async with elsewhere.socket() as socket:
        await socket.acknowledged()
        await listening(socket, elsewhere)
        _, cursor = await caught_up(socket)
        await ada.mutate("updateDevice", "device { id }", id=elsewhere.device_id, syncNotes=False)
        await pushed(ada, op(editing(note="secret"), uuid))
        assert (await next_change(socket))["highlight"]["note"] is None
        await ada.mutate("updateDevice", "device { id }", id=elsewhere.device_id, syncNotes=True)
        assert (await next_change(socket))["reason"] == "SWITCHES_CHANGED"
        assert (await socket.ws.receive_json(timeout=5))["type"] == "complete"
        assert await reason(socket, elsewhere, cursor) == "SWITCHES_CHANGED"
        await listening(socket, elsewhere)
        backfill, _ = await caught_up(socket)
        assert backfill[0]["highlight"]["note"] == "secret"


async def test_a_new_epoch_reaches_an_idle_socket(
    ada: Reader, container: Container, app: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("subscriptions.broker.SWEEP", 1.0)
    del app
    async with ada.socket() as socket:
        await socket.acknowledged()
        await listening(socket, ada)
        await caught_up(socket)
        await asyncio.sleep(2.5)  # the sweep has seen the present epoch
        async with container.database.writing() as session:
            await session.execute(text("UPDATE sync_epoch SET fingerprint = 'a restored backup'"))
        assert (await next_change(socket))["reason"] == "EPOCH_CHANGED"


async def test_an_event_shows_present_data_whatever_the_socket_has_loaded_before(
    ada: Reader, container: Container
) -> None:
    uuid = str(uuid7())
    await pushed(ada, op(making(), uuid))
    async with ada.socket() as socket:
        await socket.acknowledged()
        await listening(socket, ada)
        backfill, _ = await caught_up(socket)
        assert backfill[0]["highlight"]["book"]["title"] == "The Salt Almanac"
        async with container.database.writing() as session:
            await session.execute(text("UPDATE books SET title = 'The Salt Almanac, revised'"))
        await pushed(ada, op(editing(note="again"), uuid))
        assert (await next_change(socket))["highlight"]["book"]["title"] == "The Salt Almanac, revised"


async def test_others_changes_and_others_devices_are_never_told(ada: Reader, ben: Reader, nobody: Reader) -> None:
    async with ada.socket() as socket:
        await socket.acknowledged()
        await listening(socket, ada)
        await caught_up(socket)
        await pushed(ben, op(making("ben's own")))
        uuid = str(uuid7())
        await pushed(ada, op(making("ada's own"), uuid))
        assert uuid_of(await next_change(socket)) == uuid
        for device, code in ((ben.device_id, "NOT_FOUND"), ("nonsense", "BAD_USER_INPUT")):
            await socket.subscribe(LIVE, deviceId=device, after=None)
            assert await refusal(socket) == code
    async with nobody.socket() as socket:
        await socket.acknowledged()
        await socket.subscribe(LIVE, deviceId=ada.device_id, after=None)
        assert await refusal(socket) == "UNAUTHENTICATED"


async def refusal(socket: Any) -> str:
    """Read the code of a subscription that is refused."""
    message = await socket.ws.receive_json(timeout=5)
    errors = message["payload"] if message["type"] == "error" else message["payload"]["errors"]
    code: str = errors[0]["extensions"]["code"]
    if message["type"] == "next":
        assert message["payload"]["data"] is None
        assert (await socket.ws.receive_json(timeout=5))["type"] == "complete"
    return code


async def test_a_write_between_subscribing_and_the_first_read_is_not_lost(
    ada: Reader, app: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bell is confirmed before the first read: whatever comes after either is read, or rings."""
    uuid, broker = str(uuid7()), app[BROKER]
    monkeypatch.setattr("subscriptions.broker.SWEEP", 1_000.0)
    subscribe = type(broker._bus).subscribe

    async def then_write(self: Any, user_id: Any, **more: Any) -> None:
        await subscribe(self, user_id, **more)
        monkeypatch.undo()
        await pushed(ada, op(making(), uuid))

    async with ada.socket() as socket:
        await socket.acknowledged()
        monkeypatch.setattr(type(broker._bus), "subscribe", then_write)
        await listening(socket, ada)
        backfill, _ = await caught_up(socket)
    assert [uuid_of(event) for event in backfill] == [uuid]


async def test_lost_bells_are_made_up_for(
    ada: Reader, app: Any, container: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("subscriptions.broker.SWEEP", 1.0)
    assert app[CONTAINER] is container
    async with ada.socket() as socket:
        await socket.acknowledged()
        await listening(socket, ada)
        await caught_up(socket)
        monkeypatch.setattr(container.bus, "publish", lambda _: None)
        for _ in range(2):
            uuid = str(uuid7())
            await pushed(ada, op(making(), uuid))
            assert uuid_of(await next_change(socket)) == uuid


async def test_what_was_sent_live_counts_as_sent(ada: Reader) -> None:
    tablet = await sign_in(ada, "Tablet")
    query = "query { viewer { devices { id pendingChangeCount } } }"

    async def pending() -> int:
        devices = (await ada.run(query))["viewer"]["devices"]
        found: int = next(d["pendingChangeCount"] for d in devices if d["id"] == tablet.device_id)
        return found

    await pushed(ada, op(making()), op(making()))
    assert await pending() == 2
    async with tablet.socket() as socket:
        await socket.acknowledged()
        await listening(socket, tablet)
        await caught_up(socket)

        async def all_sent() -> bool:
            return await pending() == 0

        await until(all_sent)
        await pushed(ada, op(making()))
        await next_change(socket)
        await until(all_sent)
    await pushed(ada, op(making()))
    assert await pending() == 1
    assert (await pull(tablet, first=2))["hasMore"]
    assert read_id(tablet.device_id, "Device")
