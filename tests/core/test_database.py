"""Sessions: what reads leaves nothing behind, what writes is whole or not at all, also on one and the same connection."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import select, text

from core.breaker import BreakerState
from core.database import Database
from core.errors import Unavailable
from models import User
from tests.support.seeding import Seeder


@pytest.fixture
async def database(urls: tuple[str, str]) -> AsyncIterator[Database]:
    """A pool of one connection, on tables with one reader."""
    made = Database(urls[0], pool_size=1)
    async with made.writing() as session:
        await Seeder(session).user("ada", display_name="Ada")
    yield made
    async with made.writing() as session:
        await session.execute(text("DELETE FROM users"))
    await made.close()


async def _name(database: Database) -> str | None:
    async with database.reading() as session:
        return await session.scalar(select(User.display_name))


async def _open(database: Database, way: str) -> None:
    async with getattr(database, way)():
        pass


async def _stop_half_way(database: Database) -> None:
    async with database.writing() as session:
        await session.execute(text("UPDATE users SET display_name = 'Half'"))
        raise ZeroDivisionError


async def test_what_is_done_to_a_model_while_reading_is_never_written(database: Database) -> None:
    async with database.reading() as session:
        for user in await session.scalars(select(User)):
            user.display_name = "Somebody else"
        assert await session.scalar(text("SELECT count(*) FROM users")) == 1
    assert await _name(database) == "Ada"


async def test_a_statement_that_reads_needs_no_transaction(database: Database) -> None:
    moment = text("SELECT now()")
    async with database.reading() as session:
        assert await session.scalar(moment) < await session.scalar(moment), "now() stands still in a transaction"


async def test_what_writes_is_undone_as_a_whole_after_a_read_on_the_same_connection(database: Database) -> None:
    assert await _name(database) == "Ada"
    with pytest.raises(ZeroDivisionError):
        await _stop_half_way(database)
    assert await _name(database) == "Ada"


async def test_a_snapshot_sees_one_moment_after_a_read_on_the_same_connection(
    urls: tuple[str, str], database: Database
) -> None:
    assert await _name(database) == "Ada"
    other = Database(urls[0], pool_size=1)
    async with database.snapshot() as session:
        assert await session.scalar(select(User.display_name)) == "Ada"
        async with other.writing() as writer:
            await writer.execute(text("UPDATE users SET display_name = 'Later'"))
        assert await session.scalar(select(User.display_name)) == "Ada"
    assert await _name(database) == "Later"
    await other.close()


@pytest.mark.parametrize("way", ["reading", "writing", "snapshot"])
async def test_who_finds_out_whether_a_database_that_hangs_is_back_waits_for_a_moment_only(
    monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    monkeypatch.setattr("core.database.CONNECTION_SECONDS", 60)
    monkeypatch.setattr("core.database.TRIAL_SECONDS", 0.1)
    calls: list[asyncio.StreamWriter] = []
    silent = await asyncio.start_server(lambda _, writer: calls.append(writer), "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    database = Database(f"postgresql+asyncpg://nobody@127.0.0.1:{port}/none", pool_size=1)
    database.breaker.state = BreakerState.OPEN
    async with silent, asyncio.timeout(20):
        with pytest.raises(Unavailable):
            await _open(database, way)
    assert database.breaker.state is BreakerState.OPEN
    for writer in calls:
        writer.close()
        await asyncio.gather(writer.wait_closed(), return_exceptions=True)
    await database.close()


async def test_a_trial_that_goes_well_closes_the_circuit_and_does_the_work(database: Database) -> None:
    database.breaker.state = BreakerState.OPEN
    assert await _name(database) == "Ada"
    assert database.breaker.state is BreakerState.CLOSED
