"""Live highlight changes."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Annotated

import strawberry

from clients.bus import HIGHLIGHTS
from core.database import BUSY
from core.errors import Unavailable
from runtime.context import Info
from schema.sync import HighlightSyncEvent, ResyncRequired, SyncCaughtUp, present
from services.sync.pull import PULL_DEFAULT, ChangePage

RETRY_SECONDS = 1.0


@strawberry.type
class SyncSubscription:
    """Changes as they happen."""

    @strawberry.subscription
    async def highlight_changes(
        self,
        info: Info,
        device_id: Annotated[strawberry.ID, strawberry.argument(description="Your device; its switches hold.")],
        after: Annotated[
            str | None, strawberry.argument(description="The last cursor the device has kept; null to begin.")
        ] = None,
    ) -> AsyncGenerator[HighlightSyncEvent, None]:
        """Everything after a cursor, then SyncCaughtUp, then each change as it happens: gap-free, in commit order."""
        user_id = info.context.viewer.require()
        caught_up = False
        async with info.context.listener.listen(user_id, HIGHLIGHTS) as bell:
            while True:
                page = await _pull(info, str(device_id), after, patient=caught_up)
                if page.resync is not None:
                    yield ResyncRequired(reason=page.resync)
                    return
                for change in page.changes:
                    info.context.renew()
                    yield present(change)
                    if info.context.loaders.failed:
                        # The event went out with holes: end here, so that nobody resumes behind it.
                        raise Unavailable(BUSY)
                after = page.cursor
                if page.has_more:
                    continue
                if not caught_up:
                    caught_up = True
                    yield SyncCaughtUp(cursor=after)
                await bell.wait()


async def _pull(info: Info, device_id: str, after: str | None, *, patient: bool) -> ChangePage:
    """Read a page; a live subscription waits for a database that is away, and catches up."""
    while True:
        try:
            return await _pull_once(info, device_id, after)
        except Unavailable:
            if not patient:
                raise
            await asyncio.sleep(RETRY_SECONDS)


async def _pull_once(info: Info, device_id: str, after: str | None) -> ChangePage:
    viewer = info.context.viewer
    async with info.context.snapshot() as services:
        device = await services.pull.device(viewer, device_id)
        page, sent = await services.pull.page(viewer, device, after, PULL_DEFAULT)
    await info.context.sent(page.epoch, sent)
    return page
