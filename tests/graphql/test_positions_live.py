"""Reading positions as they change: across devices and processes, with lost bells made up for, and to nobody else."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from app import BROKER, create_app
from core.settings import Settings
from runtime.container import Container
from tests.graphql.test_positions import OTHER_BOOK, POSITION, said, told
from tests.support.api import Reader, Socket
from tests.support.sync import sign_in, until

LIVE = f"subscription($book: ID) {{ readingPositions(bookId: $book) {POSITION.removeprefix('position ')} }}"


@asynccontextmanager
async def listening(reader: Reader, book: str | None = None) -> AsyncIterator[Socket]:
    """Follow a reader's positions, once the server listens."""
    assert reader.http.app is not None
    broker = reader.http.app[BROKER]
    open_before = broker.subscription_count
    async with reader.socket() as socket:
        await socket.acknowledged()
        await socket.subscribe(LIVE, book=book)

        async def listens() -> bool:
            return bool(broker.subscription_count > open_before)

        await until(listens)
        # What was there is read after the bell is hung up; a change in between is told, or was there.
        await asyncio.sleep(0.2)
        yield socket


async def heard(socket: Socket) -> Any:
    return (await socket.next())["readingPositions"]


async def silence(socket: Socket) -> None:
    """Assert that nothing comes for a while."""
    with pytest.raises(TimeoutError):
        await socket.next(patience=0.5)


async def test_a_position_reaches_the_other_device(ada: Reader) -> None:
    tablet = await sign_in(ada, "Tablet")
    await told(ada, **said(ada, location=1))
    async with listening(tablet) as socket:
        made = await told(ada, **said(ada, location=2))
        assert await heard(socket) == made
        other = await told(ada, **(said(ada, location=3) | {"book": OTHER_BOOK}))
        assert await heard(socket) == other
        await silence(socket)


async def test_a_late_report_tells_the_furthest_and_one_that_changes_nothing_is_not_told(ada: Reader) -> None:
    tablet = await sign_in(ada, "Tablet")
    await told(ada, **said(ada, location=10))
    async with listening(ada) as socket:
        await told(tablet, **said(tablet, ago=3600, location=90))
        event = await heard(socket)
        assert (event["location"], event["furthestLocation"]) == (10, 90)
        await told(tablet, **said(tablet, ago=7200, location=5))
        await silence(socket)


async def test_only_the_book_that_was_asked_for(ada: Reader) -> None:
    book = (await told(ada, **said(ada, location=1)))["book"]["id"]
    async with listening(ada, book) as socket:
        await told(ada, **(said(ada, location=3) | {"book": OTHER_BOOK}))
        await told(ada, **said(ada, location=4))
        assert (await heard(socket))["location"] == 4


async def test_nobody_hears_of_anothers_position(ada: Reader, ben: Reader) -> None:
    book = (await told(ada, **said(ada, location=1)))["book"]["id"]
    await told(ben, **said(ben, location=1))
    async with listening(ben) as everything, listening(ben, book) as the_book, listening(ada) as own:
        await told(ada, **said(ada, location=2, progress="canary"))
        assert (await heard(own))["progress"] == "canary"
        await silence(everything)
        await silence(the_book)


async def test_signed_out_nothing_can_be_followed(nobody: Reader) -> None:
    async with nobody.socket() as socket:
        await socket.acknowledged()
        await socket.subscribe(LIVE, book=None)
        message = await socket.ws.receive_json(timeout=5)
        assert message["payload"]["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


@asynccontextmanager
async def another_process(urls: tuple[str, str], settings: Settings) -> AsyncIterator["TestClient[Any, Any]"]:
    """A second server on the same database and Valkey."""
    other = create_app(settings, database_url=urls[0], redis_url=urls[1])
    async with TestClient(TestServer(other)) as client:
        yield client


async def test_a_position_told_to_another_process_is_heard(
    ada: Reader, urls: tuple[str, str], settings: Settings
) -> None:
    async with another_process(urls, settings) as elsewhere, listening(ada) as socket:
        there = Reader(elsewhere, ada.token, ada.username, ada.id, ada.device_id)
        made = await told(there, **said(ada, location=7))
        assert await heard(socket) == made


async def test_a_lost_bell_is_made_up_for(ada: Reader, container: Container, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("subscriptions.broker.SWEEP", 1.0)
    async with listening(ada) as socket:
        monkeypatch.setattr(container.bus, "publish", lambda _: None)
        made = await told(ada, **said(ada, location=7))
        assert await heard(socket) == made
