"""How PostgreSQL would run a statement: by which indexes, and which tables it would read whole."""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

Work = Callable[[AsyncSession], Awaitable[Any]]
BIG = 10_000
"""Reading a table of fewer rows whole costs little."""


@dataclass(frozen=True)
class Plan:
    """What a piece of work touches."""

    indexes: frozenset[str]
    read_whole: frozenset[str]
    """Tables of many rows."""


async def plan_of(connection: AsyncConnection, work: Work) -> Plan:
    """Do the work, then ask of each of its statements how it is run, with the values it had."""
    statements: list[tuple[str, Any]] = []

    def note(_c: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        statements.append((statement, parameters))

    sync = connection.sync_connection
    event.listen(sync, "before_cursor_execute", note)
    try:
        async with AsyncSession(connection) as session:
            await work(session)
    finally:
        event.remove(sync, "before_cursor_execute", note)
    nodes = [node for statement, values in statements for node in await _nodes(connection, statement, values)]
    big = await _big(connection)
    return Plan(
        frozenset(node["Index Name"] for node in nodes if "Index Name" in node),
        frozenset(node["Relation Name"] for node in nodes if node["Node Type"] == "Seq Scan") & big,
    )


async def _nodes(connection: AsyncConnection, statement: str, values: Any) -> list[dict[str, Any]]:
    explained = (await connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", values)).scalar_one()
    return list(walk((orjson.loads(explained) if isinstance(explained, str) else explained)[0]["Plan"]))


def walk(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a plan's nodes."""
    yield node
    for child in node.get("Plans", ()):
        yield from walk(child)


async def _big(connection: AsyncConnection) -> frozenset[str]:
    rows = await connection.execute(
        text("SELECT relname FROM pg_class WHERE relkind = 'r' AND reltuples > :least"), {"least": BIG}
    )
    return frozenset(rows.scalars())
