"""What many sockets that watch one post cost, while it is liked at a steady pace, and how late each of them is right.

The sockets are in a process of their own. Both processes take CLOCK_MONOTONIC, which is one for all processes of a machine.
"""

import argparse
import asyncio
import multiprocessing
import time
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

import aiohttp

from benchmarks import client, report
from benchmarks.client import Client
from benchmarks.server import ROOMY, App, running

WATCHERS, SOCKETS_EACH, RATE = 50, 10, 10
CPU_BUDGET, LATE_BUDGET = 0.30, 1.0
SETTLE, PATIENCE = 3.0, 120.0
ALONE = 10
"""For how many seconds the post is liked before anybody watches."""
WRITE = (
    "mutation($input: CreatePostInput!) { it: createPost(input: $input) { post { id } userErrors { code message } } }"
)
LIKE = "mutation($input: LikeInput!) { it: like(input: $input) { likeCount userErrors { code message } } }"
LIVE = "subscription($ids: [ID!]!) { it: postCounts(postIds: $ids) { postId likeCount commentCount repostCount } }"

Heard = list[tuple[float, int]]
"""What one socket heard: when, and how many likes."""


@dataclass(frozen=True)
class Likes:
    """Likes that were acknowledged, and what the API computed meanwhile."""

    acknowledged: list[tuple[float, int]]
    """When, and how many there were then."""
    seconds: float
    cpu: float

    @property
    def share(self) -> float:
        """How much of one core the API took."""
        return self.cpu / self.seconds


def watch(pipe: "Connection[object, object]", url: str, tokens: list[str], post_id: str) -> None:
    """Be all sockets, in a process of their own."""
    asyncio.run(_watch(pipe, url, tokens, post_id))


async def _watch(pipe: "Connection[object, object]", url: str, tokens: list[str], post_id: str) -> None:
    heard: list[Heard] = [[] for _ in tokens]
    ready = asyncio.Semaphore(0)

    async def one(http: aiohttp.ClientSession, token: str, mine: Heard) -> None:
        async with http.ws_connect(f"{url}/graphql", protocols=["graphql-transport-ws"]) as ws:
            await ws.send_json({"type": "connection_init", "payload": {"Authorization": f"Bearer {token}"}})
            await ws.receive(timeout=PATIENCE)
            payload = {"query": LIVE, "variables": {"ids": [post_id]}}
            await ws.send_json({"id": "1", "type": "subscribe", "payload": payload})
            async for event in client.events(ws):
                mine.append((time.monotonic(), event["likeCount"]))
                if len(mine) == 1:
                    ready.release()

    async with client.session(PATIENCE) as http:
        tasks = [asyncio.create_task(one(http, token, mine)) for token, mine in zip(tokens, heard, strict=True)]
        for _ in tokens:
            await ready.acquire()
        pipe.send("ready")
        await asyncio.to_thread(pipe.recv)
        if any(task.done() for task in tasks):
            raise RuntimeError("a socket has closed")
        pipe.send(heard)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def measure(app: App, seconds: int) -> tuple[Likes, Likes, list[Heard]]:
    """Like the post with nobody watching, then with everybody."""
    async with client.session(PATIENCE) as http:
        report.progress(f"making {RATE * (seconds + ALONE)} readers …")
        readers = await _sign_up(http, app, RATE * (seconds + ALONE))
        post_id = (await readers[0].change(WRITE, text="Who reads by lamplight?"))["post"]["id"]
        alone = await _like(app, readers[: RATE * ALONE], post_id)
        report.progress(f"nobody watches: {alone.share:.0%} of a core")
        spawning = multiprocessing.get_context("spawn")
        pipe, theirs = spawning.Pipe()
        tokens = [reader.token or "" for reader in readers[:WATCHERS]] * SOCKETS_EACH
        process = spawning.Process(target=watch, args=(theirs, app.url, tokens, post_id))
        process.start()
        try:
            await asyncio.wait_for(asyncio.to_thread(pipe.recv), PATIENCE)
            await asyncio.sleep(SETTLE)
            watched = await _like(app, readers[RATE * ALONE :], post_id)
            report.progress(f"{len(tokens)} sockets watch: {watched.share:.0%} of a core")
            pipe.send(None)
            heard: Any = await asyncio.to_thread(pipe.recv)
            await asyncio.to_thread(process.join, 10)
            return alone, watched, heard
        finally:
            process.kill()


async def _sign_up(http: aiohttp.ClientSession, app: App, count: int) -> list[Client]:
    turn = asyncio.Semaphore(4)

    async def one() -> Client:
        async with turn:
            return (await client.sign_up(http, app.url))[1]

    return list(await asyncio.gather(*(one() for _ in range(count))))


async def _like(app: App, readers: Sequence[Client], post_id: str) -> Likes:
    """Let each reader like the post, at a steady pace, and what follows from the last like come to its end."""
    acknowledged: list[tuple[float, int]] = []
    began, computed = time.monotonic(), app.cpu("api")
    for number, reader in enumerate(readers):
        await asyncio.sleep(max(0.0, began + number / RATE - time.monotonic()))
        done = await reader.change(LIKE, targetId=post_id)
        acknowledged.append((time.monotonic(), done["likeCount"]))
    seconds = time.monotonic() - began
    await asyncio.sleep(SETTLE)
    return Likes(acknowledged, seconds, app.cpu("api") - computed)


def lateness(likes: Likes, heard: Heard) -> list[float]:
    """Tell how long after each acknowledgement a socket had that count, or a later one; for ever, where it never had."""
    counts = [count for _, count in heard]
    if counts != sorted(counts):
        raise RuntimeError("counts went back")
    late = []
    for at, count in likes.acknowledged:
        place = bisect_left(counts, count)
        late.append(heard[place][0] - at if place < len(heard) else float("inf"))
    return late


def lines(alone: Likes, watched: Likes, heard: Sequence[Heard]) -> list[str]:
    """Tell the figures."""
    late = [lateness(watched, one) for one in heard]
    every = [figure for one in late for figure in one]
    began, final = watched.acknowledged[0][0], watched.acknowledged[-1][1]
    events = sum(1 for one in heard for at, _ in one if at >= began)
    behind = sum(figure > LATE_BUDGET for figure in every)
    wrong = sum(one[-1][1] != final for one in heard)
    told = ", ".join(f"p{share * 100:.0f} {report.quantile(every, share):.2f} s" for share in (0.5, 0.95, 0.99))
    per_second = events / len(heard) / watched.seconds
    return [
        f"sockets   {len(heard)} of {WATCHERS} readers, all of which watch one post",
        f"likes     {len(watched.acknowledged)} in {watched.seconds:.0f} s, each by another reader",
        f"events    {events}: {per_second:.2f} a second and socket",
        "",
        f"cpu       {alone.share:6.1%} of one core while nobody watches: what the likes cost",
        f"          {watched.share:6.1%} while all watch   budget {CPU_BUDGET:.0%}: {_kept(watched.share <= CPU_BUDGET)}",
        f"late      {told}, at most {max(every):.2f} s, from a like's acknowledgement until a socket had it",
        f"          {behind} of {len(every)} later than {LATE_BUDGET:g} s: {_kept(behind == 0)}",
        f"          after the last like, {wrong} of {len(heard)} sockets are wrong: {_kept(wrong == 0)}",
    ]


def _kept(holds: bool) -> str:
    return "kept" if holds else "MISSED"


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="how long the post is liked while all watch")
    wanted = parser.parse_args()
    began = time.monotonic()
    with running(**ROOMY) as app:
        told = lines(*asyncio.run(measure(app, wanted.seconds)))
    report.write("post-counts", [*report.header(), f"duration  {time.monotonic() - began:.0f} s", *told])


if __name__ == "__main__":
    main()
