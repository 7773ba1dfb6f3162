"""Talk to a running API as clients do: over HTTP and WebSocket."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import ClientWebSocketResponse, WSMsgType
from aiohttp.test_utils import TestClient

PASSWORD = "correct horse battery"
SHARED_INPUTS = {"unlike": "LikeInput"}
"""Mutations whose input is named after another."""
BUSY_PAUSES = (1.0, 2.0, 4.0)
_names = itertools.count(1)


class GraphQLFailed(AssertionError):
    """The answer has top-level errors."""


@dataclass
class Reader:
    """Somebody who talks to the API, signed in or not."""

    http: "TestClient[Any, Any]"
    token: str | None = None
    username: str = ""
    id: str = ""
    device_id: str = ""
    extra_headers: dict[str, str] = field(default_factory=dict)

    @property
    def headers(self) -> dict[str, str]:
        """The headers of a request."""
        return ({"Authorization": f"Bearer {self.token}"} if self.token else {}) | self.extra_headers

    async def post(self, query: str, **variables: Any) -> dict[str, Any]:
        """Send an operation; the whole answer, errors and all."""
        async with self.http.post(
            "/graphql", json={"query": query, "variables": variables}, headers=self.headers
        ) as response:
            answer: dict[str, Any] = await response.json()
            return answer

    async def run(self, query: str, **variables: Any) -> Any:
        """Send an operation that must go well; its data. A query is sent again when a busy machine has no connection for it."""
        for pause in (*BUSY_PAUSES, None):
            answer = await self.post(query, **variables)
            if not answer.get("errors"):
                return answer["data"]
            is_busy = {error.get("extensions", {}).get("code") for error in answer["errors"]} == {"UNAVAILABLE"}
            if pause is None or not is_busy or query.lstrip().startswith("mutation"):
                break
            await asyncio.sleep(pause)
        raise GraphQLFailed(answer["errors"])

    async def error(self, query: str, **variables: Any) -> dict[str, Any]:
        """Send an operation that must fail; its first top-level error."""
        answer = await self.post(query, **variables)
        assert answer.get("errors"), answer
        error: dict[str, Any] = answer["errors"][0]
        return error

    async def mutate(self, field_name: str, selection: str, **input_: Any) -> Any:
        """Run one mutation with an input; its payload, userErrors included."""
        kind = SHARED_INPUTS.get(field_name) or field_name[0].upper() + field_name[1:] + "Input"
        query = f"mutation($input: {kind}!) {{ it: {field_name}(input: $input) {{ {selection} userErrors {{ field message code }} }} }}"
        return (await self.run(query, input=input_))["it"]

    @asynccontextmanager
    async def socket(self, *, init: dict[str, Any] | None = None) -> AsyncIterator["Socket"]:
        """Open a socket and sign it in."""
        async with self.http.ws_connect("/graphql", protocols=["graphql-transport-ws"]) as ws:
            opened = Socket(ws)
            payload = {"Authorization": f"Bearer {self.token}"} if init is None and self.token else init or {}
            await ws.send_json({"type": "connection_init", "payload": payload})
            yield opened


class Socket:
    """A graphql-transport-ws connection."""

    def __init__(self, ws: ClientWebSocketResponse) -> None:
        self.ws = ws
        self._ids = itertools.count(1)

    async def acknowledged(self) -> None:
        """Wait for connection_ack."""
        message = await self.ws.receive_json(timeout=5)
        assert message["type"] == "connection_ack", message

    async def subscribe(self, query: str, **variables: Any) -> str:
        """Begin an operation; its id."""
        key = str(next(self._ids))
        await self.ws.send_json({"id": key, "type": "subscribe", "payload": {"query": query, "variables": variables}})
        return key

    async def next(self, patience: float = 5) -> Any:
        """Wait for the next event; its data. Skips pings."""
        while True:
            message = await self.ws.receive_json(timeout=patience)
            if message["type"] == "ping":
                await self.ws.send_json({"type": "pong"})
                continue
            assert message["type"] == "next", message
            assert not message["payload"].get("errors"), message
            return message["payload"]["data"]

    async def closed(self, patience: float = 10) -> int | None:
        """Wait for the close; its code."""
        async with asyncio.timeout(patience):
            while True:
                message = await self.ws.receive()
                if message.type in (WSMsgType.CLOSE, WSMsgType.CLOSED, WSMsgType.CLOSING):
                    return self.ws.close_code


async def sign_up(http: "TestClient[Any, Any]", name: str | None = None, **more: Any) -> Reader:
    """Make an account with a device, and sign it in."""
    reader = Reader(http)
    username = name or f"reader{next(_names)}"
    payload = await reader.mutate(
        "signUp",
        "token viewer { user { id } devices { id } }",
        username=username,
        email=f"{username}@example.org",
        password=PASSWORD,
        displayName=username.title(),
        device={"name": f"{username}'s reader", "platform": "test"},
        **more,
    )
    assert not payload["userErrors"], payload
    reader.token, reader.username = payload["token"], username
    reader.id = payload["viewer"]["user"]["id"]
    reader.device_id = payload["viewer"]["devices"][0]["id"]
    return reader
