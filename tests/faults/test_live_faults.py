"""Live delivery while its servers are killed, stalled and emptied: late at worst, never lost."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from app import create_app
from core.database import Database
from core.ids import uuid7
from core.settings import Settings
from runtime.embedded import EmbeddedServers
from runtime.migrations import migrate
from tests.runtime.support import valkey
from tests.support.api import Reader, sign_up
from tests.support.sync import caught_up, listening, making, op, pull_all, push, sign_in, uuid_of


class World:
    """Servers of our own to torment, two processes, and a reader with a device at each."""

    def __init__(self, servers: EmbeddedServers, writer: Reader, listener: Reader) -> None:
        self.servers, self.writer, self.listener = servers, writer, listener
        self.written: list[str] = []

    async def write(self) -> str:
        """Push a highlight, as a device does that repeats what was not answered."""
        uuid = str(uuid7())
        once = op(making(uuid), uuid)
        async with asyncio.timeout(30):
            while True:
                with contextlib.suppress(AssertionError, OSError, TimeoutError, ValueError):
                    payload = await push(self.writer, once)
                    if not payload["userErrors"] and payload["results"][0]["outcome"] == "APPLIED":
                        self.written.append(uuid)
                        return uuid
                await asyncio.sleep(0.2)


@pytest.fixture(scope="module")
async def servers(server_folder: Path) -> AsyncIterator[EmbeddedServers]:
    # Durable: what PostgreSQL has acknowledged has to survive its death.
    started = await EmbeddedServers.start(server_folder / "torment", durable=True)
    watching = asyncio.create_task(started.watch())
    assert started.database_url
    database = Database(started.database_url, pool_size=2)
    await migrate(database.engine)
    await database.close()
    yield started
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)
    await started.stop()


@pytest.fixture
async def world(servers: EmbeddedServers, settings: Settings) -> AsyncIterator[World]:
    async with contextlib.AsyncExitStack() as stack:
        clients: list[TestClient[Any, Any]] = []
        for _ in range(2):
            assert servers.database_url
            assert servers.redis_url
            made = create_app(settings, database_url=servers.database_url, redis_url=servers.redis_url)
            clients.append(await stack.enter_async_context(TestClient(TestServer(made))))
        writer = await sign_up(clients[0])
        tablet = await sign_in(writer, "Tablet")
        yield World(servers, writer, Reader(clients[1], tablet.token, tablet.username, tablet.id, tablet.device_id))


async def kill_valkey(world: World) -> None:
    assert world.servers.valkey_pid
    os.kill(world.servers.valkey_pid, signal.SIGKILL)


async def stall_valkey(world: World) -> None:
    assert world.servers.valkey_pid
    os.kill(world.servers.valkey_pid, signal.SIGSTOP)


async def empty_valkey(world: World) -> None:
    await valkey(world.servers.redis_url, "FLUSHALL")


async def cut_subscribers(world: World) -> None:
    await valkey(world.servers.redis_url, "CLIENT", "KILL", "TYPE", "pubsub")


async def kill_postgres(world: World) -> None:
    assert world.servers.postgres_pid
    os.kill(world.servers.postgres_pid, signal.SIGQUIT)


@pytest.mark.parametrize("torment", [kill_valkey, stall_valkey, empty_valkey, cut_subscribers, kill_postgres])
async def test_every_change_reaches_the_other_process_once_and_in_order(world: World, torment: Any) -> None:
    pid = world.servers.valkey_pid
    async with world.listener.socket() as socket:
        await socket.acknowledged()
        await listening(socket, world.listener)
        _, cursor = await caught_up(socket)

        async def write() -> None:
            for number in range(12):
                if number == 4:
                    await torment(world)
                await world.write()
                await asyncio.sleep(0.1)

        seen: list[str] = []
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(write())
                while len(seen) < 12:
                    event = (await socket.next(30))["highlightChanges"]
                    seen.append(uuid_of(event))
                    cursor = event["cursor"]
        finally:
            if torment is stall_valkey:
                assert pid
                os.kill(pid, signal.SIGCONT)
        assert seen == world.written
        uuid = await world.write()
        assert uuid_of((await socket.next(30))["highlightChanges"]) == uuid
    rest, _ = await pull_all(world.listener, cursor)
    assert [uuid_of(change) for change in rest] == [uuid]


async def test_without_valkey_from_the_start_changes_arrive_within_seconds(
    servers: EmbeddedServers, settings: Settings, unused_tcp_port: int
) -> None:
    assert servers.database_url
    nowhere = f"redis://127.0.0.1:{unused_tcp_port}/0"
    async with TestClient(TestServer(create_app(settings, database_url=servers.database_url, redis_url=nowhere))) as c:
        reader = await sign_up(c)
        world = World(servers, reader, reader)
        async with reader.socket() as socket:
            await socket.acknowledged()
            await listening(socket, reader)
            await caught_up(socket)
            for _ in range(3):
                uuid = await world.write()
                assert uuid_of((await socket.next(15))["highlightChanges"]) == uuid
