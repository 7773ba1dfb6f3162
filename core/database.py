"""PostgreSQL: the declarative base, the engine, and short sessions whose failures are AppErrors."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import asyncpg
from sqlalchemy import MetaData, make_url, text
from sqlalchemy.exc import DBAPIError, InterfaceError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.pool import QueuePool

from core.breaker import Breaker, CircuitOpenError
from core.errors import Unavailable

STATEMENT_SECONDS, CONNECTION_SECONDS = 15, 4
TRIAL_SECONDS = 2.0
"""Whoever finds out whether the database is back must not wait for as long as a statement may take."""
MOST_AT_ONCE = 1_000
LOOPBACK = {"127.0.0.1", "localhost", "::1"}
BUSY = "The database does not answer. Try again in a moment."


class Base(DeclarativeBase):
    """All tables; the convention names every constraint, so that migrations can drop what they made."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


def make_engine(url: str, *, pool_size: int, patient: bool = False) -> AsyncEngine:
    """Make an engine that fails within seconds: the driver's own defaults wait for ever on a stalled peer.

    A patient one waits for ever once it is connected, for work that may take long and must not be cut off: migrations.
    On this machine TLS is spoken only when the URL says `ssl`; elsewhere the driver prefers it.
    """
    parsed = make_url(url)
    plain = parsed.host in LOOPBACK and "ssl" not in parsed.query
    return create_async_engine(
        parsed,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=CONNECTION_SECONDS,
        hide_parameters=True,
        connect_args={
            "timeout": CONNECTION_SECONDS,
            "command_timeout": None if patient else STATEMENT_SECONDS,
            "server_settings": {
                "application_name": "commonplace",
                "idle_in_transaction_session_timeout": "0" if patient else "30s",
                "jit": "off",
                "timezone": "UTC",
            },
            **({"ssl": False} if plain else {}),
        },
    )


class Database:
    """The pool of one process."""

    def __init__(self, url: str, *, pool_size: int) -> None:
        self.engine = make_engine(url, pool_size=pool_size)
        self._sessions = async_sessionmaker(self.engine, expire_on_commit=False)
        # Each statement sees what is committed, in a transaction or not; without one, it is one way to the server, not three. There is
        # nothing to roll back then, so what is done to a model by mistake must not be written before the next statement.
        reading = self.engine.execution_options(isolation_level="AUTOCOMMIT")
        self._reading = async_sessionmaker(reading, expire_on_commit=False, autoflush=False)
        # What waits for a stalled database would hold up all that come after it, each until its own time is up.
        self.breaker = Breaker(
            "postgresql", timeout=STATEMENT_SECONDS, retry_after=1.0, at_once=MOST_AT_ONCE, lost=(_Lost,)
        )

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncSession]:
        """Open a short session that only reads; never hold it across a loader or a yield to a client."""
        with self._guarded() as is_trial:
            async with self._reading() as session:
                await _tried(session, is_trial=is_trial)
                yield session

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[AsyncSession]:
        """Open a short session that only reads, all of it at one moment."""
        with self._guarded() as is_trial:
            async with self._sessions() as session:
                async with asyncio.timeout(TRIAL_SECONDS if is_trial else None):
                    await session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
                await _tried(session, is_trial=is_trial)
                yield session

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncSession]:
        """Open a session that commits at the end, or rolls back on any exception."""
        with self._guarded() as is_trial:
            async with self._sessions.begin() as session:
                await _tried(session, is_trial=is_trial)
                yield session

    def connections(self) -> tuple[int, int]:
        """Tell how many connections are open, and how many of them nobody uses."""
        pool = self.engine.pool
        if not isinstance(pool, QueuePool):
            return 0, 0
        return pool.checkedin() + pool.checkedout(), pool.checkedin()

    @contextmanager
    def _guarded(self) -> Iterator[bool]:
        try:
            with self.breaker.watched() as is_trial, _translated():
                yield is_trial
        except CircuitOpenError as error:
            raise Unavailable(BUSY) from error

    async def close(self) -> None:
        """Give all connections back."""
        await self.engine.dispose()


async def _tried(session: AsyncSession, *, is_trial: bool) -> None:
    if is_trial:
        async with asyncio.timeout(TRIAL_SECONDS):
            await session.execute(text("SELECT 1"))


async def server_version(engine: AsyncEngine) -> int:
    """Ask PostgreSQL for its major version."""
    async with engine.connect() as connection:
        return int(await connection.scalar(text("SHOW server_version_num"))) // 10_000


async def answers(engine: AsyncEngine) -> bool:
    """Tell whether the database answers."""
    try:
        async with engine.connect() as connection:
            await connection.execute(text("SELECT 1"))
    except Exception as error:
        if not is_refused(error):
            raise
        return False
    return True


def is_refused(error: BaseException) -> bool:
    """Tell whether a connection was refused by the server or by the network, whatever for."""
    return isinstance(error, DBAPIError | asyncpg.PostgresError) or is_lost(error)


def describe_failure(engine: AsyncEngine, error: BaseException) -> str:
    """Say which database failed and why, without the password."""
    reason = str(error.orig if isinstance(error, DBAPIError) else error) or "it does not answer in time"
    url = engine.url
    return f"the database {url.database} at {url.host}:{url.port or 5432} cannot be used: {reason.splitlines()[0]}."


def sqlstate(error: BaseException | None) -> str:
    """Tell PostgreSQL's five-letter code of a failure, wrapped by SQLAlchemy or not; empty for anything else."""
    original = error.orig if isinstance(error, DBAPIError) else error
    return str(getattr(original, "sqlstate", None) or "")


def is_lost(error: BaseException | None) -> bool:
    """Tell whether a failure means that the database is gone, full or starting, rather than that a statement was wrong."""
    if isinstance(error, InterfaceError | PoolTimeoutError | asyncpg.InterfaceError | OSError | TimeoutError):
        return True
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    return sqlstate(error).startswith(("08", "53", "57P"))


class _Lost(Unavailable):
    """This session has lost the database; what else may be unavailable says nothing about it."""


class _translated:  # noqa: N801 - reads as a word
    """Turn the loss of the database into Unavailable; everything else is a fault and goes up."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if is_lost(error):
            raise _Lost(BUSY) from error
