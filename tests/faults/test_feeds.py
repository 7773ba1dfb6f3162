"""Home feeds, posting, likes and follows while Valkey or PostgreSQL is killed, stalled, slow or cut off, on real processes."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import aiohttp
import pytest
from sqlalchemy import text

from benchmarks import client
from benchmarks.client import Client, NotSent, Unknown
from benchmarks.faults_load import FOLLOW, LIKE, POST, make_readers
from benchmarks.faults_world import Fault, Holdings, Part, World, world_in
from core.settings import Settings
from tests.support.program import open_folder

PATIENCE = 60.0
ANSWERED_WITHIN = 20.0
"""Whatever takes longer than this hangs, on however crowded a machine."""
ROUNDS = 12
POOL = Settings.model_fields["database_pool"].default
USED = {"timelines", "bus", "limits", "postgresql"}
FEED = """query($first: Int!, $after: String) { it: homeFeed(first: $first, after: $after) {
  degraded nodes { text } pageInfo { endCursor hasNextPage } } }"""
pytestmark = pytest.mark.timeout(300)
LIVE = "subscription { it: homeFeed { node { text } } }"
UNFOLLOW = (
    "mutation($input: UnfollowInput!) { it: unfollow(input: $input) { user { id } userErrors { code message } } }"
)


@dataclass
class Cast:
    """A reader, whom they follow, a third one, and what was written."""

    world: World
    http: aiohttp.ClientSession
    reader: Client
    author: Client
    other: Client
    written: list[str] = field(default_factory=list)
    heard: list[str] = field(default_factory=list)

    async def write(self, words: str) -> str:
        """Post; the post's id."""
        payload = await self.author.change(POST, text=words, clientMutationId=words)
        self.written.append(words)
        post_id: str = payload["post"]["id"]
        return post_id

    async def page(self, first: int = 100, after: str | None = None) -> Any:
        """Read a page of the reader's feed."""
        return (await self.reader.ask(FEED, first=first, after=after))["it"]

    async def walk(self) -> list[str]:
        """Read the feed to its end in small pages."""
        texts: list[str] = []
        after = None
        while True:
            page = await self.page(3, after)
            texts += [node["text"] for node in page["nodes"]]
            after = page["pageInfo"]["endCursor"]
            if not page["pageInfo"]["hasNextPage"]:
                return texts

    async def is_whole(self) -> bool:
        """Tell whether the feed is read with Valkey, and is all that was written."""
        return not (await self.page())["degraded"] and await self.walk() == self.written[::-1]

    async def closed(self) -> bool:
        """Write and read, and tell whether all circuits that this uses are closed."""
        try:
            await self.write(f"healed {len(self.written)}")
            await self.page()
        except Unknown:
            return False
        return not await self.world.open_circuits(self.http) & USED

    async def listen(self) -> None:
        """Watch the feed live."""
        headers = {"type": "connection_init", "payload": self.reader.headers}
        async with self.http.ws_connect(f"{self.world.url}/graphql", protocols=["graphql-transport-ws"]) as ws:
            await ws.send_json(headers)
            await ws.send_json({"id": "1", "type": "subscribe", "payload": {"query": LIVE}})
            async for told in client.events(ws):
                self.heard.append(told["node"]["text"])


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(PATIENCE):
        while not await holds():  # noqa: ASYNC110 - other processes tell no event
            await asyncio.sleep(0.2)


@pytest.fixture(scope="module")
async def world() -> AsyncIterator[World]:
    with open_folder() as home:
        async with world_in(home) as made:
            yield made


@pytest.fixture
async def cast(world: World) -> AsyncIterator[Cast]:
    async with client.session(ANSWERED_WITHIN) as http:
        await world.until_ready(http)
        reader, author, other = [made for _, made in await make_readers(http, world.url, 3)]
        made = Cast(world, http, reader, author, other)
        await reader.change(FOLLOW, userId=author.device_id)
        listening = asyncio.create_task(made.listen())

        async def is_heard() -> bool:
            await made.write(f"before {len(made.written)}")
            await asyncio.sleep(0.3)
            return bool(made.heard)

        await until(is_heard)
        await until(made.is_whole)
        made.heard.clear()
        yield made
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)


async def insist(author: Client, words: str) -> None:
    """Repeat until it is done, as clients may who give each change a key."""
    while True:
        with contextlib.suppress(Unknown, NotSent):
            await author.change(POST, text=words, clientMutationId=words)
            return
        await asyncio.sleep(0.5)


@asynccontextmanager
async def hurt(world: World, part: Part, fault: Fault) -> AsyncIterator[None]:
    await world.hurt(part, fault)
    try:
        yield
    finally:
        await world.heal(part)


async def leaves_nothing(cast: Cast, before: Holdings) -> None:
    """Wait until the API holds no more than before, but for what its pool for PostgreSQL keeps."""
    deadline = time.monotonic() + PATIENCE
    while True:
        more = (await cast.world.holdings(cast.http)).beyond(before)
        if max(more.tasks, more.descriptors, more.connections - POOL) < ROUNDS:
            return
        assert time.monotonic() < deadline, more
        await asyncio.sleep(0.5)


@pytest.mark.parametrize("fault", [Fault.KILL, Fault.STOP, Fault.BLACKHOLE, Fault.LATENCY])
async def test_without_valkey_all_goes_on_and_nothing_is_lost_doubled_or_left_behind(cast: Cast, fault: Fault) -> None:
    world, heard_from = cast.world, len(cast.written)
    before = await world.holdings(cast.http)
    async with hurt(world, Part.VALKEY, fault):
        rounds, seen = 0, set[str]()
        async with asyncio.timeout(PATIENCE):
            while rounds < ROUNDS or not {"timelines", "degraded"} <= seen:
                rounds += 1
                await cast.reader.change(LIKE, targetId=await cast.write(f"{fault} {rounds}"))
                await cast.reader.change(UNFOLLOW if rounds % 2 == 0 else FOLLOW, userId=cast.other.device_id)
                page = await cast.page()
                if page["degraded"]:
                    seen.add("degraded")
                    assert [node["text"] for node in page["nodes"]] == cast.written[::-1]
                seen |= await world.open_circuits(cast.http)
    await until(cast.closed)
    await until(cast.is_whole)

    async def all_heard() -> bool:
        return len(cast.heard) >= len(cast.written) - heard_from

    await until(all_heard)
    assert sorted(cast.heard) == sorted(cast.written[heard_from:])
    async with world.database.engine.connect() as connection:
        counts = "SELECT text, like_count FROM posts WHERE text LIKE :fault || ' %'"
        rows = (await connection.execute(text(counts), {"fault": str(fault)})).all()
    assert sorted(map(tuple, rows)) == sorted((f"{fault} {number + 1}", 1) for number in range(rounds))
    await leaves_nothing(cast, before)


async def test_a_postgresql_that_hangs_is_refused_at_once_and_comes_back(cast: Cast) -> None:
    before = await cast.world.holdings(cast.http)
    wanted = [f"without PostgreSQL {number}" for number in range(20)]

    async def is_open() -> bool:
        return "postgresql" in await cast.world.open_circuits(cast.http)

    async with client.session(ANSWERED_WITHIN) as http:
        many = replace(cast.author, http=http)
        async with hurt(cast.world, Part.POSTGRES, Fault.STOP):
            insisting = asyncio.gather(*(insist(many, words) for words in wanted))
            await until(is_open)
            with pytest.raises(Unknown, match="UNAVAILABLE"):
                await cast.page()
            assert not insisting.done()
        async with asyncio.timeout(PATIENCE):
            await insisting
    await until(cast.closed)

    async def is_whole() -> bool:
        texts = await cast.walk()
        assert len(texts) == len(set(texts))
        return sorted(texts) == sorted([*cast.written, *wanted])

    await until(is_whole)
    await leaves_nothing(cast, before)
