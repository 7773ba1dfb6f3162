"""Live highlight changes."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Annotated
from uuid import UUID

import strawberry

from clients.bus import HIGHLIGHTS
from core.database import BUSY
from core.errors import Unavailable
from core.ids import read_id
from runtime.context import Info, Pulled
from schema.sync import HighlightSyncEvent, ResyncRequired, SyncCaughtUp, present

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
        key = read_id(str(device_id), "Device", "deviceId")
        caught_up = False
        async with info.context.listener.listen(user_id, HIGHLIGHTS) as bell:
            while True:
                pulled = await _pull(info, key, after, patient=caught_up)
                page = pulled.page
                if page.resync is not None:
                    yield ResyncRequired(reason=page.resync)
                    return
                for change in page.changes:
                    info.context.share(pulled)
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


async def _pull(info: Info, device_id: UUID, after: str | None, *, patient: bool) -> Pulled:
    """Read a page; a live subscription waits for a database that is away, and catches up."""
    while True:
        try:
            return await _pull_once(info, device_id, after)
        except Unavailable:
            if not patient:
                raise
            await asyncio.sleep(RETRY_SECONDS)


async def _pull_once(info: Info, device_id: UUID, after: str | None) -> Pulled:
    pulled = await info.context.listener.pull(info.context.viewer, device_id, after)
    await info.context.sent(pulled.page.epoch, pulled.sent)
    return pulled
