"""Live progress of imports."""

from collections.abc import AsyncGenerator
from typing import Annotated

import strawberry

from clients.bus import IMPORTS
from core.errors import NotFound
from core.ids import read_id
from models.imports import ImportState
from runtime.context import Info
from schema.imports import Import

ENDED = (ImportState.DONE, ImportState.FAILED)


@strawberry.type
class ImportSubscription:
    """Imports as they go in."""

    @strawberry.subscription
    async def import_progress(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="Which import.")]
    ) -> AsyncGenerator[Import, None]:
        """An import of yours: as it stands, then after each change, to its end."""
        user_id = info.context.viewer.require()
        key = read_id(str(id), "Import", "id")
        told: tuple[ImportState, int] | None = None
        async with info.context.listener.listen(user_id, IMPORTS) as bell:
            while True:
                info.context.renew()
                row = await info.context.loaders.import_by_id.load(key)
                if row is None:
                    raise NotFound("There is no such import.", "id")
                if told != (row.state, row.done):
                    told = (row.state, row.done)
                    yield Import.from_model(row)
                if row.state in ENDED:
                    return
                await bell.wait()
