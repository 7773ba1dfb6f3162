"""How long until a post stands in the timelines of all who follow its author."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from redis.asyncio import Redis

from benchmarks import client, report
from benchmarks.feed_pages import timeline_key
from benchmarks.server import App
from clients.timelines import ValkeyTimelines
from core.ids import read_id
from models.feeds import FeedEntry, Timeline

POSTS, FILLED, PATIENCE, BUDGET = 5, 100, 60.0, 5.0
AT_ONCE = 50
ASKED = 2_000
CREATE = """mutation($input: CreatePostInput!) { it: createPost(input: $input) { post { id } userErrors { code message } } }"""


@dataclass(frozen=True)
class FanOut:
    """Seconds from the acknowledgement of a post to the last timeline that has it."""

    timelines: int
    seconds: float
    acknowledged: float
    """Seconds that the request took."""

    def line(self) -> str:
        """Tell it in one line."""
        rate = self.timelines / self.seconds
        return (
            f"answered after {self.acknowledged * 1_000:.0f} ms; {self.timelines:,} timelines "
            f"{self.seconds:.2f} s after that, {rate:,.0f} deliveries a second"
        )


async def activate(app: App, connection: Any, user_ids: Sequence[UUID]) -> None:
    """Give each of these readers a timeline, with the newest posts there are in it."""
    newest = await connection.fetch(
        "SELECT id, created_at FROM posts ORDER BY created_at DESC, id DESC LIMIT $1", FILLED
    )
    entries = [FeedEntry(row["id"], None, row["created_at"]) for row in newest]
    # Of no epoch that there is: whoever reads their feed later gets a timeline that is true.
    made = Timeline(-1, entries, None)
    timelines = ValkeyTimelines(app.redis_url)
    turn = asyncio.Semaphore(AT_ONCE)

    async def one(user_id: UUID) -> None:
        async with turn:
            build = await timelines.begin(user_id)
            if build is None:
                raise RuntimeError("Somebody else makes this timeline.")
            await timelines.finish(user_id, build, made)

    await asyncio.gather(*map(one, user_ids))
    await timelines.close()


async def measure(app: App, author: str, user_ids: Sequence[UUID]) -> list[FanOut]:
    """Post, and look until everybody has it; again and again."""
    redis = Redis.from_url(app.redis_url)
    found = []
    async with client.session(PATIENCE) as http:
        for number in range(POSTS + 1):
            began = time.monotonic()
            made = await client.Client(http, app.url, author).change(CREATE, text=f"High water, {number}. {began}")
            acknowledged = time.monotonic()
            await _everywhere(redis, user_ids, str(read_id(made["post"]["id"], "Post")))
            found.append(FanOut(len(user_ids), time.monotonic() - acknowledged, acknowledged - began))
            report.progress(found[-1].line())
    await redis.aclose()
    return found[1:]


async def _everywhere(redis: Redis, user_ids: Sequence[UUID], post_id: str) -> None:
    left, deadline = list(user_ids), time.monotonic() + PATIENCE
    while left:
        if time.monotonic() > deadline:
            raise RuntimeError(f"{len(left):,} timelines lack the post after {PATIENCE:.0f} s.")
        asked, rest = left[:ASKED], left[ASKED:]
        async with redis.pipeline(transaction=False) as pipe:
            for user_id in asked:
                pipe.zscore(timeline_key(user_id), post_id)
            scores = await pipe.execute()
        lacking = [user_id for user_id, score in zip(asked, scores, strict=True) if score is None]
        # Those that lack it are looked at last: looking must not cost more than writing.
        left = rest + lacking
        if lacking and len(lacking) == len(asked):
            await asyncio.sleep(0.02)
