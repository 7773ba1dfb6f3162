"""Pull and push."""

from typing import Annotated

import strawberry

from core import metrics
from runtime.context import Info
from schema.errors import user_errors
from schema.sync import HighlightChangePage, PushHighlightChangesInput, PushHighlightChangesPayload


@strawberry.type
class SyncQuery:
    """Changes to pull."""

    @strawberry.field
    async def highlight_changes(
        self,
        info: Info,
        device_id: Annotated[
            strawberry.ID | None,
            strawberry.argument(description="Your device: its switches hold, its progress is kept."),
        ] = None,
        after: Annotated[
            str | None, strawberry.argument(description="The cursor of the last page; null to begin.")
        ] = None,
        first: Annotated[int | None, strawberry.argument(description="How many at most: 1 to 500.")] = 100,
    ) -> HighlightChangePage:
        """What changed in your highlights after a cursor: gap-free, in commit order, tombstones included."""
        viewer = info.context.viewer
        viewer.require()
        async with info.context.snapshot() as services:
            device = await services.pull.device(viewer, str(device_id)) if device_id is not None else None
            page, sent = await services.pull.page(viewer, device, after, first)
        await info.context.sent(page.epoch, sent)
        return HighlightChangePage.from_page(page)


@strawberry.type
class SyncMutation:
    """Offline work to push."""

    @strawberry.mutation
    async def push_highlight_changes(
        self, info: Info, input: PushHighlightChangesInput
    ) -> PushHighlightChangesPayload | None:
        """Send a device's offline work, in the order done; each operation takes effect once."""
        with user_errors() as failed, metrics.highlight_operation("push"):
            async with info.context.transaction() as services:
                pushed = await services.push.push(info.context.viewer, input.to_batch())
            await info.context.sent(pushed.page.epoch, pushed.sent)
            return PushHighlightChangesPayload.from_pushed(pushed)
        return PushHighlightChangesPayload(results=[], changes=None, user_errors=failed.errors)
