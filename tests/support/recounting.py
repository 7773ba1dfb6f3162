"""Recount by hand, once or again and again."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from core.database import Database
from repositories.locks import Locks
from repositories.posts_reconcile import ReconcileRepository
from runtime.container import Container
from services.posts_reconcile import Mark, ReconcileService


async def recount(database: Database) -> int:
    """Recount everything; tell how many counts were mended."""
    mark: Mark | None = Mark()
    mended = 0
    while mark is not None:
        async with database.writing() as session:
            done = await ReconcileService(ReconcileRepository(session), Locks(session)).step(mark)
        mended, mark = mended + done.mended, done.next
    return mended


@asynccontextmanager
async def recounted_beside(container: Container) -> AsyncIterator[None]:
    """Recount during the block, three times at least, and assert that nothing is found to mend."""
    done = asyncio.Event()
    # As a worker has it: a crowd of requests does not keep it waiting for a connection.
    database = Database(container.database.engine.url.render_as_string(hide_password=False), pool_size=1)

    async def recount_on() -> None:
        turns = 0
        while not done.is_set() or turns < 3:
            assert await recount(database) == 0
            turns += 1
            await asyncio.sleep(0.05)

    counting = asyncio.create_task(recount_on())
    try:
        yield
    finally:
        done.set()
        try:
            await counting
        finally:
            await database.close()
