"""The bell: heard once confirmed, held by count, and open about what may have been missed."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID, uuid4

import pytest
from redis.asyncio import Redis

from clients.bus import ValkeyBus, channel_of
from clients.bus_listener import BusListener
from core.events import HighlightsChanged, SessionsChanged
from core.tasks import cancel_all
from tests.support.sync import until


class Heard:
    """A listener, a publisher, and what was heard."""

    def __init__(self, url: str) -> None:
        self.rings: list[tuple[UUID, str]] = []
        self.gaps = 0
        self.listener = BusListener(url, lambda user, topic: self.rings.append((user, topic)), self._gap)
        self.bus = ValkeyBus(url)
        self.valkey: Redis = Redis.from_url(url, decode_responses=True)

    def _gap(self) -> None:
        self.gaps += 1

    async def up(self) -> None:
        async def is_up() -> bool:
            return self.listener.is_up

        await until(is_up)

    async def channels(self) -> set[str]:
        return set(await self.valkey.execute_command("PUBSUB", "CHANNELS", "bell:{*"))


@asynccontextmanager
async def hearing(url: str) -> AsyncIterator[Heard]:
    heard = Heard(url)
    task = asyncio.create_task(heard.listener.run())
    heard.bus.start()
    try:
        yield heard
    finally:
        await cancel_all([task])
        await heard.bus.close()
        await heard.valkey.aclose()


@pytest.fixture
async def heard(urls: tuple[str, str]) -> AsyncIterator[Heard]:
    async with hearing(urls[1]) as made:
        await made.up()
        yield made


async def rung(heard: Heard, user: UUID, topic: str = "highlights") -> None:
    async def is_so() -> bool:
        return (user, topic) in heard.rings

    await until(is_so)


async def test_what_is_rung_after_the_confirmation_is_heard(heard: Heard) -> None:
    for _ in range(50):
        user = uuid4()
        await heard.listener.subscribe(user)
        assert channel_of(user) in await heard.channels()
        heard.bus.publish([HighlightsChanged(user), SessionsChanged(user)])
        await rung(heard, user)
        await rung(heard, user, "sessions")


async def test_others_bells_are_not_heard(heard: Heard) -> None:
    mine, other = uuid4(), uuid4()
    await heard.listener.subscribe(mine)
    heard.bus.publish([HighlightsChanged(other), HighlightsChanged(mine)])
    await rung(heard, mine)
    assert {user for user, _ in heard.rings} == {mine}


async def test_a_channel_is_left_when_its_last_holder_lets_go(heard: Heard) -> None:
    user = uuid4()
    await heard.listener.subscribe(user)
    await heard.listener.subscribe(user)
    heard.listener.release(user)
    await asyncio.sleep(1)
    assert await heard.channels() == {channel_of(user)}
    heard.listener.release(user)

    async def is_left() -> bool:
        return not await heard.channels()

    await until(is_left)


async def test_holders_that_come_and_go_at_random_never_miss_a_bell_while_they_hold(heard: Heard) -> None:
    users = [uuid4() for _ in range(3)]
    dice = random.Random(11)  # noqa: S311

    async def holder() -> None:
        for _ in range(25):
            user = dice.choice(users)
            try:
                async with asyncio.timeout(dice.choice([0, 0.0005, 5])):
                    await heard.listener.subscribe(user)
                    for _ in range(2):
                        heard.rings.clear()
                        assert await heard.valkey.publish(channel_of(user), "highlights") == 1
                        await asyncio.sleep(dice.uniform(0, 0.01))
            except TimeoutError:
                pass
            finally:
                heard.listener.release(user)

    await asyncio.gather(*(holder() for _ in range(8)))
    gaps = heard.gaps

    async def is_left() -> bool:
        return not await heard.channels()

    await until(is_left)
    assert heard.gaps == gaps
    for user in users:
        await heard.listener.subscribe(user)
        heard.bus.publish([HighlightsChanged(user)])
        await rung(heard, user)


async def test_holders_from_before_the_connection_are_heard_and_told_of_the_gap(urls: tuple[str, str]) -> None:
    async with hearing(urls[1]) as heard:
        users = [uuid4() for _ in range(20)]

        async def late(user: UUID) -> None:
            await asyncio.sleep(random.uniform(0, 0.02))  # noqa: S311
            await heard.listener.subscribe(user)

        await asyncio.gather(*map(late, users))
        await heard.up()

        async def all_there() -> bool:
            return await heard.channels() >= set(map(channel_of, users))

        await until(all_there)
        assert heard.gaps >= 1
        heard.bus.publish([HighlightsChanged(user) for user in users])
        for user in users:
            await rung(heard, user)


async def test_a_connection_killed_behind_its_back_is_made_again_and_told_as_a_gap(heard: Heard) -> None:
    user = uuid4()
    await heard.listener.subscribe(user)
    for _ in range(3):
        gaps = heard.gaps
        assert await heard.valkey.execute_command("CLIENT", "KILL", "TYPE", "pubsub") >= 1

        async def is_back(before: int = gaps) -> bool:
            return heard.gaps > before and heard.listener.is_up and channel_of(user) in await heard.channels()

        await until(is_back)
        heard.rings.clear()
        heard.bus.publish([HighlightsChanged(user)])
        await rung(heard, user)


async def test_there_is_one_connection_however_many_users(heard: Heard) -> None:
    await asyncio.gather(*(heard.listener.subscribe(uuid4()) for _ in range(50)))
    clients = str(await heard.valkey.execute_command("CLIENT", "LIST", "TYPE", "pubsub"))
    assert len(await heard.channels()) == 50
    assert [line for line in clients.splitlines() if "sub=51 " in line] == clients.splitlines()


async def test_without_valkey_nobody_waits_and_nothing_fails(unused_tcp_port: int) -> None:
    async with hearing(f"redis://127.0.0.1:{unused_tcp_port}/0") as heard:
        async with asyncio.timeout(2):
            for _ in range(20):
                await heard.listener.subscribe(uuid4())
        heard.bus.publish([HighlightsChanged(uuid4())])

        async def is_dropped() -> bool:
            return heard.bus.dropped == 1

        await until(is_dropped)
        assert not heard.listener.is_up


async def test_a_listener_ends_at_whatever_moment_it_is_told_to(urls: tuple[str, str]) -> None:
    """The client library answers some cancellations of a connection in the making with an error of its own."""
    dice = random.Random(3)  # noqa: S311
    for _ in range(60):
        listener = BusListener(urls[1], lambda *_: None, lambda: None)
        task = asyncio.create_task(listener.run())
        await asyncio.sleep(dice.uniform(0, 0.015))
        async with asyncio.timeout(10):
            await cancel_all([task])
        assert task.cancelled()
