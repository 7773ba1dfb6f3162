"""How PostgreSQL runs what takes it most time, on the large data set: by which indexes, and which large tables it reads whole.

A mixed run over HTTP makes the statements; pg_stat_statements says which took most time in all; each of those is explained as the
server plans it for any values (a generic plan), which it may choose for a statement that is prepared and used often.
"""

import argparse
import asyncio
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg
import orjson

from benchmarks import large, mixed, report
from benchmarks.server import ROOMY, running

LARGE = 10_000
TOP = """
SELECT query, calls, total_exec_time AS total, mean_exec_time AS mean, rows FROM pg_stat_statements
WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND query ~* '^(select|with|insert|update|delete)'
ORDER BY total_exec_time DESC LIMIT $1
"""
TOTAL = """
SELECT sum(total_exec_time) FROM pg_stat_statements
WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
SCANS = "SELECT relname, seq_scan FROM pg_stat_user_tables JOIN pg_class USING (relname) WHERE reltuples > $1"
WIDTH = 240
_SYNTAX = (
    (re.compile(r"\b(interval|timestamptz|date) (\$\d+)", re.IGNORECASE), r"CAST(\2 AS \1)"),
    (re.compile(r"\bextract\(\$\d+ from", re.IGNORECASE), "EXTRACT(epoch FROM"),
)
"""pg_stat_statements puts placeholders where the grammar wants a word."""


@dataclass(frozen=True)
class Statement:
    """A statement, what it took, and how it is run."""

    text: str
    calls: int
    total: float
    mean: float
    rows: int
    indexes: Sequence[str]
    read_whole: Sequence[str]
    """Large tables; or that nobody knows."""

    def lines(self, place: int) -> list[str]:
        """Tell it."""
        figures = f"{self.total:,.0f} ms in all, {self.calls:,} calls, {self.mean:.2f} ms each, {self.rows / self.calls:.1f} rows each"
        return [
            f"{place:>2}. {figures}",
            f"    {self.text[:WIDTH]}{' …' if len(self.text) > WIDTH else ''}",
            f"    indexes     {', '.join(self.indexes) or 'none'}",
            f"    read whole  {', '.join(self.read_whole) or 'nothing large'}",
        ]


async def explained(connection: Any, row: Any, big: frozenset[str]) -> Statement:
    """Ask how a statement is run, whatever its values are."""
    askable = row["query"]
    for pattern, instead in _SYNTAX:
        askable = pattern.sub(instead, askable)
    await connection.execute(f"PREPARE asked AS {askable}")
    count = await connection.fetchval(
        "SELECT cardinality(parameter_types) FROM pg_prepared_statements WHERE name = 'asked'"
    )
    values = f"({', '.join(['NULL'] * count)})" if count else ""
    plan = orjson.loads(await connection.fetchval(f"EXPLAIN (FORMAT JSON) EXECUTE asked{values}"))
    await connection.execute("DEALLOCATE asked")
    nodes = list(_walk(plan[0]["Plan"]))
    return Statement(
        " ".join(row["query"].split()),
        row["calls"],
        row["total"],
        row["mean"],
        row["rows"],
        sorted({node["Index Name"] for node in nodes if "Index Name" in node}),
        sorted({node["Relation Name"] for node in nodes if node["Node Type"] == "Seq Scan"} & big),
    )


def _walk(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for child in node.get("Plans", ()):
        yield from _walk(child)


async def _told(connection: Any, row: Any, big: frozenset[str]) -> Statement:
    try:
        return await explained(connection, row, big)
    except asyncpg.PostgresError as error:
        unknown = f"it cannot be explained: {error}"
        told = " ".join(row["query"].split())
        return Statement(told, row["calls"], row["total"], row["mean"], row["rows"], (), (unknown,))


async def measure(app: Any, wanted: argparse.Namespace) -> tuple[mixed.Tally, float, list[Statement], dict[str, int]]:
    """Run the mix and explain what took most time; also how often each large table was really read whole."""
    connection = await large.connect(app)
    town = await mixed.town_of(connection, wanted.seed)
    await connection.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
    await connection.execute("SET plan_cache_mode = force_generic_plan")
    await mixed.run(app, town, seed=wanted.seed + 1, requests=wanted.requests // 10, at_once=wanted.at_once)
    await connection.execute("SELECT pg_stat_statements_reset()")
    before = dict(await connection.fetch(SCANS, LARGE))
    tally = await mixed.run(app, town, seed=wanted.seed, requests=wanted.requests, at_once=wanted.at_once)
    total = await connection.fetchval(TOTAL)
    top = await connection.fetch(TOP, wanted.top)
    # The server tells its counters once a connection has been idle for a second.
    await asyncio.sleep(2)
    after = dict(await connection.fetch(SCANS, LARGE))
    statements = [await _told(connection, row, frozenset(after)) for row in top]
    await connection.close()
    return tally, total, statements, {name: after[name] - before.get(name, 0) for name in sorted(after)}


def lines(
    tally: mixed.Tally, total: float, statements: Sequence[Statement], scans: dict[str, int], wanted: argparse.Namespace
) -> Iterator[str]:
    """Tell all of it."""
    yield from report.header(wanted.seed)
    done = sum(tally.done.values())
    yield f"counts    {done:,} requests, {wanted.at_once} at once, of {mixed.READERS} readers; a tenth as many before, not counted"
    yield f"duration  {tally.seconds:.1f} s, {done / tally.seconds:.0f} requests a second; {total / 1_000:.1f} s of them in PostgreSQL"
    yield f"large     tables of more than {LARGE:,} rows"
    yield ""
    for place, statement in enumerate(statements, 1):
        yield from statement.lines(place)
    share = sum(statement.total for statement in statements) / total
    yield ""
    wrong = [place for place, statement in enumerate(statements, 1) if statement.read_whole]
    yield f"verdict   these are {share:.0%} of the time; large tables read whole by: {', '.join(map(str, wrong)) or 'none of them'}"
    read = ", ".join(f"{name} {count}" for name, count in scans.items() if count)
    yield f"really    how often large tables were read whole meanwhile, the worker's jobs included: {read or 'never'}"
    yield ""
    for name, seconds in sorted(tally.latencies.items(), key=lambda pair: -len(pair[1])):
        figures = [report.quantile(seconds, share) * 1_000 for share in (0.5, 0.95)]
        yield f"{name:<22} {len(seconds):>6}   p50 {figures[0]:7.1f} ms   p95 {figures[1]:7.1f} ms"
    refused = ", ".join(f"{name} {count}" for name, count in tally.refused.items())
    yield f"refused   {refused or 'nothing'}"


def main() -> None:
    """Measure; fail when one of the statements reads a large table whole."""
    parser = argparse.ArgumentParser(description=__doc__)
    large.add_arguments(parser)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--requests", type=int, default=4_000)
    parser.add_argument("--at-once", type=int, default=8)
    parser.add_argument("--top", type=int, default=10)
    parser.add_argument("--name", default="plans", help="the file in results/")
    wanted = parser.parse_args()
    with running(DATA_DIR=str(large.require(wanted.data_dir)), PROFILE="production", **ROOMY) as app:
        found = asyncio.run(measure(app, wanted))
    report.write(wanted.name, lines(*found, wanted))
    sys.exit(any(statement.read_whole for statement in found[2]))


if __name__ == "__main__":
    main()
