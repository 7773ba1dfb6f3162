"""Reading positions: one's own, and nobody else's."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from auth.viewer import Viewer
from core.database import sqlstate
from core.errors import NotFound
from core.pagination import Order, Page, PageRequest
from models import DevicePosition, ReadingPosition
from repositories import visibility
from repositories.catalog import FOREIGN_KEY_VIOLATION

NEWEST = Order("positions", (datetime, UUID))
NO_DEVICE = "There is no such device of yours."
_OVERLAP = timedelta(minutes=1)


class PositionRepository:
    """Reading positions, as one session sees them."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def visible(self, viewer: Viewer, ids: Iterable[UUID]) -> Mapping[UUID, ReadingPosition]:
        """Read positions of the viewer's."""
        wanted = select(ReadingPosition).where(
            ReadingPosition.id.in_(set(ids)), visibility.own(ReadingPosition, viewer)
        )
        return {row.id: row for row in await self._session.scalars(wanted)}

    async def own_page(self, viewer: Viewer, request: PageRequest) -> Page[ReadingPosition]:
        """List the viewer's positions, the latest first."""
        keys = (ReadingPosition.recorded_at, ReadingPosition.id)
        query = select(ReadingPosition).where(visibility.own(ReadingPosition, viewer))
        if request.after:
            query = query.where(tuple_(*keys) < tuple_(*request.after))
        query = query.order_by(*(key.desc() for key in keys)).limit(request.first + 1)
        rows = (await self._session.scalars(query)).all()
        return NEWEST.page(rows, request, lambda row: (row.recorded_at, row.id))

    async def changed(
        self, viewer: Viewer, since: datetime | None, book_id: UUID | None
    ) -> tuple[datetime, Sequence[ReadingPosition]]:
        """Read what changed since a moment of this clock, and a while before: a commit may come later than its time."""
        now: datetime = (await self._session.execute(select(func.now()))).scalar_one()
        query = select(ReadingPosition).where(
            visibility.own(ReadingPosition, viewer), ReadingPosition.changed_at > (since or now) - _OVERLAP
        )
        if book_id is not None:
            query = query.where(ReadingPosition.book_id == book_id)
        return now, (await self._session.scalars(query.order_by(ReadingPosition.changed_at))).all()

    async def devices(self, viewer: Viewer, book_ids: Iterable[UUID]) -> Sequence[DevicePosition]:
        """Read where each device of the viewer's is in these books, the latest first."""
        wanted = select(DevicePosition).where(
            visibility.own(DevicePosition, viewer), DevicePosition.book_id.in_(set(book_ids))
        )
        order = (DevicePosition.recorded_at.desc(), DevicePosition.writer)
        return (await self._session.scalars(wanted.order_by(*order))).all()

    async def locked(self, blank: ReadingPosition) -> ReadingPosition:
        """Lock a reader's position in a book to write to, adding the blank one first when there is none."""
        wanted = (
            select(ReadingPosition)
            .where(ReadingPosition.user_id == blank.user_id, ReadingPosition.book_id == blank.book_id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        found = await self._session.scalar(wanted)
        if found is None:
            values = {name: getattr(blank, name) for name in ("id", "user_id", "book_id", "writer", "recorded_at")}
            await self._session.execute(insert(ReadingPosition).values(values).on_conflict_do_nothing())
            found = (await self._session.scalars(wanted)).one()
        return found

    async def of_device(self, user_id: UUID, book_id: UUID, writer: str) -> DevicePosition | None:
        """Read where a device was last; the reader's position in the book must be locked before it is changed."""
        return await self._session.get(DevicePosition, (user_id, book_id, writer), populate_existing=True)

    async def save(self, row: ReadingPosition, device: DevicePosition) -> None:
        """Write what has changed; raise NotFound when the device was removed meanwhile. The transaction is over then."""
        row.revision += 1
        with self._session.no_autoflush:
            row.changed_at = (await self._session.execute(select(func.now()))).scalar_one()
        self._session.add(device)
        try:
            await self._session.flush()
        except IntegrityError as error:
            if sqlstate(error) != FOREIGN_KEY_VIOLATION:
                raise
            raise NotFound(NO_DEVICE, "deviceId") from None
