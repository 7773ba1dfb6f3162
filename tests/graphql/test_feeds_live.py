"""The home feed, live: who is told what, and what a lost message and a slow listener cost."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from app import BROKER, create_app
from core.events import FeedEntryAdded
from core.ids import read_id
from core.settings import Settings
from models.feeds import FeedEntry
from models.posts import Fanout
from repositories.posts_counts import Eyes
from runtime.container import Container
from subscriptions import broker, feeds, feeds_shared
from tests.support.api import Reader, sign_up
from tests.support.feeds import follow, id_of
from tests.support.feeds_live import LIVE, PAGE, PATIENCE, ear_of, heard, watching
from tests.support.posting import act, post
from tests.support.seeding import Seeder
from tests.support.sync import until


@pytest.fixture
async def cleo(ada: Reader) -> Reader:
    """A third reader."""
    return await sign_up(ada.http, "cleo")


@asynccontextmanager
async def elsewhere(reader: Reader, urls: tuple[str, str], settings: Settings) -> AsyncIterator[Reader]:
    """The same reader at another process."""
    async with TestClient(TestServer(create_app(settings, database_url=urls[0], redis_url=urls[1]))) as client:
        await until(lambda: _is_up(client))
        yield Reader(client, reader.token, reader.username, reader.id, reader.device_id)


async def _is_up(client: "TestClient[Any, Any]") -> bool:
    assert client.app is not None
    return bool(client.app[BROKER].is_up)


async def test_posts_of_those_i_follow_and_my_own_reach_me_in_every_process(
    ada: Reader, ben: Reader, cleo: Reader, urls: tuple[str, str], settings: Settings
) -> None:
    await follow(ada, ben)
    async with elsewhere(ada, urls, settings) as there, watching(ada) as here, watching(there) as other:
        await post(cleo, "A stranger's.")
        await post(ben, "A friend's.")
        await post(ada, "Mine.")
        for socket in (here, other):
            assert await heard(socket) == ("A friend's.", None)
            assert await heard(socket) == ("Mine.", None)


async def test_an_edge_is_what_the_page_has(ada: Reader, ben: Reader) -> None:
    await follow(ada, ben)
    async with watching(ada) as socket:
        await post(ben, "Once.")
        told = (await socket.next(PATIENCE))["it"]
        assert (await ada.run(PAGE))["it"]["edges"] == [told]


async def test_a_repost_lifts_a_post_that_was_told_and_is_told_once(ada: Reader, ben: Reader, cleo: Reader) -> None:
    for other in (ben, cleo):
        await follow(ada, other)
    async with watching(ada) as socket:
        made = await post(ben, "Lifted.")
        assert await heard(socket) == ("Lifted.", None)
        await act(cleo, "repost", made["id"])
        assert await heard(socket) == ("Lifted.", "cleo")
        await act(cleo, "repost", made["id"])
        await post(cleo, "Next.")
        assert await heard(socket) == ("Next.", None)
        assert [edge["node"]["text"] for edge in (await ada.run(PAGE))["it"]["edges"]] == ["Next.", "Lifted."]


async def test_a_repost_by_somebody_followed_brings_the_post_of_a_stranger(
    ada: Reader, ben: Reader, cleo: Reader
) -> None:
    await follow(ada, ben)
    made = await post(cleo, "From afar.")
    async with watching(ada) as socket, watching(cleo) as author:
        await act(ben, "repost", made["id"])
        assert await heard(socket) == ("From afar.", "ben")
        await post(cleo, "After.")
        assert await heard(author) == ("After.", None), "whoever does not follow ben is not told that he passed it on"


async def test_authors_whom_too_many_follow_are_live_too(ada: Reader, ben: Reader, container: Container) -> None:
    await follow(ada, ben)
    async with watching(ada) as socket:
        async with container.database.writing() as session:
            row = await Seeder(session).post(id_of(ben), "To very many.", fanout=Fanout.PULL)
        container.bus.publish([FeedEntryAdded(id_of(ben), row.id, is_repost=False)])
        assert await heard(socket) == ("To very many.", None)


async def test_signed_out_nothing_can_be_followed(nobody: Reader) -> None:
    async with nobody.socket() as socket:
        await socket.acknowledged()
        await socket.subscribe(LIVE)
        message = await socket.ws.receive_json(timeout=PATIENCE)
        assert message["payload"]["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


# --- what goes wrong ---


async def test_a_lost_message_is_made_up_for_once_and_old_entries_are_not_told(
    ada: Reader, ben: Reader, container: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broker, "SWEEP", 0.0)
    await follow(ada, ben)
    await post(ben, "Before.")
    async with watching(ada) as socket:
        with monkeypatch.context() as patched:
            patched.setattr(container.bus, "publish", lambda _: None)
            made = await post(ben, "Unheard of.")
        assert await heard(socket) == ("Unheard of.", None)
        # Heard of late, and found by more sweeps: told once.
        container.bus.publish([FeedEntryAdded(id_of(ben), read_id(made["id"], "Post"), is_repost=False)])
        await asyncio.sleep(2.5)
        await post(ben, "After.")
        assert await heard(socket) == ("After.", None)


async def test_who_leaves_too_much_lying_is_closed(ada: Reader, ben: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds_shared, "MOST_UNTAKEN", 3)
    await follow(ada, ben)
    gate, seen = asyncio.Event(), feeds._seen

    async def held(info: Any, entry: FeedEntry) -> Any:
        if info.context.viewer.user_id == id_of(ada):
            await gate.wait()
        return await seen(info, entry)

    monkeypatch.setattr(feeds, "_seen", held)
    async with watching(ada) as slow, watching(ben) as quick:
        (watch,) = ear_of(ada)._feeds._watches[Eyes(id_of(ada), moderates=False)]
        for number in range(6):
            await post(ben, f"Post {number}.")
            assert await heard(quick) == (f"Post {number}.", None)

        async def fell_behind() -> bool:
            return watch._is_too_slow

        await until(fell_behind)
        gate.set()
        assert await heard(slow) == ("Post 0.", None)
        assert await slow.closed() == 1013
        await post(ben, "Still here.")
        assert await heard(quick) == ("Still here.", None)

    async def nothing_left() -> bool:
        return not ear_of(ada)._feeds._watches

    await until(nothing_left)
