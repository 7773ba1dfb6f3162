"""Pages of home feeds over HTTP, with timelines, without, and without Valkey; and the SQL statements of each."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import aiohttp
from aiohttp.test_utils import TestClient, TestServer
from redis.asyncio import Redis

from app import CONTAINER, create_app
from benchmarks import client, report
from benchmarks.mixed import HOME
from benchmarks.server import App
from core.settings import Profile, Settings
from tests.support.api import Reader as InProcess
from tests.support.statements import counted

WARM_UP, AT_ONCE, SECONDS = 20, 8, 6.0
SIZES = (1, 20)
Before = Callable[[UUID], Awaitable[Any]]
"""What is done before a request of a reader."""


@dataclass(frozen=True)
class Reader:
    """Somebody who reads their feed."""

    id: UUID
    token: str


@dataclass
class Pages:
    """What pages took, in seconds."""

    one_by_one: list[float] = field(default_factory=list)
    at_once: list[float] = field(default_factory=list)
    seconds: float = 0.0
    entries: int = 0
    degraded: int = 0

    def line(self, state: str) -> str:
        """Tell it in one line."""
        alone = [report.quantile(self.one_by_one, share) * 1_000 for share in (0.5, 0.95)]
        crowd = [report.quantile(self.at_once, share) * 1_000 for share in (0.5, 0.95)]
        rate = len(self.at_once) / self.seconds
        return (
            f"{state:<8} one by one p50 {alone[0]:6.1f} ms, p95 {alone[1]:6.1f} ms; {AT_ONCE} at once {rate:4.0f} a second, "
            f"p50 {crowd[0]:6.1f} ms, p95 {crowd[1]:6.1f} ms; {self.entries / len(self.one_by_one):.1f} entries a page, "
            f"{self.degraded} of {len(self.one_by_one)} degraded"
        )


def timeline_key(user_id: UUID) -> str:
    """Name the key of a reader's timeline, as `clients/timelines.py` does."""
    return f"timeline:{{{user_id}}}"


def without(redis: Redis) -> Before:
    """Take a reader's timeline away."""

    async def gone(user_id: UUID) -> None:
        await redis.delete(timeline_key(user_id))

    return gone


async def as_it_is(user_id: UUID) -> None:
    """Leave a reader's timeline where it is."""
    del user_id


async def read(app: App, readers: Sequence[Reader], count: int, before: Before = as_it_is) -> Pages:
    """Read first pages: one after another, then several at once."""
    pages = Pages()
    async with client.session(30) as http:
        for reader in [*readers, *readers[:WARM_UP]]:
            await _page(http, app, reader)
        for number in range(count):
            reader = readers[number % len(readers)]
            await before(reader.id)
            began = time.monotonic()
            page = await _page(http, app, reader)
            pages.one_by_one.append(time.monotonic() - began)
            pages.entries += len(page["edges"])
            pages.degraded += page["degraded"]
        began = time.monotonic()
        await asyncio.gather(*(_crowd(http, app, readers[n::AT_ONCE], before, pages) for n in range(AT_ONCE)))
        pages.seconds = time.monotonic() - began
    return pages


async def _page(http: aiohttp.ClientSession, app: App, reader: Reader) -> Any:
    return (await client.Client(http, app.url, reader.token).ask(HOME))["page"]


async def _crowd(
    http: aiohttp.ClientSession, app: App, readers: Sequence[Reader], before: Before, pages: Pages
) -> None:
    until, number = time.monotonic() + SECONDS, 0
    while time.monotonic() < until:
        reader = readers[number % len(readers)]
        number += 1
        await before(reader.id)
        began = time.monotonic()
        await _page(http, app, reader)
        pages.at_once.append(time.monotonic() - began)


async def statements(
    app: App, redis_url: str, tokens: Sequence[str], before: Callable[[], Awaitable[Any]]
) -> list[int]:
    """Count the SQL statements of a first page of each size, each by a session that is new; on the app's servers, from this process."""
    plenty = 10**9
    settings = Settings(_env_file=None, data_dir=app.home, profile=Profile.PRODUCTION, cost_per_minute=plenty)
    served = create_app(settings, database_url=app.database_url, redis_url=redis_url)
    counts = []
    async with TestClient(TestServer(served)) as http:
        for size, token in zip(SIZES, tokens, strict=True):
            await before()
            with counted(served[CONTAINER].database.engine) as noted:
                await InProcess(http, token).run(HOME, first=size)
            counts.append(len(noted))
    return counts
