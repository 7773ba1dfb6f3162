"""Look behind the API: what the tables hold."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import text

from core.database import Base, Database
from runtime.container import Container


async def contents(container: Container, *, but: tuple[str, ...] = ()) -> dict[str, tuple[int, str]]:
    """Tell of every table how many rows it has, and a hash of all of them."""
    hashed = (
        f"SELECT '{name}', count(*), coalesce(md5(string_agg(t::text, E'\\n' ORDER BY t::text)), '') FROM \"{name}\" t"  # noqa: S608
        for name in Base.metadata.tables
        if name not in but
    )
    async with container.database.reading() as session:
        rows = (await session.execute(text(" UNION ALL ".join(hashed)))).all()
    return {name: (count, digest) for name, count, digest in rows}


@asynccontextmanager
async def nothing_written(container: Container, *, but: tuple[str, ...] = ()) -> AsyncIterator[None]:
    """Assert that the block leaves every row of every table as it was; `but` names tables that may differ."""
    before = await contents(container, but=but)
    yield
    assert await contents(container, but=but) == before


async def emptied(database: Database) -> None:
    """Delete every row of what a test left. TRUNCATE makes new files for every table and index: four times as long."""
    names = [f'"{name}"' for name in Base.metadata.tables if name != "sync_epoch"]
    filled = " UNION ALL ".join(f"SELECT '{name}' WHERE EXISTS (SELECT FROM {name})" for name in names)  # noqa: S608
    async with database.engine.begin() as connection:
        left = (await connection.execute(text(filled))).scalars().all()
        # In whatever order: rows that refer to each other go together.
        await connection.execute(text("SET LOCAL session_replication_role = replica"))
        for name in left:
            await connection.execute(text(f"DELETE FROM {name}"))  # noqa: S608


async def sql(container: Container, statement: str, **values: Any) -> list[Any]:
    """Run one statement; its rows, if it has any."""
    async with container.database.writing() as session:
        result = await session.execute(text(statement), values)
        return list(result.all()) if result.returns_rows else []  # type: ignore[attr-defined]
