"""Run jobs until told to stop."""

import asyncio
from collections.abc import Awaitable
from typing import Protocol

from core.settings import Settings
from runtime.launch import backends, require_current, until
from runtime.storage_check import require_storage


class RunWorker(Protocol):
    """How a worker is run until it is told to stop."""

    def __call__(
        self, settings: Settings, *, database_url: str, redis_url: str, stop: asyncio.Event
    ) -> Awaitable[None]:
        """Run."""


async def work(settings: Settings, stop: asyncio.Event, run_worker: RunWorker) -> int:
    """Run one worker on servers whose tables and storage are as this code expects them."""
    async with backends(settings, stop) as found:
        await require_current(found.database_url)
        await require_storage(settings)
        halt = asyncio.Event()
        work = run_worker(settings, database_url=found.database_url, redis_url=found.redis_url, stop=halt)
        working = asyncio.ensure_future(work)
        try:
            await until(stop, found.embedded, [working])
        finally:
            halt.set()
            await asyncio.gather(working, return_exceptions=True)
    return 0
