"""Bring a database to the schema of this code, once, however many processes start together."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import StrEnum
from pathlib import Path

import structlog
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.script.revision import RevisionError
from alembic.util import CommandError
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from core.database import make_engine

log = structlog.get_logger(__name__)
HEAD, BASE = "head", "base"
_LOCK = 0x636F6D6D6F6E  # "common": one advisory lock for all that migrate
_SCRIPTS = Path(__file__).parent.parent / "alembic"
_in_process = asyncio.Lock()


class MigrationRefused(Exception):
    """A sentence for the operator: why the database cannot go where it is told to."""


class SchemaState(StrEnum):
    """How a database's schema stands to this code."""

    CURRENT = "current"
    BEHIND = "behind"
    AHEAD = "ahead"


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def head() -> str:
    """Name the revision that this code needs."""
    found = ScriptDirectory.from_config(_config()).get_current_head()
    if found is None:
        raise RuntimeError("no migrations found")
    return found


def revisions() -> list[str]:
    """Name all revisions that this code knows, oldest first."""
    return [script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()][::-1]


async def migrate(engine: AsyncEngine, revision: str = HEAD) -> None:
    """Upgrade to a revision under an advisory lock, in one transaction."""
    async with _alone(engine) as connection:
        await connection.run_sync(lambda c: command.upgrade(_config(c), revision))


async def downgrade(engine: AsyncEngine, revision: str) -> None:
    """Go back to an earlier revision; what that revision cannot hold is lost."""
    async with _alone(engine) as connection:
        await connection.run_sync(lambda c: command.downgrade(_config(c), revision))


async def move(database_url: str, revision: str = HEAD) -> tuple[str | None, str | None]:
    """Go to a revision, up or down, and tell from where to where; raise MigrationRefused when there is no way."""
    target = _target(revision)
    engine = make_engine(database_url, pool_size=1, patient=True)
    try:
        async with _alone(engine) as connection:
            before = await connection.run_sync(_current)
            if before is not None and before not in revisions():
                raise MigrationRefused(
                    f"The database is at {before}, which this code does not know: a newer version has migrated it. "
                    "Go back with that version, or restore a backup."
                )
            known = [None, *revisions()]
            step = command.upgrade if known.index(target) >= known.index(before) else command.downgrade
            await connection.run_sync(lambda c: step(_config(c), target or BASE))
            after = await connection.run_sync(_current)
    finally:
        await engine.dispose()
    if before != after:
        log.info("migrated", before=before, after=after)
    return before, after


async def schema_state(engine: AsyncEngine) -> SchemaState:
    """Compare the database's revision with the code's."""
    async with engine.connect() as connection:
        found = await connection.run_sync(_current)
    if found == head():
        return SchemaState.CURRENT
    return SchemaState.BEHIND if found is None or found in revisions() else SchemaState.AHEAD


@asynccontextmanager
async def _alone(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    # Alembic keeps what it works on in module globals: two of its commands may not run in one process at once.
    async with _in_process, engine.begin() as connection:
        await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        yield connection


def _current(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _target(revision: str) -> str | None:
    if revision == BASE:
        return None
    try:
        script = ScriptDirectory.from_config(_config()).get_revision(revision)
    except (CommandError, RevisionError):
        raise MigrationRefused(
            f"There is no revision {revision!r}. This code knows {', '.join(revisions())}, head and base."
        ) from None
    return script.revision
