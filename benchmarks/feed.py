"""Home feeds on the large data set: pages with timelines, without, and without Valkey; fan-out to 10,000; 500 live sockets."""

import argparse
import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis

from benchmarks import feed_fanout, feed_live, feed_pages, large, report
from benchmarks.feed_pages import Pages, Reader
from benchmarks.server import ROOMY, App, running
from core.settings import Settings
from runtime.launch import child_argv
from runtime.servers import free_port

READERS = 50
BUDGETS = {"p95": 50.0, "statements": 8}
FOLLOWING = "SELECT count(*) FROM follows WHERE follower_id = ANY($1)"


@dataclass
class Found:
    """All figures."""

    pages: dict[str, Pages]
    statements: dict[str, list[int]]
    follows: float
    fan_outs: Sequence[feed_fanout.FanOut] = ()
    live: feed_live.Live | None = None


async def readers_of(connection: Any, seed: int) -> list[Reader]:
    """Choose readers: half who follow most, half anybody who follows somebody."""
    order = random.Random(seed).random()
    eager = await connection.fetch("SELECT id FROM users ORDER BY following_count DESC, id LIMIT $1", READERS // 2)
    others = await connection.fetch(
        "SELECT id FROM users WHERE following_count > 0 ORDER BY md5(id::text || $2::text) LIMIT $1",
        READERS // 2,
        str(order),
    )
    ids = [row["id"] for pair in zip(eager, others, strict=True) for row in pair]
    return [Reader(*pair) for pair in zip(ids, await large.sign_in(connection, ids), strict=True)]


async def with_valkey(app: App, wanted: argparse.Namespace) -> Found:
    """Measure what needs Valkey."""
    connection = await large.connect(app)
    redis = Redis.from_url(app.redis_url)
    readers = await readers_of(connection, wanted.seed)
    ids = [reader.id for reader in readers]
    found = Found({}, {}, await connection.fetchval(FOLLOWING, ids) / len(ids))
    for state, before in (("full", feed_pages.as_it_is), ("absent", feed_pages.without(redis))):
        tokens = await large.sign_in(connection, [ids[0]] * len(feed_pages.SIZES))
        await before(ids[0])
        found.pages[state] = await feed_pages.read(app, readers, wanted.count, before)
        found.statements[state] = await feed_pages.statements(app, app.redis_url, tokens, lambda: before(ids[0]))  # noqa: B023
        report.progress(found.pages[state].line(state))
    await _push(app, connection, found)
    await connection.close()
    await redis.aclose()
    return found


async def _push(app: App, connection: Any, found: Found) -> None:
    most = Settings.model_fields["pull_threshold"].default
    [author] = await large.known_readers(connection, f"follower_count <= {most} AND NOT is_private", 1)
    [token] = await large.sign_in(connection, [author["id"]])
    rows = await connection.fetch("SELECT follower_id FROM follows WHERE followed_id = $1 ORDER BY 1", author["id"])
    followers = [row["follower_id"] for row in rows]
    report.progress(f"making {len(followers):,} readers active …")
    await feed_fanout.activate(app, connection, followers)
    found.fan_outs = await feed_fanout.measure(app, token, followers)
    listeners = await large.sign_in(connection, followers[: feed_live.SOCKETS])
    found.live = await feed_live.measure(app, token, listeners)
    report.progress(found.live.line())


async def without_valkey(app: App, dead: str, wanted: argparse.Namespace, found: Found) -> None:
    """Measure what PostgreSQL serves alone."""
    connection = await large.connect(app)
    readers = await readers_of(connection, wanted.seed)
    tokens = await large.sign_in(connection, [readers[0].id] * len(feed_pages.SIZES))
    await connection.close()
    found.statements["dead"] = await feed_pages.statements(
        app, dead, tokens, lambda: feed_pages.as_it_is(readers[0].id)
    )
    found.pages["dead"] = await feed_pages.read(app, readers, wanted.count)
    report.progress(found.pages["dead"].line("dead"))


def lines(found: Found, wanted: argparse.Namespace) -> list[str]:
    """Tell all of it."""
    p95 = report.quantile(found.pages["full"].one_by_one, 0.95) * 1_000
    most = max(count for counts in found.statements.values() for count in counts)
    slowest = max(run.seconds for run in found.fan_outs)
    told = [
        *report.header(wanted.seed),
        f"counts    {wanted.count} pages of 20 of {READERS} readers, who follow {found.follows:.0f} others on average;",
        f"          then {feed_pages.AT_ONCE} at once for {feed_pages.SECONDS:.0f} s; one API process; the client computes beside it",
        "states    full: with a timeline; absent: it is deleted before each request; dead: nothing listens where Valkey should be",
        "",
        *(f"page      {pages.line(state)}" for state, pages in found.pages.items()),
        f"budget    p95 {BUDGETS['p95']:.0f} ms one by one, full: {_verdict(p95, BUDGETS['p95'])}",
        "",
        *(
            f"SQL       {state:<8} {' and '.join(map(str, counts))} statements for a page of {' and '.join(map(str, feed_pages.SIZES))}"
            for state, counts in found.statements.items()
        ),
        f"budget    {BUDGETS['statements']} statements, the session's included: {_verdict(most, BUDGETS['statements'] + 1)}",
        "",
        *(f"fan-out   {run.line()}" for run in found.fan_outs),
        f"budget    10,000 timelines in {feed_fanout.BUDGET:.0f} s: {_verdict(slowest, feed_fanout.BUDGET)}",
        "",
        f"live      {found.live.line() if found.live else ''}",
    ]
    return [
        *told,
        f"inputs    each timeline of a fan-out holds {feed_fanout.FILLED} entries before; the data set is that of seed-large.txt",
    ]


def _verdict(value: float, below: float) -> str:
    return "kept" if value < below else "MISSED"


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    large.add_arguments(parser)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=300, help="pages read one after another in each state")
    parser.add_argument("--name", default="home-feed", help="the file in results/")
    wanted = parser.parse_args()
    home = str(large.require(wanted.data_dir))
    with running(DATA_DIR=home, PROFILE="production", **ROOMY) as app:
        found = asyncio.run(with_valkey(app, wanted))
    dead = f"redis://127.0.0.1:{free_port()}/0"
    with running(child_argv("serve"), DATA_DIR=home, PROFILE="production", REDIS_URL=dead, **ROOMY) as app:
        asyncio.run(without_valkey(app, dead, wanted, found))
    report.write(wanted.name, lines(found, wanted))


if __name__ == "__main__":
    main()
