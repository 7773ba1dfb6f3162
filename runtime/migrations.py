"""Bring a database to the schema of this code, once, however many processes start together."""

import asyncio
from enum import StrEnum
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncEngine

_LOCK = 0x636F6D6D6F6E  # "common": one advisory lock for all that migrate
_SCRIPTS = Path(__file__).parent.parent / "alembic"


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


async def migrate(engine: AsyncEngine, revision: str = "head") -> None:
    """Upgrade to a revision under an advisory lock, in one transaction."""
    async with engine.begin() as connection:
        await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        await connection.run_sync(lambda c: command.upgrade(_config(c), revision))


async def downgrade(engine: AsyncEngine, revision: str) -> None:
    """Go back to an earlier revision; what that revision cannot hold is lost."""
    async with engine.begin() as connection:
        await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        await connection.run_sync(lambda c: command.downgrade(_config(c), revision))


async def schema_state(engine: AsyncEngine) -> SchemaState:
    """Compare the database's revision with the code's."""
    async with engine.connect() as connection:
        found = await connection.run_sync(lambda c: MigrationContext.configure(c).get_current_revision())
    known = await asyncio.to_thread(_known_revisions)
    if found == head():
        return SchemaState.CURRENT
    return SchemaState.BEHIND if found is None or found in known else SchemaState.AHEAD


def _known_revisions() -> set[str]:
    return {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}
