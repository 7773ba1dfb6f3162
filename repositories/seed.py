"""Writing whole tables at once, and telling what they hold."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from core.database import Base
from models import User

_LOCK = 0x73656564
"""The word "seed": two that start together load once."""


class SeedRepository:
    """The tables as one connection sees them, which may be busy for minutes."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def lock(self) -> None:
        """Wait for whoever else loads data, until the end of the transaction."""
        await self._connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))

    async def has_readers(self, domain: str | None = None) -> bool:
        """Tell whether anybody has an account; or anybody whose address is of this domain."""
        wanted = select(User.id) if domain is None else select(User.id).where(User.email.endswith(f"@{domain}"))
        return await self._connection.scalar(select(wanted.exists())) is True

    async def copy(self, model: type[Base], columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        """Add rows by COPY: constraints, defaults and foreign keys are checked as for any other."""
        raw = await self._connection.get_raw_connection()
        driver: Any = raw.driver_connection
        await driver.copy_records_to_table(model.__tablename__, columns=list(columns), records=rows)

    async def checksums(self, models: Iterable[type[Base]]) -> dict[str, tuple[int, str]]:
        """Count the rows of tables, and sum their hashes: the same rows in whatever order make the same sum."""
        found = {}
        for model in models:
            name = model.__tablename__
            hashed = f'SELECT count(*), coalesce(sum(hashtextextended(t::text, 0)), 0) FROM "{name}" t'  # noqa: S608
            count, total = (await self._connection.execute(text(hashed))).one()
            found[name] = count, f"{int(total) % (1 << 64):016x}"
        return found

    async def settle(self, models: Iterable[type[Base]]) -> None:
        """Let the planner know what was added, and index-only scans find it; no transaction may be open."""
        await self._connection.execution_options(isolation_level="AUTOCOMMIT")
        for model in models:
            await self._connection.execute(text(f'VACUUM (ANALYZE) "{model.__tablename__}"'))
