"""Sessions: what reads leaves nothing behind, what writes is whole or not at all, also on one and the same connection."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import select, text

from core.database import Database
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
