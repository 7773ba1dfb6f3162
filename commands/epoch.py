"""Begin a new epoch of sync."""

import asyncio

from core.settings import Settings
from runtime.launch import backends, container_of, require_current


async def new_epoch(settings: Settings, stop: asyncio.Event) -> int:
    """Make every device sync from the beginning."""
    async with backends(settings, stop) as found, container_of(settings, found) as container:
        await require_current(found.database_url)
        async with container.transaction() as services:
            epoch = await services.sync.new_epoch()
    print(f"A new epoch has begun: {epoch}. Running servers notice within ten seconds.")
    return 0
