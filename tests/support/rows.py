"""Look behind the API: what the tables hold."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import text

from core.database import Base
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


async def sql(container: Container, statement: str, **values: Any) -> list[Any]:
    """Run one statement; its rows, if it has any."""
    async with container.database.writing() as session:
        result = await session.execute(text(statement), values)
        return list(result.all()) if result.returns_rows else []  # type: ignore[attr-defined]
