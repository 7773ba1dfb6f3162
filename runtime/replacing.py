"""Replace a database by another, at once: the new one is made beside it, and then they change names."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import make_url, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from core.database import is_refused, make_engine, server_version, sqlstate
from runtime.launch import CannotStart
from runtime.snapshots import row_counts

_MAINTENANCE = ("postgres", "template1")
_BOOKKEEPING = {"alembic_version", "sync_epoch", "jobs", "auth_attempts"}
_FORBIDDEN, _IN_USE = "42501", "55006"
_LIKE = """
SELECT pg_encoding_to_char(encoding), datcollate, datctype FROM pg_database
WHERE datname = :name AND datlocprovider = 'c'
"""
_OTHERS = """
SELECT coalesce(nullif(application_name, ''), usename, 'somebody'), count(*) FROM pg_stat_activity
WHERE datname = :name AND pid <> pg_backend_pid() AND coalesce(backend_type, 'client backend') = 'client backend'
GROUP BY 1 ORDER BY 1
"""


class Replacement:
    """A database, and the one that is made to take its place."""

    def __init__(self, connection: AsyncConnection, url: str) -> None:
        self._connection = connection
        self._url = make_url(url)
        self._name = self._url.database or ""
        self._new, self._old = f"{self._name}_restoring", f"{self._name}_before_restore"

    @property
    def url(self) -> str:
        """Where the new one is found until it takes the place."""
        return self._url.set(database=self._new).render_as_string(hide_password=False)

    async def refuse_others(self) -> None:
        """Refuse while anybody works with the database."""
        for _ in range(20):
            others = (await self._connection.execute(text(_OTHERS), {"name": self._name})).all()
            if not others:
                return
            await asyncio.sleep(0.1)  # what has just closed its connection may still be seen
        seen = ", ".join(f"{name} ({count})" for name, count in others)
        raise CannotStart(
            f"The database {self._name} is in use, by {seen}. Stop the servers and workers, then restore. "
            "Nothing was changed."
        )

    async def make(self) -> None:
        """Make the new one, empty."""
        like = (await self._connection.execute(text(_LIKE), {"name": self._name})).first()
        settings = "" if like is None else " ENCODING '{}' LC_COLLATE '{}' LC_CTYPE '{}'".format(*like)
        await self.drop()
        try:
            await self._run(f"CREATE DATABASE {self._quoted(self._new)} TEMPLATE template0{settings}")
        except DBAPIError as error:
            if sqlstate(error) != _FORBIDDEN:
                raise
            raise CannotStart(
                f"The user {self._url.username} of DATABASE_URL may not create databases, which a restore needs. "
                f"Let it (ALTER ROLE {self._url.username} CREATEDB), or restore as a user who may."
            ) from error

    async def take_place(self) -> None:
        """Give the new one the name of the old, at once or not at all."""
        await self.refuse_others()  # PostgreSQL would wait five seconds for them to go
        await self._run(f"DROP DATABASE IF EXISTS {self._quoted(self._old)}")
        try:
            await self._swap()
        except DBAPIError as error:
            if sqlstate(error) != _IN_USE:
                raise
            await self.refuse_others()
            raise

    async def drop(self) -> None:
        """Drop what was made, unless it has taken the place."""
        await self._run(f"DROP DATABASE IF EXISTS {self._quoted(self._new)}")

    async def drop_old(self) -> None:
        """Drop what was replaced."""
        await self._run(f"DROP DATABASE IF EXISTS {self._quoted(self._old)}")

    async def _swap(self) -> None:
        name, new, old = map(self._quoted, (self._name, self._new, self._old))
        # Both in one transaction: nobody ever finds no database of that name.
        await self._run("BEGIN")
        try:
            await self._run(f"ALTER DATABASE {name} RENAME TO {old}")
            await self._run(f"ALTER DATABASE {new} RENAME TO {name}")
        except BaseException:
            await self._run("ROLLBACK")
            raise
        await self._run("COMMIT")

    async def _run(self, sql: str) -> None:
        await self._connection.execute(text(sql))

    def _quoted(self, name: str) -> str:
        return self._connection.dialect.identifier_preparer.quote_identifier(name)


@asynccontextmanager
async def replacement(url: str) -> AsyncIterator[Replacement]:
    """Connect beside the database, alone: of two restores at once the second is refused."""
    async with _beside(url) as connection:
        name = make_url(url).database
        key = {"key": f"commonplace restore {name}"}
        if not await connection.scalar(text("SELECT pg_try_advisory_lock(hashtextextended(:key, 0))"), key):
            raise CannotStart(f"Another restore of the database {name} is running. Wait for its end.")
        yield Replacement(connection, url)


@asynccontextmanager
async def _beside(url: str) -> AsyncIterator[AsyncConnection]:
    engine = await _maintenance(url)
    try:
        async with engine.connect() as connection:
            await connection.execution_options(isolation_level="AUTOCOMMIT")
            yield connection
    finally:
        await engine.dispose()


async def _maintenance(url: str) -> AsyncEngine:
    """Find a database to work from: nobody can rename the one they are in."""
    for name in _MAINTENANCE:
        engine = make_engine(
            make_url(url).set(database=name).render_as_string(hide_password=False), pool_size=1, patient=True
        )
        try:
            await server_version(engine)
        except Exception as error:
            await engine.dispose()
            if not is_refused(error):
                raise
        else:
            return engine
    raise CannotStart(
        f"A restore works from the database {' or '.join(_MAINTENANCE)}, and DATABASE_URL's user can enter neither."
    )


async def holds_anything(url: str) -> bool:
    """Tell whether people have made anything in a database."""
    engine = make_engine(url, pool_size=1, patient=True)
    try:
        async with engine.connect() as connection:
            counts = await row_counts(connection)
    finally:
        await engine.dispose()
    return any(count for name, count in counts.items() if name not in _BOOKKEEPING)
