"""Tear 1,000 subscribed sockets off, some in the middle of an event, and tell what is left: it should be nothing."""

import argparse
import asyncio
import gc
import time
from types import AsyncGeneratorType

from aiohttp import ClientWebSocketResponse, web
from aiohttp.test_utils import TestClient, TestServer
from redis.asyncio import Redis

from app import BROKER, SOCKETS, create_app
from benchmarks import report
from benchmarks.server import data_dir
from core import logging
from core.database import Database
from core.settings import LogLevel, Settings
from runtime.embedded import EmbeddedServers
from runtime.migrations import migrate
from tests.support.api import Reader, sign_up

LIVE = "subscription($d: ID!) { highlightChanges(deviceId: $d) { __typename } }"
AT_ONCE = 20
PLENTY = 10**9


async def tear(reader: Reader) -> None:
    """Open sockets that follow changes, ring them, and cut their lines without a word."""
    opened = [await _opened(reader) for _ in range(AT_ONCE)]
    passage = {"text": "The line went dead between two words.", "anchor": {}}
    book = {"named": {"title": "Cut Lines", "authors": ["Orla Finch"]}}
    await reader.mutate("createHighlight", "highlight { uuid }", book=book, passage=passage)
    for ws in opened:
        transport = ws.get_extra_info("socket")
        transport.shutdown(2)
        await ws.close()


async def _opened(reader: Reader) -> ClientWebSocketResponse:
    ws = await reader.http.ws_connect("/graphql", protocols=["graphql-transport-ws"])
    await ws.send_json({"type": "connection_init", "payload": {"Authorization": f"Bearer {reader.token}"}})
    await ws.receive_json(timeout=5)
    payload = {"query": LIVE, "variables": {"d": reader.device_id}}
    await ws.send_json({"id": "1", "type": "subscribe", "payload": payload})
    return ws


async def left(app: web.Application, redis_url: str) -> dict[str, int]:
    """Count what a socket could leave behind."""
    gc.collect()
    async with Redis.from_url(redis_url) as valkey:
        channels = await valkey.execute_command("PUBSUB", "CHANNELS", "bell:{*")
    return {
        "sockets": len(app[SOCKETS]),
        "subscriptions": app[BROKER].subscription_count,
        "tasks": len(asyncio.all_tasks()),
        "generators": sum(1 for one in gc.get_objects() if _is_ours(one)),
        "channels": len(channels),
    }


def _is_ours(thing: object) -> bool:
    return isinstance(thing, AsyncGeneratorType) and "highlight_changes" in thing.__qualname__


async def main(count: int) -> None:
    """Tear sockets off, wait until the dust has settled, and write the result."""
    began = time.monotonic()
    with data_dir() as folder:
        servers = await EmbeddedServers.start(folder, durable=False)
        if servers.database_url is None or servers.redis_url is None:
            raise RuntimeError("both servers run embedded")
        database = Database(servers.database_url, pool_size=2)
        await migrate(database.engine)
        await database.close()
        settings = Settings(cost_per_minute=PLENTY, cost_per_minute_signed_out=PLENTY, sockets_per_reader=100)
        app = create_app(settings, database_url=servers.database_url, redis_url=servers.redis_url)
        async with TestClient(TestServer(app)) as client:
            reader = await sign_up(client)
            await tear(reader)
            await asyncio.sleep(2)
            before = await left(app, servers.redis_url)
            for done in range(AT_ONCE, count, AT_ONCE):
                await tear(reader)
                report.progress(f"{done + AT_ONCE} of {count} torn off")
            for _ in range(20):
                after = await left(app, servers.redis_url)
                if all(after[name] <= before[name] for name in after):
                    break
                await asyncio.sleep(1)
        await servers.stop()
    lines = [f"{name:<14}{before[name]:>6} before {after[name]:>6} after" for name in after]
    counts = (
        f"counts    {count} sockets, each following highlightChanges, {AT_ONCE} at a time, cut without a close frame"
    )
    report.write("torn-sockets", [*report.header(), counts, f"duration  {time.monotonic() - began:.0f} s", "", *lines])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1_000)
    logging.set_up(LogLevel.ERROR)
    asyncio.run(main(parser.parse_args().count))
