"""How long until 500 sockets that follow their home feeds have a post; they listen in a process of their own."""

import asyncio
import multiprocessing
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from benchmarks import client, report
from benchmarks.client import Client
from benchmarks.feed_fanout import CREATE
from benchmarks.mixed import POST
from benchmarks.server import App

SOCKETS, POSTS, PAUSE, PATIENCE, TRIES = 500, 6, 10.0, 60.0, 3
CONNECTING = 20
LIVE = f"subscription {{ it: homeFeed {{ cursor repostedBy {{ username }} node {{ ...post }} }} }} {POST}"


@dataclass(frozen=True)
class Live:
    """Seconds from each acknowledgement to each event."""

    late: list[float]
    missing: int
    cpu: float
    """Seconds that the API computed for each post."""

    def line(self) -> str:
        """Tell it in one line."""
        figures = ", ".join(f"p{share * 100:.0f} {report.quantile(self.late, share):.2f} s" for share in (0.5, 0.95, 1))
        return (
            f"{SOCKETS} sockets, {POSTS} posts, one every {PAUSE:.0f} s: {figures} after the acknowledgement; "
            f"{self.missing} of {len(self.late) + self.missing} missing; the API computed {self.cpu:.2f} s a post"
        )


def listen(pipe: "Connection[Any, Any]", url: str, tokens: Sequence[str]) -> None:
    """Be all sockets, in a process of their own."""
    asyncio.run(_listen(pipe, url, tokens))


async def _listen(pipe: "Connection[Any, Any]", url: str, tokens: Sequence[str]) -> None:
    heard: dict[str, list[float]] = defaultdict(list)
    opened = asyncio.Semaphore(0)
    turn = asyncio.Semaphore(CONNECTING)

    async def one(reader: Client) -> None:
        await turn.acquire()
        async with reader.socket(LIVE) as ws:
            turn.release()
            opened.release()
            async for event in client.events(ws):
                heard[event["node"]["id"]].append(time.monotonic())

    async with client.session(PATIENCE) as http:
        tasks = [asyncio.create_task(one(Client(http, url, token))) for token in tokens]
        for _ in tokens:
            await opened.acquire()
        pipe.send(None)
        # Which posts are asked for, and how long they may take.
        while (asked := await asyncio.to_thread(pipe.recv)) is not None:
            posts, patience = asked
            deadline = time.monotonic() + patience
            while time.monotonic() < deadline and any(len(heard[post]) < len(tokens) for post in posts):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
            pipe.send({post: heard[post] for post in posts})
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def measure(app: App, author: str, tokens: Sequence[str]) -> Live:
    """Connect all, and post."""
    spawning = multiprocessing.get_context("spawn")
    pipe, theirs = spawning.Pipe()
    process = spawning.Process(target=listen, args=(theirs, app.url, list(tokens)))
    process.start()
    try:
        await asyncio.wait_for(asyncio.to_thread(pipe.recv), PATIENCE)
        async with client.session(PATIENCE) as http:
            writer = Client(http, app.url, author)
            await _until_all_listen(writer, pipe, len(tokens))
            live = await _run(app, writer, pipe, len(tokens))
        pipe.send(None)
        await asyncio.to_thread(process.join, 10)
        return live
    finally:
        process.kill()


async def _run(app: App, writer: Client, pipe: "Connection[Any, Any]", sockets: int) -> Live:
    acknowledged: dict[str, float] = {}
    computed = app.cpu("api")
    for number in range(POSTS):
        post = await _post(writer, number)
        acknowledged[post] = time.monotonic()
        await asyncio.sleep(PAUSE)
    heard = await _asked(pipe, list(acknowledged), PATIENCE)
    late = [at - acknowledged[post] for post, times in heard.items() for at in times]
    return Live(late, POSTS * sockets - len(late), (app.cpu("api") - computed) / POSTS)


async def _until_all_listen(writer: Client, pipe: "Connection[Any, Any]", sockets: int) -> None:
    # Nobody says when a subscription has begun: it has when it tells something.
    for number in range(TRIES):
        post = await _post(writer, number)
        if len((await _asked(pipe, [post], PATIENCE / 2))[post]) == sockets:
            return
    raise RuntimeError("Not all sockets listen.")


async def _post(writer: Client, number: int) -> str:
    made = await writer.change(CREATE, text=f"Slack water, {number}. {time.monotonic()}")
    post: str = made["post"]["id"]
    return post


async def _asked(pipe: "Connection[Any, Any]", posts: list[str], patience: float) -> dict[str, list[float]]:
    pipe.send((posts, patience))
    heard: dict[str, list[float]] = await asyncio.to_thread(pipe.recv)
    return heard
