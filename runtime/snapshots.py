"""What a database holds at one moment, told by the transaction whose snapshot a dump shares."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from sqlalchemy import quoted_name, text
from sqlalchemy.ext.asyncio import AsyncConnection

from core.database import make_engine

_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = current_schema() ORDER BY tablename"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A moment of a database; its name is known to PostgreSQL for as long as it is held."""

    name: str
    server: int
    server_version: str
    revision: str | None
    epoch: str | None
    counts: Mapping[str, int]


@asynccontextmanager
async def snapshot(url: str) -> AsyncIterator[Snapshot]:
    """Hold a snapshot, and count what is in it."""
    engine = make_engine(url, pool_size=1, patient=True)
    try:
        async with engine.connect() as connection:
            await connection.execution_options(isolation_level="REPEATABLE READ")
            yield await _described(connection)
    finally:
        await engine.dispose()


async def row_counts(connection: AsyncConnection) -> Mapping[str, int]:
    """Count the rows of every table."""
    tables = (await connection.scalars(text(_TABLES))).all()
    return {name: await _count(connection, name) for name in tables}


async def _count(connection: AsyncConnection, table: str) -> int:
    quoted = connection.dialect.identifier_preparer.quote(quoted_name(table, quote=True))
    return int(await connection.scalar(text(f"SELECT count(*) FROM {quoted}")) or 0)  # noqa: S608 - a quoted name


async def _described(connection: AsyncConnection) -> Snapshot:
    counts = await row_counts(connection)

    async def one(sql: str) -> str | None:
        found = await connection.scalar(text(sql))
        return None if found is None else str(found)

    return Snapshot(
        name=await one("SELECT pg_export_snapshot()") or "",
        server=int(await one("SHOW server_version_num") or 0) // 10_000,
        server_version=await one("SHOW server_version") or "",
        revision=await one("SELECT version_num FROM alembic_version") if "alembic_version" in counts else None,
        epoch=await one("SELECT epoch FROM sync_epoch") if "sync_epoch" in counts else None,
        counts=counts,
    )
