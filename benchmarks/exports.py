"""How long it takes to take 100,000 highlights away, and how much memory the server needs for it."""

import argparse
import asyncio
import gc
import json
import time
import tracemalloc
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from aiohttp.test_utils import TestClient, TestServer

from app import CONTAINER, create_app
from benchmarks import report
from benchmarks.server import data_dir
from core import logging
from core.database import Database
from core.settings import LogLevel, Settings
from runtime.embedded import EmbeddedServers
from runtime.migrations import migrate
from tests.support.api import Reader, sign_up
from tests.support.exports import link, many

FORMATS = ("JSON", "CSV", "MARKDOWN", "W3C_ANNOTATIONS")
MEGABYTE = 1 << 20


@dataclass
class Figures:
    """What one export took."""

    seconds: float = 0.0
    first: float = 0.0
    size: int = 0
    peak: float = 0.0
    stall: float = 0.0


async def watched(work: Callable[[], Awaitable[None]], figures: Figures) -> None:
    """Do something, and note the longest time for which the event loop did nothing else."""

    async def tick() -> None:
        while True:
            began = time.perf_counter()
            await asyncio.sleep(0.001)
            figures.stall = max(figures.stall, time.perf_counter() - began - 0.001)

    ticking = asyncio.create_task(tick())
    try:
        await work()
    finally:
        ticking.cancel()
        await asyncio.gather(ticking, return_exceptions=True)


async def one(reader: Reader, kind: str, *, traced: bool) -> Figures:
    """Take a file away, throwing it away as it comes."""
    figures = Figures()
    path = await link(reader, kind)
    gc.collect()

    async def fetch() -> None:
        began = time.perf_counter()
        async with reader.http.get(path) as response:
            if response.status != 200:
                raise RuntimeError(await response.text())
            async for piece in response.content.iter_any():
                figures.first = figures.first or time.perf_counter() - began
                figures.size += len(piece)
        figures.seconds = time.perf_counter() - began

    if traced:
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
    await watched(fetch, figures)
    if traced:
        figures.peak = (tracemalloc.get_traced_memory()[1] - before) / MEGABYTE
        tracemalloc.stop()
    return figures


async def measure(count: int) -> dict[str, Figures]:
    """Serve the API from this process, and take everything away in each format: once for the time, once for memory."""
    with data_dir() as home:
        servers = await EmbeddedServers.start(home)
        try:
            if servers.database_url is None or servers.redis_url is None:
                raise RuntimeError("The embedded servers did not say where they answer.")
            database = Database(servers.database_url, pool_size=2)
            await migrate(database.engine)
            await database.close()
            settings = Settings(data_dir=home, cost_per_minute=10**9)
            app = create_app(settings, database_url=servers.database_url, redis_url=servers.redis_url)
            async with TestClient(TestServer(app)) as client:
                return await _all(client, app[CONTAINER], count)
        finally:
            await servers.stop()


async def _all(client: "TestClient[Any, Any]", container: Any, count: int) -> dict[str, Figures]:
    reader = await sign_up(client)
    await many(container, reader, count)
    found = {}
    for kind in FORMATS:
        report.progress(kind)
        found[kind] = await one(reader, kind, traced=False)
        found[kind].peak = (await one(reader, kind, traced=True)).peak
    return found


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100_000)
    count = parser.parse_args().count
    logging.set_up(LogLevel.WARNING)
    found = asyncio.run(measure(count))
    told = [
        *report.header(),
        f"exports   {count:,} highlights of 250 characters with notes, one book, one reader; the client in the server's process",
        "          peak: Python's memory above what it was, traced in a run of its own; stall: the longest time the loop stood still",
        "",
        f"{'format':<18}{'seconds':>9}{'first byte':>12}{'size':>10}{'peak':>10}{'stall':>10}",
        *(
            f"{kind:<18}{f.seconds:>9.1f}{f.first:>10.2f} s{f.size / MEGABYTE:>7.1f} MB{f.peak:>7.1f} MB{f.stall * 1000:>7.0f} ms"
            for kind, f in found.items()
        ),
        "",
        json.dumps({kind: round(f.seconds, 2) for kind, f in found.items()}),
    ]
    report.write("exports", told)


if __name__ == "__main__":
    main()
