"""The proxy that storms use: faithful when healthy, and each trouble does what its name says."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from benchmarks.proxy import Proxy, Trouble

BODY = b"0123456789" * 20_000


@dataclass
class World:
    """A server that counts what reaches it, and a client behind the proxy."""

    proxy: Proxy
    http: aiohttp.ClientSession
    bodies: list[bytes] = field(default_factory=list)

    async def post(self, body: bytes = BODY, seconds: float = 5.0) -> bytes:
        timeout = aiohttp.ClientTimeout(total=seconds)
        async with self.http.post(f"{self.proxy.url}/echo", data=body, timeout=timeout) as answer:
            return await answer.read()


@pytest.fixture
async def world() -> AsyncIterator[World]:
    bodies: list[bytes] = []

    async def echo(request: web.Request) -> web.Response:
        bodies.append(await request.read())
        return web.Response(body=bodies[-1])

    async def shout(request: web.Request) -> web.WebSocketResponse:
        ws = web.WebSocketResponse()
        await ws.prepare(request)
        async for message in ws:
            await ws.send_str(message.data.upper())
        return ws

    app = web.Application(client_max_size=10**7)
    app.add_routes([web.post("/echo", echo), web.get("/shout", shout)])
    async with (
        TestServer(app) as server,
        Proxy(server.port or 0) as proxy,
        aiohttp.ClientSession() as http,
    ):
        yield World(proxy, http, bodies)


async def test_a_healthy_proxy_passes_requests_and_sockets_through(world: World) -> None:
    assert await world.post() == BODY
    assert await world.post(b"again, over the same connection") == b"again, over the same connection"
    async with world.http.ws_connect(f"{world.proxy.url}/shout") as ws:
        await ws.send_str("hear me")
        assert await ws.receive_str(timeout=5) == "HEAR ME"
    assert world.proxy.repeated == world.proxy.swallowed == 0


async def test_a_cut_tears_connections_off_and_takes_none_until_healed(world: World) -> None:
    async with world.http.ws_connect(f"{world.proxy.url}/shout") as ws:
        world.proxy.begin(Trouble.CUT)
        assert (await ws.receive(timeout=5)).type in {aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR}
    with pytest.raises(aiohttp.ClientError):
        await world.post()
    assert world.bodies == []
    world.proxy.heal()
    assert await world.post() == BODY


async def test_with_answers_cut_the_request_has_its_effect_and_nobody_is_told(world: World) -> None:
    world.proxy.begin(Trouble.CUT_ANSWERS)
    for _ in range(6):
        with pytest.raises((aiohttp.ClientError, TimeoutError)):
            await world.post(b"a change", 0.5)
    # A client may repeat by itself what broke off on a connection that it had kept.
    assert set(world.bodies) == {b"a change"}
    assert len(world.bodies) >= 6
    assert world.proxy.swallowed >= 6
    world.proxy.heal()
    assert await world.post() == BODY


async def test_a_repeated_request_reaches_the_server_twice_and_is_answered_once(world: World) -> None:
    world.proxy.begin(Trouble.REPEAT)
    assert await world.post() == BODY
    async with asyncio.timeout(10):
        while len(world.bodies) < 2:  # noqa: ASYNC110 - the server counts, it does not ring
            await asyncio.sleep(0.05)
    assert world.bodies == [BODY, BODY]
    assert world.proxy.repeated == 1


async def test_a_stalled_proxy_takes_bytes_and_forwards_them_when_healed(world: World) -> None:
    assert await world.post(b"opens a connection") == b"opens a connection"
    world.proxy.begin(Trouble.STALL)
    waiting = [
        asyncio.create_task(world.post(b"over that", 20)),
        asyncio.create_task(world.post(b"over a new one", 20)),
    ]
    await asyncio.sleep(0.3)
    assert world.bodies == [b"opens a connection"]
    world.proxy.heal()
    assert await asyncio.gather(*waiting) == [b"over that", b"over a new one"]


@pytest.mark.parametrize("trouble", [Trouble.DRIP, Trouble.DELAY])
async def test_a_slow_proxy_changes_nothing_but_the_time(world: World, trouble: Trouble) -> None:
    world.proxy.begin(trouble)
    began = time.monotonic()
    assert await world.post(BODY, 60) == BODY
    assert time.monotonic() - began > 0.03


@pytest.mark.parametrize("trouble", list(Trouble))
async def test_leaving_the_proxy_ends_all_of_it_whatever_goes_wrong(world: World, trouble: Trouble) -> None:
    before = len(asyncio.all_tasks())
    async with Proxy(world.proxy.upstream) as proxy:
        other = World(proxy, world.http)
        proxy.begin(trouble)
        task = asyncio.create_task(_quietly(other.post))
        await asyncio.sleep(0.1)
    await asyncio.wait_for(task, 10)
    assert len(asyncio.all_tasks()) <= before


async def _quietly(post: Callable[[], Awaitable[bytes]]) -> None:
    await asyncio.gather(post(), return_exceptions=True)
