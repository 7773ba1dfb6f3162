"""A reader's client, as a device or a load sees it; it never guesses: what it does not know, it calls unknown."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson

PASSWORD = "a lamp for every page"  # noqa: S105 - of accounts that live for a minute
BOOK = {"named": {"title": "The Ledger of Small Tides", "authors": ["Ines Haddock"]}}
CREATE = """mutation($input: CreateHighlightInput!) { it: createHighlight(input: $input) {
  highlight { uuid } userErrors { code message } } }"""
SIGN_UP = """mutation($input: SignUpInput!) { it: signUp(input: $input) {
  token viewer { devices { id name } } userErrors { code message } } }"""
SIGN_IN = """mutation($input: SignInInput!) { it: signIn(input: $input) {
  token viewer { devices { id name } } userErrors { code message } } }"""
PULL = """query($deviceId: ID, $after: String) { it: highlightChanges(deviceId: $deviceId, after: $after, first: 500) {
  changes { __typename ... on HighlightUpserted { highlight { uuid text } } ... on HighlightRemoved { uuid } }
  cursor hasMore resync } }"""
LIVE = """subscription($deviceId: ID!, $after: String) { it: highlightChanges(deviceId: $deviceId, after: $after) {
  __typename ... on HighlightUpserted { cursor highlight { uuid text } } ... on SyncCaughtUp { cursor } } }"""
NOT_DECIDED = {"UNAVAILABLE", "IDEMPOTENCY_IN_PROGRESS", "INTERNAL_SERVER_ERROR"}
LOST = (aiohttp.ClientError, TimeoutError, OSError, ValueError)


class NotSent(Exception):
    """Nobody listened: certainly not done."""


class Unknown(Exception):
    """A timeout, a cut connection or a server in trouble: perhaps done."""


class Refused(Exception):
    """Answered, and certainly not done."""


@dataclass(frozen=True)
class Client:
    """Somebody who talks to the API over kept-alive connections."""

    http: aiohttp.ClientSession
    url: str
    token: str | None = None
    device_id: str = ""

    @property
    def headers(self) -> dict[str, str]:
        """The headers of a request."""
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}

    async def ask(self, query: str, **variables: Any) -> Any:
        """Send an operation; its data. Raise NotSent, Unknown or Refused."""
        body = orjson.dumps({"query": query, "variables": variables})
        headers = {**self.headers, "Content-Type": "application/json"}
        try:
            async with self.http.post(f"{self.url}/graphql", data=body, headers=headers) as response:
                answer = orjson.loads(await response.read())
        except aiohttp.ClientConnectorError as error:
            raise NotSent from error
        except LOST as error:
            raise Unknown(type(error).__name__) from error
        if errors := answer.get("errors"):
            raise _meaning(errors[0].get("extensions", {}).get("code", ""), errors[0]["message"])
        return answer["data"]

    async def change(self, mutation: str, **input_: Any) -> Any:
        """Run one mutation; its payload. Raise as `ask` does."""
        payload = (await self.ask(mutation, input=input_))["it"]
        for error in payload["userErrors"]:
            raise _meaning(error["code"], error["message"])
        return payload

    async def create(self, text: str, key: str | None = None) -> str:
        """Mark a passage; its uuid."""
        payload = await self.change(CREATE, book=BOOK, passage={"text": text, "anchor": {}}, clientMutationId=key)
        uuid: str = payload["highlight"]["uuid"]
        return uuid

    async def pull_all(self) -> dict[str, str]:
        """Pull from nothing to the end, as a new device does; what it then holds: uuid to text."""
        held: dict[str, str] = {}
        after = None
        while True:
            page = (await self.ask(PULL, deviceId=self.device_id or None, after=after))["it"]
            if page["resync"] is not None:
                raise Refused(f"resync: {page['resync']}")
            for change in page["changes"]:
                apply(held, change)
            after = page["cursor"]
            if not page["hasMore"]:
                return held

    @asynccontextmanager
    async def socket(self, query: str = LIVE, **variables: Any) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        """Open a socket with one subscription: by default, one that follows this device's changes."""
        async with self.http.ws_connect(f"{self.url}/graphql", protocols=["graphql-transport-ws"]) as ws:
            await ws.send_json({"type": "connection_init", "payload": self.headers})
            await ws.receive(timeout=10)
            known = {"deviceId": self.device_id} if query is LIVE else {}
            payload = {"query": query, "variables": known | variables}
            await ws.send_json({"id": "1", "type": "subscribe", "payload": payload})
            yield ws


def _meaning(code: str, message: str) -> Exception:
    return Unknown(code) if code in NOT_DECIDED else Refused(f"{code}: {message}")


def apply(held: dict[str, str], change: dict[str, Any]) -> None:
    """Apply a change as a device does."""
    if change["__typename"] == "HighlightUpserted":
        held[change["highlight"]["uuid"]] = change["highlight"]["text"]
    elif change["__typename"] == "HighlightRemoved":
        held.pop(change["uuid"], None)


async def events(ws: aiohttp.ClientWebSocketResponse) -> AsyncIterator[dict[str, Any]]:
    """Yield what a followed device hears, until its socket closes."""
    async for message in ws:
        if message.type is not aiohttp.WSMsgType.TEXT:
            continue
        told = orjson.loads(message.data)
        if told["type"] == "ping":
            await ws.send_json({"type": "pong"})
        elif told["type"] == "next" and not told["payload"].get("errors"):
            yield told["payload"]["data"]["it"]
        elif told["type"] in {"error", "complete", "next"}:
            return


def session(seconds: float = 5.0) -> aiohttp.ClientSession:
    """Make connections that give up after so many seconds; none for sockets, which stay."""
    return aiohttp.ClientSession(
        timeout=aiohttp.ClientTimeout(total=seconds), connector=aiohttp.TCPConnector(limit=0), json_serialize=_dumps
    )


def _dumps(value: Any) -> str:
    return orjson.dumps(value).decode()


_names = itertools.count(1)


async def sign_up(http: aiohttp.ClientSession, url: str) -> tuple[str, Client]:
    """Make an account with a device; its name, and its client."""
    name = f"bench{next(_names)}"
    made = await Client(http, url).change(
        SIGN_UP,
        username=name,
        email=f"{name}@example.org",
        password=PASSWORD,
        displayName="A Bench",
        device={"name": "first", "platform": "bench"},
    )
    return name, Client(http, url, made["token"], made["viewer"]["devices"][0]["id"])


async def sign_in(http: aiohttp.ClientSession, url: str, name: str, device: str) -> Client:
    """Sign a reader in on another device."""
    made = await Client(http, url).change(
        SIGN_IN, login=name, password=PASSWORD, device={"name": device, "platform": "bench"}
    )
    device_id = next(one["id"] for one in made["viewer"]["devices"] if one["name"] == device)
    return Client(http, url, made["token"], device_id)


async def connect_devices(http: aiohttp.ClientSession, url: str, name: str, count: int) -> list[Client]:
    """Sign a reader in on so many devices, two at a time: each costs a password's hash."""
    turn = asyncio.Semaphore(2)

    async def one(number: int) -> Client:
        async with turn:
            return await sign_in(http, url, name, f"device {number}")

    return list(await asyncio.gather(*(one(number) for number in range(count))))
