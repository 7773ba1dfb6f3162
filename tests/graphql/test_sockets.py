"""Sockets: one protocol, signing in, and the end of sockets whose session is over."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from redis.asyncio import Redis
from sqlalchemy import text

from app import BROKER, SOCKETS, create_app
from core.ids import read_id
from core.settings import Settings
from runtime.container import Container
from tests.support.api import PASSWORD, Reader
from tests.support.sync import caught_up, listening, making, op, pushed, sign_in, until

WHO = "query { viewer { user { username displayName } } }"


async def who(socket: Any) -> Any:
    """Ask over a socket who it is signed in as."""
    await socket.subscribe(WHO)
    viewer = (await socket.next())["viewer"]
    assert (await socket.ws.receive_json(timeout=5))["type"] == "complete"
    return viewer and viewer["user"]["username"]


# --- protocol and signing in ---


@pytest.mark.parametrize("protocols", [["graphql-ws"], ["nonsense"], []])
async def test_only_one_protocol_is_spoken(ada: Reader, protocols: list[str]) -> None:
    async with ada.http.ws_connect("/graphql", protocols=protocols) as ws:
        await ws.receive(timeout=5)
        assert ws.close_code == 4406


@pytest.mark.parametrize("name", ["Authorization", "authorization", "AUTHORIZATION"])
@pytest.mark.parametrize("scheme", ["Bearer", "bearer"])
async def test_connection_init_signs_in_whatever_the_case(ada: Reader, name: str, scheme: str) -> None:
    async with ada.socket(init={name: f"{scheme} {ada.token}"}) as socket:
        await socket.acknowledged()
        assert await who(socket) == "ada"


async def test_without_credentials_the_socket_is_signed_out(nobody: Reader) -> None:
    async with nobody.socket() as socket:
        await socket.acknowledged()
        assert await who(socket) is None


@pytest.mark.parametrize("token", ["Bearer nonsense", "Bearer ", "nonsense", "Basic eDp5"])
async def test_a_bad_token_closes_the_socket(nobody: Reader, token: str) -> None:
    async with nobody.socket(init={"Authorization": token}) as socket:
        assert await socket.closed() == 4403


async def test_an_expired_token_closes_the_socket(ada: Reader, container: Container) -> None:
    tablet = await sign_in(ada, "Tablet")
    async with container.database.writing() as session:
        await session.execute(text("UPDATE sessions SET expires_at = now() - interval '1 second'"))
    async with tablet.socket() as socket:
        assert await socket.closed() == 4401


async def test_nothing_is_answered_before_connection_init(ada: Reader) -> None:
    async with ada.http.ws_connect("/graphql", protocols=["graphql-transport-ws"]) as ws:
        await ws.send_json({"id": "1", "type": "subscribe", "payload": {"query": WHO}})
        await ws.receive(timeout=5)
        assert ws.close_code == 4401


async def test_loaders_of_one_operation_are_not_those_of_the_next(ada: Reader) -> None:
    async with ada.socket() as socket:
        await socket.acknowledged()
        for name in ("Ada One", "Ada Two"):
            await ada.mutate("updateProfile", "user { displayName }", displayName=name)
            await socket.subscribe(WHO)
            assert (await socket.next())["viewer"]["user"]["displayName"] == name
            assert (await socket.ws.receive_json(timeout=5))["type"] == "complete"


# --- the end of a session ---


@pytest.fixture(params=["same process", "other process", "other process without Valkey"])
async def tablet(
    request: pytest.FixtureRequest, urls: tuple[str, str], settings: Settings, ada: Reader, unused_tcp_port: int
) -> AsyncIterator[Reader]:
    """The same reader on a tablet, which talks to this process or to another one."""
    signed_in = await sign_in(ada, "Tablet")
    if request.param == "same process":
        yield signed_in
        return
    redis_url = f"redis://127.0.0.1:{unused_tcp_port}/0" if "without" in request.param else urls[1]
    async with TestClient(TestServer(create_app(settings, database_url=urls[0], redis_url=redis_url))) as client:
        yield Reader(client, signed_in.token, signed_in.username, signed_in.id, signed_in.device_id)


async def _revoke(ada: Reader, tablet: Reader) -> None:
    sessions = (await tablet.run("query { viewer { sessions { id current } } }"))["viewer"]["sessions"]
    key = next(s["id"] for s in sessions if s["current"])
    assert not (await ada.mutate("revokeSession", "id: revokedSessionId", id=key))["userErrors"]


async def _change_password(ada: Reader, _: Reader) -> None:
    payload = await ada.mutate(
        "changePassword", "__typename", currentPassword=PASSWORD, newPassword="another long password"
    )
    assert not payload["userErrors"]


async def _remove_device(ada: Reader, tablet: Reader) -> None:
    assert not (await ada.mutate("removeDevice", "__typename", id=tablet.device_id))["userErrors"]


async def _delete_account(ada: Reader, _: Reader) -> None:
    assert not (await ada.mutate("deleteAccount", "__typename", password=PASSWORD))["userErrors"]


@pytest.mark.parametrize("end", [_revoke, _change_password, _remove_device, _delete_account])
async def test_a_session_that_ends_takes_its_socket_with_it(ada: Reader, tablet: Reader, end: Any) -> None:
    async with tablet.socket() as socket:
        await socket.acknowledged()
        await listening(socket, tablet)
        await caught_up(socket)
        await end(ada, tablet)
        assert await socket.closed(10) == 4403


async def test_a_session_that_expires_takes_its_socket_with_it_and_others_stay(
    ada: Reader, container: Container
) -> None:
    tablet = await sign_in(ada, "Tablet")
    async with tablet.socket() as socket, ada.socket() as other:
        await socket.acknowledged()
        await other.acknowledged()
        async with container.database.writing() as session:
            newest = "(SELECT id FROM sessions ORDER BY id DESC LIMIT 1)"
            await session.execute(text(f"UPDATE sessions SET expires_at = now() WHERE id = {newest}"))  # noqa: S608
        assert await socket.closed(10) == 4401
        assert await who(other) == "ada"


async def test_a_peer_that_takes_nothing_does_not_hold_up_the_others(ada: Reader, app: web.Application) -> None:
    tablet, sockets = await sign_in(ada, "Tablet"), app[SOCKETS]
    stuck = await sign_in(ada, "Stuck")
    async with tablet.socket() as socket, stuck.socket() as hanging:
        await hanging.acknowledged()

        class Stalled:
            async def close(self, code: int, reason: str) -> None:
                del code, reason
                await asyncio.sleep(3_600)

        hung = read_id(stuck.device_id, "Device")
        (opened,) = [known for known in sockets._open if known.viewer.device_id == hung]
        real, opened.socket = opened.socket, Stalled()
        await socket.acknowledged()
        await _change_password(ada, tablet)
        assert await socket.closed(8) == 4403
        for task in list(sockets._ending.values()):
            task.cancel()
        await asyncio.sleep(0)
        opened.socket = real


async def test_a_shutdown_says_so_and_when_to_come_back(urls: tuple[str, str], settings: Settings, ada: Reader) -> None:
    client = TestClient(TestServer(create_app(settings, database_url=urls[0], redis_url=urls[1])))
    await client.start_server()
    reader = Reader(client, ada.token, ada.username, ada.id, ada.device_id)
    async with reader.socket() as socket:
        await socket.acknowledged()
        await listening(socket, reader)
        await caught_up(socket)
        closing = asyncio.create_task(client.server.close())
        message = await socket.ws.receive(timeout=10)
        assert socket.ws.close_code == 1012
        assert "econnect" in str(message.extra)
        await closing
    await client.close()


# --- nothing left behind ---


async def test_a_hundred_sockets_torn_off_leave_nothing(
    ada: Reader, app: web.Application, urls: tuple[str, str]
) -> None:
    broker, sockets = app[BROKER], app[SOCKETS]
    await asyncio.sleep(0)
    before = len(asyncio.all_tasks())
    for _ in range(5):
        torn = []
        for _ in range(20):
            ws = await ada.http.ws_connect("/graphql", protocols=["graphql-transport-ws"])
            await ws.send_json({"type": "connection_init", "payload": {"Authorization": f"Bearer {ada.token}"}})
            await ws.receive_json(timeout=5)
            payload = {"query": "subscription($d: ID!) { highlightChanges(deviceId: $d) { __typename } }"}
            await ws.send_json(
                {"id": "1", "type": "subscribe", "payload": payload | {"variables": {"d": ada.device_id}}}
            )
            torn.append(ws)
        await torn[-1].receive_json(timeout=5)
        assert broker.subscription_count > 0
        for index, ws in enumerate(torn):
            transport = ws._response.connection.transport if ws._response.connection else None
            assert transport is not None
            transport.abort()
            if index == 10:
                await pushed(ada, op(making()))
        for ws in torn:
            await ws.close()

    async def is_gone() -> bool:
        return (broker.subscription_count, len(sockets), len(asyncio.all_tasks()) <= before) == (0, 0, True)

    await until(is_gone)
    assert not broker.user_ids
    async with Redis.from_url(urls[1]) as valkey:

        async def is_left() -> bool:
            return not await valkey.execute_command("PUBSUB", "CHANNELS", "bell:{*")

        await until(is_left)
