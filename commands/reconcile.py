"""Recount what is counted."""

import asyncio

from core.settings import Settings
from runtime.container import Container
from runtime.launch import backends, container_of, require_current, unless
from services.posts_reconcile import Mark


async def reconcile(settings: Settings, stop: asyncio.Event) -> int:
    """Recount everything, tell how far it has come, and mend what is wrong."""
    async with backends(settings, stop) as found, container_of(settings, found) as container:
        await require_current(found.database_url)
        mended = await unless(stop, _recount(container))
    print("1 count was wrong, and is mended." if mended == 1 else f"{mended:,} counts were wrong, and are mended.")
    return 0


async def _recount(container: Container) -> int:
    mark: Mark | None = Mark()
    mended = checked = 0
    while mark is not None:
        async with container.transaction() as services:
            done = await services.reconcile.step(mark)
        checked, mended = checked + done.checked, mended + done.mended
        if done.next is None or done.next.after is None or checked % 10_000 == 0:
            print(f"{done.table}: {checked:,} recounted", flush=True)
        checked = 0 if done.next is None or done.next.after is None else checked
        mark = done.next
    return mended
