"""Migrations: up, down and up again, the tables that the models say, once however many start together."""

import asyncio
import secrets
from collections.abc import AsyncIterator

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, make_url, text

from core.database import Base, make_engine
from core.settings import Settings
from runtime.launch import CannotStart, require_current
from runtime.migrations import MigrationRefused, head, move, revisions
from tests.support.program import app, open_folder

Shape = set[tuple[str, ...]]
SHAPE = """
SELECT 'column', table_name, column_name, data_type, coalesce(column_default, ''), is_nullable
FROM information_schema.columns WHERE table_schema = 'public'
UNION ALL SELECT 'index', tablename, indexname, indexdef, '', '' FROM pg_indexes WHERE schemaname = 'public'
UNION ALL SELECT 'constraint', conrelid::regclass::text, conname, pg_get_constraintdef(oid), '', ''
FROM pg_constraint WHERE connamespace = 'public'::regnamespace
UNION ALL SELECT 'trigger', tgrelid::regclass::text, tgname, pg_get_triggerdef(oid), '', ''
FROM pg_trigger WHERE NOT tgisinternal
UNION ALL SELECT 'function', p.proname, '', md5(p.prosrc), '', '' FROM pg_proc p
WHERE p.pronamespace = 'public'::regnamespace
AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
"""


@pytest.fixture
async def empty(urls: tuple[str, str]) -> AsyncIterator[str]:
    """The URL of a new, empty database beside the tests' own."""
    name = f"migrations_{secrets.token_hex(4)}"
    engine = make_engine(urls[0], pool_size=1).execution_options(isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        await connection.execute(text(f"CREATE DATABASE {name}"))
        yield make_url(urls[0]).set(database=name).render_as_string(hide_password=False)
        await connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    await engine.dispose()


async def shape(url: str) -> Shape:
    engine = make_engine(url, pool_size=1)
    async with engine.connect() as connection:
        rows = await connection.execute(text(SHAPE))
        found = {tuple(map(str, row)) for row in rows}
    await engine.dispose()
    return {row for row in found if "alembic_version" not in row}


async def test_each_migration_can_be_taken_back(empty: str) -> None:
    await move(empty, "base")
    shapes: dict[str, Shape] = {"base": await shape(empty)}
    for revision in revisions():
        await move(empty, revision)
        shapes[revision] = await shape(empty)
        assert shapes[revision] not in list(shapes.values())[:-1]
    for revision in reversed(["base", *revisions()[:-1]]):
        await move(empty, revision)
        assert await shape(empty) == shapes[revision], f"down to {revision}"
    await move(empty)
    assert await shape(empty) == shapes[head()]


async def test_the_migrated_tables_are_those_of_the_models(empty: str) -> None:
    await move(empty)
    engine = make_engine(empty, pool_size=1)
    async with engine.connect() as connection:
        differences = await connection.run_sync(_differences)
    await engine.dispose()
    assert differences == []


def _differences(connection: Connection) -> list[object]:
    context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
    return list(compare_metadata(context, Base.metadata))


async def test_those_that_start_together_migrate_once(empty: str) -> None:
    with open_folder() as folder:
        commands = [asyncio.to_thread(app, folder, "migrate", DATABASE_URL=empty) for _ in range(3)]
        moving = asyncio.create_task(move(empty))
        processes = await asyncio.gather(*commands)
        here = await moving
    assert [process.returncode for process in processes] == [0, 0, 0], processes
    said = [process.stdout for process in processes]
    first = f"The database was at nothing and is now at {head()}.\n"
    again = f"The database was at {head()} and is now at {head()}.\n"
    assert set(said) <= {first, again}
    assert said.count(first) + (here == (None, head())) == 1


async def test_a_database_that_is_behind_is_refused(empty: str) -> None:
    with pytest.raises(CannotStart, match=r"behind this code.*app.py migrate"):
        await require_current(empty)
    await move(empty, "0001")
    with pytest.raises(CannotStart, match="behind this code"):
        await require_current(empty)
    await move(empty)
    await require_current(empty)


async def test_a_database_that_is_ahead_is_refused_and_stays(empty: str) -> None:
    await move(empty)
    engine = make_engine(empty, pool_size=1)
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = 'ffff'"))
    await engine.dispose()
    before = await shape(empty)
    with pytest.raises(CannotStart, match="ahead of this code"):
        await require_current(empty)
    for revision in ("head", "0001", "base"):
        with pytest.raises(MigrationRefused, match="ffff, which this code does not know"):
            await move(empty, revision)
    assert await shape(empty) == before


async def test_an_unknown_revision_is_refused(empty: str, settings: Settings) -> None:
    del settings
    with pytest.raises(MigrationRefused, match="no revision '0815'"):
        await move(empty, "0815")
    assert await shape(empty) == set()
