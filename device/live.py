"""Live changes over a WebSocket: the protocol graphql-transport-ws, written plainly.

Nothing waits without end: connecting, the acknowledgement, each send and each silence have their limit, so that a connection
of which only one half lives is noticed within fifteen seconds.
"""

import asyncio
import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp

from device.api import LIVE
from device.errors import DeviceError, SignedOut, Unreachable, meaning
from device.store import Json

CONNECT_SECONDS, ACK_SECONDS, SEND_SECONDS, CLOSE_SECONDS = 5.0, 5.0, 5.0, 1.0
QUIET_SECONDS = 7.0
"""After so long without a word the server is pinged; after as long again it counts as gone."""
MESSAGE_BYTES = 4 << 20
EXPIRED, FORBIDDEN = 4401, 4403


class Backoff:
    """How long to wait before the next try.

    Up to twice as long each time, at a random moment in it, so that devices do not come back all at once.
    """

    def __init__(self, first: float = 0.5, most: float = 30.0) -> None:
        self._first = first
        self._most = most
        self._limit = first

    def next(self) -> float:
        """Tell how long to wait now."""
        limit, self._limit = self._limit, min(self._limit * 2, self._most)
        return random.uniform(0, limit)  # noqa: S311

    def reset(self) -> None:
        """Begin small again: it worked."""
        self._limit = self._first


@dataclass
class Live:
    """Where the live changes come from; `open` makes a connection, which ends at the first fault."""

    url: str
    quiet_seconds: float = QUIET_SECONDS

    @asynccontextmanager
    async def open(self, token: str) -> AsyncIterator["Feed"]:
        """Connect and sign in. Raise Unreachable or SignedOut."""
        limits = aiohttp.ClientTimeout(total=None, connect=CONNECT_SECONDS, sock_connect=CONNECT_SECONDS)
        async with aiohttp.ClientSession(timeout=limits) as http:
            ws = await _connected(http, f"{self.url.rstrip('/')}/graphql")
            feed = Feed(ws, self.quiet_seconds)
            try:
                await feed.sign_in(token)
                yield feed
            finally:
                await _closed(ws)


async def _connected(http: aiohttp.ClientSession, url: str) -> aiohttp.ClientWebSocketResponse:
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            return await http.ws_connect(
                url,
                protocols=["graphql-transport-ws"],
                max_msg_size=MESSAGE_BYTES,
                timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE_SECONDS),
            )
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise Unreachable(f"No live connection to {url}: {error or type(error).__name__}") from error


async def _closed(ws: aiohttp.ClientWebSocketResponse) -> None:
    try:
        async with asyncio.timeout(2 * CLOSE_SECONDS):
            await ws.close()
    except (aiohttp.ClientError, TimeoutError, OSError):
        return  # its session cuts the connection


class Feed:
    """One live connection. At most one subscription runs on it; a new one takes the place of the last."""

    def __init__(self, ws: aiohttp.ClientWebSocketResponse, quiet_seconds: float) -> None:
        self._ws = ws
        self._quiet = quiet_seconds
        self._number = 0

    async def sign_in(self, token: str) -> None:
        """Introduce the device, and wait for the server's word."""
        await self._send({"type": "connection_init", "payload": {"Authorization": f"Bearer {token}"}})
        try:
            async with asyncio.timeout(ACK_SECONDS):
                while (await self._receive())["type"] != "connection_ack":
                    pass
        except TimeoutError as error:
            raise Unreachable("The server did not acknowledge the connection.") from error

    async def subscribe(self, device_id: str, after: str | None) -> None:
        """Ask for everything after a cursor, in place of what was asked for before."""
        if self._number:
            await self._send({"type": "complete", "id": str(self._number)})
        self._number += 1
        payload = {"query": LIVE, "variables": {"deviceId": device_id, "after": after}}
        await self._send({"type": "subscribe", "id": str(self._number), "payload": payload})

    async def next(self) -> Json:
        """Wait for an event. Raise Unreachable when the connection or the subscription is lost, SignedOut, or Refused."""
        while True:
            message = await self._receive()
            if message.get("id") == str(self._number):
                event = _event(message)
                if event is not None:
                    return event

    async def _receive(self) -> Json:
        """Read a message other than a ping; ping a silent server, and give it up if it stays silent."""
        pinged = False
        while True:
            try:
                async with asyncio.timeout(self._quiet):
                    read = await self._ws.receive()
            except TimeoutError as error:
                if pinged:
                    raise Unreachable("The server fell silent.") from error
                pinged = True
                await self._send({"type": "ping"})
                continue
            message = _read(read, self._ws.close_code)
            pinged = False
            if message["type"] == "ping":
                await self._send({"type": "pong"})
            elif message["type"] != "pong":
                return message

    async def _send(self, message: Json) -> None:
        try:
            async with asyncio.timeout(SEND_SECONDS):
                await self._ws.send_json(message)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Unreachable("The live connection is lost.") from error


def _read(read: aiohttp.WSMessage, close_code: int | None) -> Json:
    if read.type is aiohttp.WSMsgType.TEXT:
        try:
            message: Any = json.loads(read.data)
            if isinstance(message, dict) and isinstance(message.get("type"), str):
                return message
        except ValueError:
            pass
        raise Unreachable("The server spoke another protocol.")
    if close_code in (EXPIRED, FORBIDDEN):
        raise SignedOut("The session has ended: sign in again.")
    raise Unreachable(f"The live connection was closed ({close_code}).")


def _event(message: Json) -> Json | None:
    if message["type"] == "next":
        payload = message["payload"]
        if payload.get("errors"):
            raise _problem(payload["errors"])
        event: Json = payload["data"]["highlightChanges"]
        return event
    if message["type"] == "error":
        raise _problem(message["payload"])
    if message["type"] == "complete":
        raise Unreachable("The server ended the subscription.")
    return None


def _problem(errors: list[Json]) -> DeviceError:
    code = (errors[0].get("extensions") or {}).get("code", "INTERNAL_SERVER_ERROR")
    return meaning(code, str(errors[0].get("message")))
