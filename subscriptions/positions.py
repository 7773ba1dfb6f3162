"""Live reading positions."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import Annotated

import strawberry

from clients.bus import POSITIONS
from core.errors import Unavailable
from core.ids import read_id
from models import ReadingPosition as PositionRow
from runtime.context import Info
from schema.positions import ReadingPosition
from services.positions import Watch

RETRY_SECONDS = 1.0


@strawberry.type
class PositionSubscription:
    """Positions as they change."""

    @strawberry.subscription
    async def reading_positions(
        self,
        info: Info,
        book_id: Annotated[strawberry.ID | None, strawberry.argument(description="Only in this book.")] = None,
    ) -> AsyncGenerator[ReadingPosition, None]:
        """Your positions as they change, on any device; begins with the next change. After a reconnect, query again."""
        user_id = info.context.viewer.require()
        watch = Watch(read_id(str(book_id), "Book", "bookId") if book_id is not None else None)
        async with info.context.listener.listen(user_id, POSITIONS) as bell:
            await _look(info, watch)
            while True:
                await bell.wait()
                for row in await _news(info, watch):
                    info.context.renew()
                    yield ReadingPosition.from_model(row)


async def _look(info: Info, watch: Watch) -> Sequence[PositionRow]:
    async with info.context.reading() as services:
        return await services.positions.news(info.context.viewer, watch)


async def _news(info: Info, watch: Watch) -> Sequence[PositionRow]:
    """Read what is new; waits for a database that is away."""
    while True:
        try:
            return await _look(info, watch)
        except Unavailable:
            await asyncio.sleep(RETRY_SECONDS)
