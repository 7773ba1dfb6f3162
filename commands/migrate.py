"""Bring the tables to the state of this code, or to another."""

import asyncio

from core.settings import Settings
from runtime.launch import backends, unless
from runtime.migrations import move


async def migrate(settings: Settings, stop: asyncio.Event, revision: str) -> int:
    """Migrate; say from where to where."""
    async with backends(settings, stop) as found:
        before, after = await unless(stop, move(found.database_url, revision))
    print(f"The database was at {before or 'nothing'} and is now at {after or 'nothing'}.")
    return 0
